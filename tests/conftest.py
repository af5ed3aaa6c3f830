"""Fixtures: a salt generator, a clock, and what not every interpreter does."""

import sys

import pytest

pytest.register_assert_rewrite("helpers")  # which keeps its assertions with -OO

from helpers import NOW, SALT  # noqa: E402

import joat  # noqa: E402
from joat.json_object import MAX_DIGITS  # noqa: E402


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


@pytest.fixture(scope="session")
def all_digits():
    """Skip where PYTHONINTMAXSTRDIGITS is lower than what joat takes."""
    limit = getattr(sys, "get_int_max_str_digits", int)()
    if 0 < limit < MAX_DIGITS:
        pytest.skip(f"Python reads integers of no more than {limit} digits here")
