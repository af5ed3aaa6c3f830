"""A resource server whose middleware lets only requests with a good token pass.

For production, keep the secret where you keep your others, and put a server that
speaks HTTPS in front: anyone who reads a bearer token can use it.
"""

from __future__ import annotations

import logging
import os
import sys

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

import joat

PROVIDER = "https://example.com"
SCOPE = ["profile"]
SALTS = joat.parse_salts(os.environ["JOAT_SALT"])


def find_salt(claims: dict[str, object]) -> list[bytes]:
    """Return the salts that may have signed a token, newest first."""
    return SALTS


joat.salt_generator = find_salt
CREDENTIALS = web.RequestKey("credentials", joat.Credentials)


def drop_exception(record: logging.LogRecord) -> bool:
    """Keep what a malformed request holds out of the log: it may be a token."""
    malformed = (HttpProcessingError, web.RequestPayloadError)
    if record.exc_info and isinstance(record.exc_info[1], malformed):
        record.exc_info = None
    return True


# Under gunicorn, aiohttp's worker uses gunicorn's logger in place of aiohttp's own.
for name in ("aiohttp.server", "gunicorn.error"):
    logging.getLogger(name).addFilter(drop_exception)


def authenticate(request: web.Request) -> joat.Credentials:
    """Return what the request's token grants, or raise a `joat.TokenError`."""
    # If the application read one header and a proxy another, each would authenticate
    # a different user. joat refuses several if they are joined.
    authorization = ", ".join(request.headers.getall("Authorization", [])) or None
    return joat.authenticate(authorization, provider=PROVIDER, scope=SCOPE)


def refuse(error: joat.TokenError) -> web.Response:
    """Return the answer of RFC 6750 section 3."""
    answer = {"error_description": error.description}
    if error.error:  # RFC 6750 section 3.1 has none for a missing token
        answer["error"] = error.error
    challenge = error.www_authenticate(realm="profile")
    return web.json_response(
        answer, status=error.status, headers={"WWW-Authenticate": challenge}
    )


@web.middleware
async def bearer_auth(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a request, or hand it on with its credentials."""
    try:
        credentials = authenticate(request)
    except joat.TokenError as error:
        return refuse(error)
    request[CREDENTIALS] = credentials
    return await handler(request)


async def profile(request: web.Request) -> web.Response:
    """Return whose token it is."""
    return web.json_response({"user": request[CREDENTIALS]["user_id"]})


app = web.Application(middlewares=[bearer_auth])
app.router.add_get("/profile", profile)
app.router.add_post("/profile", profile)

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]))
