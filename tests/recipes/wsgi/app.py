"""A resource server behind the middleware, with no framework.

For production, let a WSGI server such as gunicorn run `app`, keep the secret where you
keep your others, and put a server that speaks HTTPS in front: whoever reads a bearer
token can use it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING
from wsgiref.simple_server import make_server

from wsgi_bearer import BearerAuth

import joat

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

SALTS = os.environ["JOAT_SALT"].strip().split("\n")


def find_salt(claims: dict[str, object]) -> list[str]:
    """Return the salts that may have signed a token, newest first."""
    return SALTS


joat.salt_generator = find_salt


def profile(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Tell whose token it is."""
    if environ["PATH_INFO"] != "/profile":
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"There is no such page.\n"]
    user = environ["joat.credentials"]["user_id"]
    body = json.dumps({"user": user}).encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
    ]
    start_response("200 OK", headers)
    return [body]


app = BearerAuth(
    profile, provider="https://example.com", scope=["profile"], realm="profile"
)

if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), app).serve_forever()
