"""WSGI middleware that lets only requests with a good access token pass."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

import joat

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class BearerAuth:
    """Protects a whole application; what a token grants is at `joat.credentials`.

    Tokens must be of this `provider` and hold all of `scope`; `realm` names the
    application.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        provider: str,
        scope: Collection[str],
        realm: str,
    ) -> None:
        self.app = app
        self.provider = provider
        self.scope = list(scope)
        self.realm = realm

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request, or hand it on with the credentials in its environ."""
        # Most WSGI servers join several Authorization headers, and joat refuses the
        # result. If the application read one header and a proxy another, each would
        # authenticate a different user.
        authorization = environ.get("HTTP_AUTHORIZATION")
        try:
            credentials = joat.authenticate(
                authorization, provider=self.provider, scope=self.scope
            )
        except joat.TokenError as error:
            body = self._refuse(error, start_response)
            # A server may send whatever it gets. An answer to HEAD has no body: on a
            # connection that is kept, the next answer begins in its place.
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
        environ["joat.credentials"] = credentials
        return self.app(environ, start_response)

    def _refuse(self, error: joat.TokenError, start_response: StartResponse) -> bytes:
        """Begin the answer of RFC 6750 section 3; return its body."""
        answer = {"error_description": error.description}
        if error.error:  # RFC 6750 section 3.1 has none for a missing token
            answer["error"] = error.error
        body = json.dumps(answer).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("WWW-Authenticate", error.www_authenticate(realm=self.realm)),
        ]
        start_response(f"{error.status} {HTTPStatus(error.status).phrase}", headers)
        return body
