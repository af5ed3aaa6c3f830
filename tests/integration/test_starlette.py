"""The ASGI middleware beyond requests for a profile: WebSockets, other pages."""

from __future__ import annotations

import json

import pytest
import recipes
from servers import ask
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from servers import Server


@pytest.fixture(scope="module")
def server(serve_recipe: Callable[..., Server]) -> Server:
    return serve_recipe("Starlette")


def greeting(server: Server) -> str:
    return server.url().replace("http:", "ws:") + "/greeting"


def test_websocket(server: Server, tokens: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {tokens['good']}"}
    with connect(greeting(server), additional_headers=headers) as socket:
        assert json.loads(socket.recv()) == {"user": "user:zoe"}


@pytest.mark.parametrize(
    ("values", "status", "challenge"),
    [
        pytest.param([], 401, 'Bearer realm="profile"', id="missing"),
        pytest.param(["Bearer {expired}"], 401, 'error="invalid_token"', id="expired"),
        pytest.param(
            ["Bearer {little_scope}"],
            403,
            'scope="profile"',
            id="too little scope",
        ),
        pytest.param(
            ["Bearer {good}", "Bearer {good}"],
            400,
            'error="invalid_request"',
            id="two headers",
        ),
    ],
)
def test_websocket_is_refused_before_it_opens(
    server: Server,
    tokens: dict[str, str],
    values: list[str],
    status: int,
    challenge: str,
) -> None:
    headers = [("Authorization", value.format_map(tokens)) for value in values]
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(greeting(server), additional_headers=headers),
    ):
        pass
    response = refused.value.response
    assert response.status_code == status
    assert challenge in response.headers["WWW-Authenticate"]
    assert "zoe" not in response.body.decode()


# Takes from the application what a server without the extension would not tell it.
NO_EXTENSION = """
from app import app as protected

async def app(scope, receive, send):
    scope.pop("extensions", None)
    await protected(scope, receive, send)
"""


def test_websocket_is_refused_by_a_server_without_the_extension(
    serve: Callable[..., Server], tmp_path: Path, tokens: dict[str, str]
) -> None:
    """ASGI's Websocket Denial Response; else a close before the accept is a 403."""
    recipes.copy("Starlette", tmp_path)
    (tmp_path / "old.py").write_text(NO_EXTENSION, encoding="utf-8")
    server = serve("uvicorn old:app --port 8000 &")
    with pytest.raises(InvalidStatus) as refused, connect(greeting(server)):
        pass
    assert refused.value.response.status_code == 403
    headers = {"Authorization": f"Bearer {tokens['good']}"}
    with connect(greeting(server), additional_headers=headers) as socket:
        assert json.loads(socket.recv()) == {"user": "user:zoe"}


def test_unknown_page_wants_a_token_as_well(
    server: Server, tokens: dict[str, str]
) -> None:
    url = f"{server.url()}/other"
    assert ask(url).status == 401
    headers = [("Authorization", f"Bearer {tokens['good']}")]
    assert ask(url, headers=headers).status == 404
