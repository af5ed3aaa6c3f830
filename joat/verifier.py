"""Verifying access tokens.

A token goes one way, down `_verify`: until its signature holds, nobody learns
anything about its times, provider, client and scope.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta

from joat import codec
from joat.claims import Credentials, identifier
from joat.claims import read as read_claims
from joat.errors import (
    ExpiredToken,
    InsufficientScope,
    InvalidClaim,
    InvalidRequest,
    MissingToken,
    NotYetValid,
    TokenError,
    wrong_type,
)
from joat.omitted import OMITTED
from joat.salt import current_generator, generator_for, secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any, Union

    from joat.claims import Identifier
    from joat.omitted import Omitted
    from joat.salt import Salt, SaltGenerator

    Accepted = Union[Identifier, Collection[Identifier]]
    Permissions = Union[list[str], tuple[str, ...], set[str], frozenset[str]]
    Expected = tuple[
        Union[Collection[Identifier], None],  # providers
        Union[Collection[Identifier], None],  # clients
        Collection[str],  # permissions
        float,  # leeway
    ]

_ANYTHING: Expected = (None, None, (), 0)
_COLLECTIONS = (list, tuple, set, frozenset)


def parse_token(token: object) -> Credentials | None:
    """Return the credentials that a valid token grants, or None for any other.

    The credentials are a dict of `provider`, `client_id` and `user_id` (str or
    int), `authorized_scope` (list of str), and `jti` (str or int) if the token
    has one. `token` may be anything at all.

    Raises `NotImplementedError` while `joat.salt_generator` is not assigned,
    and what that function raises; `TypeError` or `ValueError` if it returns
    what is no salt.
    """
    verdict = _verify(token, current_generator(), _ANYTHING)
    return verdict if type(verdict) is dict else None


def verify_token(
    token: object,
    *,
    provider: Accepted | Omitted = OMITTED,
    client_id: Accepted | Omitted = OMITTED,
    scope: Permissions | Omitted = OMITTED,
    leeway: float | timedelta = 0,
    salt: Salt | Omitted = OMITTED,
) -> Credentials:
    """Return the credentials that a valid token grants, as `parse_token` does.

    `provider` and `client_id` are the accepted value (str or int), or a list,
    tuple, set or frozenset of accepted ones; `scope` is a list, tuple, set or
    frozenset of permissions (str) that the token must all hold. What is left
    out is not checked. `leeway` is how far the issuer's clock may be off, in
    seconds or as a timedelta; it applies to `exp` and `nbf`. `salt` is the
    secret, in any form that `joat.salt_generator` may return; without it, that
    function is asked.

    Raises, in this order: `TypeError` or `ValueError` for wrong arguments, and
    `NotImplementedError` if neither `salt` nor `joat.salt_generator` is given;
    `MalformedToken`; what `joat.salt_generator` raises, or `TypeError` or
    `ValueError` if it returns what is no salt; `InvalidSignature`, or
    `MalformedToken` if only the signature is no base64url; `ExpiredToken`;
    `NotYetValid`; `InvalidClaim`; `InsufficientScope`.
    """
    expected = _expected(provider, client_id, scope, leeway)
    return _granted(_verify(token, generator_for(salt), expected))


def authenticate(
    authorization: str | bytes | None,
    *,
    provider: Accepted | Omitted = OMITTED,
    client_id: Accepted | Omitted = OMITTED,
    scope: Permissions | Omitted = OMITTED,
    leeway: float | timedelta = 0,
    salt: Salt | Omitted = OMITTED,
) -> Credentials:
    """Verify the token of an HTTP `Authorization` header (RFC 6750 section 2.1).

    `authorization` is the value of the header, or None if the request has none.
    The other arguments, the result and the errors are those of `verify_token`,
    and two errors more: `MissingToken` if there is no header or it is for
    another scheme than Bearer, `InvalidRequest` if it has no token or several.
    A value that is neither str, bytes nor None is a `TypeError`.
    """
    expected = _expected(provider, client_id, scope, leeway)
    salt_generator = generator_for(salt)
    token = bearer_token(authorization)
    return _granted(_verify(token, salt_generator, expected))


def bearer_token(authorization: str | bytes | None) -> str:
    """Return the token of an HTTP `Authorization` header, unchecked.

    For looking up its salt, before `verify_token`: `authenticate` does both. The
    argument and the errors are those of `authenticate`: `MissingToken`,
    `InvalidRequest` and `TypeError`.
    """
    if authorization is None:
        raise MissingToken("there is no Authorization header")
    if isinstance(authorization, bytes):
        authorization = authorization.decode("latin-1")  # as HTTP servers do
    elif not isinstance(authorization, str):
        raise wrong_type("authorization must be a str, bytes or None", authorization)
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise MissingToken("the Authorization header is not for the Bearer scheme")
    token = credentials.lstrip(" ")
    if not token:
        raise InvalidRequest("the Authorization header has no token")
    if " " in token:
        raise InvalidRequest("the Authorization header has more than one token")
    return token


def unverified_claims(token: object) -> dict[str, Any]:
    """Return the claims of a well-formed token whose signature nobody has checked.

    For looking up the salt to hand to `verify_token`. Anyone can write such a
    token: trust nothing in it. `joat.salt_generator` is not called.

    Raises `MalformedToken`.
    """
    _, payload, signature = codec.read(token)
    claims = codec.parse_object(payload, "payload")
    # Whatever is malformed is refused here, too.
    read_claims(claims)
    codec.b64decode(signature)
    return claims


def _verify(
    token: object, salt_generator: SaltGenerator, expected: Expected
) -> Credentials | TokenError:
    # Errors are returned, so that parse_token can tell them from a TokenError that
    # the salt generator raises; and without their traceback, which would hold the
    # token and the salts: it keeps them alive, and there are loggers that write down
    # the variables of every frame.
    try:
        signing_input, payload, signature = codec.read(token)
        claims = codec.parse_object(payload, "payload")
        credentials, expires, begins = read_claims(claims)
    except TokenError as error:
        return error.with_traceback(None)

    found = secrets(salt_generator(claims))
    try:
        codec.verify_signature(signing_input, signature, found)
    except TokenError as error:
        return error.with_traceback(None)

    providers, clients, permissions, leeway = expected
    now = time.time()
    if expires <= now - leeway:
        return ExpiredToken("the token has expired")
    if begins is not None and begins > now + leeway:
        return NotYetValid("the token is not valid yet")
    if providers is not None and credentials["provider"] not in providers:
        return InvalidClaim("the token is from another provider")
    if clients is not None and credentials["client_id"] not in clients:
        return InvalidClaim("the token is for another client")
    if permissions and not set(permissions) <= set(credentials["authorized_scope"]):
        return InsufficientScope("the token lacks a permission", permissions)
    return credentials


def _granted(verdict: Credentials | TokenError) -> Credentials:
    if isinstance(verdict, TokenError):
        try:
            raise verdict
        finally:
            del verdict  # or this frame and the traceback keep each other alive
    return verdict


def _expected(
    provider: Accepted | Omitted,
    client_id: Accepted | Omitted,
    scope: Permissions | Omitted,
    leeway: float | timedelta,
) -> Expected:
    return (
        None if provider is OMITTED else _accepted("provider", provider),
        None if client_id is OMITTED else _accepted("client_id", client_id),
        () if scope is OMITTED else _permissions(scope),
        _seconds(leeway),
    )


def _accepted(name: str, expected: Accepted) -> Collection[Identifier]:
    values = expected if isinstance(expected, _COLLECTIONS) else (expected,)
    for value in values:
        identifier(name, value)
    return values


def _permissions(scope: Permissions) -> list[str]:
    if not isinstance(scope, _COLLECTIONS):
        raise wrong_type("scope must be a list, tuple, set or frozenset of str", scope)
    for permission in scope:
        if not isinstance(permission, str):
            raise wrong_type("scope must hold only str", permission)
    # The header of InsufficientScope names them in an order that stays.
    return list(scope) if isinstance(scope, (list, tuple)) else sorted(scope)


def _seconds(leeway: float | timedelta) -> float:
    if isinstance(leeway, timedelta):
        leeway = leeway.total_seconds()
    if isinstance(leeway, bool) or not isinstance(leeway, (int, float)):
        rule = "leeway must be a number of seconds or a datetime.timedelta"
        raise wrong_type(rule, leeway)
    if not 0 <= leeway <= sys.float_info.max:
        raise ValueError("leeway must be finite, and zero or more")
    return leeway
