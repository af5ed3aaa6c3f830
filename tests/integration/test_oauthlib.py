"""The servers on oauthlib: what its requests take from the form and from the URL."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import urlencode

import pytest
from conftest import PROVIDER
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session
from servers import SALT, ask

import joat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from servers import Answer, Server

APP = ("app", "app's secret")
FORM = "application/x-www-form-urlencoded"
# What a URL may hold that oauthlib does not read, or reads as parameters.
QUERIES = ["a=%zz", "a=[1]", 'a="', "a", "%", "access_token=x", "grant_type=password"]


@pytest.fixture(scope="module")
def server(serve_recipe: Callable[..., Server]) -> Server:
    return serve_recipe("oauthlib")


def post(server: Server, form: dict[str, str] | str, query: str = "") -> Answer:
    login = b64encode(":".join(APP).encode()).decode()
    headers = [("Authorization", f"Basic {login}"), ("Content-Type", FORM)]
    if not isinstance(form, str):
        form = urlencode({"grant_type": "client_credentials", **form})
    return ask(f"{server.url(9000)}/token{query}", "POST", headers, form)


def granted(answer: Answer) -> dict[str, Any]:
    """Return what the token of an answer grants."""
    assert answer.status == 200, answer
    token = answer.json["access_token"]
    return joat.verify_token(token, salt=SALT, provider=PROVIDER)


def test_client(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    session = OAuth2Session(client=BackendApplicationClient("app", scope="profile"))
    answer = session.fetch_token(f"{server.url(9000)}/token", auth=APP)
    claims = joat.unverified_claims(answer["access_token"])
    assert answer["expires_in"] == claims["exp"] - claims["iat"] == 600
    profile = session.get(f"{server.url()}/profile")
    assert profile.json() == {"user": "client:app"}


@pytest.mark.parametrize(
    "form",
    [
        {"user": "user:zoe"},
        {"client": "web"},
        {"scopes": "admin"},
        {"claims": '{"sub": "user:zoe"}'},
        {"extra_credentials": '{"access_token": "x"}'},
        {"expires_in": "99999999"},
        {"token": "x", "access_token": "x", "refresh_token": "x"},
        {"client_secret": "wrong"},
        {"client_id": "app"},
        {"client_id": ""},
    ],
    ids=urlencode,
)
def test_form_changes_nothing(server: Server, form: dict[str, str]) -> None:
    answer = post(server, form)
    credentials = granted(answer)
    assert (credentials["client_id"], credentials["user_id"]) == ("app", "client:app")
    assert credentials["authorized_scope"] == ["profile", "read"]
    assert answer.json["expires_in"] == 600
    assert set(answer.json) == {"access_token", "token_type", "expires_in", "scope"}


@pytest.mark.parametrize("client_id", ["web", "APP", "app ", "user:zoe"])
def test_form_names_another_client(server: Server, client_id: str) -> None:
    answer = post(server, {"client_id": client_id})
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "scope", [" ", "profile  read", "profile\tread", "profile admin"]
)
def test_scope_that_is_none(server: Server, scope: str) -> None:
    answer = post(server, {"scope": scope})
    assert (answer.status, answer.json["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    "body",
    ["", "%zz", "grant_type", '"', "=", "&", "grant_type=client%5fcredentials&%"],
)
def test_any_body_is_answered(server: Server, body: str) -> None:
    assert post(server, body).status in (200, 400)


@pytest.mark.parametrize("query", QUERIES)
def test_query_changes_nothing(
    server: Server, query: str, tokens: dict[str, str]
) -> None:
    credentials = granted(post(server, {}, f"?{query}"))
    assert credentials["authorized_scope"] == ["profile", "read"]

    url = f"{server.url()}/profile?{query}"
    assert ask(url).status == 401
    answer = ask(url, headers=[("Authorization", f"Bearer {tokens['good']}")])
    assert answer.json == {"user": "user:zoe"}


@pytest.mark.parametrize(
    "grant_type", ["refresh_token", "authorization_code", "implicit"]
)
def test_other_grants(server: Server, grant_type: str) -> None:
    answer = post(server, {"grant_type": grant_type, "refresh_token": "x", "code": "x"})
    assert (answer.status, answer.json["error"]) == (400, "unsupported_grant_type")
