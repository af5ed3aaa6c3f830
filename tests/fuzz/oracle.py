"""What is said of a token, in every way to ask, must be what the model says."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import joat

sys.path.append(str(Path(__file__).parents[1]))
import model
from helpers import SALT

NOW = time.time()
asked: list[dict[str, Any]] = []


def salt_generator(claims: dict[str, Any]) -> bytes:
    """Return the salt; note what it was asked for."""
    asked.append(claims)
    return SALT


joat.salt_generator = salt_generator
time.time = lambda: NOW


def judge(token: str | bytes) -> None:
    """Verify `token` in every way; fail if one differs from the model."""
    asked.clear()
    expected = model.verdict(token, [SALT], now=NOW)
    claims = model.claims_of(token)
    assert outcome(joat.verify_token, token) == expected
    assert joat.parse_token(token) == model.parsed(expected)
    assert outcome(joat.unverified_claims, token) == claims
    assert asked == ([] if claims == "MalformedToken" else [claims, claims])


def outcome(function: Any, token: str | bytes) -> Any:
    """Return the result, or the name of the class of the `TokenError`."""
    try:
        return function(token)
    except joat.TokenError as error:
        return type(error).__name__
