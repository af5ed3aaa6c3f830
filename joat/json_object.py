"""JSON objects (RFC 8259), read as strictly as tokens need it.

Python's `json` takes more than JSON, and how much more depends on the version and
on whether its scanner is that in C. Here all of them give the same.

Every refusal is raised outside any `except` block: the errors of the standard
library hold the text that they failed on, and would stay reachable as
`__context__`.
"""

from __future__ import annotations

import re
from json import JSONDecoder
from typing import Any, NoReturn

from joat.errors import MalformedToken

MAX_DEPTH = 128
"""The deepest nesting of arrays and objects that is read, in levels."""

MAX_DIGITS = 4_300
"""The longest integer that is read or issued, in digits; Python's own limit moves."""

_WHITE_SPACE = " \t\n\r"  # RFC 8259 section 2; str.strip() alone takes more

# An escape that is not \u and four hexadecimal digits (json's scanner in Python has
# int() read them, which takes spaces, signs and "_"), or half a surrogate pair, which
# would break whoever encodes the string next (RFC 8259 section 8.2).
_WRONG_ESCAPE = re.compile(
    r"\\u(?:(?![0-9A-Fa-f]{4})"
    r"|[Dd][89ABab]..(?!\\u[Dd][C-Fc-f])"
    r"|(?<!\\u[Dd][89ABab]..\\u)[Dd][C-Fc-f])"
)

_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_OPEN = ord("[")


def parse(octets: bytes, part: str) -> dict[str, Any]:
    """Return the JSON object that `octets` hold in UTF-8.

    Raises `MalformedToken`, naming the `part` of the token, for anything else: a
    byte order mark, `NaN`, a lone surrogate, nesting beyond `MAX_DEPTH` and an
    integer of more than `MAX_DIGITS` included. Of members with the same name the
    last counts (RFC 7519 section 4).
    """
    value = None
    # No more than MAX_DEPTH octets cannot nest deeper.
    if len(octets) <= MAX_DEPTH or not _is_too_deep(octets):
        try:
            text = octets.decode().strip(_WHITE_SPACE)
            decode = _usual if len(text) <= MAX_DIGITS and text.isascii() else _careful
            found, end = decode(text)
            if end == len(text) and not ("\\" in text and has_wrong_escape(text)):
                value = found
        except ValueError:
            pass  # and out of this block, as said above
    if type(value) is not dict:
        raise MalformedToken(f"the {part} of the token is not a JSON object")
    return value


def has_wrong_escape(text: str) -> bool:
    r"""Tell whether a JSON text has half a surrogate pair, or \u without its digits."""
    # An escaped backslash gives way to something, or else what stood on either side
    # of it would look like one escape.
    return _WRONG_ESCAPE.search(text.replace("\\\\", "--")) is not None


def _is_too_deep(octets: bytes) -> bool:
    # How deep json can go, and whether it then raises or crashes, differs
    # between versions, threads and recursion limits.
    if octets.count(b"[") + octets.count(b"{") <= MAX_DEPTH:
        return False
    outside = octets.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2]
    depth = 0
    # What closes too much goes below zero: json stops there, whatever follows.
    for bracket in b"".join(outside).translate(_SQUARE, _NO_BRACKETS):
        depth += 1 if bracket == _OPEN else -1
        if depth > MAX_DEPTH:
            return True
    return False


def _refuse_constant(name: str) -> NoReturn:
    # NaN, Infinity and -Infinity, which json takes although JSON has no such thing.
    raise ValueError


def _int(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS or not digits.isascii():
        raise ValueError
    return int(digits)


def _float(digits: str) -> float:
    if not digits.isascii():  # the scanner in Python takes those of any script
        raise ValueError
    return float(digits)


_usual = JSONDecoder(parse_constant=_refuse_constant).raw_decode
# For texts that could hold an integer that is too long, or foreign digits.
_careful = JSONDecoder(
    parse_int=_int, parse_float=_float, parse_constant=_refuse_constant
).raw_decode
