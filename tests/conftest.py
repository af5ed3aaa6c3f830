"""Fixtures: a salt generator and a clock."""

import pytest

pytest.register_assert_rewrite("helpers")  # which keeps its assertions with -OO

from helpers import NOW, SALT  # noqa: E402

import joat  # noqa: E402


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
