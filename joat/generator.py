"""Issuing access tokens.

The arguments, or the generator's defaults for them, become claims, and these become
JSON as PyJOAT 1.1.1 wrote it. Only then is the salt function asked: whatever it does,
what is signed is what was checked. It gets a copy, so that a change shows.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any, Optional, Union

import joat
from joat import jws
from joat.arguments import (
    OMITTED,
    Identifier,
    Omitted,
    granted_scope,
    plain_identifier,
    require_instance,
)
from joat.claims import dump
from joat.salt import NOBODY, Salt, keys_of_argument, require_salt_generator

# `datetime.__sub__` and `timedelta.__floordiv__` are called by name below, because a
# subclass may override the operators: pendulum's // fails on a plain timedelta.
_EPOCH = datetime(1970, 1, 1)
_EPOCH_UTC = _EPOCH.replace(tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


def timestamp(from_datetime: datetime) -> int:
    """Return the whole seconds from 1970-01-01 00:00 UTC to a datetime.

    A naive datetime is taken to be UTC. This is the NumericDate of RFC 7519
    section 2, rounded down. Raises `TypeError` for anything else.
    """
    return _microseconds_since_epoch("from_datetime", from_datetime) // 1_000_000


class TokenGenerator:
    """Issues access tokens for one provider, and for one client if it is given.

    The class attributes are the defaults of `issue_token`; set them on an
    instance or in a subclass. Identifiers are str or int.

    `TokenGenerator(name, client_id)` sets `provider_name` to `name`, and
    `client_id` if it is given. None discards the class's `client_id`, so that each
    call of `issue_token` must pass one. Raises `NotImplementedError` if
    `joat.salt_generator` has not been assigned, `TypeError` if it is not callable.
    """

    provider_name: Optional[Identifier] = None
    client_id: Optional[Identifier] = None
    user_id: Optional[Identifier] = None
    scope: Optional[list[str]] = None
    default_lifetime: timedelta = timedelta(hours=1)

    def __init__(
        self,
        name: Identifier,
        client_id: Union[Identifier, Omitted, None] = OMITTED,
    ) -> None:
        require_salt_generator()
        self.provider_name = name
        if client_id is not OMITTED:
            self.client_id = client_id

    def issue_token(
        self,
        *,
        provider: Union[Identifier, Omitted] = OMITTED,
        client_id: Union[Identifier, Omitted] = OMITTED,
        user_id: Union[Identifier, Omitted] = OMITTED,
        scope: Union[list[str], Omitted] = OMITTED,
        issued_at: Union[datetime, Omitted] = OMITTED,
        lifetime: Union[timedelta, Omitted] = OMITTED,
        jti: Optional[Identifier] = None,
        salt: Union[Salt, Omitted] = OMITTED,
    ) -> str:
        """Return a signed access token: a JWT (RFC 7519).

        `provider`, `client_id` and `user_id` (str or int) become the claims
        `iss`, `aud` and `sub`; `scope` (list of str) becomes `scp`; `jti` (str
        or int), if given, names the token. `iat` is `issued_at` (a naive
        datetime is UTC), by default now; `exp` is `issued_at` plus `lifetime`
        (timedelta), by default `default_lifetime`. `iat` and `exp` are whole
        seconds.

        `salt` is the secret to sign with, in any form that
        `joat.salt_generator` may return; without it, that function is asked.

        Raises `TypeError`, naming the argument, if one has a wrong type, is None
        (only `jti` may be; a `salt` of None is none), or is neither given nor set
        as a default. Raises `ValueError` if

        - there is no salt for these claims, or `joat.salt_generator` changes them;
        - a text has a lone surrogate, or an int more than 4,300 digits;
        - the token would be longer than 65,536 characters.

        Raises `TypeError` or `ValueError` for an invalid salt, and whatever
        `joat.salt_generator` raises. Issues a `WeakSaltWarning` for a weak salt.
        """
        secret: Any = salt
        del salt  # crash reporters redact the name `secret` (see joat.salt)
        secret = keys_of_argument(secret)
        aud = self.client_id if client_id is OMITTED else client_id
        iss = self.provider_name if provider is OMITTED else provider
        scp = self.scope if scope is OMITTED else scope
        sub = self.user_id if user_id is OMITTED else user_id
        if lifetime is OMITTED:
            lifetime = self.default_lifetime
        if issued_at is OMITTED:
            issued = int(time.time() * 1_000_000)
        else:
            issued = _microseconds_since_epoch("issued_at", issued_at)
        # Add in microseconds, because PyJOAT 1.1.1 dropped fractions only after adding.
        expires = issued + _microseconds(
            require_instance("lifetime", lifetime, timedelta)
        )

        claims: dict[str, Any] = {
            "aud": plain_identifier("client_id", aud),
            "iss": plain_identifier("provider", iss),
        }
        if jti is not None:
            claims["jti"] = plain_identifier("jti", jti)
        claims["exp"] = expires // 1_000_000
        claims["iat"] = issued // 1_000_000
        claims["scp"] = granted_scope(scp)
        claims["sub"] = plain_identifier("user_id", sub)
        payload = dump(claims)

        # PyJOAT 1.1.1 signed what the function had changed. Here a change is an error,
        # because ignoring it silently would be worse.
        copy = {**claims, "scp": [*claims["scp"]]}
        if secret is None:
            # Not hmac_keys, because its `stacklevel` counts one function in between.
            secret = keys_of_argument(joat.salt_generator(copy))
        if copy != claims:
            raise ValueError("joat.salt_generator must not change the claims")
        if secret[0] is NOBODY:
            raise ValueError("there is no salt for these claims")
        return jws.serialize(payload, secret[0])


def _microseconds_since_epoch(name: str, from_datetime: datetime) -> int:
    from_datetime = require_instance(name, from_datetime, datetime)
    epoch = _EPOCH if from_datetime.utcoffset() is None else _EPOCH_UTC
    return _microseconds(datetime.__sub__(from_datetime, epoch))


def _microseconds(span: timedelta) -> int:
    return timedelta.__floordiv__(span, _MICROSECOND)
