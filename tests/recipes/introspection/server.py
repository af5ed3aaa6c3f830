"""An authorization server that issues, verifies and revokes: nobody else holds a salt.

Each resource server has salts of its own (`registry.py`), and asks `/introspect` about
the tokens that it gets (RFC 7662). Clients get a token for one resource server at
`/token` (client credentials, RFC 8707) and end it at `/revoke` (RFC 7009). All of them
authenticate by HTTP Basic. A token's `jti` begins with the id of its resource server.

For production, limit how often an address may try a secret, run this under a WSGI
server that keeps connections open, such as gunicorn with threads, and put a server that
speaks HTTPS in front.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import unquote_plus

import redis
import registry
from flask import Flask, Response, abort, request
from flask.typing import ResponseReturnValue

import joat

PROVIDER = "https://example.com"
FORM = "application/x-www-form-urlencoded"


def find_salt(claims: dict[str, object]) -> None:
    """Return no salt: the claims do not decide here, every call has `salt=`."""


joat.salt_generator = find_salt  # TokenGenerator wants one
token_generator = joat.TokenGenerator(PROVIDER)
app = Flask(__name__)
# Room for the longest token that joat takes, of 64 KiB, and its name in the form.
app.config["MAX_CONTENT_LENGTH"] = 128 * 1024


class Refusal(Exception):
    """The request was refused, with an error code of RFC 6749 section 5.2."""


@app.errorhandler(Refusal)
def refuse(refusal: Refusal) -> ResponseReturnValue:
    """Return the answer of RFC 6749 section 5.2."""
    (error,) = refusal.args
    if error == "invalid_client":
        return {"error": error}, 401, {"WWW-Authenticate": 'Basic realm="tokens"'}
    return {"error": error}, 400


@app.errorhandler(redis.RedisError)
def fail(error: redis.RedisError) -> ResponseReturnValue:
    """Return an answer that blames no token."""
    # Only its type: the text of an error may repeat a command, and a salt with it.
    app.logger.error("the registry fails: %s", type(error).__name__)
    return {"error": "temporarily_unavailable"}, 503, {"Retry-After": "1"}


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


def authenticated(kind: str) -> dict[str, Any]:
    """Return the record of the "client" or "resource server" that sent the request."""
    # werkzeug fails at characters beyond ASCII. Most WSGI servers join several headers
    # by commas, and older versions of werkzeug take the first one.
    authorization = request.headers.get("Authorization", "")
    readable = authorization.isascii() and "," not in authorization
    credentials = request.authorization if readable else None
    if credentials is None or credentials.type != "basic":
        raise Refusal("invalid_client")
    # RFC 6749 section 2.3.1: both are encoded as in a form before they are joined.
    name = unquote_plus(credentials.username or "")
    secret = unquote_plus(credentials.password or "")
    if "\0" in name or "\0" in secret:
        raise Refusal("invalid_client")
    record = registry.authenticated(kind, name, secret)
    if record is None:
        raise Refusal("invalid_client")
    return record


def form_token() -> str:
    """Return the token that the form asks about."""
    values = request.form.getlist("token")
    if len(values) != 1 or not values[0]:
        raise Refusal("invalid_request")
    return values[0]


def resource_server_of(jti: object) -> str:
    """Return the id with which a `jti` begins, or the empty string, which is no id."""
    return jti.rpartition(".")[0] if isinstance(jti, str) else ""


@app.post("/token")
def token() -> ResponseReturnValue:
    """Issue an access token for one resource server (RFC 6749 section 4.4)."""
    client = authenticated("client")
    if request.query_string or request.mimetype != FORM:
        # Nobody would see a `resource` in the URL, or in a multipart form as a file.
        raise Refusal("invalid_request")
    form = request.form
    repeated = {name for name, values in form.lists() if len(values) > 1}
    grant_type = form.get("grant_type")
    if repeated - {"resource"} or not grant_type:
        raise Refusal("invalid_request")
    if grant_type != "client_credentials":
        raise Refusal("unsupported_grant_type")

    if "resource" in repeated:  # a token is good at one (RFC 8707 allows several)
        raise Refusal("invalid_target")
    server_id = registry.find_resource_server(form.get("resource", ""))
    secret = registry.find_salts(server_id)
    if server_id not in client["resource_servers"] or not secret:
        raise Refusal("invalid_target")

    asked = form.get("scope")
    # Each permission once; only a space separates them (RFC 6749 section 3.3).
    scope = list(dict.fromkeys(asked.split(" "))) if asked else client["scope"]
    if not set(scope) <= set(client["scope"]):
        raise Refusal("invalid_scope")

    access_token = token_generator.issue_token(
        client_id=client["name"],
        # Not the bare id: a client that is named like a user is not that user.
        user_id=f"client:{client['name']}",
        scope=scope,
        lifetime=timedelta(seconds=registry.LIFETIME),
        jti=f"{server_id}.{uuid.uuid4().hex}",
        salt=secret,
    )
    return {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": registry.LIFETIME,
        "scope": " ".join(scope),
    }


@app.post("/introspect")
def introspect() -> ResponseReturnValue:
    """Tell a resource server what a token for it grants (RFC 7662 section 2.2).

    Tokens for other servers are inactive, as are all that are not valid. So nobody
    learns anything about a token that was not meant for them.
    """
    server_id = authenticated("resource server")["name"]
    token = form_token()
    secret = registry.find_salts(server_id)
    try:
        granted = joat.verify_token(token, provider=PROVIDER, salt=secret)
    except joat.TokenError:
        return {"active": False}
    jti = granted.get("jti")
    # Without the right jti nobody could revoke it: `revoke` finds the salts by its jti.
    if resource_server_of(jti) != server_id or registry.is_revoked(server_id, str(jti)):
        return {"active": False}
    return {
        "active": True,
        "client_id": granted["client_id"],
        "sub": granted["user_id"],
        "scope": " ".join(granted["authorized_scope"]),
        "exp": granted["expires_at"],
        "iat": joat.unverified_claims(token)["iat"],
        "iss": granted["provider"],
        "jti": jti,
    }


@app.post("/revoke")
def revoke() -> ResponseReturnValue:
    """End a token of the client that asks (RFC 7009 section 2).

    The answer is the same for every token. RFC 7009 section 2.1 would have an error
    for the token of another client, which tells that it exists.
    """
    client_id = authenticated("client")["name"]
    token = form_token()
    try:
        # Nobody has verified this jti: it is good for a look-up and nothing else.
        jti = joat.unverified_claims(token).get("jti")
        server_id = resource_server_of(jti)
        secret = registry.find_salts(server_id)
        granted = joat.verify_token(
            token, provider=PROVIDER, client_id=client_id, salt=secret
        )
    except joat.TokenError:
        return ""
    registry.revoke(server_id, str(jti), granted["expires_at"])
    return ""
