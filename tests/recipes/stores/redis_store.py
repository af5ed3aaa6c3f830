"""Salts and revoked tokens in Redis (or Valkey), for several machines.

`REDIS_URL` names the server, of Redis 6.2 or later. The functions for your
administration are `rotate`, which also makes a client's first salt, `forget`, and
`revoke`, for your revocation endpoint:

    python -c "import redis_store; redis_store.rotate('https://example.com', 'app')"

Issue every token with `jti=uuid.uuid4().hex`: without a `jti` it cannot be revoked by
itself. When Redis is down, nobody knows which tokens are revoked: see `api.py`.

For production, set `LIFETIME` to the longest lifetime of your tokens. Let Redis write
all to disk before it answers (`appendonly yes`, `appendfsync always`) and evict nothing
(`maxmemory-policy noeviction`). Otherwise Redis may lose revocations. Between machines
use a `rediss://` address, and let resource servers read only. Rotate on a schedule. If
a salt leaked, `forget` the client and `rotate`: retired salts still verify for a while.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import time
from typing import Any, Union, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

import joat

Identifier = Union[str, int]

PROVIDER = "https://example.com"
LIFETIME = 3600  # seconds; a token that lives longer may end early, by a rotation
MARGIN = 60  # seconds, for clocks that differ and for the `leeway` of your servers

store = redis.Redis.from_url(
    os.environ["REDIS_URL"],
    socket_connect_timeout=1,
    socket_timeout=1,
    # No retry: a request that waits for Redis holds a worker of the server.
    retry=Retry(NoBackoff(), 0),
)

# The salts of a client are a sorted set, by when they end; the one that signs has no
# end. A script is atomic. Its commands are in this order because a connection may send
# it twice: the new salt must not retire itself.
ROTATE = """
for _, salt in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '+inf', '+inf')) do
    redis.call('ZADD', KEYS[1], ARGV[3], salt)
end
redis.call('ZADD', KEYS[1], '+inf', ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[2])
"""


def key(kind: str, *identifiers: Identifier) -> str:
    """Return the name of an entry; in JSON 1 is not "1", and no two names run together.

    A stranger may choose the identifiers: they are arguments of a command, never part
    of a script. The commands are sent one by one, not in a pipeline: the errors of a
    pipeline repeat the command, and with it claims of the token.
    """
    return f"joat:{kind}:{json.dumps(identifiers)}"


def rotate(provider: Identifier, client_id: Identifier) -> None:
    """Give a client a new salt; the one before it verifies until its tokens expire."""
    now = time.time()
    salts = key("salts", provider, client_id)
    # Text, so that it can be a line of JOAT_SALT. Crash reporters show the arguments of
    # redis-py's functions, but nothing of a view.
    secret = memoryview(secrets.token_hex(32).encode())
    store.eval(ROTATE, 1, salts, secret, str(now), str(now + LIFETIME + MARGIN))


def forget(provider: Identifier, client_id: Identifier) -> None:
    """Delete all salts of a client: from now on its tokens are refused.

    Raises `LookupError` if it has none. Otherwise the tokens of a misspelt client would
    stay good.
    """
    if not store.delete(key("salts", provider, client_id)):
        raise LookupError("this client has no salt")


def revoke(token: str) -> None:
    """Refuse a token from now on.

    Raises `joat.TokenError` if it is not valid: expired, revoked before, or never
    issued. An endpoint of RFC 7009 also answers that with 200. Raises a plain
    `ValueError` for a valid token that has no `jti`.
    """
    # A server with a leeway may still accept a token that has just expired.
    granted = joat.verify_token(token, provider=PROVIDER, leeway=MARGIN)
    if "jti" not in granted:
        raise ValueError("a token without a jti cannot be revoked")
    revoked = key("revoked", granted["provider"], granted["client_id"], granted["jti"])
    # Another token may have the same jti by mistake: as long as the longest one may. A
    # duration, because the clock of Redis may be another.
    left = max(granted["expires_at"] - time.time(), LIFETIME)
    store.set(revoked, "", ex=math.ceil(left) + MARGIN)


def find_salt(claims: dict[str, Any]) -> list[bytes] | None:
    """Return the salts of a token's client, newest first; none if it is revoked.

    Raises `redis.RedisError` if Redis does not answer.
    """
    provider, client_id = claims["iss"], claims["aud"]
    if "jti" in claims and store.exists(
        key("revoked", provider, client_id, claims["jti"])
    ):
        return None
    salts = key("salts", provider, client_id)
    secret = store.zrange(salts, "+inf", f"({time.time()}", desc=True, byscore=True)
    return cast("list[bytes]", secret)


joat.salt_generator = find_salt
