"""ASGI middleware that lets only requests and WebSockets with a good token pass.

It does not need Starlette: it works with any ASGI application.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

import joat

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class BearerAuth:
    """Protects a whole application; what a token grants is at `scope["joat"]`.

    Tokens must be of this `provider` and hold all `permissions`; `realm` names the
    application.
    """

    def __init__(
        self, app: App, *, provider: str, permissions: Collection[str], realm: str
    ) -> None:
        self.app = app
        self.provider = provider
        self.permissions = list(permissions)
        self.realm = realm

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a connection, or hand it on with the credentials in its scope."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        try:
            credentials = self._authenticate(scope)
        except joat.TokenError as error:
            await self._refuse(error, scope, receive, send)
            return
        await self.app({**scope, "joat": credentials}, receive, send)

    def _authenticate(self, scope: Message) -> joat.Credentials:
        # If the application read one header and a proxy another, each would
        # authenticate a different user. joat refuses several if they are joined.
        authorization = b", ".join(
            value for name, value in scope["headers"] if name == b"authorization"
        )
        return joat.authenticate(
            authorization or None, provider=self.provider, scope=self.permissions
        )

    async def _refuse(
        self, error: joat.TokenError, scope: Message, receive: Receive, send: Send
    ) -> None:
        """Send the answer of RFC 6750 section 3."""
        kind = "http"
        if scope["type"] == "websocket":
            await receive()  # websocket.connect
            if "websocket.http.response" not in scope.get("extensions", {}):
                # The server can answer only with a 403.
                await send({"type": "websocket.close"})
                return
            kind = "websocket.http"
        answer = {"error_description": error.description}
        if error.error:  # RFC 6750 section 3.1 has none for a missing token
            answer["error"] = error.error
        body = json.dumps(answer).encode()
        challenge = error.www_authenticate(realm=self.realm)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"www-authenticate", challenge.encode()),
        ]
        await send(
            {
                "type": f"{kind}.response.start",
                "status": error.status,
                "headers": headers,
            }
        )
        await send({"type": f"{kind}.response.body", "body": body})
