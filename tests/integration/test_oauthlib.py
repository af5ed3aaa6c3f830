"""oauthlib as authorization server and at the door of a resource server."""

from __future__ import annotations

import pytest
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session
from test_client_credentials import CLIENT, FlaskServers, flask_servers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


@pytest.fixture(scope="module")
def servers(
    serve_module: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    return flask_servers("oauthlib", serve_module, tmp_path_factory.mktemp("recipe"))


@pytest.fixture
def fetch(
    servers: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")

    def fetch(scope: str) -> Any:
        session = OAuth2Session(client=BackendApplicationClient("app", scope=scope))
        return session, session.fetch_token(servers[0], auth=CLIENT)

    return fetch


class TestOauthlib(FlaskServers):
    pass
