"""What callers hand over, checked before any token is looked at.

A wrong argument is a mistake of the server's programmer: a `TypeError` or
`ValueError` that names it, whatever the token. The type is asked for by `type`,
since `isinstance` believes proxies such as werkzeug's LocalProxy.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final, Literal, TypeVar, Union

_T = TypeVar("_T")
_Several = Union[list[_T], tuple[_T, ...], set[_T], frozenset[_T]]
Identifier = Union[str, int]
# To a type checker, a list or set of str is not one of Identifier.
Accepted = Union[Identifier, _Several[str], _Several[int], _Several[Identifier]]
Permissions = _Several[str]

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Omitted(Enum):
    """The type of `OMITTED`; an Enum, since type checkers narrow on its members."""

    OMITTED = "omitted"

    def __repr__(self) -> str:
        return "OMITTED"


OMITTED: Final[Literal[Omitted.OMITTED]] = Omitted.OMITTED
"""The default of arguments for which None is a mistake, not a default."""


def wrong_type(rule: str, value: Any) -> TypeError:
    """Return the error for an argument whose type is against the `rule`."""
    return TypeError(f"{rule}, not {type(value).__name__}")


def has_lone_surrogate(text: str) -> bool:
    """Tell whether a text has no UTF-8 form.

    To try would do as well, but the standard library's error holds the text.
    """
    return _LONE_SURROGATE.search(text) is not None


def text(name: str, value: Any) -> str:
    """Return the argument `name` as a plain str, also if it is of a subclass."""
    if not issubclass(type(value), str):
        raise wrong_type(f"{name} must be a str", value)
    return str.__str__(value)


def identifier(name: str, value: Any) -> Identifier:
    """Return the argument `name`, of a subclass of str or int as a plain one.

    Plain, since `repr` and the like of an Enum's member differ from what a
    verifier gets to see.
    """
    kind = type(value)
    if kind is str or kind is int:
        plain: Identifier = value
        return plain
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
        values: Collection[object] = value
        return values
    rule = f"{name} must be a str or an int, or a list, tuple, set or frozenset of them"
    raise wrong_type(rule, value)


def is_accepted(value: Identifier, values: Collection[object]) -> bool:
    """Tell whether a token's identifier is among the `accepted` values."""
    return (value if isinstance(value, str) else _Int(value)) in values


class _Int:
    """An int that neither True nor 1.0 is equal to, wherever they stand."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __hash__(self) -> int:
        return hash(self.value)

    def __eq__(self, other: object) -> bool:
        kind = type(other)
        return issubclass(kind, int) and kind is not bool and self.value == other


def header_text(authorization: Any) -> str:
    """Return the value of a header as text; octets are Latin-1, as in HTTP servers."""
    kind = type(authorization)
    if kind is str:
        value: str = authorization
        return value
    if issubclass(kind, bytes):
        return bytes.decode(authorization, "latin-1")
    if not issubclass(kind, str):
        raise wrong_type("authorization must be a str, bytes or None", authorization)
    return str.__str__(authorization)


def permissions(scope: Any) -> list[str]:
    """Return the permissions that a verifier asks for, in an order that stays."""
    kind = type(scope)
    if not issubclass(kind, (list, tuple, set, frozenset)):
        raise wrong_type("scope must be a list, tuple, set or frozenset of str", scope)
    found = list(map(_permission, scope))
    return sorted(found) if issubclass(kind, (set, frozenset)) else found


def scope_claim(scope: Any) -> list[str]:
    """Return the permissions that a token is to hold, in the order given."""
    if not issubclass(type(scope), list):
        raise wrong_type("scope must be a list of str", scope)
    return list(map(_permission, scope))


def _permission(value: Any) -> str:
    if type(value) is str:
        return value
    if not issubclass(type(value), str):
        raise wrong_type("scope must hold only str", value)
    return str.__str__(value)


def seconds(leeway: Any) -> float:
    """Return the leeway in seconds, given as such or as a timedelta."""
    kind = type(leeway)
    if issubclass(kind, timedelta):
        leeway = timedelta.total_seconds(leeway)
    elif not issubclass(kind, (int, float)) or kind is bool:
        rule = "leeway must be a number of seconds or a datetime.timedelta"
        raise wrong_type(rule, leeway)
    if not 0 <= leeway <= sys.float_info.max:
        raise ValueError("leeway must be finite, and zero or more")
    number: float = leeway
    return number


def moment(name: str, value: datetime) -> datetime:
    """Return the argument `name`, which must be a datetime."""
    if not issubclass(type(value), datetime):
        raise wrong_type(f"{name} must be a datetime.datetime", value)
    return value


def duration(name: str, value: timedelta) -> timedelta:
    """Return the argument `name`, which must be a timedelta."""
    if not issubclass(type(value), timedelta):
        raise wrong_type(f"{name} must be a datetime.timedelta", value)
    return value
