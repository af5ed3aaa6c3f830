"""Clients, resource servers, their salts and revoked tokens, in Redis (or Valkey).

`REDIS_URL` names the server, of Redis 6.2 or later. Clients and resource servers are
two registries: no client gets anything that belongs to a resource server because it has
the same name. The functions for your administration are `register_resource_server`,
`register_client`, `rotate` and `forget`:

    python -c "import registry; print(registry.register_resource_server(
        'profile', 'https://profile.example.com'))"

For production, let Redis write all to disk before it answers (`appendonly yes`,
`appendfsync always`) and evict nothing (`maxmemory-policy noeviction`). Otherwise Redis
may lose revocations. A replica that takes over and a restored backup may lack the
latest revocations, secrets and salts. Between machines use a `rediss://` address, and
let nobody but the authorization server and you connect. Rotate on a schedule. If a salt
leaked, `forget("salts", …)` and `rotate`: retired salts still verify for a while.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import os
import re
import secrets
import time
from collections.abc import Collection
from typing import Any, cast
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

LIFETIME = 600  # seconds, of every token
MARGIN = 60  # seconds, for clocks that differ
PERMISSION = re.compile(r"[!#-\[\]-~]+")  # RFC 6749 section 3.3

store = redis.Redis.from_url(
    os.environ["REDIS_URL"],
    socket_connect_timeout=1,
    socket_timeout=1,
    # No retry: a request that waits for Redis holds a worker of the server.
    retry=Retry(NoBackoff(), 0),
)

# The salts of a resource server are a sorted set, by when they end; the one that signs
# has no end. A script is atomic. Its commands are in this order because a connection
# may send it twice: the new salt must not retire itself.
ROTATE = """
for _, salt in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '+inf', '+inf')) do
    redis.call('ZADD', KEYS[1], ARGV[3], salt)
end
redis.call('ZADD', KEYS[1], '+inf', ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[2])
"""


def key(kind: str, *names: str) -> str:
    """Return the name of an entry; in JSON no two names run together.

    A stranger may choose the names: they are arguments of a command, never part of a
    script. The commands are sent one by one, not in a pipeline, whose errors repeat
    them.
    """
    return f"joat:introspection:{kind}:{json.dumps(names)}"


def digest(secret: str) -> str:
    """Return what is kept of a secret.

    The secrets are random, so nobody can guess one from its SHA-256. A password hash
    would cost 100 ms for each question of a resource server.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


# Checked in place of an unknown name, so timing does not reveal which names exist.
NOBODY = json.dumps({"secret_hash": digest(secrets.token_hex(32))})


def register_resource_server(server_id: str, resource: str) -> str:
    """Add a resource server, which clients name by its URL; return its new secret.

    A server that is registered again keeps its salts and its other URLs.
    """
    url = urlsplit(resource)
    if not url.scheme or not url.netloc or "#" in resource:
        raise ValueError("a resource is an absolute URL without a fragment (RFC 8707)")
    check_name(server_id)
    known = key("resource", resource)
    store.set(known, server_id, nx=True)
    if store.get(known) != server_id.encode():
        raise ValueError("this URL belongs to another resource server")
    rotate(server_id)
    return _register("resource server", server_id)


def register_client(
    client_id: str, scope: Collection[str], resource_servers: Collection[str]
) -> str:
    """Add or replace a client, and all that it may ask for; return its new secret.

    Raises `LookupError` for a resource server that is not registered.
    """
    if isinstance(scope, str) or isinstance(resource_servers, str):
        raise ValueError("a scope and resource servers are lists, not one str")
    if not scope or not all(PERMISSION.fullmatch(one) for one in scope):
        raise ValueError("a scope is permissions of RFC 6749 section 3.3, at least one")
    check_name(client_id)
    for server_id in resource_servers:
        if not store.exists(key("resource server", server_id)):
            raise LookupError("this resource server is not registered")
    granted = {"scope": [*scope], "resource_servers": [*resource_servers]}
    return _register("client", client_id, granted)


def check_name(name: str) -> None:
    """Raise `ValueError` for a name that no login can have."""
    if not name or "\0" in name:
        raise ValueError("a name is not empty and has no NUL")


def _register(kind: str, name: str, granted: dict[str, Any] | None = None) -> str:
    secret = secrets.token_hex(32)
    record = {"name": name, "secret_hash": digest(secret), **(granted or {})}
    store.set(key(kind, name), json.dumps(record))
    return secret


def forget(kind: str, name: str) -> None:
    """Delete a "client", a "resource server", its "salts", or the "resource" of a URL.

    A resource server has all of these but the first: delete its resources first, then
    its salts, then itself. Without its salts, all tokens for it are refused. The tokens
    of a client are good until they expire. Raises `LookupError` for an unknown name.
    Otherwise a misspelt client would stay registered.
    """
    if not store.delete(key(kind, name)):
        raise LookupError(f"there is no {kind} of this name")


def rotate(server_id: str) -> None:
    """Give a resource server a new salt; its older tokens stay good."""
    now = time.time()
    salts = key("salts", server_id)
    # Crash reporters show the arguments of redis-py's functions, but nothing of a view.
    secret = memoryview(secrets.token_hex(32).encode())
    store.eval(ROTATE, 1, salts, secret, str(now), str(now + LIFETIME + MARGIN))


def authenticated(kind: str, name: str, secret: str) -> dict[str, Any] | None:
    """Return the record of a "client" or a "resource server" if this is its secret."""
    record = json.loads(cast("bytes", store.get(key(kind, name))) or NOBODY)
    is_good = hmac.compare_digest(digest(secret), record["secret_hash"])
    return record if is_good and "name" in record else None


def find_resource_server(resource: str) -> str:
    """Return the id of the resource server with a URL, or the empty string."""
    return (cast("bytes", store.get(key("resource", resource))) or b"").decode()


def find_salts(server_id: str) -> list[bytes]:
    """Return the salts of a resource server, newest first; none if it is unknown."""
    salts = key("salts", server_id)
    secret = store.zrange(salts, "+inf", f"({time.time()}", desc=True, byscore=True)
    return cast("list[bytes]", secret)


def revoke(server_id: str, jti: str, expires_at: float) -> None:
    """Refuse a token from now on."""
    # Another token may have the same jti by mistake: as long as the longest one may. A
    # duration, because the clock of Redis may be another.
    left = max(expires_at - time.time(), LIFETIME)
    store.set(key("revoked", server_id, jti), "", ex=math.ceil(left) + MARGIN)


def is_revoked(server_id: str, jti: str) -> bool:
    """Return whether a token was revoked."""
    return bool(store.exists(key("revoked", server_id, jti)))
