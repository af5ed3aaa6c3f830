"""A resource server behind the middleware: a page, and a WebSocket.

A program opens the WebSocket with an Authorization header. A browser cannot send one:
let it first trade its token for a short-lived ticket, and do not put the token into the
URL. For production, keep the secret where you keep your others, and put a server
that speaks HTTPS in front: anyone who reads a bearer token can use it.
"""

from __future__ import annotations

import os

from asgi_bearer import BearerAuth
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

import joat

SALTS = joat.parse_salts(os.environ["JOAT_SALT"])


def find_salt(claims: dict[str, object]) -> list[bytes]:
    """Return the salts that may have signed a token, newest first."""
    return SALTS


joat.salt_generator = find_salt


async def profile(request: Request) -> JSONResponse:
    """Return whose token it is."""
    return JSONResponse({"user": request.scope["joat"]["user_id"]})


async def greet(websocket: WebSocket) -> None:
    """Send whose token it is over a WebSocket."""
    await websocket.accept()
    await websocket.send_json({"user": websocket.scope["joat"]["user_id"]})
    await websocket.close()


app = Starlette(
    routes=[
        Route("/profile", profile, methods=["GET", "POST"]),
        WebSocketRoute("/greeting", greet),
    ],
    middleware=[
        Middleware(
            BearerAuth,
            provider="https://example.com",
            permissions=["profile"],
            realm="profile",
        )
    ],
)
