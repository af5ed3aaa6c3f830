"""Fixtures: a salt generator, a clock, and what not every interpreter does."""

import re
import sys

import pytest

pytest.register_assert_rewrite("helpers")  # which keeps its assertions with -OO

from helpers import NOW, SALT  # noqa: E402

import joat  # noqa: E402
from joat.json_object import MAX_DIGITS  # noqa: E402

# Pytest makes good names of these, but numbers long texts.
NAMED = (str, bool, int, float, type(None))
LONGEST_NAME = 72  # characters


def pytest_make_parametrize_id(config, val, argname):
    """Name the values that pytest would number, so that a failure names its row."""
    is_named = isinstance(val, NAMED) and len(str(val)) <= LONGEST_NAME
    if is_named or getattr(val, "__name__", "<lambda>") != "<lambda>":
        return None
    if "<lambda>" in repr(val):
        pytest.fail(f"give each row of {argname} an id", pytrace=False)
    return re.sub(" at 0x[0-9a-f]+", "", ascii(val))[:LONGEST_NAME]


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
