"""Flask as token endpoint and as resource server, each in a process of its own."""

from __future__ import annotations

import time

import pytest
import recipes
from oauthlib.oauth2 import (
    BackendApplicationClient,
    InvalidClientError,
    InvalidGrantError,
    LegacyApplicationClient,
    OAuth2Error,
)
from requests_oauthlib import OAuth2Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    import httpx

CLIENT = ("app", "app's secret")
USER = {"username": "zoe", "password": "zoe's password"}
PASSWORD = {"grant_type": "password", **USER}
REFRESH_PROVIDER = "https://example.com/refresh"

# The recipe, with tokens that a test can wait for to expire.
SHORT = """
from datetime import timedelta
from auth import tokens
from passwords import app

tokens.default_lifetime = timedelta(seconds=4)
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("recipe")
    recipes.write("Flask: a token endpoint", directory)
    recipes.write("Flask: passwords and refresh tokens", directory)
    recipes.write("Flask: a resource server", directory)
    (directory / "short.py").write_text(SHORT, encoding="utf-8")
    return directory


def _serve(title: str, serve: Callable[..., Any], directory: Path) -> str:
    return str(serve(recipes.commands(title)[-1], directory).url)


@pytest.fixture(scope="module")
def auth(serve_module: Callable[..., Any], directory: Path) -> str:
    return _serve("Flask: passwords and refresh tokens", serve_module, directory)


@pytest.fixture(scope="module")
def api(serve_module: Callable[..., Any], directory: Path) -> str:
    return _serve("Flask: a resource server", serve_module, directory)


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def test_resource(http: httpx.Client, api: str, attempt: Any) -> None:
    attempt.check(http.get(f"{api}/profile", headers=attempt.headers))


def test_realm(http: httpx.Client, api: str) -> None:
    response = http.get(f"{api}/profile")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="example"'


def test_client_credentials_alone(
    http: httpx.Client, serve: Callable[..., Any], directory: Path, api: str
) -> None:
    auth = _serve("Flask: a token endpoint", serve, directory)
    session = OAuth2Session(client=BackendApplicationClient("app"))
    session.fetch_token(f"{auth}/token", auth=CLIENT)
    assert "refresh_token" not in session.token
    assert session.get(f"{api}/profile").json() == {"user": "app"}
    answer = http.post(f"{auth}/token", data=PASSWORD, auth=CLIENT)
    assert answer.json() == {"error": "unsupported_grant_type"}


def test_password(auth: str, api: str) -> None:
    session = OAuth2Session(client=LegacyApplicationClient("app"))
    session.fetch_token(f"{auth}/token", auth=CLIENT, **USER)
    assert session.get(f"{api}/profile").json() == {"user": "zoe"}


def test_narrowed_scope(auth: str, api: str) -> None:
    session = OAuth2Session(client=LegacyApplicationClient("app", scope="read"))
    session.fetch_token(f"{auth}/token", auth=CLIENT, **USER)
    assert session.token["scope"] == ["read"]
    assert session.get(f"{api}/profile").status_code == 403


def test_refresh_of_expired_token(
    http: httpx.Client, serve: Callable[..., Any], directory: Path, api: str
) -> None:
    auth = serve("flask --app short run", directory).url
    updated: list[dict[str, Any]] = []
    session = OAuth2Session(
        client=LegacyApplicationClient("app"),
        auto_refresh_url=f"{auth}/token",
        token_updater=updated.append,
    )
    first = session.fetch_token(f"{auth}/token", auth=CLIENT, **USER)
    assert session.get(f"{api}/profile").json() == {"user": "zoe"}

    while time.time() <= first["expires_at"]:
        time.sleep(0.1)
    bearer = {"Authorization": f"Bearer {first['access_token']}"}
    expired = http.get(f"{api}/profile", headers=bearer)
    assert expired.json() == {"error": "the token has expired"}

    credentials = {"client_id": CLIENT[0], "client_secret": CLIENT[1]}
    renewed = session.get(f"{api}/profile", **credentials)
    assert renewed.json() == {"user": "zoe"}
    (second,) = updated
    assert second["access_token"] != first["access_token"]
    assert second["refresh_token"] == first["refresh_token"]


def test_refresh_token_is_no_access_token(
    http: httpx.Client, auth: str, api: str
) -> None:
    answer = http.post(f"{auth}/token", data=PASSWORD, auth=CLIENT).json()
    bearer = {"Authorization": f"Bearer {answer['refresh_token']}"}
    refused = http.get(f"{api}/profile", headers=bearer)
    assert refused.status_code == 401
    assert refused.json() == {"error": "the token is from another provider"}


@pytest.mark.parametrize(
    ("form", "members"),
    [
        pytest.param(
            {"grant_type": "client_credentials"}, set(), id="client-credentials"
        ),
        pytest.param(PASSWORD, {"refresh_token"}, id="password"),
        pytest.param({**PASSWORD, "scope": ""}, {"refresh_token"}, id="empty-scope"),
    ],
)
def test_answer(
    http: httpx.Client, auth: str, form: dict[str, str], members: set[str]
) -> None:
    """RFC 6749 section 5.1."""
    response = http.post(f"{auth}/token", data=form, auth=CLIENT)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    answer = response.json()
    required = {"access_token", "token_type", "expires_in", "scope"}
    assert answer.keys() == required | members
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 3600
    assert answer["scope"] == "profile read"


@pytest.mark.parametrize(
    ("login", "form", "status", "error"),
    [
        pytest.param(None, PASSWORD, 401, "invalid_client", id="no-client"),
        pytest.param(("app", ""), PASSWORD, 401, "invalid_client", id="no-secret"),
        pytest.param(("app", "x"), PASSWORD, 401, "invalid_client", id="wrong-secret"),
        pytest.param(("x", "x"), PASSWORD, 401, "invalid_client", id="unknown-client"),
        pytest.param(CLIENT, {}, 400, "invalid_request", id="no-grant-type"),
        pytest.param(
            CLIENT,
            {"grant_type": "password", "username": "zoe"},
            400,
            "invalid_request",
            id="no-password",
        ),
        pytest.param(
            CLIENT,
            {"grant_type": "authorization_code"},
            400,
            "unsupported_grant_type",
            id="unsupported-grant-type",
        ),
        pytest.param(
            CLIENT,
            {**PASSWORD, "password": "x"},
            400,
            "invalid_grant",
            id="wrong-password",
        ),
        pytest.param(
            CLIENT, {**PASSWORD, "username": "x"}, 400, "invalid_grant", id="no-user"
        ),
        pytest.param(
            CLIENT,
            {**PASSWORD, "scope": "profile admin"},
            400,
            "invalid_scope",
            id="too-much-scope",
        ),
        pytest.param(
            CLIENT,
            {"grant_type": "refresh_token"},
            400,
            "invalid_request",
            id="no-refresh-token",
        ),
    ],
)
def test_error(
    http: httpx.Client,
    auth: str,
    login: tuple[str, str] | None,
    form: dict[str, str],
    status: int,
    error: str,
) -> None:
    """RFC 6749 section 5.2."""
    response = http.post(f"{auth}/token", data=form, auth=login)
    assert (response.status_code, response.json()) == (status, {"error": error})
    asked = response.headers.get("WWW-Authenticate")
    assert asked == ("Basic" if status == 401 else None)


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param("Basic", id="nothing"),
        pytest.param("Basic ????", id="no-base64"),
        pytest.param("Basic YXBw", id="no-colon"),
        pytest.param("Basic YXBwOv8=", id="no-utf-8"),
        pytest.param('Digest username="app", password', id="digest"),
        pytest.param("Bearer app", id="bearer"),
    ],
)
def test_odd_login(http: httpx.Client, auth: str, authorization: str) -> None:
    headers = {"Authorization": authorization}
    response = http.post(f"{auth}/token", data=PASSWORD, headers=headers)
    assert response.status_code == 401
    assert response.json() == {"error": "invalid_client"}


@pytest.mark.parametrize(
    ("claims", "form", "error"),
    [
        pytest.param({}, {}, None, id="good"),
        pytest.param({}, {"scope": "read"}, None, id="narrowed"),
        pytest.param(
            {"provider": "https://example.com"}, {}, "invalid_grant", id="access-token"
        ),
        pytest.param({"client_id": "other"}, {}, "invalid_grant", id="other-client"),
        pytest.param(
            {"scope": ["read"]}, {"scope": "profile"}, "invalid_scope", id="widened"
        ),
        pytest.param({}, {"refresh_token": "x"}, "invalid_grant", id="no-jwt"),
        pytest.param({"user_id": "gone"}, {}, "invalid_grant", id="user-removed"),
    ],
)
def test_refresh(
    http: httpx.Client,
    auth: str,
    issue: Callable[..., str],
    claims: dict[str, Any],
    form: dict[str, str],
    error: str | None,
) -> None:
    token = issue(**{"provider": REFRESH_PROVIDER, **claims})
    body = {"grant_type": "refresh_token", "refresh_token": token, **form}
    response = http.post(f"{auth}/token", data=body, auth=CLIENT)
    assert response.json().get("error") == error
    assert response.status_code == (400 if error else 200)


@pytest.mark.parametrize(
    ("login", "password", "error"),
    [
        pytest.param(("app", "x"), USER["password"], InvalidClientError, id="client"),
        pytest.param(CLIENT, "x", InvalidGrantError, id="password"),
    ],
)
def test_client_understands_error(
    auth: str, login: tuple[str, str], password: str, error: type[OAuth2Error]
) -> None:
    session = OAuth2Session(client=LegacyApplicationClient("app"))
    with pytest.raises(error):
        session.fetch_token(
            f"{auth}/token", auth=login, username="zoe", password=password
        )
