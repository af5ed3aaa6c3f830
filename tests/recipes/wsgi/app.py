"""A resource server behind the middleware, with no framework.

For production, keep the secret where you keep your others, and put a server that
speaks HTTPS in front: anyone who reads a bearer token can use it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from wsgi_bearer import BearerAuth

import joat

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

SALTS = joat.parse_salts(os.environ["JOAT_SALT"])


def find_salt(claims: dict[str, object]) -> list[bytes]:
    """Return the salts that may have signed a token, newest first."""
    return SALTS


joat.salt_generator = find_salt


def profile(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Return whose token it is."""
    if environ["PATH_INFO"] == "/profile":
        status, content_type = "200 OK", "application/json"
        user = environ["joat.credentials"]["user_id"]
        body = json.dumps({"user": user}).encode()
    else:
        status, content_type = "404 Not Found", "text/plain"
        body = b"There is no such page.\n"
    headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    start_response(status, headers)
    # A server may send whatever it gets. An answer to HEAD has no body.
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


app = BearerAuth(
    profile, provider="https://example.com", scope=["profile"], realm="profile"
)
