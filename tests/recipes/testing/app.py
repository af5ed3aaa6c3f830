"""The application under test: a resource server, made by a function.

`create_app` reads the salts, so a test can set its own first.
"""

from __future__ import annotations

import os

from flask import Flask, request
from flask.typing import ResponseReturnValue

import joat

PROVIDER = "https://example.com"


def create_app() -> Flask:
    """Return the application, with the salts of `JOAT_SALT`."""
    secret = joat.parse_salts(os.environ["JOAT_SALT"])

    def find_salt(claims: dict[str, object]) -> list[bytes]:
        return secret

    joat.salt_generator = find_salt
    app = Flask(__name__)

    @app.errorhandler(joat.TokenError)
    def refuse(error: joat.TokenError) -> ResponseReturnValue:
        challenge = error.www_authenticate(realm="profile")
        answer = {"error_description": error.description}
        return answer, error.status, {"WWW-Authenticate": challenge}

    @app.get("/profile")
    def profile() -> ResponseReturnValue:
        authorization = request.headers.get("Authorization")
        credentials = joat.authenticate(
            authorization, provider=PROVIDER, scope=["profile"]
        )
        return {"user": credentials["user_id"]}

    return app
