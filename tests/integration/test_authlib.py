"""Authlib as authorization server and at the door of a resource server."""

from __future__ import annotations

import pytest
from authlib.integrations.requests_client import OAuth2Session
from test_client_credentials import CLIENT, FlaskServers, flask_servers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


@pytest.fixture(scope="module")
def servers(
    serve_module: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    return flask_servers("Authlib", serve_module, tmp_path_factory.mktemp("recipe"))


@pytest.fixture
def fetch(servers: tuple[str, str]) -> Callable[..., Any]:
    def fetch(scope: str) -> Any:
        session = OAuth2Session(*CLIENT, scope=scope)
        return session, session.fetch_token(servers[0])

    return fetch


class TestAuthlib(FlaskServers):
    pass
