"""The secrets that sign tokens, for the settings of a server.

For production, keep them where you keep your others, and never run with `DEBUG`: its
error pages show the variables of each function, and with them secrets.
"""

from __future__ import annotations

import os

import joat

# Not in a module of settings, because `diffsettings` and pages of errors list those.
SALTS = joat.parse_salts(os.environ["JOAT_SALT"])


def find_salts(claims: dict[str, object]) -> list[bytes]:
    """Return the salts of a token's client, newest first: the first one signs."""
    return SALTS
