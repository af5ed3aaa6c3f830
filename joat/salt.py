"""The secrets that sign tokens, and the function that finds them.

PyJOAT calls the HMAC key of a token its "salt". In this package the variables that
hold one, or several, are all named `secret`, and those that hold a token `token`:
crash reporters record the variables of every frame, and know these names.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any, NoReturn, Union

import joat  # the module, to read salt_generator afresh each time
from joat.arguments import OMITTED, Omitted, has_lone_surrogate, wrong_type
from joat.errors import WeakSaltWarning

_Octets = Union[str, bytes, bytearray, memoryview]
# To a type checker, a list of str is not one of _Octets.
Salt = Union[_Octets, list[str], list[bytes], list[_Octets], tuple[_Octets, ...], None]
SaltGenerator = Callable[[dict[str, Any]], Salt]

_MIN_LENGTH = 32  # octets, which RFC 7518 section 3.2 asks of a key for HS256
# HMAC pads a key with NULs (RFC 2104 section 2), so that those at its end add nothing:
# four of them are padding. One in 256 random keys ends in a single one.
_MIN_UNPADDED = 28
_NOT_SET = (
    "joat.salt_generator is not set: assign a function to it that takes the"
    " claims of a token (dict) and returns their salt (str or bytes)"
)
_HYPHEN = ord("-")
# PEM (RFC 7468), SSH2 (RFC 4716) and OpenSSH, after white space or a byte order mark.
_KEY_TEXT = re.compile(rb"[\s\xef\xbb\xbf]*(---- ?-?BEGIN|(sk-)?(ssh|ecdsa)-\S+\s)")


def unset(claims: dict[str, Any]) -> NoReturn:
    """Stand in `joat.salt_generator` until a function is assigned to it."""
    raise NotImplementedError(_NOT_SET)


def current_generator() -> SaltGenerator:
    """Return what is assigned to `joat.salt_generator` now.

    Raises `NotImplementedError` if nothing is, and `TypeError` if it is no function.
    """
    generator = joat.salt_generator
    if generator is unset:
        raise NotImplementedError(_NOT_SET)
    if not callable(generator):
        raise wrong_type("joat.salt_generator must be a function", generator)
    return generator


def generator_for(secret: Union[Salt, Omitted]) -> SaltGenerator:
    """Return the function to ask: `joat.salt_generator`, or one that gives a salt.

    Raises what `current_generator` raises, or `hmac_keys` for what is no salt.
    """
    if secret is OMITTED:
        return current_generator()
    _checked(secret)
    return lambda claims: secret


def hmac_keys(secret: Salt, stacklevel: int) -> tuple[bytes, ...]:
    """Return the HMAC keys, newest first, that a salt stands for.

    It is a str (used as UTF-8), bytes, bytearray or memoryview, a list or tuple
    of these, or None for no key at all. Raises `TypeError` for anything else, and
    `ValueError` for what can be no secret: these are mistakes of the server,
    whatever the token. Warns with `WeakSaltWarning`, at the caller that
    `stacklevel` tells, if one of them is too short.
    """
    if type(secret) is str and secret.isascii():
        secret = secret.encode()
    # The usual one, which would pass all that is below.
    if (
        type(secret) is bytes
        and len(secret) >= _MIN_LENGTH
        and secret[-1] != 0
        and _HYPHEN not in secret
    ):
        return (secret,)
    secret = _checked(secret)
    if any(map(_is_weak, secret)):
        rule = "a salt is shorter than 32 bytes (RFC 7518 section 3.2)"
        warnings.warn(rule, WeakSaltWarning, stacklevel)
    return secret


def _checked(secret: Any) -> tuple[bytes, ...]:
    if secret is None:
        return ()
    if issubclass(type(secret), (list, tuple)):
        return tuple(map(_hmac_key, secret))  # no loop, whose variable has a name
    return (_hmac_key(secret),)


def _is_weak(secret: bytes) -> bool:
    return len(secret) < _MIN_LENGTH or len(secret.rstrip(b"\0")) <= _MIN_UNPADDED


def _hmac_key(secret: Any) -> bytes:
    kind = type(secret)
    if issubclass(kind, str):
        if has_lone_surrogate(secret):
            raise ValueError("a salt must not hold a lone surrogate")
        secret = str.encode(secret)
    elif issubclass(kind, (bytearray, memoryview)):
        secret = bytes(secret)
    elif not issubclass(kind, bytes):
        rule = "a salt must be a str or bytes, a list or tuple of these, or None"
        raise wrong_type(rule, secret)
    if not any(secret):
        raise ValueError("a salt must not be empty, nor consist of NULs")
    # A public key, that of a server which moves here from RS256, is known to all.
    if _HYPHEN in secret and _KEY_TEXT.match(secret):
        raise ValueError("a salt must not be the text of a public or private key")
    private_key: bytes = secret
    return private_key
