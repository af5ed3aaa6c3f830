"""One salt per client, derived from a master secret: there is nothing to store.

`JOAT_MASTERS` holds the master secrets, one a line, newest first, each made by
`python -c "import secrets; print(secrets.token_hex(32))"`. A resource server that
serves one client gets what this prints for it, as its `JOAT_SALT`, and can then issue
only for that client:

    python master.py https://example.com app

To rotate the salts of all clients, put a new line in front. Two salts are printed then.
The servers of a client need both before the authorization server signs with the new
one. Remove the old line everywhere when the last token that it signed has expired.

For production, keep the masters where you keep your other secrets and give them to the
authorization server only. Issue only to clients that you have registered: a salt can
be derived for any name.
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import re
from typing import Any

import joat

LINES = re.compile(r"[\r\n]*[0-9a-f]{64}([\r\n]+[0-9a-f]{64})*[\r\n]*")


# The parameter is named `secret`: crash reporters do not send such a variable.
def read_masters(secret: str) -> list[bytes]:
    """Return the master secrets of a text that has one a line."""
    # 32 random octets are a key as they are, so HKDF does not need its first step (RFC
    # 5869 section 3.3). A password or half a key would need it.
    if not LINES.fullmatch(secret):
        raise ValueError(
            "JOAT_MASTERS must hold 64 hexadecimal digits (0-9, a-f) on each line"
        )
    return list(map(bytes.fromhex, secret.split()))


MASTERS = read_masters(os.environ["JOAT_MASTERS"])


def derive_salt(secret: bytes, provider: str | int, client_id: str | int) -> str:
    """Return the salt of one client: HKDF-Expand of RFC 5869, in hexadecimal.

    The salt is the text itself, so that it can be a line of `JOAT_SALT`.
    """
    # JSON tells 1 from "1", and shows where the provider ends and the client begins.
    info = json.dumps(["joat", provider, client_id]).encode()
    return hmac.digest(secret, info + b"\x01", "sha256").hex()


def find_salt(claims: dict[str, Any]) -> list[str]:
    """Return the salts of a token's client, newest first."""
    return [derive_salt(secret, claims["iss"], claims["aud"]) for secret in MASTERS]


joat.salt_generator = find_salt


def main() -> None:
    """Print the salts of one client, one a line, newest first."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("provider")
    parser.add_argument("client_id")
    arguments = parser.parse_args()
    for secret in MASTERS:
        print(derive_salt(secret, arguments.provider, arguments.client_id))


if __name__ == "__main__":
    main()
