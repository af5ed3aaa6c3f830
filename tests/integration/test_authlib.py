"""The authorization server on Authlib: what goes beyond the batteries.

Real clients go through the code flow over HTTP; the many ways in which it can go
wrong are tried in this process, where a test can turn the clock.
"""

from __future__ import annotations

import importlib
import logging
import re
import stat
import sys
import time
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from hashlib import sha256
from types import SimpleNamespace
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import recipes
import requests
import requests_oauthlib
from authlib.integrations import requests_client
from conftest import PROVIDER
from servers import PATIENCE, SALT
from werkzeug.security import generate_password_hash

import joat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType
    from typing import Any

    from flask.testing import FlaskClient
    from servers import Server
    from werkzeug.test import TestResponse

REDIRECT_URI = "https://app.example/callback"
APP = ("app", "app's secret")
WEB = ("web", "web's secret")
ZOE = {"username": "zoe", "password": "zoe's password"}
DAY = 24 * 3600  # seconds
VERIFIER = "verifier-" * 6
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
ASKED = {
    "response_type": "code",
    "client_id": "app",
    "redirect_uri": REDIRECT_URI,
    "scope": "profile",
    "state": "abc",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The module `auth` of the recipe, with passwords that are hashed in no time."""
    directory = recipes.copy("Authlib", tmp_path_factory.mktemp("recipe"))
    logger = logging.getLogger("authlib")
    level = logger.level
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        patch.syspath_prepend(directory)
        patch.setenv("JOAT_SALT", SALT)
        patch.setattr(joat, "salt_generator", joat.salt_generator)
        module = importlib.import_module("auth")
        patch.setattr(module, "NOBODY", quick_hash("nobody's"))
        yield module
    logger.setLevel(level)
    for name in ("auth", "store"):
        del sys.modules[name]


@pytest.fixture
def auth(
    recipe: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    """The recipe with an empty store, and with a second client."""
    app = replace(recipe.CLIENTS["app"], secret_hash=quick_hash("app's secret"))
    web = recipe.Client(
        "web",
        quick_hash("web's secret"),
        ("profile",),
        ("authorization_code", "refresh_token"),
        ("https://web.example/callback",),
    )
    monkeypatch.setitem(recipe.CLIENTS, "app", app)
    monkeypatch.setitem(recipe.CLIENTS, "web", web)
    monkeypatch.setitem(recipe.USERS, "zoe", quick_hash("zoe's password"))
    monkeypatch.setattr(recipe.store, "FILE", tmp_path / "grants.db")
    recipe.store.create()
    return recipe


def quick_hash(password: str) -> str:
    return generate_password_hash(password, "pbkdf2:sha256:1")


@pytest.fixture
def turn_clock(
    auth: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], None]:
    """Turn the clock of the store forward, by seconds from the beginning."""
    start = time.time()

    def turn(seconds: int) -> None:
        clock = SimpleNamespace(time=lambda: start + seconds)
        monkeypatch.setattr(auth.store, "time", clock)

    return turn


@dataclass
class User:
    """A user's browser, and the client that the user is sent to and fro by."""

    browser: FlaskClient
    asked: dict[str, str] = field(default_factory=lambda: dict(ASKED))

    def open(self, **changes: str | None) -> TestResponse:
        """Ask for the form; a parameter that is None is left out."""
        return self.browser.get(self.url(**changes))

    def url(self, **changes: str | None) -> str:
        asked = {**self.asked, **changes}
        return "/authorize?" + urlencode(
            {name: value for name, value in asked.items() if value is not None}
        )

    def send(self, fields: dict[str, str], **changes: str | None) -> TestResponse:
        """Fill the form in and send it."""
        form = {"csrf": csrf_of(self.open(**changes).text), "decision": "allow"}
        return self.browser.post(self.url(**changes), data={**form, **ZOE, **fields})

    def code(self, **changes: str | None) -> str:
        """Return the code of a request that the user allows."""
        return answered(self.send({}, **changes))["code"]

    def exchange(
        self, code: str | None, login: tuple[str, str] = APP, **changes: str | None
    ) -> TestResponse:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
            **changes,
        }
        sent = {name: value for name, value in form.items() if value is not None}
        return self.browser.post("/token", data=sent, auth=login)

    def tokens(self, **changes: str | None) -> Any:
        """Return the answer to a code that the user has allowed."""
        answer = self.exchange(self.code(**changes))
        assert answer.status_code == 200, answer.text
        return answer.json

    def refresh(
        self, refresh_token: str, login: tuple[str, str] = APP, **form: str
    ) -> TestResponse:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, **form}
        return self.browser.post("/token", data=form, auth=login)


@pytest.fixture
def user(auth: ModuleType) -> User:
    return User(auth.app.test_client())


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([\w-]+)"', page)
    assert found, page
    return found[1]


def answered(
    response: TestResponse, redirect_uri: str = REDIRECT_URI
) -> dict[str, str]:
    """Return the parameters that the browser takes back to the client."""
    assert response.status_code == 303, response.text
    location = response.headers["Location"]
    assert location.startswith(f"{redirect_uri}?")
    fields = parse_qs(urlsplit(location).query, strict_parsing=True)
    return {name: value for name, (value,) in fields.items()}


def refused(response: TestResponse, error: str, status: int = 400) -> None:
    """RFC 6749 section 5.2."""
    assert (response.status_code, response.json["error"]) == (status, error)
    assert set(response.json) <= {"error", "error_description"}
    assert response.headers["Cache-Control"] == "no-store"


def granted(access_token: str) -> dict[str, Any]:
    """Return what a token grants that is good at the resource servers."""
    return joat.verify_token(access_token, salt=SALT, provider=PROVIDER)


@pytest.fixture(scope="module")
def server(serve_recipe: Callable[..., Server]) -> Server:
    return serve_recipe("Authlib")


class TestRealClients:
    def test_authlib(self, server: Server) -> None:
        session = requests_client.OAuth2Session(
            *APP,
            scope="profile",
            redirect_uri=REDIRECT_URI,
            code_challenge_method="S256",
            token_endpoint=f"{server.url(9000)}/token",
        )
        url, state = session.create_authorization_url(
            f"{server.url(9000)}/authorize", code_verifier=VERIFIER
        )
        tokens = session.fetch_token(
            authorization_response=sign_in(url), state=state, code_verifier=VERIFIER
        )
        check_tokens(tokens)
        profile = session.get(f"{server.url()}/profile")
        assert profile.json() == {"user": "user:zoe"}

        refreshed = session.refresh_token()
        check_tokens(refreshed)
        assert refreshed["refresh_token"] != tokens["refresh_token"]
        profile = session.get(f"{server.url()}/profile")
        assert profile.json() == {"user": "user:zoe"}

    def test_requests_oauthlib(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
        session = requests_oauthlib.OAuth2Session(
            "app", scope=["profile"], redirect_uri=REDIRECT_URI, pkce="S256"
        )
        url, _ = session.authorization_url(f"{server.url(9000)}/authorize")
        tokens = session.fetch_token(
            f"{server.url(9000)}/token",
            authorization_response=sign_in(url),
            client_secret="app's secret",
        )
        check_tokens(tokens)
        profile = session.get(f"{server.url()}/profile")
        assert profile.json() == {"user": "user:zoe"}
        check_tokens(session.refresh_token(f"{server.url(9000)}/token", auth=APP))

    @pytest.mark.parametrize("kind", ["code", "refresh token"])
    def test_of_many_at_once_one_is_served(self, server: Server, kind: str) -> None:
        url = f"{server.url(9000)}/authorize?{urlencode(ASKED)}"
        answer = parse_qs(urlsplit(sign_in(url)).query)
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"][0],
            "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
        }
        if kind == "refresh token":
            tokens = self.post(server, form).json()
            form = {
                "grant_type": "refresh_token",
                "refresh_token": tokens["refresh_token"],
            }
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: self.post(server, form), range(8)))
        assert sorted(answer.status_code for answer in answers) == [200] + 7 * [400]
        (served,) = (answer for answer in answers if answer.status_code == 200)
        # The others were thieves, or this one was.
        form = {
            "grant_type": "refresh_token",
            "refresh_token": served.json()["refresh_token"],
        }
        assert self.post(server, form).json()["error"] == "invalid_grant"

    def post(self, server: Server, form: dict[str, str]) -> requests.Response:
        url = f"{server.url(9000)}/token"
        return requests.post(url, form, auth=APP, timeout=PATIENCE)


def sign_in(url: str) -> str:
    """Do as a user and a browser do; return the URL to which they are sent."""
    with requests.Session() as browser:
        csrf = csrf_of(browser.get(url, timeout=PATIENCE).text)
        form = {"csrf": csrf, "decision": "allow", **ZOE}
        answer = browser.post(url, form, allow_redirects=False, timeout=PATIENCE)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]


def check_tokens(tokens: dict[str, Any]) -> None:
    claims = joat.unverified_claims(tokens["access_token"])
    assert tokens["expires_in"] == claims["exp"] - claims["iat"] == 600
    assert (claims["aud"], claims["sub"], claims["scp"]) == (
        "app",
        "user:zoe",
        ["profile"],
    )
    assert "." not in tokens["refresh_token"], "it must be no JWT"


class TestAuthorizationRequest:
    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"client_id": None}, id="no client"),
            pytest.param({"client_id": "other"}, id="unknown client"),
            pytest.param({"redirect_uri": None}, id="no redirect URI"),
            pytest.param({"redirect_uri": "https://evil.example"}, id="another host"),
            pytest.param(
                {"redirect_uri": "https://web.example/callback"}, id="another client's"
            ),
            pytest.param({"redirect_uri": f"{REDIRECT_URI}/"}, id="slash behind"),
            pytest.param({"redirect_uri": f"{REDIRECT_URI}?a=b"}, id="query behind"),
            pytest.param({"redirect_uri": f"{REDIRECT_URI}#a"}, id="fragment behind"),
            pytest.param({"redirect_uri": f"{REDIRECT_URI}/../x"}, id="path behind"),
            pytest.param({"redirect_uri": f" {REDIRECT_URI}"}, id="space before"),
            pytest.param(
                {"redirect_uri": "https://app.example/Callback"}, id="another case"
            ),
            pytest.param(
                {"redirect_uri": "https://app.example.evil.example/callback"},
                id="beginning of a host",
            ),
            pytest.param(
                {"redirect_uri": "https://app.example:443/callback"}, id="port"
            ),
            pytest.param(
                {"redirect_uri": "http://app.example/callback"}, id="no HTTPS"
            ),
            pytest.param(
                {"redirect_uri": "https://app.example@evil.example/callback"},
                id="user of another host",
            ),
            pytest.param({"redirect_uri": f'{REDIRECT_URI}"'}, id="quote behind"),
            pytest.param(
                {"redirect_uri": f"{REDIRECT_URI}\r\nA: b"}, id="CR LF behind"
            ),
            pytest.param({"redirect_uri": "https://app.exampl\xeb"}, id="no ASCII"),
            pytest.param({"response_type": None}, id="no response type"),
            pytest.param({"response_type": '"'}, id="response type with a quote"),
            pytest.param({"response_type": "zo\xeb"}, id="response type, no ASCII"),
        ],
    )
    def test_refused_without_a_redirect(
        self, user: User, changes: dict[str, str | None]
    ) -> None:
        """RFC 6749 section 4.1.2.1: nobody knows whether the address is good."""
        for response in (
            user.open(**changes),
            user.browser.post(user.url(**changes), data=ZOE),
        ):
            assert response.status_code == 400
            assert response.json["error"].startswith("invalid_")
            assert "Location" not in response.headers

    @pytest.mark.parametrize("name", sorted(ASKED))
    def test_parameter_twice(self, user: User, name: str) -> None:
        """RFC 6749 section 3.1."""
        again = urlencode({name: ASKED[name]})
        response = user.browser.get(f"{user.url()}&{again}")
        refused(response, "invalid_request")
        response = user.browser.post(user.url(), data={name: ASKED[name]})
        refused(response, "invalid_request")

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            pytest.param({"code_challenge": None}, "invalid_request", id="no PKCE"),
            pytest.param(
                {"code_challenge": None, "code_challenge_method": None},
                "invalid_request",
                id="neither challenge nor method",
            ),
            pytest.param(
                {"code_challenge": "", "code_challenge_method": ""},
                "invalid_request",
                id="empty PKCE",
            ),
            pytest.param(
                {"code_challenge_method": None}, "invalid_request", id="no method"
            ),
            pytest.param(
                {"code_challenge_method": "plain"}, "invalid_request", id="plain"
            ),
            pytest.param(
                {"code_challenge_method": "s256"}, "invalid_request", id="s256"
            ),
            pytest.param(
                {"code_challenge": "short"}, "invalid_request", id="short challenge"
            ),
            pytest.param({"scope": "admin"}, "invalid_scope", id="other scope"),
            pytest.param({"scope": "profile admin"}, "invalid_scope", id="more scope"),
            pytest.param({"scope": " "}, "invalid_scope", id="blank scope"),
            pytest.param(
                {"response_type": "token"},
                "unsupported_response_type",
                id="implicit grant",
            ),
            pytest.param(
                {"response_type": "code token"},
                "unsupported_response_type",
                id="hybrid",
            ),
        ],
    )
    def test_refused_at_the_client(
        self, user: User, changes: dict[str, str | None], error: str
    ) -> None:
        answer = answered(user.open(**changes))
        assert (answer["error"], answer["state"]) == (error, "abc")
        assert answer["iss"] == PROVIDER
        assert "code" not in answer

    @pytest.mark.parametrize("query", ["\xff", "a=\xe9", "state=\xed\xa0\x80"])
    @pytest.mark.parametrize("path", ["/authorize", "/token"])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_any_query_is_answered(
        self, user: User, method: str, path: str, query: str
    ) -> None:
        """Bytes that no client should send, but any may."""
        query = f"{urlencode(ASKED)}&{query}"
        response = user.browser.open(
            path, method=method, environ_overrides={"QUERY_STRING": query}
        )
        if (method, path) == ("GET", "/token"):
            assert response.status_code == 405
        else:
            refused(response, "invalid_request")

    def test_insecure_transport(self, user: User) -> None:
        url = f"http://public.example{user.url()}"
        refused(user.browser.get(url), "insecure_transport")

    @pytest.mark.parametrize(
        "host", ["", "a b", "[", "zo\xeb", "a:b", "public.example"]
    )
    def test_any_host_is_answered(self, user: User, host: str) -> None:
        for path in (user.url(), "/token"):
            for method in ("GET", "POST"):
                response = user.browser.open(
                    path, method=method, environ_overrides={"HTTP_HOST": host}
                )
                assert response.status_code < 500


class TestForm:
    def test_shows_who_asks_for_what(self, user: User) -> None:
        page = user.open().text
        assert "app asks for: profile<" in page
        assert "app asks for: profile read<" in user.open(scope=None).text
        assert user.browser.head(user.url()).status_code == 200

    @pytest.mark.parametrize("base_url", ["http://localhost", "https://example.com"])
    def test_headers(self, user: User, base_url: str) -> None:
        response = user.browser.get(user.url(), base_url=base_url)
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        policy = response.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        cookie = response.headers["Set-Cookie"]
        assert "; HttpOnly" in cookie
        assert "; SameSite=Lax" in cookie
        assert cookie.startswith("__Host-") == base_url.startswith("https")
        assert ("; Secure" in cookie) == base_url.startswith("https")

    def test_allowed(self, user: User) -> None:
        response = user.send({})
        assert response.headers["Cache-Control"] == "no-store"
        answer = answered(response)
        assert set(answer) == {"code", "state", "iss"}
        assert (answer["state"], answer["iss"]) == ("abc", PROVIDER)

    def test_denied(self, user: User) -> None:
        for password in ("zoe's password", ""):
            answer = answered(user.send({"decision": "deny", "password": password}))
            assert answer["error"] == "access_denied"
            assert "code" not in answer

    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"password": "zoe's Password"}, id="wrong password"),
            pytest.param({"password": ""}, id="no password"),
            pytest.param({"username": "bob"}, id="unknown user"),
            pytest.param({"username": "app"}, id="name of a client"),
            pytest.param({"username": ""}, id="no user"),
            pytest.param({"username": "zoe\0"}, id="NUL behind the name"),
        ],
    )
    def test_not_signed_in(
        self, user: User, hashes: list[str], fields: dict[str, str]
    ) -> None:
        """One password is hashed, whoever it is, so that the time does not tell."""
        response = user.send(fields)
        assert response.status_code == 403
        assert "is wrong" in response.text
        assert "Location" not in response.headers
        assert len(hashes) == 1

    @pytest.mark.parametrize("sent", ["", "x", "%FF", "%00", None])
    @pytest.mark.parametrize("cookie", [None, "", "zo\xeb", "right"])
    def test_form_of_another_site(
        self, user: User, hashes: list[str], cookie: str | None, sent: str | None
    ) -> None:
        """The password is not even looked at."""
        if cookie == "right":
            user.open()
        elif cookie is not None:
            user.browser.set_cookie("csrf", cookie)
        form = urlencode({"decision": "allow", **ZOE})
        response = user.browser.post(
            user.url(),
            data=form if sent is None else f"{form}&csrf={sent}",
            content_type="application/x-www-form-urlencoded",
        )
        assert response.status_code == 403
        assert "has expired" in response.text
        assert hashes == []

    def test_csrf_token_is_each_browsers_own(
        self, user: User, auth: ModuleType
    ) -> None:
        other = User(auth.app.test_client())
        assert csrf_of(user.open().text) == csrf_of(user.open().text)
        assert csrf_of(user.open().text) != csrf_of(other.open().text)
        response = user.send({"csrf": csrf_of(other.open().text)})
        assert response.status_code == 403


class TestCode:
    def test_tokens(self, user: User) -> None:
        response = user.exchange(user.code())
        assert response.headers["Cache-Control"] == "no-store"
        tokens = response.json
        check_tokens(tokens)
        assert tokens["token_type"] == "Bearer"
        assert tokens["scope"] == "profile"
        assert granted(tokens["access_token"])["user_id"] == "user:zoe"

    def test_all_scope_if_none_was_asked(self, user: User) -> None:
        tokens = user.tokens(scope=None)
        scope = granted(tokens["access_token"])["authorized_scope"]
        assert scope == ["profile", "read"] == tokens["scope"].split()

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            pytest.param({"code_verifier": None}, "invalid_request", id="no verifier"),
            pytest.param({"code_verifier": ""}, "invalid_request", id="empty verifier"),
            pytest.param(
                {"code_verifier": VERIFIER[::-1]}, "invalid_grant", id="wrong verifier"
            ),
            pytest.param(
                {"code_verifier": CHALLENGE}, "invalid_grant", id="the challenge"
            ),
            pytest.param(
                {"code_verifier": "x"}, "invalid_request", id="short verifier"
            ),
            pytest.param({"redirect_uri": None}, "invalid_grant", id="no redirect URI"),
            pytest.param(
                {"redirect_uri": f"{REDIRECT_URI}/"},
                "invalid_grant",
                id="another redirect URI",
            ),
            pytest.param(
                {"redirect_uri": f'{REDIRECT_URI}"'},
                "invalid_request",
                id="quote in the redirect URI",
            ),
        ],
    )
    def test_refused(
        self, user: User, changes: dict[str, str | None], error: str
    ) -> None:
        code = user.code()
        refused(user.exchange(code, **changes), error)

    def test_missing(self, user: User) -> None:
        refused(user.exchange(None), "invalid_request")

    @pytest.mark.parametrize("code", ["", "x", "zo\xeb\0", "' OR 1=1 --"])
    def test_unknown(self, user: User, code: str) -> None:
        user.code()
        refused(user.exchange(code), "invalid_grant")

    def test_a_wrong_verifier_has_one_try(self, user: User) -> None:
        code = user.code()
        refused(user.exchange(code, code_verifier=VERIFIER[::-1]), "invalid_grant")
        refused(user.exchange(code), "invalid_grant")

    def test_scope_in_the_token_request_changes_nothing(self, user: User) -> None:
        response = user.exchange(user.code(), scope="profile read")
        scope = granted(response.json["access_token"])["authorized_scope"]
        assert scope == ["profile"]

    def test_of_another_client(self, user: User) -> None:
        code = user.code()
        refused(user.exchange(code, WEB), "invalid_grant")
        refused(
            user.exchange(code, WEB, redirect_uri="https://web.example/callback"),
            "invalid_grant",
        )
        # Which is no reason to refuse it to its own client.
        assert user.exchange(code).status_code == 200

    def test_without_the_client(self, user: User) -> None:
        """The client of the form is none: it has to give its secret."""
        form = {"client_id": "app", "client_secret": "app's secret"}
        form |= {"grant_type": "authorization_code", "code": user.code()}
        form |= {"redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
        refused(user.browser.post("/token", data=form), "invalid_client", 401)

    def test_expired(self, user: User, turn_clock: Callable[[int], None]) -> None:
        turn_clock(0)
        code, in_time = user.code(), user.code()
        turn_clock(59)
        assert user.exchange(in_time).status_code == 200
        turn_clock(60)
        refused(user.exchange(code), "invalid_grant")

    @pytest.mark.parametrize("later", [0, 7200])
    def test_twice(
        self, user: User, turn_clock: Callable[[int], None], later: int
    ) -> None:
        """RFC 6749 section 4.1.2: and what it gave is taken back."""
        code, another = user.code(), user.tokens()
        tokens = user.exchange(code).json
        turn_clock(later)
        user.code()  # forgets what is old
        refused(user.exchange(code), "invalid_grant")
        refused(user.refresh(tokens["refresh_token"]), "invalid_grant")
        assert user.refresh(another["refresh_token"]).status_code == 200

    def test_of_a_user_who_is_gone(self, user: User, auth: ModuleType) -> None:
        code = user.code()
        del auth.USERS["zoe"]
        refused(user.exchange(code), "invalid_grant")


class TestRefreshToken:
    def test_rotates(self, user: User) -> None:
        used = [user.tokens()["refresh_token"]]
        for _ in range(3):
            tokens = user.refresh(used[-1]).json
            check_tokens(tokens)
            used.append(tokens["refresh_token"])
        assert len(set(used)) == 4

    @pytest.mark.parametrize("which", [0, 1, 2])
    def test_used_twice(self, user: User, which: int) -> None:
        """RFC 9700 section 4.14.2: the grant is over, for the thief and the client."""
        another = user.tokens()["refresh_token"]
        used = [user.tokens()["refresh_token"]]
        for _ in range(3):
            used.append(user.refresh(used[-1]).json["refresh_token"])
        refused(user.refresh(used[which]), "invalid_grant")
        refused(user.refresh(used[-1]), "invalid_grant")
        assert user.refresh(another).status_code == 200

    def test_of_another_client(self, user: User) -> None:
        refresh_token = user.tokens()["refresh_token"]
        refused(user.refresh(refresh_token, WEB), "invalid_grant")
        # Not even a used one gives another client power over the grant.
        following = user.refresh(refresh_token).json["refresh_token"]
        refused(user.refresh(refresh_token, WEB), "invalid_grant")
        assert user.refresh(following).status_code == 200

    @pytest.mark.parametrize(
        "scope", ["profile read", "read", "admin", " ", "profile ", "profile\tread"]
    )
    def test_never_more_scope(self, user: User, scope: str) -> None:
        refresh_token = user.tokens(scope="profile")["refresh_token"]
        refused(user.refresh(refresh_token, scope=scope), "invalid_scope")

    def test_more_scope_uses_nothing_up(self, user: User) -> None:
        refresh_token = user.tokens(scope="profile")["refresh_token"]
        refused(user.refresh(refresh_token, scope="profile read"), "invalid_scope")
        assert user.refresh(refresh_token).status_code == 200

    def test_less_scope(self, user: User) -> None:
        """RFC 6749 section 6: the next refresh token is for as much as the first."""
        tokens = user.tokens(scope="profile read")
        tokens = user.refresh(tokens["refresh_token"], scope="read").json
        assert tokens["scope"] == "read"
        assert granted(tokens["access_token"])["authorized_scope"] == ["read"]
        tokens = user.refresh(tokens["refresh_token"]).json
        scope = granted(tokens["access_token"])["authorized_scope"]
        assert scope == ["profile", "read"]

    def test_scope_that_the_client_has_lost(self, user: User, auth: ModuleType) -> None:
        refresh_token = user.tokens(scope="profile read")["refresh_token"]
        auth.CLIENTS["app"] = replace(auth.CLIENTS["app"], scope=("profile",))
        refused(user.refresh(refresh_token), "invalid_scope")

    def test_expires_when_the_client_is_away(
        self, user: User, turn_clock: Callable[[int], None]
    ) -> None:
        refresh_token, old = (user.tokens()["refresh_token"] for _ in range(2))
        for days in (29, 58):
            turn_clock(days * DAY)
            refresh_token = user.refresh(refresh_token).json["refresh_token"]
        refused(user.refresh(old), "invalid_grant")

    def test_of_a_user_who_is_gone(self, user: User, auth: ModuleType) -> None:
        refresh_token = user.tokens()["refresh_token"]
        del auth.USERS["zoe"]
        refused(user.refresh(refresh_token), "invalid_grant")

    def test_is_not_an_access_token_or_a_code(self, user: User) -> None:
        tokens, code = user.tokens(), user.code()
        assert joat.parse_token(tokens["refresh_token"]) is None
        refused(user.refresh(tokens["access_token"]), "invalid_grant")
        refused(user.refresh(code), "invalid_grant")
        refused(user.exchange(tokens["refresh_token"]), "invalid_grant")
        assert user.refresh(tokens["refresh_token"]).status_code == 200

    @pytest.mark.parametrize("refresh_token", ["", "x", "zo\xeb\0", "' OR 1=1 --"])
    def test_unknown(self, user: User, refresh_token: str) -> None:
        refused(user.refresh(refresh_token), "invalid_grant")


class TestClient:
    def test_no_refresh_token_for_itself(self, user: User) -> None:
        form = {"grant_type": "client_credentials"}
        tokens = user.browser.post("/token", data=form, auth=APP).json
        assert "refresh_token" not in tokens
        assert granted(tokens["access_token"])["user_id"] == "client:app"

    def test_grant_that_it_is_not_registered_for(self, user: User) -> None:
        form = {"grant_type": "client_credentials"}
        response = user.browser.post("/token", data=form, auth=WEB)
        refused(response, "unauthorized_client")

    def test_named_like_a_user(
        self, user: User, auth: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        zoe = replace(auth.CLIENTS["app"], client_id="zoe")
        monkeypatch.setitem(auth.CLIENTS, "zoe", zoe)
        form = {"grant_type": "client_credentials"}
        tokens = user.browser.post("/token", data=form, auth=("zoe", APP[1])).json
        assert granted(tokens["access_token"])["user_id"] == "client:zoe"

    @pytest.mark.parametrize(
        "name", ["grant_type", "scope", "client_id", "redirect_uri", "x"]
    )
    def test_parameters_in_the_url(self, user: User, name: str) -> None:
        """Authlib would put them before those of the body."""
        form = {"grant_type": "client_credentials"}
        response = user.browser.post(f"/token?{name}=read", data=form, auth=APP)
        refused(response, "invalid_request")

    @pytest.mark.parametrize(
        "login",
        [
            pytest.param(("app", "wrong"), id="wrong secret"),
            pytest.param(("app", ""), id="no secret"),
            pytest.param(("other", "app's secret"), id="unknown client"),
            pytest.param(("", ""), id="empty login"),
            pytest.param(("zoe", "zoe's password"), id="a user"),
        ],
    )
    @pytest.mark.parametrize(
        "grant", ["client_credentials", "authorization_code", "refresh_token"]
    )
    def test_stranger_costs_one_hash(
        self, user: User, hashes: list[str], login: tuple[str, str], grant: str
    ) -> None:
        form = {"grant_type": grant, "code": "x", "refresh_token": "x"}
        response = user.browser.post("/token", data=form, auth=login)
        refused(response, "invalid_client", 401)
        assert response.headers.getlist("WWW-Authenticate") == ['Basic realm="token"']
        assert len(hashes) == 1


@pytest.fixture
def hashes(auth: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were hashed."""
    hashed: list[str] = []
    check = auth.check_password_hash

    def count(pwhash: str, password: str) -> bool:
        hashed.append(password)
        return bool(check(pwhash, password))

    monkeypatch.setattr(auth, "check_password_hash", count)
    return hashed


class TestStore:
    def test_file_is_the_owners_and_holds_no_ticket(
        self, user: User, auth: ModuleType
    ) -> None:
        code = user.code()
        tokens = user.exchange(code).json
        data = auth.store.FILE.read_bytes()
        assert b"user" in data
        assert stat.S_IMODE(auth.store.FILE.stat().st_mode) == 0o600
        for ticket in (code, tokens["refresh_token"], tokens["access_token"]):
            assert ticket.encode() not in data

    def test_forgets(
        self, user: User, auth: ModuleType, turn_clock: Callable[[int], None]
    ) -> None:
        for _ in range(3):
            user.code()
        assert self.count(auth) == (3, 3)
        turn_clock(31 * DAY)
        user.code()
        assert self.count(auth) == (1, 1)

    def count(self, auth: ModuleType) -> tuple[int, ...]:
        with auth.store._connect() as db:
            return tuple(
                db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("grants", "tickets")
            )


def test_log_holds_no_secret(user: User, caplog: pytest.LogCaptureFixture) -> None:
    """Not even if every message is kept."""
    caplog.set_level(logging.DEBUG)
    code = user.code()
    tokens = user.exchange(code).json
    following = user.refresh(tokens["refresh_token"]).json
    assert caplog.text == ""
    for answer in (tokens, following):
        assert {"access_token", "refresh_token"} <= set(answer)
