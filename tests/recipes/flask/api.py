"""A resource server: it answers requests that have an access token.

All that it needs from the authorization server is its `JOAT_SALT`.
For production, keep that secret where you keep your others, and put a server that
speaks HTTPS in front: anyone who reads a bearer token can use it.
"""

from __future__ import annotations

import os

from flask import Flask, request
from flask.typing import ResponseReturnValue

import joat

PROVIDER = "https://example.com"
SALTS = joat.parse_salts(os.environ["JOAT_SALT"])


def find_salt(claims: dict[str, object]) -> list[bytes]:
    """Return the salts that may have signed a token, newest first."""
    return SALTS


joat.salt_generator = find_salt
app = Flask(__name__)


def authorized(*scope: str) -> joat.Credentials:
    """Return what the request's token grants, which includes all of `scope`.

    Raises the `joat.TokenError` that `refuse` answers.
    """
    # Most WSGI servers join several Authorization headers, and joat refuses the result.
    # If the application read one header and a proxy another, each would authenticate a
    # different user.
    authorization = request.headers.get("Authorization")
    return joat.authenticate(authorization, provider=PROVIDER, scope=scope)


@app.errorhandler(joat.TokenError)
def refuse(error: joat.TokenError) -> ResponseReturnValue:
    """Return the answer of RFC 6750 section 3."""
    answer = {"error_description": error.description}
    if error.error:  # RFC 6750 section 3.1 has none for a missing token
        answer["error"] = error.error
    challenge = error.www_authenticate(realm="profile")
    return answer, error.status, {"WWW-Authenticate": challenge}


@app.route("/profile", methods=["GET", "POST"])
def profile() -> ResponseReturnValue:
    """Return whose token it is."""
    credentials = authorized("profile")
    return {"user": credentials["user_id"]}
