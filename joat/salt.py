"""The secrets that sign tokens, and the function that finds them.

PyJOAT calls the HMAC key of a token its "salt". Every salt, whoever gives it and in
whatever form, goes through `hmac_keys`, and costs the same: a client without a salt
gets `NOBODY`, which takes the same path. A usual salt, of 32 to 64 octets, is only
looked at where it begins and ends, because the text of a key that is so short shows
there what it is; every other salt is searched for the text of a key.

Crash reporters record the variables of every frame and redact those whose names they
know. So this package names its variables by what they hold:

| holds                      | name          |
|----------------------------|---------------|
| a salt, salts or HMAC keys | `secret`      |
| one of several HMAC keys   | `private_key` |
| a token or a part of it    | `token`       |
| a signature                | `auth`        |

No variable holds the salt function: the repr of a partial or bound method may show
salts.
"""

from __future__ import annotations

import os
import re
import warnings
from binascii import a2b_base64
from collections.abc import Callable
from typing import Any, NoReturn, Optional, Union

import joat  # the module, because salt_generator is read anew for each token
from joat.arguments import LONE_SURROGATE, OMITTED, Omitted, type_error
from joat.errors import WeakSaltWarning

_Octets = Union[str, bytes, bytearray, memoryview]
# list is invariant, so each element type is spelled out.
Salt = Union[_Octets, list[str], list[bytes], list[_Octets], tuple[_Octets, ...], None]
SaltGenerator = Callable[[dict[str, Any]], Salt]

# The letters at both ends keep it on the path of a usual salt.
NOBODY = b"n" + os.urandom(30) + b"n"
"""The HMAC key of a client without a salt; it signs nothing, even if it matches."""

_MIN_LENGTH = 32  # octets, which RFC 7518 section 3.2 asks of a key for HS256
_MAX_USUAL = 64  # octets
# HMAC pads a key with NULs (RFC 2104 section 2), so NULs at the end add nothing. Up to
# three may be chance; with fewer than 29 octets before them, a salt counts as padded.
_MIN_UNPADDED = 29

_MAX_TEXT = 2**20  # octets
_MIN_DIFFERENT = 8  # octets
_MAKE_ONE = 'make one by python -c "import secrets; print(secrets.token_hex(32))"'
_PLACEHOLDERS = ["change", "replace", "example", "your-", "insecure", "placeholder"]
_PLACEHOLDERS += ["secret", "password", "default"]
_NAME_AND_VALUE = re.compile(r"(export\s+)?[A-Za-z_]\w*=[^=]")

# Each branch begins with a character of its own, which keeps the search fast.
_KEY_TEXT = re.compile(
    rb"""
      ---- [ ]?-?BEGIN                # PEM (RFC 7468), SSH2 (RFC 4716)
    | ["']kty["']                     # JWK (RFC 7517), also as Python prints it
    | PuTTY-User-Key
    | ssh-\S+\s+AAAA                  # OpenSSH, behind options
    | ecdsa-\S+\s+AAAA
    | NBgkqhkiG9w0BAQ                 # part of the base64 of a key of RSA
    | YHKoZIzj0CAQ | ByqGSM49AgEG     # of an elliptic curve
    """,
    re.VERBOSE,
)
_KEY_BEGINNING = re.compile(
    rb"""
    [\s\xef\xbb\xbf]*                 # white space, a byte order mark
    (?: (?:sk-)?(?:ssh|ecdsa)-\S+\s   # a line of OpenSSH
    | LS0tLS1                         # the base64 of "-----", of PEM
    | AAAA(?:B3NzaC1|C3NzaC1|E2VjZHNh|GnNr|InNr)  # its body without the name
    )
    """,
    re.VERBOSE,
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]+={0,2}")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_SEQUENCE = 0x30  # the tag that every key and certificate begins with in DER

# How the text of a key of at most 64 octets begins, also after white space, a byte
# order mark, or in base64. One random salt in 256 begins so by chance.
_SPACES = [b" ", b"\t", b"\n", b"\r", b"\v", b"\f", b"\xef"]
_BEGINNINGS = frozenset(
    [b"--", b'{"', b"{'", b"[{", b"ss", b"ec", b"sk", b"Pu", b"LS", b"AA", b"ey"]
    + [b"M" + bytes([second]) for second in b"ABCDEFGHI"]
    + [first + space for first in [*_SPACES, b"{"] for space in _SPACES]
    + [space + bytes([first]) for space in _SPACES for first in b"-{[sePLAM\xbb\x30"]
)


def _not_assigned(claims: dict[str, Any]) -> NoReturn:
    """Raise; the value of `joat.salt_generator` until a function is assigned."""
    raise NotImplementedError(
        "joat.salt_generator is not set: assign a function to it that takes the"
        " claims of a token (dict) and returns their salt (str or bytes)"
    )


def parse_salts(text: Union[str, bytes]) -> list[bytes]:
    """Return the salts of a text, such as an environment variable, newest first.

    The text has one salt a line; lines end in LF or CRLF, and empty lines are ignored.
    Call this once, where your server starts, so that a mistake shows there.

    Raises `TypeError` if `text` is neither str nor bytes, and `ValueError`, which names
    the number of the line but never says what it holds, for a text or line that

    - has no salt at all, or more than 1 MiB;
    - is not UTF-8, or has a byte order mark, another character that is not printable,
      or white space at either end;
    - has fewer than 32 octets (RFC 7518 section 3.2), or fewer than 8 different ones;
    - is a comment, JSON, or the text of a key;
    - has quotation marks around it, a backslash and an n, or is NAME=VALUE;
    - is a placeholder: it contains a word such as "change" or "example".
    """
    secret: Any = text
    del text  # crash reporters do not redact this name
    if issubclass(type(secret), str):
        secret = str.encode(secret, errors="surrogatepass")
    elif not issubclass(type(secret), bytes):
        raise type_error("text must be a str or bytes", secret)
    if len(secret) > _MAX_TEXT:
        raise ValueError("the salts are larger than 1 MiB")
    if not secret.strip(b"\r\n"):
        raise ValueError("there is no salt")
    is_key = _is_key(secret)
    secret = secret.replace(b"\r\n", b"\n").split(b"\n")
    for number, private_key in enumerate(secret, 1):
        fault = _fault_of_line(private_key) if private_key else None
        if fault is not None:
            raise ValueError(f"line {number} of the salts {fault}")
    # Looked for in each line first, so that the error can name the line. The wrapped
    # base64 of a public key is several lines, each of which may pass for a salt.
    if is_key:
        raise ValueError("the salts are the text of a key")
    return [private_key for private_key in secret if private_key]


def require_salt_generator() -> None:
    """Raise unless there is a function to ask for salts.

    Raises `NotImplementedError` if `joat.salt_generator` is not assigned, and
    `TypeError` if it is not a function.
    """
    if joat.salt_generator is _not_assigned:
        _not_assigned({})
    if not callable(joat.salt_generator):
        raise type_error("joat.salt_generator must be a function", joat.salt_generator)


def given_keys(secret: Union[Salt, Omitted]) -> Optional[list[bytes]]:
    """Return the HMAC keys of a salt, or None if it was omitted.

    An omitted salt is an error unless there is a function to ask: see
    `require_salt_generator`. The other errors are those of `hmac_keys`.
    """
    if secret is not OMITTED:
        return hmac_keys(secret)
    require_salt_generator()
    return None


def hmac_keys(secret: Any) -> list[bytes]:
    """Return the HMAC keys that a salt stands for, newest first; never an empty list.

    A salt is a str (used as UTF-8), bytes, bytearray or memoryview, or a list or tuple
    of these. None and the empty list or tuple mean that there is none, for which
    `NOBODY` stands. Raises `TypeError` for anything else, and `ValueError` for what
    cannot be secret. Warns with `WeakSaltWarning`, at the caller of the public
    function, if a salt is too short.
    """
    if secret is None:
        secret = []
    # Types are compared with `type`, because proxies fool isinstance.
    secret = [*secret] if issubclass(type(secret), (list, tuple)) else [secret]
    if not secret:
        secret = [NOBODY]
    is_weak = False
    for at, private_key in enumerate(secret):
        if type(private_key) is str and private_key.isascii():
            private_key = secret[at] = private_key.encode()
        elif type(private_key) is not bytes:
            private_key = secret[at] = _octets(private_key)
        length = len(private_key)
        if (
            not _MIN_LENGTH <= length <= _MAX_USUAL
            or private_key[:2] in _BEGINNINGS
            or (private_key[-1] == 0 and private_key.endswith(b"\0\0\0\0"))
            # The SEQUENCE tag alone is also the character "0".
            or (private_key[1] == length - 2 and private_key[0] == _SEQUENCE)
        ):
            _refuse_known(private_key)
            unpadded = len(private_key.rstrip(b"\0"))
            is_weak |= length < _MIN_LENGTH or unpadded < _MIN_UNPADDED
    if is_weak:
        rule = "a salt is shorter than 32 bytes (RFC 7518 section 3.2)"
        # Below the caller stand the public function, its helper, and this one.
        warnings.warn(rule, WeakSaltWarning, stacklevel=4)
    return secret


def _octets(secret: Any) -> bytes:
    kind = type(secret)
    if issubclass(kind, (bytes, bytearray, memoryview)):
        return bytes(secret)
    if not issubclass(kind, str):
        rule = "a salt must be a str or bytes, a list or tuple of these, or None"
        raise type_error(rule, secret)
    if LONE_SURROGATE.search(secret):
        raise ValueError("a salt must not hold a lone surrogate")
    return str.encode(secret)


def _refuse_known(secret: bytes) -> None:
    if not any(secret):
        raise ValueError("a salt must not be empty, nor consist of NULs")
    # Everybody knows a public key, such as that of a server which moves from RS256.
    if _is_key(secret):
        raise ValueError("a salt must not be the text of a public or private key")


def _fault_of_line(private_key: bytes) -> Optional[str]:
    # Octets that are not UTF-8 become surrogates, which are not printable.
    secret = private_key.decode(errors="surrogateescape")
    if not secret.isprintable():
        return "is not UTF-8, or has a BOM or control character"
    if secret != secret.strip():
        return "begins or ends with white space"
    if secret.startswith(("#", "{", "----")) or _is_key(private_key):
        return "is a comment or the text of a key"
    if len(private_key) < _MIN_LENGTH:
        return f"has fewer than {_MIN_LENGTH} octets; {_MAKE_ONE}"
    if secret[0] in "\"'" and secret[0] == secret[-1]:
        return "has quotation marks around it"
    if "\\n" in secret:
        return "has a backslash and an n instead of a line break"
    if _NAME_AND_VALUE.match(secret):
        return "is NAME=VALUE; give the value only"
    if len({*private_key}) < _MIN_DIFFERENT:
        return f"has fewer than {_MIN_DIFFERENT} different octets; {_MAKE_ONE}"
    if any(word in secret.lower() for word in _PLACEHOLDERS):
        return f"is a placeholder: it contains one of {', '.join(_PLACEHOLDERS)}"
    return None


def _is_key(secret: bytes) -> bool:
    """Tell whether this is a key or certificate, or a text that contains one."""
    if _KEY_TEXT.search(secret) or _KEY_BEGINNING.match(secret) or _is_der(secret):
        return True
    secret = b"".join(secret.split())  # base64 and hexadecimal are often wrapped
    if not _BASE64.fullmatch(secret):  # hexadecimal digits match, too
        return False
    try:
        if _is_der(bytes.fromhex(secret.decode())):
            return True
    except ValueError:
        pass  # It is not hexadecimal.
    secret = secret.rstrip(b"=").translate(_FROM_URL)
    # A last character by itself encodes nothing, and a2b_base64 refuses it.
    secret = secret[: len(secret) - (len(secret) % 4 == 1)]
    secret = a2b_base64(secret + b"==")
    return _is_der(secret) or _KEY_TEXT.search(secret) is not None


def _is_der(secret: bytes) -> bool:
    # Keys and certificates are a SEQUENCE that fills exactly the length it declares,
    # and begins with a SEQUENCE, an INTEGER or [0].
    if len(secret) < 3 or secret[0] != _SEQUENCE:
        return False
    start, length = 2, secret[1]
    if length > 0x80:  # how many octets the length takes (X.690 section 8.1.3.5)
        start += length - 0x80
        length = int.from_bytes(secret[2:start], "big")
    first = secret[start : start + 1]
    return len(secret) == start + length and first in (b"\x30", b"\x02", b"\xa0")
