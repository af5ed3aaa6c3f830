"""What is said of a token, in every way to ask, must be what the model says."""

import sys
import time
from pathlib import Path

import joat

sys.path.append(str(Path(__file__).parents[1]))
import model
from helpers import SALT, make_token, outcome

NOW = time.time()
asked = []


def salt_generator(claims):
    asked.append(claims)
    return SALT


joat.salt_generator = salt_generator
time.time = lambda: NOW


def decoder(data):
    """Judge raw bytes, and the same bytes as text.

    The signature can hardly be right, so that this is about what a stranger can send.
    """
    judge(data)
    judge(data.decode("utf-8", "surrogateescape"))


def deep(data):
    """Judge what lies behind the signature: a header, a NUL and claims, signed.

    Without a NUL, an input is the claims under the usual header.
    """
    header, separator, claims = data.partition(b"\0")
    judge(make_token(claims, header) if separator else make_token(data))


def judge(token):
    """Verify a token in every way; fail if one differs from the model."""
    asked.clear()
    expected = model.verdict(token, [SALT], now=NOW)
    claims = model.claims_of(token)
    assert outcome(joat.verify_token, token) == expected
    assert joat.parse_token(token) == model.parsed(expected)
    assert outcome(joat.unverified_claims, token) == claims
    assert asked == ([] if claims == "MalformedToken" else [claims, claims])
