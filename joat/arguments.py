"""Checks of callers' arguments, made before a token is read.

A wrong argument is a mistake of the server's programmer: a `TypeError` or `ValueError`
that names it, whatever the token. Types are compared with `type`, because proxies such
as werkzeug's LocalProxy fool isinstance. A str or int of a subclass comes back as a
plain one, because str() and f-strings may give the name of an Enum's member.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Final, Literal, TypeVar, Union

_T = TypeVar("_T")
_Several = Union[list[_T], tuple[_T, ...], set[_T], frozenset[_T]]
Identifier = Union[str, int]
# list and set are invariant, so each element type is spelled out.
Accepted = Union[Identifier, _Several[str], _Several[int], _Several[Identifier]]
Permissions = _Several[str]

_ONLY_STR = "scope must hold only str"

# Matches text that has no UTF-8 form. Encoding would also fail, but its error holds the
# text.
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Omitted(Enum):
    """The type of `OMITTED`; an Enum, because type checkers narrow on its members."""

    OMITTED = "omitted"

    def __repr__(self) -> str:
        return "OMITTED"


OMITTED: Final[Literal[Omitted.OMITTED]] = Omitted.OMITTED
"""The default of arguments for which None is a mistake or a value of its own."""


def type_error(rule: str, value: Any) -> TypeError:
    """Return the error for an argument whose type breaks the `rule`."""
    return TypeError(f"{rule}, not {type(value).__name__}")


def plain_str(rule: str, value: Any) -> str:
    """Return a str as a plain one; for any other type raise TypeError with the rule."""
    if type(value) is str:
        return value
    if not issubclass(type(value), str):
        raise type_error(rule, value)
    return str.__str__(value)


def plain_identifier(name: str, value: Any) -> Identifier:
    """Return the argument `name`, which must be a str or an int, as a plain one."""
    kind = type(value)
    if kind is str or kind is int:
        return value
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, int) and kind is not bool:
        return int.__int__(value)
    raise type_error(f"{name} must be a str or an int", value)


def needed_scope(scope: Any) -> list[str]:
    """Return the permissions that a token needs to be let in.

    Those of a set are sorted, so that the challenge is always the same.
    """
    kind = type(scope)
    if not issubclass(kind, (list, tuple, set, frozenset)):
        raise type_error("scope must be a list, tuple, set or frozenset of str", scope)
    found = [plain_str(_ONLY_STR, permission) for permission in scope]
    return sorted(found) if issubclass(kind, (set, frozenset)) else found


def granted_scope(scope: Any) -> list[str]:
    """Return the permissions that a token is to grant, in the order given."""
    if not issubclass(type(scope), list):
        raise type_error("scope must be a list of str", scope)
    return [plain_str(_ONLY_STR, permission) for permission in scope]


def require_instance(name: str, value: Any, kind: type[_T]) -> _T:
    """Return the argument `name`, which must be a `kind`: a datetime or timedelta."""
    if not issubclass(type(value), kind):
        raise type_error(f"{name} must be a datetime.{kind.__name__}", value)
    return value
