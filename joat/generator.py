"""Issuing access tokens."""

from __future__ import annotations

import time
import warnings
from datetime import datetime, timedelta, timezone

from joat import codec
from joat.claims import dump, identifier
from joat.errors import WeakSaltWarning, wrong_type
from joat.omitted import OMITTED
from joat.salt import current_generator, generator_for, secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from joat.claims import Identifier
    from joat.omitted import Omitted
    from joat.salt import Salt

_EPOCH = datetime(1970, 1, 1)
_EPOCH_UTC = _EPOCH.replace(tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


def timestamp(from_datetime: datetime) -> int:
    """Return the whole seconds from 1970-01-01 00:00 UTC to a datetime.

    A naive datetime is taken to be UTC. This is the NumericDate of RFC 7519
    section 2, with any fraction cut off.
    """
    return _microseconds_since_epoch(from_datetime) // 1_000_000


class TokenGenerator:
    """Issues access tokens for one provider, and for one client if it is given.

    The class attributes are the defaults of `issue_token`; set them on an
    instance or in a subclass. Identifiers are str or int.

    `TokenGenerator(name, client_id=None)` sets `provider_name` to `name`, and
    `client_id` if one is given. It raises `NotImplementedError` as long as
    `joat.salt_generator` is not assigned.
    """

    provider_name: Identifier | None = None
    client_id: Identifier | None = None
    user_id: Identifier | None = None
    scope: list[str] | None = None
    default_lifetime: timedelta = timedelta(hours=1)

    def __init__(self, name: Identifier, client_id: Identifier | None = None) -> None:
        current_generator()
        self.provider_name = name
        if client_id is not None:
            self.client_id = client_id

    def issue_token(
        self,
        *,
        provider: Identifier | Omitted = OMITTED,
        client_id: Identifier | Omitted = OMITTED,
        user_id: Identifier | Omitted = OMITTED,
        scope: list[str] | Omitted = OMITTED,
        issued_at: datetime | Omitted = OMITTED,
        lifetime: timedelta | Omitted = OMITTED,
        jti: Identifier | None = None,
        salt: Salt | Omitted = OMITTED,
    ) -> str:
        """Return a signed access token (RFC 7519 with the claims of PyJOAT).

        `provider`, `client_id` and `user_id` (str or int) become the claims
        `iss`, `aud` and `sub`; `scope` (list of str) becomes `scp`; `jti` (str
        or int), if given, names the token. `iat` is `issued_at` (a naive
        datetime is UTC), by default now; `exp` is `issued_at` plus `lifetime`
        (timedelta), by default `default_lifetime`. Both claims are in whole
        seconds.

        `salt` is the secret to sign with, in any form that
        `joat.salt_generator` may return; without it, that function is asked.

        Raises `TypeError`, naming the argument, for one of the wrong type or
        None (but `jti` may be None), or for one that is neither given nor set as
        a default; `ValueError` if there is no salt for these claims, if a text
        has a lone surrogate, if an int has more digits than Python writes, or if
        the token would be longer than 65,536 characters; and whatever
        `joat.salt_generator` raises. Warns with `WeakSaltWarning` of a secret
        shorter than 32 bytes.
        """
        salt_generator = generator_for(salt)
        iss = self.provider_name if provider is OMITTED else provider
        aud = self.client_id if client_id is OMITTED else client_id
        sub = self.user_id if user_id is OMITTED else user_id
        scp = self.scope if scope is OMITTED else scope
        if lifetime is OMITTED:
            lifetime = self.default_lifetime

        if not isinstance(scp, list):
            raise wrong_type("scope must be a list of str", scp)
        for permission in scp:
            if not isinstance(permission, str):
                raise wrong_type("scope must hold only str", permission)
        if not isinstance(lifetime, timedelta):
            raise wrong_type("lifetime must be a datetime.timedelta", lifetime)
        if issued_at is OMITTED:
            now = int(time.time() * 1_000_000)
        elif isinstance(issued_at, datetime):
            now = _microseconds_since_epoch(issued_at)
        else:
            raise wrong_type("issued_at must be a datetime.datetime", issued_at)

        claims: dict[str, Any] = {
            "aud": identifier("client_id", aud),
            "iss": identifier("provider", iss),
            "exp": (now + _microseconds(lifetime)) // 1_000_000,
            "iat": now // 1_000_000,
            "scp": list(map(str.__str__, scp)),
            "sub": identifier("user_id", sub),
        }
        if jti is not None:
            claims["jti"] = identifier("jti", jti)
        # Written before the function gets them, which may change its dict.
        signing_input = codec.serialize(dump(claims))

        found = secrets(salt_generator(claims))
        if not found:
            raise ValueError("there is no salt for these claims")
        secret = found[0]
        if len(secret) < 32:
            warnings.warn(
                "the salt is shorter than 32 bytes (RFC 7518 section 3.2)",
                WeakSaltWarning,
                stacklevel=2,
            )
        return codec.sign(signing_input, secret)


def _microseconds_since_epoch(moment: datetime) -> int:
    epoch = _EPOCH if moment.utcoffset() is None else _EPOCH_UTC
    return _microseconds(datetime.__sub__(moment, epoch))


def _microseconds(duration: timedelta) -> int:
    # The methods of the standard library by name: a subclass may override the
    # operators, and pendulum's // fails on a plain timedelta.
    return timedelta.__floordiv__(duration, _MICROSECOND)
