"""An authorization server's token endpoint on oauthlib itself, here in Flask.

It is for clients that act for themselves (RFC 6749 section 4.4), and that authenticate
by HTTP Basic. For production, keep the clients in a database and the salts where you
keep your secrets, limit tries by client and by address before a secret is hashed,
because each hash takes a tenth of a second and 32 MiB, and put a server that speaks
HTTPS in front. A server with refresh tokens needs a `refresh_token_generator` as well.
Otherwise oauthlib makes them with `issue`, and they are good as access tokens.
"""

from __future__ import annotations

import logging
import os
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import unquote_plus, urlencode

import flask
from flask import Flask, Response
from flask.typing import ResponseReturnValue
from oauthlib.common import Request
from oauthlib.oauth2 import BackendApplicationServer, RequestValidator
from werkzeug.security import check_password_hash, generate_password_hash

import joat

PROVIDER = "https://example.com"
LIFETIME = timedelta(minutes=10)
BASIC = {"WWW-Authenticate": 'Basic realm="token"'}
SALTS = joat.parse_salts(os.environ["JOAT_SALT"])


@dataclass(frozen=True)
class Client:
    """A registered client: the hash of its secret, and all that it may be granted."""

    client_id: str
    secret_hash: str
    scope: tuple[str, ...]


# For the demonstration. In production use a database, which only ever gets the hash.
CLIENTS = {
    "app": Client("app", generate_password_hash("app's secret"), ("profile", "read"))
}
# Checked in place of a client that is unknown, so timing does not reveal which clients
# exist. Nobody has its secret.
NOBODY = Client("", generate_password_hash(secrets.token_hex()), ())
FORM = "application/x-www-form-urlencoded"


def find_salt(claims: dict[str, object]) -> list[bytes]:
    """Return the salts of a token's client, newest first: the first one signs."""
    return SALTS


joat.salt_generator = find_salt
token_generator = joat.TokenGenerator(PROVIDER)
# oauthlib's debug messages hold the tokens that it issues.
logging.getLogger("oauthlib").setLevel(logging.INFO)
app = Flask(__name__)
# oauthlib needs seconds for a form of a few megabytes.
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024


def authenticated_client() -> Client | None:
    """Return the client that sent the request (RFC 6749 section 2.3.1), or None."""
    # werkzeug fails at characters beyond ASCII. Most WSGI servers join several headers
    # by commas, and older versions of werkzeug take the first one.
    authorization = flask.request.headers.get("Authorization", "")
    readable = authorization.isascii() and "," not in authorization
    credentials = flask.request.authorization if readable else None
    if credentials is None or credentials.type != "basic":
        return None
    # Both are encoded as in a form before they are joined.
    client_id = unquote_plus(credentials.username or "")
    secret = unquote_plus(credentials.password or "")
    if "\0" in secret:
        # Hashes pad a secret with NULs: one with NULs behind it has the same hash.
        return None
    client = CLIENTS.get(client_id, NOBODY)
    good = check_password_hash(client.secret_hash, secret)
    return client if good and client is not NOBODY else None


def issue(asked: Any) -> str:
    """Return an access token of the client itself.

    `asked` is oauthlib's request, which has whatever the form has: its `user` may be
    anybody.
    """
    client_id = asked.client.client_id
    return token_generator.issue_token(
        client_id=client_id,
        # Not the bare id: a client that is named like a user is not that user.
        user_id=f"client:{client_id}",
        scope=asked.scopes,
        lifetime=LIFETIME,
    )


class Validator(RequestValidator):
    """What oauthlib asks about clients; the arguments' names are its own."""

    def authenticate_client(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Put the client that `token` has authenticated into the request."""
        request.client = flask.g.client
        # The form may also name the client, but no other one.
        return request.client_id in (None, flask.g.client.client_id)

    def validate_grant_type(
        self,
        client_id: str,
        grant_type: str,
        client: Any,
        request: Request,
        *args: Any,
        **kwargs: Any,
    ) -> bool:
        """Allow all clients the only grant of this server."""
        return grant_type == "client_credentials"

    def get_default_scopes(
        self, client_id: str, request: Request, *args: Any, **kwargs: Any
    ) -> list[str]:
        """Return what a client gets that asks for no scope: all that it may have."""
        return list(CLIENTS[client_id].scope)

    def validate_scopes(
        self,
        client_id: str,
        scopes: list[str],
        client: Any,
        request: Request,
        *args: Any,
        **kwargs: Any,
    ) -> bool:
        """Tell whether the client may have all that it asks for, and keep each once."""
        if request.scope:
            # oauthlib drops any white space around it, but only a space separates
            # permissions (RFC 6749 section 3.3).
            scopes = request.scope.split(" ")
        request.scopes = list(dict.fromkeys(scopes))
        return set(scopes) <= set(CLIENTS[client_id].scope)

    def save_bearer_token(
        self, token: Any, request: Request, *args: Any, **kwargs: Any
    ) -> None:
        """Keep nothing, because a token of joat holds all that it grants."""


server = BackendApplicationServer(
    Validator(),
    token_generator=issue,
    token_expires_in=int(LIFETIME.total_seconds()),
)


@app.before_request
def require_length() -> None:
    """Refuse a form without `Content-Length` (RFC 9110 section 15.5.12).

    werkzeug cuts it at `MAX_CONTENT_LENGTH`, and nobody would see what stands behind,
    such as a `resource`.
    """
    if flask.request.method == "POST" and flask.request.content_length is None:
        flask.abort(411)


@app.after_request
def forbid_caching(response: Response) -> Response:
    """Keep every answer out of caches (RFC 6749 section 5.1)."""
    response.headers["Cache-Control"] = "no-store"
    return response


@app.post("/token")
def token() -> ResponseReturnValue:
    """Issue an access token (RFC 6749 section 5.1), or say why not (section 5.2)."""
    # The client first: only a client may make this server read a form.
    flask.g.client = authenticated_client()
    if flask.g.client is None:
        return {"error": "invalid_client"}, 401, BASIC
    if flask.request.query_string or flask.request.mimetype != FORM:
        # Nobody would see a `resource` in the URL, or in a multipart form as a file.
        return {"error": "invalid_request"}, 400
    fields = flask.request.form
    repeated = {name for name, values in fields.lists() if len(values) > 1}
    # RFC 8707 section 2 allows several resources.
    if repeated - {"resource"}:
        # oauthlib refuses only some parameters that are repeated.
        return {"error": "invalid_request"}, 400
    # A parameter without a value counts as omitted (RFC 6749 section 3.2).
    form = {name: value for name, value in fields.items() if value}
    if any(fields.getlist("resource")):
        # Rather no token than one that is good at other resource servers as well
        # (RFC 8707).
        return {"error": "invalid_target"}, 400
    # Not the request's own URL: Flask fails at a malformed `Host`.
    headers, body, status = server.create_token_response(
        f"{PROVIDER}/token", "POST", urlencode(form)
    )
    if status == 401:
        # oauthlib's challenge is that of a resource server (RFC 6750).
        headers.update(BASIC)
    return Response(body, status, headers)
