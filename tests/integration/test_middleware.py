"""The middleware for ASGI and for WSGI: WebSockets, other pages, conformity."""

import json

import pytest
from servers import ask
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

# Raises wherever the application or the middleware does not keep to PEP 3333.
STRICT = """
import sys
from wsgiref.simple_server import make_server
from wsgiref.validate import validator
from app import app

make_server("127.0.0.1", int(sys.argv[1]), validator(app)).serve_forever()
"""
# Takes from the application what a server without the extension Websocket Denial
# Response would not tell it.
NO_EXTENSION = """
from app import app as protected

async def app(scope, receive, send):
    scope.pop("extensions", None)
    await protected(scope, receive, send)
"""


SERVERS = {
    "starlette": ("Starlette",),
    "old": ("Starlette", "uvicorn old:app --port 8000 &", {"old.py": NO_EXTENSION}),
    "strict": ("WSGI", "python strict.py 8000 &", {"strict.py": STRICT}),
}


@pytest.fixture(scope="module")
def urls(serve_recipe):
    return {name: serve_recipe(*how).url() for name, how in SERVERS.items()}


@pytest.mark.parametrize("server", ["starlette", "strict"])
def test_every_page_wants_a_token(urls, server, tokens):
    for page, status in {"profile": 200, "other": 404}.items():
        url = f"{urls[server]}/{page}"
        assert ask(url).status == 401
        assert ask(url, token=tokens["good"]).status == status


def greeting(url, *authorization):
    headers = [("Authorization", value) for value in authorization]
    url = f"{url.replace('http:', 'ws:')}/greeting"
    with connect(url, additional_headers=headers) as socket:
        return json.loads(socket.recv())


@pytest.mark.parametrize("server", ["starlette", "old"])
def test_websocket(urls, server, tokens):
    assert greeting(urls[server], f"Bearer {tokens['good']}") == {"user": "user:zoe"}


@pytest.mark.parametrize(
    ("server", "values", "status", "challenge"),
    [
        ("starlette", [], 401, 'Bearer realm="profile"'),
        ("starlette", ["Bearer {expired}"], 401, 'error="invalid_token"'),
        ("starlette", ["Bearer {little_scope}"], 403, 'scope="profile"'),
        ("starlette", ["Bearer {good}"] * 2, 400, 'error="invalid_request"'),
        # By a close before the accept, which is a 403.
        ("old", ["Bearer {expired}"], 403, ""),
    ],
)
def test_websocket_is_refused_before_it_opens(
    urls, server, tokens, values, status, challenge
):
    sent = [value.format_map(tokens) for value in values]
    with pytest.raises(InvalidStatus) as refused:
        greeting(urls[server], *sent)
    response = refused.value.response
    assert response.status_code == status
    assert challenge in response.headers.get("WWW-Authenticate", "")
    assert "zoe" not in response.body.decode()
