"""Salts in SQLite, for the processes of one POSIX machine: each client has its own.

`SALTS_DB` names the file. It is made when the first process starts, and only its owner
may read it; let all processes that need it run as that user. The functions for
your administration are `rotate`, which also makes a client's first salt, and `forget`:

    python -c "import sqlite; sqlite.rotate('https://example.com', 'app')"

For production, set `LIFETIME` to the longest lifetime of your tokens, and put the file
on a local disk, into a directory where nobody else may write. Rotate on a schedule. If
a salt leaked, `forget` the client and `rotate`: its retired salts verify for a while.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import stat
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Union

import joat

Identifier = Union[str, int]

LIFETIME = 3600  # seconds; a token that lives longer may end early, by a rotation
MARGIN = 60  # seconds, for a clock that was set and for the `leeway` of a server
TIMEOUT = 1  # second: a request that waits for a lock holds a worker

FILE = Path(os.environ["SALTS_DB"]).absolute()

# A salt has no end while it is the one that signs: there is one of these per client.
SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS salts (
    id INTEGER PRIMARY KEY,
    client TEXT NOT NULL,
    salt TEXT NOT NULL,
    ends REAL
);
CREATE INDEX IF NOT EXISTS salts_of_client ON salts (client);
CREATE UNIQUE INDEX IF NOT EXISTS current_salt ON salts (client) WHERE ends IS NULL;
COMMIT;
"""


def connect(timeout: float = 30) -> closing[sqlite3.Connection]:
    """Open the database, for `with`; raise an error if it does not exist.

    The timeout, in seconds, is for the locks of others. A slow disk may take a second
    for one change, and several processes may start or rotate at once.
    """
    # SQLite itself would make a file that others may read.
    uri = f"{FILE.as_uri()}?mode=rw"
    return closing(
        sqlite3.connect(uri, timeout=timeout, isolation_level=None, uri=True)
    )


def create() -> None:
    """Make the file, for its owner only, unless it exists."""
    # O_EXCL, and once, at import: closing any descriptor of a file drops the locks that
    # SQLite has on it in this process.
    with suppress(FileExistsError):
        os.close(os.open(FILE, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    # The journals that SQLite makes beside it get the same permissions.
    status = FILE.stat()
    if status.st_uid != os.geteuid():
        raise PermissionError("the file of the salts belongs to another user")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise PermissionError("others may open the file of the salts: chmod it to 600")
    with connect() as database:
        database.executescript(SCHEMA)


def key(provider: Identifier, client_id: Identifier) -> str:
    """Return the name of a client in the table.

    It is always text, because SQLite has no integer beyond 64 bits. In JSON, 1 is not
    "1".
    """
    return json.dumps([provider, client_id])


def rotate(provider: Identifier, client_id: Identifier) -> None:
    """Give a client a new salt; the one before it verifies until its tokens expire."""
    client = key(provider, client_id)
    with connect() as database, database:
        database.execute("BEGIN IMMEDIATE")  # one rotation after the other
        now = time.time()
        database.execute("DELETE FROM salts WHERE ends <= ?", [now])
        database.execute(
            "UPDATE salts SET ends = ? WHERE client = ? AND ends IS NULL",
            [now + LIFETIME + MARGIN, client],
        )
        database.execute(
            "INSERT INTO salts (client, salt) VALUES (?, ?)",
            [client, secrets.token_hex(32)],
        )


def forget(provider: Identifier, client_id: Identifier) -> None:
    """Delete all salts of a client: from now on its tokens are refused.

    Raises `LookupError` if it has none. Otherwise the tokens of a misspelt client would
    stay good.
    """
    delete = "DELETE FROM salts WHERE client = ?"
    with connect() as database:
        deleted = database.execute(delete, [key(provider, client_id)])
    if not deleted.rowcount:
        raise LookupError("this client has no salt")


def find_salt(claims: dict[str, Any]) -> list[str]:
    """Return the salts of a token's client, newest first; none if it is unknown.

    Raises `sqlite3.Error` if the file cannot be read: answer such a request with 503.
    """
    query = """
        SELECT salt FROM salts
        WHERE client = ? AND (ends IS NULL OR ends > ?) ORDER BY id DESC
    """
    # A bound parameter, never part of the SQL text: these claims are not verified yet.
    client = key(claims["iss"], claims["aud"])
    with connect(TIMEOUT) as database:
        found = database.execute(query, [client, time.time()])
        return [secret for (secret,) in found]  # so named for crash reporters


create()
joat.salt_generator = find_salt
