"""What users have granted, and the codes and refresh tokens that stand for it.

It is an SQLite file that only its owner may read. It is safe with several processes on
one machine, because each step that must happen once is a single UPDATE. For production,
put the same tables into your database.

Codes and refresh tokens are kept as SHA-256 digests, so that nobody can use what the
file holds. They are random enough to need no slower hash.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

FILE = Path("grants.db")
TIMEOUT = 1  # second: a request that waits for a lock holds a worker
CODE_LIFETIME = 60
# For how long a client may be away. Each refresh token is good for so long.
REFRESH_TOKEN_LIFETIME = 30 * 24 * 3600

# A ticket is a code or a refresh token. Variables that hold one are named `token`,
# because crash reporters do not send those.
SCHEMA = """
CREATE TABLE IF NOT EXISTS grants (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    resource TEXT,
    revoked INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS tickets (
    digest BLOB PRIMARY KEY,
    kind TEXT NOT NULL,
    grant_id TEXT NOT NULL REFERENCES grants,
    expires REAL NOT NULL,
    used INTEGER NOT NULL DEFAULT 0
);
"""


@dataclass(frozen=True)
class Grant:
    """What a user lets a client do; its methods are those that Authlib asks for."""

    id: str
    client_id: str
    user_id: str
    scope: str
    redirect_uri: str
    code_challenge: str
    resource: str | None
    code_challenge_method = "S256"

    def check_client(self, client: object) -> bool:
        """Tell whether it is that client's; `find` returns no other."""
        return getattr(client, "client_id", None) == self.client_id

    def get_redirect_uri(self) -> str:
        """Return where the code was sent."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """Return all that the user agreed to, whatever a refresh asks for."""
        return self.scope


def create() -> None:
    """Create the file and its tables, unless they are there."""
    os.close(os.open(FILE, os.O_CREAT, mode=0o600))
    # A process that starts holds up no request: it may wait for longer.
    with _connect(timeout=30) as db:
        db.executescript(SCHEMA)


def add(
    code: str,
    *,
    client_id: str,
    user_id: str,
    scope: str,
    redirect_uri: str,
    code_challenge: str,
    resource: str | None,
) -> None:
    """Write down what a user has granted, and the code that the client gets for it."""
    grant_id = secrets.token_hex(16)
    with _connect() as db:
        # What has expired is kept for a while: it may still turn up a second time.
        old = time.time() - REFRESH_TOKEN_LIFETIME
        db.execute("DELETE FROM tickets WHERE expires < ?", [old])
        db.execute("DELETE FROM grants WHERE id NOT IN (SELECT grant_id FROM tickets)")
        db.execute(
            "INSERT INTO grants (id, client_id, user_id, scope, redirect_uri,"
            " code_challenge, resource) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                grant_id,
                client_id,
                user_id,
                scope,
                redirect_uri,
                code_challenge,
                resource,
            ],
        )
        _add_ticket(db, code, "code", grant_id, CODE_LIFETIME)


def find(kind: str, token: str, client_id: str) -> Grant | None:
    """Return the grant of that client for which a code or refresh token stands.

    The token may be used or expired: it buys nothing before `use` says so.
    """
    with _connect() as db:
        row = db.execute(
            "SELECT id, client_id, user_id, scope, redirect_uri, code_challenge,"
            " resource FROM grants JOIN tickets ON grant_id = id"
            " WHERE kind = ? AND digest = ? AND client_id = ? AND NOT revoked",
            [kind, _digest(token), client_id],
        ).fetchone()
    return Grant(*row) if row else None


def use(token: str, grant: Grant, refresh_token: str) -> bool:
    """Use a code or refresh token up for the next one; tell whether it was good.

    Both happen or neither: if the database fails, the token is still good.

    Of two that use the same one, the first or the second is a thief, and nobody knows
    which: the grant is revoked, and with it all its refresh tokens (RFC 6749 section
    4.1.2, RFC 9700 section 4.14.2). A ticket that expired unused was the last of its
    grant, so revoking the grant takes nothing away.
    """
    with _connect() as db:
        good = db.execute(
            "UPDATE tickets SET used = 1 WHERE digest = ? AND NOT used AND expires > ?",
            [_digest(token), time.time()],
        )
        if good.rowcount == 1:
            _add_ticket(
                db, refresh_token, "refresh_token", grant.id, REFRESH_TOKEN_LIFETIME
            )
            return True
        db.execute("UPDATE grants SET revoked = 1 WHERE id = ?", [grant.id])
    return False


@contextmanager
def _connect(timeout: float = TIMEOUT) -> Iterator[sqlite3.Connection]:
    """Yield a connection whose changes are committed together.

    The timeout, in seconds, is for the locks of others.
    """
    with closing(sqlite3.connect(FILE, timeout=timeout)) as db, db:
        db.execute("PRAGMA foreign_keys = ON")
        yield db


def _add_ticket(
    db: sqlite3.Connection, token: str, kind: str, grant_id: str, lifetime: int
) -> None:
    db.execute(
        "INSERT INTO tickets (digest, kind, grant_id, expires) VALUES (?, ?, ?, ?)",
        [_digest(token), kind, grant_id, time.time() + lifetime],
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
