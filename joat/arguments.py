"""What callers hand over, checked before any token is looked at.

A wrong argument is a mistake of the server's programmer: a `TypeError` or
`ValueError` that names it, whatever the token. The type is asked for by `type`,
since `isinstance` believes proxies such as werkzeug's LocalProxy.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from datetime import timedelta
from enum import Enum
from typing import Any, Final, Literal, Optional, TypeVar, Union

_T = TypeVar("_T")
_Several = Union[list[_T], tuple[_T, ...], set[_T], frozenset[_T]]
Identifier = Union[str, int]
# To a type checker, a list or set of str is not one of Identifier.
Accepted = Union[Identifier, _Several[str], _Several[int], _Several[Identifier]]
Permissions = _Several[str]

_PERMISSION = "scope must hold only str"

# What has no UTF-8 form. Encoding would tell as well, but with an error that holds
# the text.
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Omitted(Enum):
    """The type of `OMITTED`; an Enum, since type checkers narrow on its members."""

    OMITTED = "omitted"

    def __repr__(self) -> str:
        return "OMITTED"


OMITTED: Final[Literal[Omitted.OMITTED]] = Omitted.OMITTED
"""The default of arguments for which None is a mistake, not a default."""


def wrong_type(rule: str, value: Any) -> TypeError:
    """Return the error for an argument whose type breaks the `rule`."""
    return TypeError(f"{rule}, not {type(value).__name__}")


def text(rule: str, value: Any) -> str:
    """Return a str, of a subclass as a plain one; for all else raise the `rule`."""
    if type(value) is str:
        return value
    if not issubclass(type(value), str):
        raise wrong_type(rule, value)
    return str.__str__(value)


def octets_or_text(token: Any) -> Optional[str]:
    """Return str or bytes as a plain str, and None for all else.

    Octets are Latin-1, as in HTTP servers.
    """
    kind = type(token)
    if kind is str:
        return token
    if issubclass(kind, bytes):
        return bytes.decode(token, "latin-1")
    return str.__str__(token) if issubclass(kind, str) else None


def identifier(name: str, value: Any) -> Identifier:
    """Return the argument `name`, of a subclass of str or int as a plain one.

    Plain, since `repr` and the like of an Enum's member differ from what a
    verifier gets to see.
    """
    kind = type(value)
    if kind is str or kind is int:
        return value
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, int) and kind is not bool:
        return int.__int__(value)
    raise wrong_type(f"{name} must be a str or an int", value)


def accepted(name: str, value: Any) -> Collection[object]:
    """Return the accepted values of the argument `name`, for `is_accepted`.

    A set is not walked, since it may be large: what it holds besides str and int
    is never equal to an identifier.
    """
    kind = type(value)
    if kind is str:
        return (value,)
    if issubclass(kind, (str, int)) and kind is not bool:
        return (identifier(name, value),)
    if issubclass(kind, (list, tuple)):
        return [identifier(name, one) for one in value]
    if issubclass(kind, (set, frozenset)):
        return value
    rule = f"{name} must be a str or an int, or a list, tuple, set or frozenset of them"
    raise wrong_type(rule, value)


def is_accepted(value: Identifier, values: Collection[object]) -> bool:
    """Tell whether a token's identifier is among the `accepted` values."""
    return (value if isinstance(value, str) else _Int(value)) in values


class _Int:
    """An int that True, 1.0 and Decimal(1), which a set may hold, are not equal to."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __hash__(self) -> int:
        return hash(self.value)

    def __eq__(self, other: object) -> bool:
        kind = type(other)
        return issubclass(kind, int) and kind is not bool and self.value == other


def permissions(scope: Any) -> list[str]:
    """Return the permissions that a verifier asks for.

    Those of a set are sorted, so that the challenge is always the same.
    """
    kind = type(scope)
    if not issubclass(kind, (list, tuple, set, frozenset)):
        raise wrong_type("scope must be a list, tuple, set or frozenset of str", scope)
    found = [text(_PERMISSION, one) for one in scope]
    return sorted(found) if issubclass(kind, (set, frozenset)) else found


def scope_claim(scope: Any) -> list[str]:
    """Return the permissions that a token is to hold, in the order given."""
    if not issubclass(type(scope), list):
        raise wrong_type("scope must be a list of str", scope)
    return [text(_PERMISSION, one) for one in scope]


def seconds(leeway: Any) -> float:
    """Return the leeway, a number of seconds or a timedelta, in seconds."""
    kind = type(leeway)
    if issubclass(kind, timedelta):
        leeway = timedelta.total_seconds(leeway)
    elif not issubclass(kind, (int, float)) or kind is bool:
        rule = "leeway must be a number of seconds or a datetime.timedelta"
        raise wrong_type(rule, leeway)
    if not 0 <= leeway <= sys.float_info.max:
        raise ValueError("leeway must be finite, and zero or more")
    return float(leeway)  # NumPy's own cannot be compared with a huge int


def instance(kind: type[_T], name: str, value: Any) -> _T:
    """Return the argument `name`, which must be a `kind`: a datetime or timedelta."""
    if not issubclass(type(value), kind):
        raise wrong_type(f"{name} must be a datetime.{kind.__name__}", value)
    return value
