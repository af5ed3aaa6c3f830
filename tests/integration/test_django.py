"""Django: django-oauth-toolkit issues, other processes verify with no database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import recipes
import requests
from oauthlib.oauth2 import BackendApplicationClient, LegacyApplicationClient
from requests_oauthlib import OAuth2Session
from test_client_credentials import CLIENT, ClientCredentials

import joat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

USER = {"username": "zoe", "password": "zoe's password"}
PHONE = ("phone", "phone's secret")


@pytest.fixture(scope="module")
def token_url(
    serve_module: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> str:
    directory = tmp_path_factory.mktemp("auth")
    recipes.write("Django", directory)
    export, *commands, run = recipes.commands("Django")
    env = dict(word.split("=", 1) for word in export.split()[1:])
    # A client for the password grant and a user, beside what the recipe makes.
    phone = f'--client-id "{PHONE[0]}" --client-secret "{PHONE[1]}"'
    commands += [
        f"django-admin createapplication confidential password {phone}",
        "django-admin createsuperuser --noinput --username zoe --email zoe@example.com",
    ]
    for command in commands:
        subprocess.run(
            command,
            shell=True,
            cwd=directory,
            env={
                **env,
                "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
                "JOAT_SALT": "unused",
                "DJANGO_SUPERUSER_PASSWORD": USER["password"],
            },
            check=True,
            capture_output=True,
            timeout=60,
        )
    return f"{serve_module(f'{run} {{port}}', directory, **env).url}/token/"


@pytest.fixture(
    scope="module",
    params=["Django: a resource server", "Django REST framework: a resource server"],
    ids=["Django", "REST framework"],
)
def profile_url(
    request: pytest.FixtureRequest,
    serve_module: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    directory = tmp_path_factory.mktemp("api")
    if request.param.startswith("Django REST framework"):
        recipes.write("Django REST framework", directory)
    recipes.write(request.param, directory)
    (command,) = recipes.commands(request.param)
    return f"{serve_module(f'{command} {{port}}', directory).url}/profile"


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture
def fetch(token_url: str) -> Callable[..., Any]:
    def fetch(scope: str) -> Any:
        session = OAuth2Session(client=BackendApplicationClient("app", scope=scope))
        return session, session.fetch_token(token_url, auth=CLIENT)

    return fetch


class TestDjango(ClientCredentials):
    pass


def test_two_tokens_of_one_second(token_url: str) -> None:
    tokens = {
        requests.post(
            token_url, {"grant_type": "client_credentials"}, auth=CLIENT, timeout=30
        ).json()["access_token"]
        for _ in range(5)
    }
    assert len(tokens) == 5


def test_password_at_a_client_without_that_grant(token_url: str) -> None:
    form = {"grant_type": "password", **USER}
    response = requests.post(token_url, form, auth=CLIENT, timeout=30)
    assert response.status_code == 400
    assert response.json()["error"] == "unauthorized_client"


def test_password_and_refresh(token_url: str, profile_url: str) -> None:
    session = OAuth2Session(client=LegacyApplicationClient("phone", scope="profile"))
    first = session.fetch_token(token_url, auth=PHONE, **USER)
    claims = joat.unverified_claims(first["access_token"])
    assert (claims["aud"], claims["sub"], claims["scp"]) == ("phone", "1", ["profile"])
    assert session.get(profile_url).json() == {"user": "1"}

    second = session.refresh_token(token_url, auth=PHONE)
    assert second["access_token"] != first["access_token"]
    assert session.get(profile_url).json() == {"user": "1"}

    bearer = {"Authorization": f"Bearer {second['refresh_token']}"}
    assert requests.get(profile_url, headers=bearer, timeout=30).status_code == 401
