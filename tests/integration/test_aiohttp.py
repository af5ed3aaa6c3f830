"""The log of the aiohttp recipe: no token, whatever aiohttp cannot read."""

import socket
from contextlib import contextmanager

import pytest
from servers import PATIENCE, TOKEN, issue_token

PYTHON = "python app.py 8000 &"
# Without its control socket, which all gunicorns of a user would share.
GUNICORN = (
    "gunicorn --worker-class aiohttp.GunicornWebWorker --no-control-socket"
    " --bind 127.0.0.1:8000 app:app &"
)
NO_EXTENSIONS = {"AIOHTTP_NO_EXTENSIONS": "1"}  # where there is no wheel for Python
SERVERS = {
    "python": (PYTHON, {}),
    "gunicorn": (GUNICORN, {}),
    "python, no extensions": (PYTHON, NO_EXTENSIONS),
    "gunicorn, no extensions": (GUNICORN, NO_EXTENSIONS),
}
POST = (
    "POST /profile HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
    "Authorization: Bearer {token}"
)


@pytest.fixture(scope="module", params=SERVERS.values(), ids=SERVERS)
def server(request, serve_recipe):
    script, variables = request.param
    return serve_recipe("aiohttp", script, **variables)


@contextmanager
def connected(server):
    """Yield a function that sends text, and a file of the answers."""
    address = "127.0.0.1", int(server.ports["8000"])
    with (
        socket.create_connection(address, PATIENCE) as sock,
        sock.makefile("rb") as answers,
    ):
        token = issue_token()
        yield lambda text: sock.sendall(text.format(token=token).encode()), answers


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{POST}\0\r\n\r\n", id="a NUL in the header"),
        pytest.param(f"{POST}\r\n\r\nBearer {{token}}\r\n", id="a token for a chunk"),
        pytest.param(
            f"{POST}\r\n\r\n0\r\nAuthorization: Bearer {{token}}\0\r\n\r\n",
            id="a NUL in the trailer",
        ),
    ],
)
def test_malformed_request(server, text):
    before = len(server.output)
    with connected(server) as (send, answers):
        send(text)
        assert b" 400 " in answers.readline()
    logged = server.output[before:]
    assert "Error handling request from 127.0.0.1" in logged
    assert not TOKEN.search(logged)


@pytest.mark.parametrize(
    "server",
    [SERVERS["python, no extensions"], SERVERS["gunicorn, no extensions"]],
    ids=["python", "gunicorn"],
    indirect=True,
)
def test_malformed_trailer_behind_the_answer(server):
    """The parser that is written in Python hands it to whoever reads the body."""
    before = len(server.output)
    with connected(server) as (send, answers):
        send(f"{POST}\r\n\r\n")
        assert b" 200 " in answers.readline()
        send("0\r\nAuthorization: Bearer {token}\0\r\n\r\n")
        answers.read()
    logged = server.output[before:]
    assert "Unhandled exception" in logged
    assert not TOKEN.search(logged)
