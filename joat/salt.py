"""The secrets that sign tokens, and the function that finds them.

PyJOAT calls the HMAC secret of a token its "salt".
"""

from __future__ import annotations

import joat  # the module, to read salt_generator afresh each time
from joat.errors import wrong_type
from joat.omitted import OMITTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn, Union

    from joat.omitted import Omitted

    Salt = Union[str, bytes, Sequence[Union[str, bytes]], None]
    SaltGenerator = Callable[[dict[str, Any]], Salt]


def unset(claims: dict[str, Any]) -> NoReturn:
    """Stand in `joat.salt_generator` until a function is assigned to it."""
    raise NotImplementedError(
        "joat.salt_generator is not set: assign a function to it that takes the"
        " claims of a token (dict) and returns their salt (str or bytes)"
    )


def current_generator() -> SaltGenerator:
    """Return what is assigned to `joat.salt_generator` now.

    Raises `NotImplementedError` if nothing is.
    """
    generator = joat.salt_generator
    if generator is unset:
        unset({})  # raises
    return generator


def generator_for(salt: Salt | Omitted) -> SaltGenerator:
    """Return the function to ask: `joat.salt_generator`, or one that gives `salt`.

    Raises `NotImplementedError` if the former is not assigned, and what
    `secrets` raises if the latter is no salt, before any token is looked at.
    """
    if salt is OMITTED:
        return current_generator()
    found = secrets(salt)
    return lambda claims: found


def secrets(salt: Salt) -> tuple[bytes, ...]:
    """Return the HMAC secrets, newest first, that `salt` stands for.

    `salt` is a str (used as UTF-8) or bytes, or a list or tuple of these, or
    None for no secret at all. Raises `TypeError` for anything else and
    `ValueError` for an empty secret or a str that has no UTF-8 form: these are
    mistakes of the server, whatever the token.
    """
    if type(salt) is bytes and salt:  # the usual one; saves 0.3 µs of 6
        return (salt,)
    if salt is None:
        return ()
    found = []
    for candidate in salt if isinstance(salt, (list, tuple)) else (salt,):
        secret = candidate
        if isinstance(candidate, str):
            try:
                secret = candidate.encode()
            except UnicodeEncodeError:
                secret = b""  # Refused below: this error holds the salt.
        if not isinstance(secret, bytes):
            rule = "a salt must be a str or bytes, a list or tuple of these, or None"
            raise wrong_type(rule, candidate)
        if not secret:
            raise ValueError("a salt must not be empty, nor hold a lone surrogate")
        found.append(secret)
    return tuple(found)
