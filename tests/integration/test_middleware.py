"""Middleware with no framework, on wsgiref and on uvicorn."""

from __future__ import annotations

import pytest
import recipes
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    import httpx

# Greets whoever opens a WebSocket.
CHAT = """
from app import protect

async def chat(scope, receive, send):
    assert scope["type"] == "websocket", scope["type"]
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": scope["joat"]["user_id"]})
    await send({"type": "websocket.close"})

app = protect(chat, provider="https://example.com", scope=["profile"])
"""

# Fails where the middleware does not keep to PEP 3333.
STRICT = """
import os
from wsgiref.simple_server import make_server
from wsgiref.validate import validator
from app import app

make_server("127.0.0.1", int(os.environ["PORT"]), validator(app)).serve_forever()
"""


@pytest.fixture(scope="module", params=["WSGI middleware", "ASGI middleware"])
def url(
    request: pytest.FixtureRequest,
    serve_module: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    directory = tmp_path_factory.mktemp("recipe")
    recipes.write(request.param, directory)
    server = serve_module(recipes.commands(request.param)[-1], directory)
    return str(server.url)


def test_answers(url: str, http: httpx.Client, attempt: Any) -> None:
    attempt.check(http.get(url, headers=attempt.headers))


def test_wsgi_conformity(
    serve: Callable[..., Any],
    tmp_path: Path,
    http: httpx.Client,
    issue: Callable[..., str],
) -> None:
    recipes.write("WSGI middleware", tmp_path)
    (tmp_path / "strict.py").write_text(STRICT, encoding="utf-8")
    server = serve("python strict.py")
    assert http.get(server.url).status_code == 401
    granted = http.get(server.url, headers={"Authorization": f"Bearer {issue()}"})
    assert (granted.status_code, granted.text) == (200, "Hello zoe")


def test_websocket(
    serve: Callable[..., Any], tmp_path: Path, issue: Callable[..., str]
) -> None:
    recipes.write("ASGI middleware", tmp_path)
    (tmp_path / "chat.py").write_text(CHAT, encoding="utf-8")
    url = serve("uvicorn chat:app").url.replace("http:", "ws:")

    granted = {"Authorization": f"Bearer {issue()}"}
    with connect(url, additional_headers=granted) as socket:
        assert socket.recv() == "zoe"

    with pytest.raises(InvalidStatus) as refused, connect(url):
        pass
    assert refused.value.response.status_code == 401
    assert refused.value.response.headers["WWW-Authenticate"] == "Bearer"
