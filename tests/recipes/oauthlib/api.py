"""A resource server on oauthlib itself, here in Flask.

All that it needs from the authorization server is its `JOAT_SALT`.
For production, keep that secret where you keep your others, and put a server that
speaks HTTPS in front: anyone who reads a bearer token can use it.
"""

from __future__ import annotations

import os

import flask
from flask import Flask
from flask.typing import ResponseReturnValue
from oauthlib.common import Request
from oauthlib.oauth2 import BearerToken, RequestValidator, ResourceEndpoint

import joat

PROVIDER = "https://example.com"
SALTS = joat.parse_salts(os.environ["JOAT_SALT"])


def find_salt(claims: dict[str, object]) -> list[bytes]:
    """Return the salts that may have signed a token, newest first."""
    return SALTS


joat.salt_generator = find_salt
app = Flask(__name__)


class Validator(RequestValidator):
    """Lets joat read the whole header, because oauthlib hides what is wrong with it."""

    def validate_bearer_token(
        self, token: str, scopes: list[str], request: Request
    ) -> bool:
        """Put what the token grants into the request, or raise a `joat.TokenError`."""
        # Most WSGI servers join several Authorization headers, and joat refuses the
        # result. If the application read one header and a proxy another, each would
        # authenticate a different user.
        authorization = flask.request.headers.get("Authorization")
        credentials = joat.authenticate(authorization, provider=PROVIDER, scope=scopes)
        request.user = credentials["user_id"]
        request.client = credentials["client_id"]
        request.scopes = credentials["authorized_scope"]
        return True


# Only a part of oauthlib's `Server`, because no tokens are issued here.
server = ResourceEndpoint("Bearer", {"Bearer": BearerToken(Validator())})


def authorized(*scope: str) -> Request:
    """Return the request with its `user`, `client` and `scopes` (all of `scope`).

    Raises the `joat.TokenError` that `refuse` answers.
    """
    # Not the request's URL: Flask fails at a malformed `Host`, and oauthlib would look
    # for a token in the query. Nor the body, where it would look as well, nor the
    # headers, which a crash reporter would find in oauthlib's variables.
    _, asked = server.verify_request(PROVIDER, scopes=list(scope))
    return asked


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
    asked = authorized("profile")
    return {"user": asked.user}
