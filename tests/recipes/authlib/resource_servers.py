"""The resource servers that a client may name in `resource` (RFC 8707).

Each has salts of its own, and its tokens are signed with these. So a token is good only
at the server that it was asked for, and a server can't forge tokens for another one.
"""

from __future__ import annotations

import re

import joat

# RFC 8707 section 2: an absolute URI without a fragment.
URL = re.compile(r'https?://[!"$-~]+')


def read(text: str, other_salts: list[bytes]) -> dict[str, list[bytes]]:
    """Return the salts of each resource server, newest first.

    The text has a line for each salt: the URL of its server, a space, and the salt.
    Raises `ValueError` for anything else, and if a server shares a salt with another
    one or has one of `other_salts`: its tokens would be good in two places.
    """
    lines = text.splitlines()
    texts: dict[str, list[str]] = {}
    for index, line in enumerate(lines):
        if not line:
            continue
        url, _, salt = line.partition(" ")
        if not URL.fullmatch(url) or not salt:
            # The message does not repeat the line, which may be a salt by itself.
            raise ValueError(f"line {index + 1} is not a URL, a space and a salt")
        # The other servers' lines stay empty, so that errors name the right line.
        texts.setdefault(url, [""] * len(lines))[index] = salt
    servers = {url: joat.parse_salts("\n".join(salts)) for url, salts in texts.items()}

    seen = set(other_salts)
    for url, secret in servers.items():
        if not seen.isdisjoint(secret):
            raise ValueError(f"{url} has a salt of another server")
        seen.update(secret)
    return servers
