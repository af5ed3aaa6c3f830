"""What the index says of servers that read a request otherwise than a proxy may."""

import socket
from urllib.parse import urlsplit

import pytest
from servers import PATIENCE, ask

DJANGO = "--factory django.core.asgi:get_asgi_application"
SETTINGS = {"Django": "api_settings", "Django REST framework": "settings"}


@pytest.mark.parametrize(
    ("server", "status", "user"),
    [
        pytest.param(
            "gunicorn --no-control-socket --bind 127.0.0.1:8000 app:app &",
            400,
            None,
            id="gunicorn joins them",
        ),
        pytest.param(
            "waitress-serve --listen=127.0.0.1:8000 app:app &",
            400,
            None,
            id="waitress joins them",
        ),
        pytest.param(
            "python -m cheroot --bind 127.0.0.1:8000 app:app &",
            200,
            "user:bob",
            id="cheroot keeps the last one",
        ),
    ],
)
def test_two_headers(serve_recipe, tokens, server, status, user):
    url = serve_recipe("WSGI", server).url()
    headers = [("Authorization", f"Bearer {tokens['of_bob']}")]
    answer = ask(f"{url}/profile", headers=headers, token=tokens["good"])
    assert (answer.status, answer.json.get("user")) == (status, user)


@pytest.mark.parametrize(
    ("title", "app", "path"),
    [
        pytest.param("FastAPI", "api:app", "/profile", id="FastAPI"),
        pytest.param("Starlette", "app:app", "/profile", id="Starlette"),
        pytest.param("MCP", "server:app", "/mcp", id="MCP"),
        pytest.param("Django", DJANGO, "/profile", id="Django"),
        pytest.param("Django REST framework", DJANGO, "/profile", id="REST framework"),
    ],
)
@pytest.mark.parametrize(
    ("http", "is_read"), [("auto", True), ("httptools", True), ("h11", False)]
)
def test_header_in_the_trailer(serve_recipe, tokens, title, app, path, http, is_read):
    settings = {"DJANGO_SETTINGS_MODULE": SETTINGS.get(title, "")}
    server = serve_recipe(
        title, f"uvicorn {app} --http {http} --port 8000 &", **settings
    )
    address = urlsplit(server.url())
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
        f"0\r\nAuthorization: Bearer {tokens['good']}\r\n\r\n"
    )
    with (
        socket.create_connection((address.hostname, address.port), PATIENCE) as sock,
        sock.makefile("rb") as answer,
    ):
        sock.sendall(request.encode())
        status = int(answer.readline().split()[1])
    # The MCP server reads the token, and wants an Accept header.
    assert status in ((200, 406) if is_read else (401,))
