"""Random structured tokens: what the library says of each is what the model says."""

import json
import secrets
from collections import Counter
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

import model
import pytest
from helpers import outcome
from random_tokens import NOW, cases

import joat

NUMBER = 10_000
SEED = secrets.randbits(32)
AGAIN = f"to see this again, let SEED be {SEED}"


def library_says(case):
    asked = []

    def salt_generator(claims):
        asked.append(claims)
        return case.salts

    with patch("time.time", lambda: NOW), patch("joat.salt_generator", salt_generator):
        parsed = joat.parse_token(case.token)
        verdict = outcome(joat.verify_token, case.token, **case.expected)
        claims = outcome(joat.unverified_claims, case.token)
    return told(parsed, verdict, claims, asked)


def model_says(case, model=model):
    parsed = model.parsed(model.verdict(case.token, case.salts, now=NOW))
    verdict = model.verdict(case.token, case.salts, now=NOW, **case.expected)
    claims = model.claims_of(case.token)
    asked = [] if claims == "MalformedToken" else [claims, claims]
    return told(parsed, verdict, claims, asked)


def told(parsed, verdict, claims, asked):
    """Return all of this as text, in which 1, 1.0 and True differ."""
    said = {"parsed": parsed, "verdict": verdict, "claims": claims, "asked": asked}
    return json.dumps(said, sort_keys=True)


def kind(said):
    verdict = json.loads(said)["verdict"]
    return "accepted" if isinstance(verdict, dict) else verdict


@pytest.fixture(scope="module")
def judged(all_digits):
    """Return the tokens, each with what the library says of it."""
    return [(case, library_says(case)) for case in cases(NUMBER, SEED)]


def test_library_says_what_the_model_says(judged):
    differing = [case for case, said in judged if said != model_says(case)]
    assert differing == [], AGAIN


def test_every_verdict_is_reached(judged):
    reached = Counter(kind(said) for _, said in judged)
    assert reached.pop("accepted") > NUMBER / 10, AGAIN
    assert len(reached) == 6, AGAIN
    assert min(reached.values()) > NUMBER / 200, AGAIN


# What to replace in the model, so that it is wrong in one place.
BROKEN = {
    "unused bits": (' or "1" in bits[whole:]', ""),
    "length of base64url": ("len(bits) - whole == 6 or ", ""),
    "padding": ("[base64url(segment)", '[base64url(segment.rstrip("="))'),
    "length of a token": ("len(token) > MAX_LENGTH", "len(token) > 2 * MAX_LENGTH"),
    "white space": (r'WHITE_SPACE = " \t\n\r"', r'WHITE_SPACE = " \t\n\r\x0b"'),
    "byte order mark": ('octets.decode("utf-8")', 'octets.decode("utf-8-sig")'),
    "control characters": (r"\\\x00-\x1f]", r"\\\x00]"),
    "lone surrogates": ('decode("utf-16-le")', 'decode("utf-16-le", "surrogatepass")'),
    "digits of an escape": ("u[0-9A-Fa-f]{4}", r"u[\dA-Fa-f]{4}"),
    "digits of a number": ("[1-9][0-9]*", r"[1-9]\d*"),
    "leading zero": ("-?(?:0|[1-9][0-9]*)", "-?(?:[0-9]+)"),
    "digits of an integer": ("MAX_DIGITS = 4_300", "MAX_DIGITS = 4_299"),
    "depth": ("MAX_DEPTH = 128", "MAX_DEPTH = 129"),
    "member twice": ("dict(items)", "dict(items[::-1])"),
    "algorithm": ('header.get("alg") != "HS256"', 'header.get("alg") is None'),
    "critical": (' or "crit" in header', ""),
    "case of a type": ("kind.lower() not", 'kind.replace("JWT", "jwt") not'),
    "media type": ('"application/jwt"', '"application/jose"'),
    "bool as identifier": ("(value, (str, int)) and not", "(value, (str, int)) or"),
    "infinite time": ("return math.isfinite(value)", "return value == value"),
    "permission": ("isinstance(each, str) for each", "True for each"),
    "one of several salts": ("signature not in macs", "signature not in macs[:1]"),
    "second of exp": ('claims["exp"] <= now', 'claims["exp"] < now'),
    "leeway of nbf": ("> now + leeway", "> now"),
    "one of the clients": ("not in client_id", "not in [*client_id][:1]"),
    "all permissions": ("if not all(permission", "if scope and not any(permission"),
}


@pytest.mark.parametrize(("old", "new"), BROKEN.values(), ids=BROKEN)
def test_broken_model_is_found(judged, old, new):
    source = Path(model.__file__).read_text(encoding="utf-8")
    assert source.count(old) == 1
    broken = ModuleType("broken")
    exec(source.replace(old, new), vars(broken))
    assert any(said != model_says(case, broken) for case, said in judged), AGAIN
