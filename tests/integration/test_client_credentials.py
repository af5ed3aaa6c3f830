"""What every authorization server with that grant must do, and its resource server.

A module of tests derives a class from `ClientCredentials` and has the fixtures
`token_url` and `profile_url`, of the token endpoint and of a protected profile,
and `fetch`, which gets a token with a client library and returns its session and
the answer. With `FlaskServers` instead, both URLs come from a fixture `servers`.
Nothing is collected here; the name of the module is for pytest's assertions.
"""

from __future__ import annotations

import pytest
import recipes
import requests

import joat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

CLIENT = ("app", "app's secret")
GRANT = {"grant_type": "client_credentials"}


def flask_servers(
    title: str, serve: Callable[..., Any], directory: Path
) -> tuple[str, str]:
    """Start the two servers of a recipe; return the URLs of token and profile."""
    recipes.write(title, directory)
    recipes.write(f"{title}: a resource server", directory)
    auth, api = (serve(f"flask --app {app} run", directory) for app in ("auth", "api"))
    return f"{auth.url}/token", f"{api.url}/profile"


class ClientCredentials:
    def test_answer(self, fetch: Callable[..., Any], profile_url: str) -> None:
        session, answer = fetch("profile read")
        claims = joat.unverified_claims(answer["access_token"])
        assert answer["token_type"] == "Bearer"
        assert answer["expires_in"] == claims["exp"] - claims["iat"] == 3600
        assert claims["scp"] == ["profile", "read"]
        assert "refresh_token" not in answer
        assert session.get(profile_url).json() == {"user": "app"}

    def test_narrowed_scope(self, fetch: Callable[..., Any], profile_url: str) -> None:
        session, answer = fetch("read")
        assert joat.unverified_claims(answer["access_token"])["scp"] == ["read"]
        assert session.get(profile_url).status_code == 403

    def test_resource(self, profile_url: str, attempt: Any) -> None:
        response = requests.get(profile_url, headers=attempt.headers, timeout=30)
        attempt.check(response)

    def test_token_in_the_url(
        self, profile_url: str, issue: Callable[..., str]
    ) -> None:
        query = {"access_token": issue()}
        response = requests.get(profile_url, query, timeout=30)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize(
        "form",
        [
            pytest.param({}, id="nothing"),
            pytest.param({"user": "zoe"}, id="user"),
            pytest.param({"claims": '{"sub": "zoe"}'}, id="claims"),
            pytest.param({"username": "zoe", "password": "x"}, id="username"),
        ],
    )
    def test_form_names_no_user(self, token_url: str, form: dict[str, str]) -> None:
        form = {**GRANT, **form}
        response = requests.post(token_url, form, auth=CLIENT, timeout=30)
        assert response.headers["Cache-Control"] == "no-store"
        answer = response.json()
        assert answer["scope"] == "profile read"
        claims = joat.unverified_claims(answer["access_token"])
        assert (claims["aud"], claims["sub"]) == ("app", "app")

    @pytest.mark.parametrize(
        ("login", "form", "error"),
        [
            pytest.param(None, {}, "invalid_client", id="no client"),
            pytest.param(("app", ""), {}, "invalid_client", id="no secret"),
            pytest.param(("app", "x"), {}, "invalid_client", id="wrong secret"),
            pytest.param(("x", "x"), {}, "invalid_client", id="unknown client"),
            pytest.param(CLIENT, {"scope": "admin"}, "invalid_scope", id="too much"),
            pytest.param(
                CLIENT,
                {"grant_type": "other"},
                "unsupported_grant_type",
                id="another grant",
            ),
        ],
    )
    def test_refusal(
        self, token_url: str, login: Any, form: dict[str, str], error: str
    ) -> None:
        """RFC 6749 section 5.2."""
        form = {**GRANT, **form}
        response = requests.post(token_url, form, auth=login, timeout=30)
        assert response.json()["error"] == error
        assert response.status_code in (
            (400, 401) if error == "invalid_client" else (400,)
        )
        assert response.headers["Cache-Control"] == "no-store"


class FlaskServers(ClientCredentials):
    @pytest.fixture
    def token_url(self, servers: tuple[str, str]) -> str:
        return servers[0]

    @pytest.fixture
    def profile_url(self, servers: tuple[str, str]) -> str:
        return servers[1]
