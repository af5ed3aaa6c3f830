"""Verifying access tokens.

A token goes one way, down `_judge`: until its signature holds, nobody learns
anything about its times, provider, client and scope.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import timedelta
from typing import Any, Optional, Union

from joat import errors, json_object, jws
from joat.arguments import (
    OMITTED,
    Accepted,
    Omitted,
    Permissions,
    accepted,
    is_accepted,
    octets_or_text,
    permissions,
    seconds,
    wrong_type,
)
from joat.claims import Credentials, VerifiedCredentials, granted
from joat.salt import Salt, check_salt, hmac_keys

_Values = Optional[Collection[object]]
_Expected = tuple[_Values, _Values, list[str], float]

_NOTHING: _Expected = (None, None, [], 0)


def parse_token(token: object) -> Optional[Credentials]:
    """Return the credentials that a valid token grants, or None for any other.

    The credentials are a dict of `provider`, `client_id` and `user_id` (str or
    int), `authorized_scope` (list of str), and `jti` (str or int) if the token
    has one. `token` may be anything at all.

    Raises `NotImplementedError` while `joat.salt_generator` is not assigned, and
    what that function raises; `TypeError` if it is no function; `TypeError` or
    `ValueError` if it returns what is no salt. Warns with `WeakSaltWarning` of a
    salt shorter than 32 octets.
    """
    check_salt()
    verdict = _judge(token, OMITTED, _NOTHING)
    if isinstance(verdict, errors.TokenError):
        return None
    del verdict["expires_at"]  # type: ignore[misc]
    return verdict


def verify_token(
    token: object,
    *,
    provider: Union[Accepted, Omitted] = OMITTED,
    client_id: Union[Accepted, Omitted] = OMITTED,
    scope: Union[Permissions, Omitted] = OMITTED,
    leeway: Union[float, timedelta] = 0,
    salt: Union[Salt, Omitted] = OMITTED,
) -> VerifiedCredentials:
    """Return the credentials that a valid token grants, and when they expire.

    They are those of `parse_token` and `expires_at`, the token's `exp` as it
    stands: an int or float, in seconds since 1970 in UTC.

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
    `ValueError` if it returns what is no salt; `InvalidSignature`;
    `ExpiredToken`; `NotYetValid`; `InvalidClaim`; `InsufficientScope`. Warns
    with `WeakSaltWarning` of a salt shorter than 32 octets.
    """
    secret = salt
    del salt  # for crash reporters, as joat.salt tells
    expected = _expected(provider, client_id, scope, leeway)
    check_salt(secret)
    return _granted_or_raise(_judge(token, secret, expected))


def authenticate(
    authorization: Union[str, bytes, None],
    *,
    provider: Union[Accepted, Omitted] = OMITTED,
    client_id: Union[Accepted, Omitted] = OMITTED,
    scope: Union[Permissions, Omitted] = OMITTED,
    leeway: Union[float, timedelta] = 0,
    salt: Union[Salt, Omitted] = OMITTED,
) -> VerifiedCredentials:
    """Verify the token of an HTTP `Authorization` header (RFC 6750 section 2.1).

    `authorization` is the value of the header, or None if the request has none.
    The other arguments, the result and the errors are those of `verify_token`,
    and two errors more: `MissingToken` if there is no header or it is for
    another scheme than Bearer, `InvalidRequest` if it has no token or several.
    A value that is neither str, bytes nor None is a `TypeError`.
    """
    secret = salt
    del salt  # for crash reporters, as joat.salt tells
    expected = _expected(provider, client_id, scope, leeway)
    check_salt(secret)
    return _granted_or_raise(_judge(bearer_token(authorization), secret, expected))


def bearer_token(authorization: Union[str, bytes, None]) -> str:
    """Return the token of an HTTP `Authorization` header, unchecked.

    For looking up its salt, before `verify_token`: `authenticate` does both. The
    argument and the errors are those of `authenticate`: `MissingToken`,
    `InvalidRequest` and `TypeError`.
    """
    if authorization is None:
        raise errors.MissingToken("there is no Authorization header")
    token = octets_or_text(authorization)
    if token is None:
        raise wrong_type("authorization must be a str, bytes or None", authorization)
    # RFC 9110 section 5.5: the white space around a value is no part of it.
    token = token.strip(" \t")
    if token[:7].lower() not in ("bearer", "bearer "):
        raise errors.MissingToken("the Authorization header is for another scheme")
    token = token[7:].lstrip(" ")
    if not token:
        raise errors.InvalidRequest("the Authorization header has no token")
    if " " in token:
        raise errors.InvalidRequest("the Authorization header has more than one token")
    return token


def unverified_claims(token: object) -> dict[str, Any]:
    """Return the claims of a well-formed token whose signature nobody has checked.

    For looking up the salt to hand to `verify_token`. Anyone can write such a
    token: trust nothing in it. `joat.salt_generator` is not called.

    Raises `MalformedToken`.
    """
    try:
        claims = json_object.parse(jws.parse(token)[1], "payload")
        granted(claims)  # refuses those that are not of the right types
    except errors.TokenError as error:
        # Without the frames below, which hold the token in parts.
        raise error.with_traceback(None) from None
    return claims


def _judge(
    token: object, secret: Union[Salt, Omitted], expected: _Expected
) -> Union[VerifiedCredentials, errors.TokenError]:
    # Errors are returned, so that parse_token can tell them from a TokenError that
    # the salt generator raises; and without their traceback, which would hold the
    # token and keep it alive.
    try:
        signing_input, payload, auth = jws.parse(token)
        claims = json_object.parse(payload, "payload")
        credentials, begins = granted(claims)
    except errors.TokenError as error:
        return error.with_traceback(None)

    secret = hmac_keys(secret, claims, stacklevel=4)
    if not jws.is_signed(signing_input, auth, secret):
        return errors.InvalidSignature("the token's signature does not match")

    providers, clients, needed, leeway = expected
    now = time.time()
    if credentials["expires_at"] <= now - leeway:
        return errors.ExpiredToken("the token has expired")
    if begins is not None and begins > now + leeway:
        return errors.NotYetValid("the token is not valid yet")
    if providers is not None and not is_accepted(credentials["provider"], providers):
        return errors.InvalidClaim("the token is from another provider")
    if clients is not None and not is_accepted(credentials["client_id"], clients):
        return errors.InvalidClaim("the token is for another client")
    if needed and not set(credentials["authorized_scope"]).issuperset(needed):
        return errors.InsufficientScope("the token lacks a permission", needed)
    return credentials


def _granted_or_raise(
    verdict: Union[VerifiedCredentials, errors.TokenError],
) -> VerifiedCredentials:
    if isinstance(verdict, errors.TokenError):
        try:
            raise verdict
        finally:
            del verdict  # or this frame and the traceback keep each other alive
    return verdict


def _expected(
    provider: Union[Accepted, Omitted],
    client_id: Union[Accepted, Omitted],
    scope: Union[Permissions, Omitted],
    leeway: Union[float, timedelta],
) -> _Expected:
    return (
        None if provider is OMITTED else accepted("provider", provider),
        None if client_id is OMITTED else accepted("client_id", client_id),
        [] if scope is OMITTED else permissions(scope),
        seconds(leeway),
    )
