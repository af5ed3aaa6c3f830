"""A resource server with Authlib's `ResourceProtector`.

It needs the `JOAT_SALT` and the `PROVIDER` of the authorization server, and nothing
else from there. For production, keep that secret where you keep your others, and put a
server that speaks HTTPS in front: anyone who reads a bearer token can use it.
"""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

from authlib.integrations.flask_oauth2 import ResourceProtector, current_token
from authlib.oauth2.rfc6749 import JsonRequest
from flask import Flask, abort, request
from flask.typing import ResponseReturnValue

import joat

PROVIDER = os.environ.get("PROVIDER", "https://example.com")
# As the authorization server writes it, because `iss` is compared as text.
ORIGIN = re.compile(
    r"(https://((?!-)[a-z0-9-]+(?<!-)\.)*[a-z][a-z0-9-]*(?<!-)"
    r"|http://(localhost|127\.0\.0\.1))"
    r"(:(?!80$|443$)(?P<port>[1-9][0-9]{0,4}))?"
)
origin = ORIGIN.fullmatch(PROVIDER)
if not origin or int(origin["port"] or 0) > 65_535:
    raise ValueError(
        "PROVIDER must be an origin: https with a host name,"
        " or http on 127.0.0.1 or localhost"
    )
SALTS = joat.parse_salts(os.environ["JOAT_SALT"])


def find_salt(claims: dict[str, object]) -> list[bytes]:
    """Return the salts that may have signed a token, newest first."""
    return SALTS


joat.salt_generator = find_salt
app = Flask(__name__)


class Protector(ResourceProtector):
    """Let joat read the whole header; what it grants is Authlib's `current_token`.

    A token needs all scopes that are named, whereas Authlib accepts one of a list.
    `optional=True` changes nothing: a request without a token is refused.
    """

    def validate_request(
        self, scopes: list[str] | None, request: JsonRequest, **kwargs: Any
    ) -> joat.Credentials:
        """Return what the request's token grants, or raise a `joat.TokenError`."""
        # Most WSGI servers join several Authorization headers, and joat refuses the
        # result. If the application read one header and a proxy another, each would
        # authenticate a different user.
        authorization = request.headers.get("Authorization")
        needed = [name for each in scopes or () for name in each.split(" ")]
        return joat.authenticate(authorization, provider=PROVIDER, scope=needed)


require_oauth = Protector()


@app.before_request
def check_host() -> None:
    """Refuse a malformed `Host`: Flask fails at it when Authlib asks for the URL."""
    try:
        urlsplit(f"//{request.host}")
    except ValueError:
        abort(400)


@app.errorhandler(joat.TokenError)
def refuse(error: joat.TokenError) -> ResponseReturnValue:
    """Return the answer of RFC 6750 section 3."""
    answer = {"error_description": error.description}
    if error.error:  # RFC 6750 section 3.1 has none for a missing token
        answer["error"] = error.error
    challenge = error.www_authenticate(realm="profile")
    return answer, error.status, {"WWW-Authenticate": challenge}


@app.route("/profile", methods=["GET", "POST"])
@require_oauth("profile")
def profile() -> ResponseReturnValue:
    """Tell whose token it is."""
    return {"user": current_token["user_id"]}
