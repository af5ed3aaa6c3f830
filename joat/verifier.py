"""Verifying access tokens.

`_read` takes a token apart, and `_judge` looks up its salt and checks it.
Until its signature holds, no error tells anything about its times, provider, client and
scope.

`_read` catches refusals, and from there on they are returned to the public functions,
for two reasons. `parse_token` must not catch a `TokenError` that the salt function
raises. And the others drop the token and the salt before they raise: no frame of the
traceback holds them. While the salt function runs, only a `_Token` holds the parts of
the token.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Collection
from datetime import timedelta
from typing import Any, Optional, TypeVar, Union

import joat
from joat import errors, json_object, jws
from joat.arguments import (
    OMITTED,
    Accepted,
    Identifier,
    Omitted,
    Permissions,
    needed_scope,
    plain_identifier,
    type_error,
)
from joat.claims import Credentials, VerifiedCredentials, check_claims
from joat.errors import TokenError
from joat.salt import Salt, hmac_keys, keys_of_argument, require_salt_generator

_T = TypeVar("_T")
_Values = Optional[Collection[object]]
# Accepted providers, accepted clients (None accepts all), needed permissions, leeway.
_Expectations = tuple[_Values, _Values, list[str], float]

_NO_EXPECTATIONS: _Expectations = (None, None, [], 0.0)


class _Token:
    """A token that was taken apart. Its repr shows nothing of it."""

    __slots__ = ("begins", "claims", "credentials", "signature", "signing_input")

    signing_input: bytes
    signature: bytes
    claims: dict[str, Any]
    credentials: VerifiedCredentials
    begins: Union[int, float, None]


def parse_token(token: object) -> Optional[Credentials]:
    """Return the `Credentials` that a valid token grants, or None for any other.

    `token` may be anything at all.

    Raises `NotImplementedError` if `joat.salt_generator` has not been assigned, and
    what that function raises; `TypeError` if it is not callable; `TypeError` or
    `ValueError` if it returns an invalid salt. Issues a `WeakSaltWarning` for a weak
    salt.
    """
    require_salt_generator()
    token = _read(token)
    verdict = _judge(token, None, _NO_EXPECTATIONS)
    if isinstance(verdict, TokenError):
        return None
    # parse_token returns what it returned in PyJOAT 1.1.1.
    del verdict["expires_at"]  # type: ignore[misc]
    return verdict


def verify_token(
    token: object,
    *,
    provider: Union[Accepted, Omitted] = OMITTED,
    client_id: Union[Accepted, Omitted] = OMITTED,
    scope: Union[Permissions, Omitted] = OMITTED,
    leeway: Union[int, float, timedelta, Omitted] = OMITTED,
    salt: Union[Salt, Omitted] = OMITTED,
) -> VerifiedCredentials:
    """Return the `VerifiedCredentials` that a valid token grants.

    `provider` and `client_id` are the accepted value (str or int), or a list,
    tuple, set or frozenset of accepted ones; `scope` is a list, tuple, set or
    frozenset of permissions (str), all of which the token must have. What is left
    out is not checked. `leeway` is how far the issuer's clock may be off, in
    seconds or as a timedelta; it applies to `exp` and `nbf`. `salt` is the
    secret, in any form that `joat.salt_generator` may return; without it, that
    function is asked.

    Raises, in this order: `TypeError` or `ValueError` for wrong arguments, and
    `NotImplementedError` if neither `salt` nor `joat.salt_generator` is given;
    `MalformedToken`; what `joat.salt_generator` raises, or `TypeError` or
    `ValueError` if it returns an invalid salt; `InvalidSignature`; `ExpiredToken`;
    `NotYetValid`; `InvalidClaim`; `InsufficientScope`. Issues a `WeakSaltWarning`
    for a weak salt.
    """
    secret: Any = salt
    del salt  # crash reporters redact the name `secret` (see joat.salt)
    expectations = _expectations(provider, client_id, scope, leeway)
    secret = keys_of_argument(secret)
    token = _read(token)
    try:
        return _unless_refused(_judge(token, secret, expectations))
    finally:
        del token, secret


def authenticate(
    authorization: Union[str, bytes, None],
    *,
    provider: Union[Accepted, Omitted] = OMITTED,
    client_id: Union[Accepted, Omitted] = OMITTED,
    scope: Union[Permissions, Omitted] = OMITTED,
    leeway: Union[int, float, timedelta, Omitted] = OMITTED,
    salt: Union[Salt, Omitted] = OMITTED,
) -> VerifiedCredentials:
    """Verify the token of an HTTP `Authorization` header (RFC 6750 section 2.1).

    `authorization` is the value of the header, or None if the request has none.
    The other arguments and the result are those of `verify_token`. So are the
    errors, and there are two more: `MissingToken` if there is no header or it is for
    another scheme than Bearer, `InvalidRequest` if it has no token or several. A value
    that is neither str, bytes nor None is a `TypeError`.
    """
    secret: Any = salt
    del salt  # crash reporters redact the name `secret` (see joat.salt)
    expectations = _expectations(provider, client_id, scope, leeway)
    secret = keys_of_argument(secret)
    # From here on `token` is a text, then a _Token; a refusal stays one.
    token: Any = _bearer_token(authorization)
    del authorization
    if not isinstance(token, TokenError):
        token = _read(token)
    try:
        return _unless_refused(_judge(token, secret, expectations))
    finally:
        del token, secret


def bearer_token(authorization: Union[str, bytes, None]) -> str:
    """Return the token of an HTTP `Authorization` header, unchecked.

    Use this to look up the salt, where that is asynchronous; then call `authenticate`
    with it. The argument is the same, and so are the errors about the header:
    `MissingToken`, `InvalidRequest` and `TypeError`.
    """
    try:
        return _unless_refused(_bearer_token(authorization))
    finally:
        del authorization


def unverified_claims(token: object) -> dict[str, Any]:
    """Return the claims of a well-formed token whose signature nobody has checked.

    For looking up the salt to hand to `verify_token` or `authenticate`. Anyone can
    write such a token: trust nothing in it. `joat.salt_generator` is not called.

    Raises `MalformedToken`.
    """
    try:
        return _unless_refused(_read(token)).claims
    finally:
        del token


def _unless_refused(verdict: Union[_T, TokenError]) -> _T:
    if isinstance(verdict, TokenError):
        try:
            raise verdict
        finally:
            del verdict  # Otherwise the error and this frame keep each other alive.
    return verdict


def _bearer_token(authorization: Any) -> Union[str, TokenError]:
    if authorization is None:
        return errors.MissingToken("there is no Authorization header")
    # Named `token`, because it may hold one: crash reporters redact the name.
    token = jws.text_of(authorization)
    if token is None:
        raise type_error("authorization must be a str, bytes or None", authorization)
    # RFC 9110 section 5.5: the white space around a value is not part of it.
    token = token.strip(" \t")
    # "bearer" is the scheme without a token: strip has taken the space.
    if token[:7].lower() not in ("bearer", "bearer "):
        return errors.MissingToken(
            "the Authorization header does not begin with Bearer and a space"
        )
    token = token[7:].lstrip(" ")
    if not token:
        return errors.InvalidRequest("the Authorization header has no token")
    if " " in token:
        return errors.InvalidRequest("the Authorization header has more than one token")
    return token


def _read(token: Any) -> Union[_Token, TokenError]:
    read = _Token()
    try:
        read.signing_input, payload, read.signature = jws.parse(token)
        read.claims = json_object.parse(payload, "payload")
        read.credentials, read.begins = check_claims(read.claims)
    except TokenError as error:
        # Drop the traceback: its frames hold parts of the token.
        return error.with_traceback(None)
    return read


def _judge(
    token: Union[_Token, TokenError],
    secret: Optional[list[bytes]],
    expectations: _Expectations,
) -> Union[VerifiedCredentials, TokenError]:
    if isinstance(token, TokenError):
        return token
    if secret is None:
        secret = hmac_keys(joat.salt_generator(token.claims))
    if not jws.is_signed(token.signing_input, token.signature, secret):
        return errors.InvalidSignature("the token's signature does not match")

    credentials = token.credentials
    providers, clients, needed, leeway = expectations
    now = time.time()
    # Written with `not`, so that a clock that gives NaN, such as a mock, refuses all.
    if not credentials["expires_at"] > now - leeway:
        return errors.ExpiredToken("the token has expired")
    if token.begins is not None and not token.begins <= now + leeway:
        return errors.NotYetValid("the token is not valid yet")
    if providers is not None and not _is_among(credentials["provider"], providers):
        return errors.InvalidClaim("the token is from another provider")
    if clients is not None and not _is_among(credentials["client_id"], clients):
        return errors.InvalidClaim("the token is for another client")
    if needed and not set(credentials["authorized_scope"]).issuperset(needed):
        return errors.InsufficientScope("the token lacks a permission", needed)
    return credentials


def _expectations(
    provider: Union[Accepted, Omitted],
    client_id: Union[Accepted, Omitted],
    scope: Union[Permissions, Omitted],
    leeway: Union[int, float, timedelta, Omitted],
) -> _Expectations:
    return (
        None if provider is OMITTED else _accepted_values("provider", provider),
        None if client_id is OMITTED else _accepted_values("client_id", client_id),
        [] if scope is OMITTED else needed_scope(scope),
        0.0 if leeway is OMITTED else _leeway_seconds(leeway),
    )


def _accepted_values(name: str, value: Any) -> Collection[object]:
    kind = type(value)
    if kind is str:
        return (value,)
    # A set is used unchecked: it may be large, and members of other types never match.
    if issubclass(kind, (set, frozenset)):
        return value
    if issubclass(kind, (list, tuple)):
        return [plain_identifier(name, one) for one in value]
    if issubclass(kind, (str, int)) and kind is not bool:
        return (plain_identifier(name, value),)
    rule = f"{name} must be a str or an int, or a list, tuple, set or frozenset of them"
    raise type_error(rule, value)


def _is_among(value: Identifier, accepted: Collection[object]) -> bool:
    return (value if isinstance(value, str) else _Int(value)) in accepted


class _Int:
    """An int that equals only ints: a set may hold True, 1.0 or Decimal(1)."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __hash__(self) -> int:
        return hash(self.value)

    def __eq__(self, other: object) -> bool:
        kind = type(other)
        return issubclass(kind, int) and kind is not bool and self.value == other


def _leeway_seconds(leeway: Any) -> float:
    kind = type(leeway)
    if issubclass(kind, timedelta):
        leeway = timedelta.total_seconds(leeway)
    elif not issubclass(kind, (int, float)) or kind is bool:
        rule = "leeway must be a number of seconds or a datetime.timedelta"
        raise type_error(rule, leeway)
    if not 0 <= leeway <= sys.float_info.max:
        raise ValueError("leeway must be finite, and zero or more")
    return float(leeway)  # A NumPy float cannot be compared with a huge int.
