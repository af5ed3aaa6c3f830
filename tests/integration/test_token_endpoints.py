"""Every token endpoint of the recipes: the client credentials grant, over HTTP."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
import recipes
from oauthlib.oauth2 import (
    BackendApplicationClient,
    InvalidClientError,
    InvalidScopeError,
)
from requests_oauthlib import OAuth2Session
from servers import SALT, Answer, Server, ask, servers
from werkzeug.datastructures import WWWAuthenticate

import joat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# The headings of the recipes in the index whose server at port 9000 has a token
# endpoint at /token, for the client `app` with the scope `profile read`.
RECIPES = [
    "Flask",
    "Django",
    "Authlib",
    "oauthlib",
]

# Tells in the log of each password hash that a server computes.
COUNT_HASHES = """
import functools
import hashlib
import os

def counted(function):
    @functools.wraps(function)
    def count(*args, **kwargs):
        os.write(2, b"one password hash\\n")
        return function(*args, **kwargs)
    return count

hashlib.scrypt = counted(hashlib.scrypt)
hashlib.pbkdf2_hmac = counted(hashlib.pbkdf2_hmac)
"""


def basic(login: str) -> str:
    return "Basic " + b64encode(login.encode("latin-1")).decode()


APP = basic("app:app's secret")
GRANT = (("grant_type", "client_credentials"),)


@dataclass
class Case:
    """A request, and what must be answered."""

    scope: str = ""
    error: tuple[str, ...] = ()
    status: int = 200
    # If there is more than one good answer.
    other_statuses: tuple[int, ...] = ()
    login: tuple[str, ...] = (APP,)
    form: tuple[tuple[str, str], ...] = GRANT
    body: str | None = None
    content_type: str = "application/x-www-form-urlencoded"
    method: str = "POST"


def granted(
    scope: str, *form: tuple[str, str], login: tuple[str, ...] = (APP,)
) -> Case:
    return Case(scope, login=login, form=(*GRANT, *form))


def stranger(*login: str) -> Case:
    return Case("", ("invalid_client",), 401, login=login)


def refused(error: str, *form: tuple[str, str]) -> Case:
    return Case("", (error,), 400, form=form)


CASES = {
    "all that the client may": granted("profile read"),
    "empty scope": granted("profile read", ("scope", "")),
    "less scope": granted("read", ("scope", "read")),
    "encoded login": granted("profile read", login=(basic("%61pp:app%27s+secret"),)),
    "scheme in lower case": granted(
        "profile read", login=(APP.replace("Basic", "basic"),)
    ),
    "a user in the form": granted("profile read", ("user", "user:zoe")),
    "a sub in the form": granted("profile read", ("sub", "user:zoe")),
    "a user_id in the form": granted("profile read", ("user_id", "user:zoe")),
    "a username in the form": granted("profile read", ("username", "user:zoe")),
    "no client": stranger(),
    "no secret": stranger(basic("app:")),
    "wrong secret": stranger(basic("app:app's Secret")),
    "unknown client": stranger(basic("web:app's secret")),
    "a user's name": stranger(basic("user%3Azoe:app's secret")),
    "empty login": stranger(basic(":")),
    "nothing in the header": stranger("Basic"),
    "a login that is no base64": stranger("Basic ????"),
    "a login without a colon": stranger(basic("app")),
    "a login that is no UTF-8": stranger(basic("app:\xff")),
    "a login with a NUL": stranger(basic("app\0:app's secret")),
    "Digest": stranger('Digest username="app", password="app\'s secret"'),
    "Bearer": stranger("Bearer app"),
    "two logins, the first one good": Case(
        "",
        ("invalid_client", "invalid_request"),
        401,
        other_statuses=(400,),
        login=(APP, basic("app:wrong")),
    ),
    "two logins, the second one good": Case(
        "",
        ("invalid_client", "invalid_request"),
        401,
        other_statuses=(400,),
        login=(basic("app:wrong"), APP),
    ),
    "no grant type": Case(
        "", ("invalid_request", "unsupported_grant_type"), 400, form=()
    ),
    "another grant type": refused("unsupported_grant_type", ("grant_type", "x")),
    "a password": Case(
        "",
        ("unsupported_grant_type", "unauthorized_client"),
        400,
        form=(
            ("grant_type", "password"),
            ("username", "zoe"),
            ("password", "zoe's password"),
        ),
    ),
    "more scope": refused("invalid_scope", *GRANT, ("scope", "profile admin")),
    "other scope": refused("invalid_scope", *GRANT, ("scope", "admin")),
    "scope in another case": refused("invalid_scope", *GRANT, ("scope", "Profile")),
    "scope twice": refused(
        "invalid_request", *GRANT, ("scope", "read"), ("scope", "profile")
    ),
    "grant type twice": refused("invalid_request", *GRANT, *GRANT),
    "scope that is no UTF-8": Case(
        "",
        ("invalid_scope", "invalid_request"),
        400,
        body="grant_type=client_credentials&scope=%ff",
    ),
    "JSON": Case(
        "",
        ("invalid_request", "unsupported_grant_type"),
        400,
        body='{"grant_type": "client_credentials"}',
        content_type="application/json",
    ),
}


@pytest.fixture(scope="module", params=RECIPES)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    directory = recipes.copy(request.param, tmp_path_factory.mktemp("recipe"))
    site = tmp_path_factory.mktemp("site")
    (site / "sitecustomize.py").write_text(COUNT_HASHES, encoding="utf-8")
    path = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    with servers(tmp_path_factory.mktemp("log")) as serve:
        yield serve(
            recipes.servers(request.param), directory, PYTHONPATH=os.pathsep.join(path)
        )


def post(server: Server, case: Case) -> Answer:
    headers = [("Authorization", value) for value in case.login]
    body = urlencode(case.form) if case.body is None else case.body
    headers.append(("Content-Type", case.content_type))
    return ask(f"{server.url(9000)}/token", "POST", headers, body)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_answer(server: Server, case: Case) -> None:
    answer = post(server, case)
    assert "no-store" in answer.headers["Cache-Control"]
    if case.status == 200:
        check_token(answer, case.scope)
    else:
        check_refusal(answer, case)


def check_token(answer: Answer, scope: str) -> None:
    """RFC 6749 sections 4.4.3 and 5.1."""
    assert answer.status == 200, answer
    told = answer.json
    assert told["token_type"].lower() == "bearer"
    assert "refresh_token" not in told
    claims = joat.unverified_claims(told["access_token"])
    assert told["expires_in"] == claims["exp"] - claims["iat"]
    assert told.get("scope", scope) == scope
    granted = joat.verify_token(
        told["access_token"], salt=SALT, provider="https://example.com", client_id="app"
    )
    assert granted["user_id"] == "client:app"
    assert granted["authorized_scope"] == scope.split()


def check_refusal(answer: Answer, case: Case) -> None:
    """RFC 6749 section 5.2."""
    assert answer.status in (case.status, *case.other_statuses), answer
    assert answer.json["error"] in case.error
    assert "access_token" not in answer.json
    challenges = answer.headers.get_all("WWW-Authenticate", [])
    if answer.status == 401:
        assert len(challenges) == 1
        told = WWWAuthenticate.from_header(challenges[0])
        assert told is not None
        assert told.type == "basic"
        assert told.get("realm"), "RFC 7617 section 2 wants a realm"
    else:
        assert challenges == []


def test_no_token_by_get(server: Server) -> None:
    """RFC 6749 section 3.2: a client must use POST."""
    url = f"{server.url(9000)}/token?{urlencode(GRANT)}"
    answer = ask(url, headers=[("Authorization", APP)])
    assert 400 <= answer.status < 500
    assert "access_token" not in answer.text


def test_unknown_client_costs_as_many_hashes(server: Server) -> None:
    """Or the time of the answer tells which clients there are."""
    counts = []
    for name in ("wrong secret", "unknown client"):
        before = len(re.findall("one password hash", server.output))
        assert post(server, CASES[name]).status == 401
        counts.append(len(re.findall("one password hash", server.output)) - before)
    wrong, unknown = counts
    assert wrong == unknown >= 1


def test_form_names_another_client(server: Server) -> None:
    """The token is for the client that authenticated, if there is one."""
    answer = post(server, granted("", ("client_id", "web")))
    if answer.status == 200:
        check_token(answer, "profile read")
    else:
        assert answer.status in (400, 401)
        assert answer.json["error"] in ("invalid_request", "invalid_client")


def fetch_token(server: Server, **arguments: Any) -> Any:
    """Get a token by a client library, as a program would."""
    session = OAuth2Session(client=BackendApplicationClient("app"))
    return session.fetch_token(f"{server.url(9000)}/token", **arguments)


@pytest.fixture
def _insecure_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.mark.usefixtures("_insecure_transport")
def test_client_library_gets_a_token(server: Server) -> None:
    told = fetch_token(server, auth=("app", "app's secret"), scope=["read"])
    granted = joat.verify_token(told["access_token"], salt=SALT, scope=["read"])
    assert granted["user_id"] == "client:app"


@pytest.mark.usefixtures("_insecure_transport")
def test_client_library_understands_a_refusal(server: Server) -> None:
    with pytest.raises(InvalidClientError):
        fetch_token(server, auth=("app", "wrong"))
    with pytest.raises(InvalidScopeError):
        fetch_token(server, auth=("app", "app's secret"), scope=["admin"])


def test_log(server: Server) -> None:
    """After all of the above it tells no token and no secret; nothing went wrong."""
    server.check_log()
