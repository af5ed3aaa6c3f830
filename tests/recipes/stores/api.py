"""A resource server that looks the salts up in Redis.

When Redis is down, nobody knows which tokens are revoked: a request that needs Redis
gets a 503. With `sqlite` it is the same, and the error is `sqlite3.Error`.
"""

from __future__ import annotations

import redis
from flask import Flask, request
from flask.typing import ResponseReturnValue
from redis_store import PROVIDER

import joat

app = Flask(__name__)


@app.errorhandler(joat.TokenError)
def refuse(error: joat.TokenError) -> ResponseReturnValue:
    """Return the answer of RFC 6750 section 3."""
    answer = {"error_description": error.description}
    if error.error:  # RFC 6750 section 3.1 has none for a missing token
        answer["error"] = error.error
    challenge = error.www_authenticate(realm="profile")
    return answer, error.status, {"WWW-Authenticate": challenge}


@app.errorhandler(redis.RedisError)
def fail(error: redis.RedisError) -> ResponseReturnValue:
    """Return an answer that blames no token."""
    # Only its type: the text of an error may repeat a command, and a salt with it.
    app.logger.error("the store of the salts fails: %s", type(error).__name__)
    return {"error": "temporarily_unavailable"}, 503, {"Retry-After": "1"}


@app.route("/profile", methods=["GET", "POST"])
def profile() -> ResponseReturnValue:
    """Return whose token it is."""
    # Most WSGI servers join several Authorization headers, and joat refuses the result.
    authorization = request.headers.get("Authorization")
    credentials = joat.authenticate(authorization, provider=PROVIDER, scope=["profile"])
    return {"user": credentials["user_id"]}
