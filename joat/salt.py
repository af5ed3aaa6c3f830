"""The secrets that sign tokens, and the function that finds them.

PyJOAT calls the HMAC key of a token its "salt". In this package the variables that
hold one, or several, are all named `secret` (one of several `private_key`), those
that hold a token `token`, and those that hold a signature `auth`: crash reporters
record the variables of every frame, and know these names. An argument that the public
calls `salt` is renamed first thing. No variable holds the function that finds the
salts, since the text of a partial or bound one may show them.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any, NoReturn, Union

import joat  # the module, to read salt_generator afresh each time
from joat.arguments import LONE_SURROGATE, OMITTED, Omitted, wrong_type
from joat.errors import WeakSaltWarning

_Octets = Union[str, bytes, bytearray, memoryview]
# To a type checker, a list of str is not one of _Octets.
Salt = Union[_Octets, list[str], list[bytes], list[_Octets], tuple[_Octets, ...], None]
SaltGenerator = Callable[[dict[str, Any]], Salt]

_MIN_LENGTH = 32  # octets, which RFC 7518 section 3.2 asks of a key for HS256
# HMAC pads a key with NULs (RFC 2104 section 2), so that those at its end add nothing.
# One random key in 256 ends in a single one by chance; four are taken for padding.
_MIN_UNPADDED = 29
_MAX_USUAL = 64  # octets; an RSA or EC key whose text has no hyphen takes more
_HYPHEN = ord("-")
# PEM (RFC 7468), SSH2 (RFC 4716), JWK (RFC 7517), PuTTY's and OpenSSH's own; the base64
# of a PEM by itself, which has the identifiers of RSA or EC keys in it.
_KEY_TEXT = re.compile(
    rb"---- ?-?BEGIN|\"kty\"|PuTTY-User-Key"
    rb"|\A[\s\xef\xbb\xbf]*(sk-)?(ssh|ecdsa)-\S+\s|(ssh|ecdsa)-\S+\s+AAAA"
    rb"|NBgkqhkiG9w0BAQ|YHKoZIzj0CAQ|ByqGSM49AgEG"
)


def unset(claims: dict[str, Any]) -> NoReturn:
    """Stand in `joat.salt_generator` until a function is assigned to it."""
    raise NotImplementedError(
        "joat.salt_generator is not set: assign a function to it that takes the"
        " claims of a token (dict) and returns their salt (str or bytes)"
    )


def check_salt(secret: Union[Salt, Omitted] = OMITTED) -> None:
    """Find mistakes of the server before any token is looked at.

    If no salt is given, there must be a function to ask: raises
    `NotImplementedError` if `joat.salt_generator` is not assigned, and `TypeError`
    if it is no function. For what is no salt, raises what `hmac_keys` does.
    """
    if secret is not OMITTED:
        _checked(secret)
    elif joat.salt_generator is unset:
        unset({})
    elif not callable(joat.salt_generator):
        raise wrong_type("joat.salt_generator must be a function", joat.salt_generator)


def hmac_keys(
    secret: Union[Salt, Omitted], claims: dict[str, Any], stacklevel: int
) -> tuple[bytes, ...]:
    """Return the HMAC keys, newest first, that a salt stands for.

    If none is given, `joat.salt_generator` is asked for that of the claims. A salt is
    a str (used as UTF-8), bytes, bytearray or memoryview, a list or tuple of these,
    or None for no key at all. Raises `TypeError` for anything else, and `ValueError`
    for what can be no secret: these are mistakes of the server, whatever the token.
    Warns with `WeakSaltWarning`, at the caller that `stacklevel` tells, if one of
    them is too short.
    """
    if secret is OMITTED:
        secret = joat.salt_generator(claims)
    if type(secret) is str and secret.isascii():
        secret = secret.encode()
    # The usual one, which would pass all that is below.
    if (
        type(secret) is bytes
        and _MIN_LENGTH <= len(secret) <= _MAX_USUAL
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
        # A loop would have a variable more.
        return tuple(map(_hmac_key, secret))
    return (_hmac_key(secret),)


def _is_weak(secret: bytes) -> bool:
    return len(secret) < _MIN_LENGTH or len(secret.rstrip(b"\0")) < _MIN_UNPADDED


def _hmac_key(secret: Any) -> bytes:
    kind = type(secret)
    if issubclass(kind, str):
        if LONE_SURROGATE.search(secret):
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
    if _KEY_TEXT.search(secret):
        raise ValueError("a salt must not be the text of a public or private key")
    return secret
