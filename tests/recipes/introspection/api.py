"""A resource server that holds no salt: it asks the authorization server.

`INTROSPECTION_URL` is the endpoint that it asks (RFC 7662), `RESOURCE_SERVER` and
`RESOURCE_SERVER_SECRET` are its login there. In each process, a good token costs one
request for each `CACHE_TIME`, and a revoked one stays good for at most that time. Every
other token that looks like one of ours costs a request each time. When the
authorization server does not answer as it should, nobody knows which tokens are good: a
request that needs an answer gets a 503.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
import time
from typing import Any
from urllib.parse import quote_plus

import urllib3
from flask import Flask, request
from flask.typing import ResponseReturnValue

import joat

PROVIDER = "https://example.com"
INTROSPECTION_URL = os.environ["INTROSPECTION_URL"]
CACHE_TIME = 5  # seconds
CACHE_SIZE = 10_000
TIMEOUT = 2  # seconds, for each piece of an answer and for all of them
MAX_ANSWER = 256 * 1024  # octets; a token, and so what it grants, has at most 64 KiB

endpoint = urllib3.util.parse_url(INTROSPECTION_URL)
is_local = endpoint.scheme == "http" and endpoint.host in ("127.0.0.1", "localhost")
if not (endpoint.host and (endpoint.scheme == "https" or is_local)):
    raise ValueError("INTROSPECTION_URL must begin with https://")
# RFC 6749 section 2.3.1: both are encoded as in a form before they are joined.
credentials = ":".join(
    quote_plus(os.environ[name])
    for name in ("RESOURCE_SERVER", "RESOURCE_SERVER_SECRET")
)
# It keeps its connections, up to one for each of as many threads.
http = urllib3.PoolManager(
    maxsize=16,
    timeout=TIMEOUT,
    retries=False,
    headers=urllib3.make_headers(basic_auth=credentials),
)
del credentials
app = Flask(__name__)


class Unavailable(Exception):
    """The authorization server has not said whether a token is good."""


class Cache:
    """Answers about active tokens, under the SHA-256 of the token.

    A crash report or a dump of the memory shows no token. Answers about other tokens
    are not kept: anyone can make up as many as the cache has room for.
    """

    def __init__(self) -> None:
        self._answers: dict[bytes, tuple[float, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def get(self, name: bytes) -> dict[str, Any] | None:
        """Return an answer that is still good."""
        with self._lock:
            ends, answer = self._answers.get(name, (0.0, {"exp": 0}))
        # Two clocks: nobody sets the first one back, and the second one is that of exp.
        if time.monotonic() < ends and time.time() < answer["exp"]:
            return answer
        return None

    def put(self, name: bytes, answer: dict[str, Any], ends: float) -> None:
        """Keep an answer, in place of the oldest one if there is no room."""
        with self._lock:
            self._answers.pop(name, None)
            while len(self._answers) >= CACHE_SIZE:
                del self._answers[next(iter(self._answers))]
            self._answers[name] = (ends, answer)


cache = Cache()


def introspect(token: str) -> dict[str, Any] | None:
    """Return what an active token grants, from the cache or the authorization server.

    Raises `Unavailable`.
    """
    name = hashlib.sha256(token.encode()).digest()
    answer = cache.get(name)
    if answer is None:
        # From before the question: the token may be revoked as soon as it is answered.
        ends = time.monotonic() + CACHE_TIME
        answer = ask(token)
        if answer is not None:
            cache.put(name, answer, ends)
    return answer


def ask(token: str) -> dict[str, Any] | None:
    """Return the authorization server's answer about a token, or None if inactive.

    Raises `Unavailable` for anything that is not an answer of RFC 7662.
    """
    try:
        try:
            status, body = post(token)
        except urllib3.exceptions.ProtocolError:
            # The server closed a kept connection just now. The question changes
            # nothing there, so it may be asked twice.
            status, body = post(token)
        if status != 200:
            raise Unavailable(f"status {status}")
        answer: Any = json.loads(body)
    # RecursionError: JSON that is nested too deep.
    except (urllib3.exceptions.HTTPError, ValueError, RecursionError) as error:
        # Only its type: what was sent, and what came back, is about a token.
        raise Unavailable(type(error).__name__) from None
    if not isinstance(answer, dict) or not isinstance(answer.get("active"), bool):
        raise Unavailable("an answer without active")
    if not answer["active"]:
        return None
    if answer.get("iss") != PROVIDER:
        raise Unavailable("an answer of another provider")
    if not (
        isinstance(answer.get("sub"), str)
        and isinstance(answer.get("scope"), str)
        and type(answer.get("exp")) in (int, float)
        and math.isfinite(answer["exp"])
    ):
        raise Unavailable("an answer without sub, scope or exp")
    return answer if time.time() < answer["exp"] else None


def post(token: str) -> tuple[int, bytes]:
    """Send a token to the endpoint, and to no other; return the status and the body.

    An answer that is long or comes drop by drop would hold a thread, and the memory.
    """
    ends = time.monotonic() + TIMEOUT
    response = http.request(
        "POST",
        INTROSPECTION_URL,
        fields={"token": token},
        encode_multipart=False,
        redirect=False,
        preload_content=False,
        decode_content=False,  # nobody asked for compression
    )
    body = b""
    while piece := response.read1(MAX_ANSWER):
        body += piece
        if len(body) > MAX_ANSWER or time.monotonic() > ends:
            response.close()
            raise Unavailable("an answer that is too long or too slow")
    response.release_conn()
    return response.status, body


def authorized(*scope: str) -> dict[str, Any]:
    """Return what the request's token grants, which includes all of `scope`.

    Raises the `joat.TokenError` that `refuse` answers, or `Unavailable`.
    """
    # Most WSGI servers join several Authorization headers, and joat refuses the result.
    token = joat.bearer_token(request.headers.get("Authorization"))
    # Nobody has verified these claims. They may refuse a token, and nothing else.
    claims = joat.unverified_claims(token)
    is_ours = claims["iss"] == PROVIDER and time.time() < claims["exp"]
    granted = introspect(token) if is_ours else None
    if granted is None:
        raise joat.TokenError("the token is not active")
    # Behind the cache, because each route needs another scope.
    if not set(scope) <= set(granted["scope"].split(" ")):
        raise joat.InsufficientScope("the token lacks a permission", scope)
    return granted


@app.errorhandler(joat.TokenError)
def refuse(error: joat.TokenError) -> ResponseReturnValue:
    """Return the answer of RFC 6750 section 3."""
    answer = {"error_description": error.description}
    if error.error:  # RFC 6750 section 3.1 has none for a missing token
        answer["error"] = error.error
    challenge = error.www_authenticate(realm="profile")
    return answer, error.status, {"WWW-Authenticate": challenge}


@app.errorhandler(Unavailable)
def fail(error: Unavailable) -> ResponseReturnValue:
    """Return an answer that blames no token."""
    app.logger.error("the introspection endpoint fails: %s", error)
    return {"error": "temporarily_unavailable"}, 503, {"Retry-After": "1"}


@app.route("/profile", methods=["GET", "POST"])
def profile() -> ResponseReturnValue:
    """Return whose token it is."""
    return {"user": authorized("profile")["sub"]}
