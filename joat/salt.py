"""The secrets that sign tokens, and the function that finds them.

PyJOAT calls the HMAC key of a token its "salt". Every salt, whoever gives it and in
whatever form, goes through `hmac_keys`. A key or certificate is refused, because
everybody knows a public one. To look for one takes longer than all other checks of a
token. So a usual salt, of 32 to 64 octets, is looked at only if its first two octets or
NULs at its end make it suspect; every other salt always is. `NOBODY` stands for the
salt of a client without one, and takes as long as a usual one.

Crash reporters record the variables of every frame and redact those whose names they
know. So this package names its variables by what they hold, or may hold:

| holds                                    | name          |
|------------------------------------------|---------------|
| a salt, salts, keys, or a text with them | `secret`      |
| one of several in such a value           | `private_key` |
| a token or a part of it                  | `token`       |
| a signature                              | `auth`        |

The names are only names: none of these keys is asymmetric. No variable keeps the salt
function, because the repr of a partial or bound method may show salts.
"""

from __future__ import annotations

import os
import re
import warnings
from binascii import a2b_base64
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NoReturn, Optional, Union

import joat
from joat.arguments import LONE_SURROGATE, OMITTED, Omitted, type_error
from joat.errors import WeakSaltWarning

_Octets = Union[str, bytes, bytearray, memoryview]
# list is invariant, so each element type is spelled out.
Salt = Union[_Octets, list[str], list[bytes], list[_Octets], tuple[_Octets, ...], None]
SaltGenerator = Callable[[dict[str, Any]], Salt]

# `hmac_keys` does not suspect it: no key begins with "n", and it does not end in NULs.
NOBODY = b"n" + os.urandom(30) + b"n"
"""The HMAC key of a client without a salt; `jws.is_signed` never accepts it."""

_MIN_LENGTH = 32  # octets, which RFC 7518 section 3.2 asks of a key for HS256
_MAX_USUAL = 64  # octets
# HMAC pads a key with NULs (RFC 2104 section 2), so NULs at the end add nothing. A salt
# needs this many octets before them; up to three NULs may be chance.
_MIN_UNPADDED = 29

_MAX_TEXT = 2**20  # octets
_MIN_DIFFERENT = 8  # octets
_MAKE_ONE = 'make one by python -c "import secrets; print(secrets.token_hex(32))"'
_PLACEHOLDERS = ["change", "replace", "example", "your-", "insecure", "placeholder"]
_PLACEHOLDERS += ["secret", "password", "default"]
# NAME=VALUE, also as in "declare -x NAME=VALUE" or "NAME = VALUE"; but not the "=" or
# "==" at the end of base64.
_NAME_AND_VALUE = re.compile(r"(\S+\s+){0,2}[A-Za-z_]\w*\s*=\s*[^=\s]")

# Each branch begins with a character of its own, which keeps the search fast.
_KEY_TEXT = re.compile(
    rb"""
      ---- [ ]?-?BEGIN                # PEM (RFC 7468), SSH2 (RFC 4716)
    | kty[\\"']*\s*:                  # JWK (RFC 7517), also as Python or YAML has it
    | ssh-(?:rsa|dss|ed25519|ed448)   # OpenSSH, PuTTY
    | ecdsa-sha2-
    | AAAA..(?:NzaC1|VjZHNh|NrL)      # in base64: a length, then ssh-, ecdsa or sk-
    | NBgkqhkiG9w0BAQ                 # part of the base64 of a key of RSA
    | YHKoZIzj0CAQ | ByqGSM49AgEG     # of an elliptic curve
    """,
    re.VERBOSE,
)
# Base64 and hexadecimal, perhaps with a name, quotation marks or other text around.
_ENCODED = re.compile(rb"(?:0x)?([A-Za-z0-9+/_-]{32,})")
_SEPARATORS = b" \t\n\r\v\f:"
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_SEQUENCE = 0x30  # the tag that every key and certificate begins with in DER
_MAX_DER = 2**14  # octets, more than any of them has

# White space, quotation marks and the bracket of an array may stand before a key.
_BEFORE = [b" ", b"\t", b"\n", b"\r", b"\v", b"\f", b'"', b"'", b"["]
# With which two octets a key of at most 64 octets begins. DER does not count here:
# hmac_keys looks at its length, too. Of the salts that `secrets` makes, at most one in
# 250 begins so.
_BEGINNINGS = {
    *(b"--", b"Pu"),  # PEM and SSH2, PuTTY
    *(b"ss", b"ec", b"sk", b"AA", b"\0\0"),  # OpenSSH: a line, its base64, its octets
    *(b"{" + octet for octet in _BEFORE),  # JWK: {" or {' or white space
    *(b"LS", b"ey"),  # the base64 of PEM and JWK
    *(b"M" + bytes([second]) for second in b"CDEFGHI"),  # the base64 of DER
    b"\xef\xbb",  # a byte order mark, before any of these
}
# One of the octets before a key, then another of them or the first octet of the key.
_BEGINNINGS |= {
    octet + key[:1] for octet in _BEFORE for key in [*_BEGINNINGS, *_BEFORE]
}


def _not_assigned(claims: dict[str, Any]) -> NoReturn:
    """Raise; the value of `joat.salt_generator` until a function is assigned."""
    raise NotImplementedError(
        "joat.salt_generator is not set: assign a function to it that takes the"
        " claims of a token (dict) and returns their salt (str or bytes)"
    )


def parse_salts(text: Union[str, bytes]) -> list[bytes]:
    """Return the salts of a text, such as an environment variable, newest first.

    The text has one salt per line; lines end in LF or CRLF, and empty lines are
    ignored. Call this once, where your server starts, so that a mistake shows there.

    Raises `TypeError` if `text` is neither str nor bytes, and `ValueError` if it has no
    salt, is larger than 1 MiB, or is the text of a key. Raises `ValueError`, with the
    number of the line but never what it holds, for a line that

    - is not UTF-8, or has a byte order mark, another character that is not printable,
      or white space at either end;
    - has fewer than 32 octets (RFC 7518 section 3.2), or fewer than 8 different ones;
    - has a comment, is JSON or the text of a key;
    - has quotation marks around it, or a backslash and an n;
    - is NAME=VALUE, or a command or variable that no shell has replaced;
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
    # Two faults show only in the whole text: the wrapped base64 of a key, and quotation
    # marks around several lines. They come last, because other errors name a line.
    is_key = _is_key(secret)
    is_quoted = _is_quoted(secret.strip(b"\r\n"))
    secret = secret.replace(b"\r\n", b"\n").split(b"\n")
    for number, private_key in enumerate(secret, 1):
        fault = _fault_of_line(private_key) if private_key else None
        if fault is not None:
            raise ValueError(f"line {number} of the salts {fault}")
    if is_key:
        raise ValueError("the salts are the text of a key")
    if is_quoted:
        raise ValueError("the salts have quotation marks around them")
    return [private_key for private_key in secret if private_key]


def require_salt_generator() -> None:
    """Raise unless `joat.salt_generator` has been assigned, and is callable."""
    if joat.salt_generator is _not_assigned:
        _not_assigned({})
    if not callable(joat.salt_generator):
        raise type_error("joat.salt_generator must be a function", joat.salt_generator)


def keys_of_argument(secret: Union[Salt, Omitted]) -> Optional[list[bytes]]:
    """Return the HMAC keys of an argument, or None if it was omitted.

    If it was, there must be a salt function to ask: see `require_salt_generator`.
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
    cannot be secret. Issues a `WeakSaltWarning`, at the caller of the public function,
    if a salt is too short.
    """
    if secret is None:
        secret = []
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
            # An index is faster than a call.
            or (private_key[-1] == 0 and private_key.endswith(b"\0\0\0\0"))
            # DER. Its length comes first, because the tag is also the character "0".
            or (private_key[1] == length - 2 and private_key[0] == _SEQUENCE)
        ):
            _require_secret(private_key)
            unpadded = len(private_key.rstrip(b"\0"))
            is_weak |= length < _MIN_LENGTH or unpadded < _MIN_UNPADDED
    if is_weak:
        rule = "a salt is shorter than 32 bytes, or padded (RFC 7518 section 3.2)"
        # 4: this function, its caller, the public function, the application.
        warnings.warn(rule, WeakSaltWarning, stacklevel=4)
    return secret


def _octets(secret: Any) -> bytes:
    kind = type(secret)
    if issubclass(kind, str):
        if LONE_SURROGATE.search(secret):
            raise ValueError("a salt must not hold a lone surrogate")
        return str.encode(secret)
    if issubclass(kind, (bytes, bytearray, memoryview)):
        return bytes(secret)
    rule = "a salt must be a str or bytes, a list or tuple of these, or None"
    raise type_error(rule, secret)


def _require_secret(secret: bytes) -> None:
    if not any(secret):
        raise ValueError("a salt must not be empty, nor consist of NULs")
    # Everybody knows a public key, such as that of a server which moves from RS256.
    if _is_key(secret):
        raise ValueError("a salt must not be the text of a public or private key")


def _fault_of_line(private_key: bytes) -> Optional[str]:
    # The line as text. Octets that are not UTF-8 become surrogates, which are not
    # printable.
    secret = private_key.decode(errors="surrogateescape")
    if not secret.isprintable():
        return "is not UTF-8, or has a BOM or control character"
    if secret != secret.strip():
        return "begins or ends with white space"
    # An array may also go on in the next line.
    is_array = secret.startswith("[") and secret.endswith("]")
    if secret.startswith(("#", "{", '["', "['", "----")) or " #" in secret or is_array:
        return "has a comment or JSON"
    if _is_key(private_key):
        return "is the text of a key"
    if len(private_key) < _MIN_LENGTH:
        return f"has fewer than {_MIN_LENGTH} octets; {_MAKE_ONE}"
    if _is_quoted(private_key):
        return "has quotation marks around it"
    if "\\n" in secret:
        return "has a backslash and an n instead of a line break"
    if _NAME_AND_VALUE.match(secret):
        return "is NAME=VALUE; give the value only"
    if secret.startswith(("$(", "${", "`")):
        return "is a command or variable that no shell has replaced"
    if len({*private_key}) < _MIN_DIFFERENT:
        return f"has fewer than {_MIN_DIFFERENT} different octets; {_MAKE_ONE}"
    if any(word in secret.lower() for word in _PLACEHOLDERS):
        return f"is a placeholder: it contains one of {', '.join(_PLACEHOLDERS)}"
    return None


def _is_quoted(secret: bytes) -> bool:
    return secret[:1] == secret[-1:] and secret[:1] in (b"'", b'"')


def _is_key(secret: bytes) -> bool:
    """Tell whether this is a key or certificate, or a text that contains one."""
    # UTF-16 has NULs between the characters.
    if _is_der(secret) or _KEY_TEXT.search(secret.replace(b"\0", b"")):
        return True
    # As it stands, and in one piece: encoded text may be wrapped, and hexadecimal have
    # colons. What it decodes to may be encoded, too.
    secret += b" " + secret.translate(None, _SEPARATORS)
    for private_key in _ENCODED.findall(secret):
        if any(map(_is_key, _decodings(private_key))):
            return True
    return False


def _decodings(secret: bytes) -> Iterator[bytes]:
    with suppress(ValueError):
        yield bytes.fromhex(secret.decode())
    secret = secret.translate(_FROM_URL)
    # A last character by itself encodes nothing, and a2b_base64 refuses it.
    yield a2b_base64(secret[: len(secret) - (len(secret) % 4 == 1)] + b"==")


def _is_der(secret: bytes) -> bool:
    """Tell whether this is the DER of a key or certificate, or its beginning.

    The first line of wrapped base64 is such a beginning.
    """
    # DER is a SEQUENCE that begins with a SEQUENCE, an INTEGER or [0].
    if len(secret) < 5 or secret[0] != _SEQUENCE:
        return False
    start, length = 2, secret[1]
    if 0x81 <= length <= 0x82:  # so many octets more (X.690 section 8.1.3.5)
        start += length - 0x80
        length = int.from_bytes(secret[2:start], "big")
    end = start + length
    if secret[start] not in (_SEQUENCE, 0x02, 0xA0):
        return False
    # Random octets seldom begin with a length of several octets, or an inner SEQUENCE
    # that begins with an OBJECT IDENTIFIER (0x06).
    is_rare = start > 2 or secret[start + 2] == 0x06
    return len(secret) == end or (is_rare and len(secret) < end < _MAX_DER)
