"""JSON objects (RFC 8259), read as strictly as tokens need it.

Python's `json` takes more than JSON. How much more depends on the Python version and
on whether the C scanner is used; this module gives the same result on all. It decodes
with `json`, and checks before and after for what `json` wrongly takes.

Every refusal is raised outside any `except` block, because the errors of the standard
library hold the text that they failed on, which would stay reachable as `__context__`.
"""

from __future__ import annotations

import re
import sys
from itertools import accumulate
from json import JSONDecoder, scanner
from typing import Any, NoReturn

from joat.errors import MalformedToken

MAX_DEPTH = 128
"""The deepest nesting of arrays and objects that is read, in levels."""

MAX_DIGITS = 4_300
"""The longest integer that is read or issued, in digits. Python's own can change."""

_WHITE_SPACE = " \t\n\r"  # RFC 8259 section 2; str.strip() alone takes more

# Lone surrogates would break whoever encodes the string next (RFC 8259 section 8.2).
_WRONG_ESCAPE = re.compile(
    r"""
    \\u (?:
      (?![0-9A-Fa-f]{4})     # not four digits; the scanner in Python takes "_"
    | [Dd][89ABab].. (?!\\u[Dd][C-Fc-f])          # a high surrogate without a low one
    | (?<!\\u[Dd][89ABab]..\\u) [Dd][C-Fc-f]     # a low surrogate without a high one
    )
    """,
    re.VERBOSE,
)

# An opening bracket becomes the signed octet 1, and a closing one -1: steps of depth.
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NON_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def parse(octets: bytes, part: str) -> dict[str, Any]:
    """Return the JSON object that is encoded in `octets`.

    Raises `MalformedToken`, naming the `part` of the token, for anything else,
    including a byte order mark, `NaN`, a lone surrogate, nesting beyond `MAX_DEPTH`
    and an integer of more than `MAX_DIGITS`. Of members with the same name the last
    counts (RFC 7519 section 4).
    """
    value = None
    # MAX_DEPTH octets or fewer cannot nest deeper.
    if len(octets) <= MAX_DEPTH or not _is_too_deep(octets):
        try:
            text = octets.decode().strip(_WHITE_SPACE)
            decode = _strict_decode if _needs_strict(octets) else _fast_decode
            found, end = decode(text)
            if end == len(text) and not ("\\u" in text and has_wrong_escape(text)):
                value = found
        except ValueError:
            pass  # refused below, outside this block: see the top of the module
    if type(value) is not dict:
        raise MalformedToken(f"the {part} of the token is not a JSON object")
    return value


def has_wrong_escape(text: str) -> bool:
    r"""Tell whether a JSON text has a lone surrogate, or \u without its digits."""
    # Replace escaped backslashes first; deleting them could join the text on both sides
    # into an escape.
    return _WRONG_ESCAPE.search(text.replace("\\\\", "--")) is not None


def _is_too_deep(octets: bytes) -> bool:
    # How deep json can go, and whether it then raises or crashes, differs
    # between versions, threads and recursion limits.
    if octets.count(b"[") + octets.count(b"{") <= MAX_DEPTH:
        return False
    # Without escaped quotation marks, splitting at the others gives, in turn, text
    # outside and inside strings. Escaped backslashes go first, because a quotation mark
    # behind one is not escaped. Deleting may join other escapes, but makes no quotation
    # mark and no bracket.
    outside = octets.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2]
    steps = b"".join(outside).translate(_STEPS, _NON_BRACKETS)
    # Depth below 0 comes from an extra closing bracket. The decoder stops there, so
    # later brackets do not matter.
    return max(accumulate(memoryview(steps).cast("b")), default=0) > MAX_DEPTH


def _needs_strict(octets: bytes) -> bool:
    if len(octets) <= MAX_DIGITS and octets.isascii():
        return False  # No number can be too long, or in digits of another script.
    # The fast decoder is strict enough if the scanner in C is there, which takes ASCII
    # digits only, and if int() refuses more than MAX_DIGITS.
    limit = getattr(sys, "get_int_max_str_digits", lambda: None)()
    return getattr(scanner, "c_make_scanner", None) is None or limit != MAX_DIGITS


def _refuse_constant(name: str) -> NoReturn:
    # NaN, Infinity and -Infinity, which json accepts although JSON does not have them.
    raise ValueError


def _int(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS or not digits.isascii():
        raise ValueError
    return int(digits)


def _float(digits: str) -> float:
    if not digits.isascii():  # the scanner in Python takes those of any script
        raise ValueError
    return float(digits)


_fast_decode = JSONDecoder(parse_constant=_refuse_constant).raw_decode
# Checks the length of integers, and refuses digits that are not ASCII.
_strict_decode = JSONDecoder(
    parse_int=_int, parse_float=_float, parse_constant=_refuse_constant
).raw_decode
