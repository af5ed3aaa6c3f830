"""Fixtures: a salt generator, a clock, and what it means to be refused."""

from __future__ import annotations

import json

import pytest
from helpers import CLAIMS, CREDENTIALS, NOW, SALT, assert_tells_nothing, without

import joat


@pytest.fixture
def asked(monkeypatch):
    """Assign a salt generator; return the list of claims that it was asked for."""
    calls = []

    def salt_generator(claims):
        calls.append(claims)
        return SALT

    monkeypatch.setattr(joat, "salt_generator", salt_generator)
    return calls


@pytest.fixture
def clock(monkeypatch):
    """Stop the clock at NOW; return a function that sets it."""

    def set_to(now):
        monkeypatch.setattr("time.time", lambda: float(now))

    set_to(NOW)
    return set_to


@pytest.fixture
def assert_refused(asked, clock):
    """Return a check of everything that a refusal means."""

    def check(token, error=joat.MalformedToken, *, is_asked=False, **expected):
        with pytest.raises(joat.TokenError) as caught:
            joat.verify_token(token, **expected)
        assert type(caught.value) is error
        assert len(asked) == is_asked
        if isinstance(token, (str, bytes)):
            # InsufficientScope names the permissions that the caller asked for.
            claims = json.dumps(without("scp"))
            assert_tells_nothing(caught.value, token, claims, CLAIMS["scp"][0], SALT)

        if not expected:
            assert joat.parse_token(token) is None
            assert len(asked) == 2 * is_asked

        calls = len(asked)
        if error is joat.MalformedToken:
            with pytest.raises(joat.MalformedToken) as unverified:
                joat.unverified_claims(token)
            assert str(unverified.value) == str(caught.value)
        else:
            assert joat.unverified_claims(token)["sub"] == CLAIMS["sub"]
        assert len(asked) == calls

    return check


@pytest.fixture
def assert_accepted(asked, clock):
    """Return a check of everything that an acceptance means."""

    def check(token, credentials=CREDENTIALS, **expected):
        expires = joat.unverified_claims(token)["exp"]
        verified = {**credentials, "expires_at": expires}
        assert joat.verify_token(token, **expected) == verified
        assert len(asked) == 1
        if not expected:
            assert joat.parse_token(token) == credentials
            assert len(asked) == 2

    return check
