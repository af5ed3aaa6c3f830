"""An authorization server's token endpoint, for clients that act for themselves.

This is the client credentials grant (RFC 6749 section 4.4); the clients authenticate
by HTTP Basic. For production, keep the clients in a database and the salts where you
keep your secrets, limit tries by client and by address before a secret is hashed,
because each hash takes a tenth of a second and 32 MiB, and put a server that speaks
HTTPS in front.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import unquote_plus

from flask import Flask, Response, abort, request
from flask.typing import ResponseReturnValue
from werkzeug.security import check_password_hash, generate_password_hash

import joat

PROVIDER = "https://example.com"
LIFETIME = timedelta(minutes=10)
SALTS = joat.parse_salts(os.environ["JOAT_SALT"])


@dataclass(frozen=True)
class Client:
    """A registered client: the hash of its secret, and all that it may be granted."""

    secret_hash: str
    scope: tuple[str, ...]


# For the demonstration. In production use a database, which only ever gets the hash.
CLIENTS = {"app": Client(generate_password_hash("app's secret"), ("profile", "read"))}
# Checked in place of a client that is unknown, so timing does not reveal which clients
# exist. Nobody has its secret.
NOBODY = Client(generate_password_hash(secrets.token_hex()), ())
FORM = "application/x-www-form-urlencoded"


def find_salt(claims: dict[str, object]) -> list[bytes]:
    """Return the salts of a token's client, newest first: the first one signs."""
    return SALTS


joat.salt_generator = find_salt
token_generator = joat.TokenGenerator(PROVIDER)
app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024


def authenticated_client() -> str | None:
    """Return the id of the client that sent the request, or None."""
    # werkzeug fails at characters beyond ASCII. Most WSGI servers join several headers
    # by commas, and older versions of werkzeug take the first one.
    authorization = request.headers.get("Authorization", "")
    readable = authorization.isascii() and "," not in authorization
    credentials = request.authorization if readable else None
    if credentials is None or credentials.type != "basic":
        return None
    # RFC 6749 section 2.3.1: both are encoded as in a form before they are joined.
    client_id = unquote_plus(credentials.username or "")
    secret = unquote_plus(credentials.password or "")
    if "\0" in secret:
        # Hashes pad a secret with NULs: one with NULs behind it has the same hash.
        return None
    client = CLIENTS.get(client_id, NOBODY)
    good = check_password_hash(client.secret_hash, secret)
    return client_id if good and client is not NOBODY else None


@app.before_request
def require_length() -> None:
    """Refuse a form without `Content-Length` (RFC 9110 section 15.5.12).

    werkzeug cuts it at `MAX_CONTENT_LENGTH`, and nobody would see what stands behind,
    such as a `resource`.
    """
    if request.method == "POST" and request.content_length is None:
        abort(411)


@app.after_request
def forbid_caching(response: Response) -> Response:
    """Keep every answer out of caches (RFC 6749 section 5.1)."""
    response.headers["Cache-Control"] = "no-store"
    return response


@app.post("/token")
def token() -> ResponseReturnValue:
    """Issue an access token (RFC 6749 section 4.4), or say why not (section 5.2)."""
    client_id = authenticated_client()
    if client_id is None:
        challenge = 'Basic realm="token"'
        return {"error": "invalid_client"}, 401, {"WWW-Authenticate": challenge}

    if request.query_string or request.mimetype != FORM:
        # Nobody would see a `resource` in the URL, or in a multipart form as a file.
        return {"error": "invalid_request"}, 400
    repeated = {name for name, values in request.form.lists() if len(values) > 1}
    grant_type = request.form.get("grant_type")
    # RFC 8707 section 2 allows several resources.
    if repeated - {"resource"} or not grant_type:
        return {"error": "invalid_request"}, 400
    if grant_type != "client_credentials":
        return {"error": "unsupported_grant_type"}, 400
    if any(request.form.getlist("resource")):
        # Rather no token than one that is good at other resource servers as well
        # (RFC 8707).
        return {"error": "invalid_target"}, 400

    allowed = CLIENTS[client_id].scope
    asked = request.form.get("scope")
    # Each permission once; only a space separates them (RFC 6749 section 3.3).
    scope = list(dict.fromkeys(asked.split(" "))) if asked else list(allowed)
    if not set(scope) <= set(allowed):
        return {"error": "invalid_scope"}, 400

    access_token = token_generator.issue_token(
        client_id=client_id,
        # Not the bare id: a client that is named like a user is not that user.
        user_id=f"client:{client_id}",
        scope=scope,
        lifetime=LIFETIME,
    )
    return {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": int(LIFETIME.total_seconds()),
        "scope": " ".join(scope),
    }
