"""A resource server: it answers those who bring an access token.

It needs the `JOAT_SALT` of the authorization server and nothing else from there.
For production, keep that secret where you keep your others, and put a server that
speaks HTTPS in front: whoever reads a bearer token can use it.
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
    """Return what the request's token grants, all of `scope` among it.

    Raises the `joat.TokenError` that `refuse` answers.
    """
    # A WSGI server joins several Authorization headers with commas, and joat refuses
    # them. If the application read one header and a proxy another, each would
    # authenticate a different user.
    header = request.headers.get("Authorization")
    return joat.authenticate(header, provider=PROVIDER, scope=scope)


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
    """Tell whose token it is."""
    credentials = authorized("profile")
    return {"user": credentials["user_id"]}
