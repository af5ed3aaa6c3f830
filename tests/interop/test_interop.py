"""Tokens of ours for the other libraries, and tokens of theirs for ours.

Those of Python and npm are the newest releases; npm's are in the directory that the
environment variable NPM_PEERS names. The others are Debian's packages: those that are
not installed are skipped.
"""

import time

import pytest
from benchmarks.peers import CLIENT, SECRET
from libraries import DEBIAN, NPM, PYTHON, ask, is_installed
from model import ALPHABET

import joat

NOW = int(time.time())
USUAL = {"aud": CLIENT, "iss": "provider", "exp": NOW + 3600, "iat": NOW}
# The identifiers are strings: RFC 7519 knows no others, and most peers refuse them.
CASES = {
    "plain": {"sub": "1234", "scp": ["profile", "read"]},
    "jti": {"sub": "1234", "scp": ["read"], "jti": "one of many"},
    "no permissions": {"sub": "1234", "scp": []},
    "not ASCII": {"sub": "Zo\u00eb \u5b57 \U0001f511", "scp": ["l\u00e6se"]},
    "escapes": {"sub": '"\\/\b\n\x00\x7f\u2028</script>', "scp": ["a b", ""]},
    "long": {"sub": "x" * 20_000, "scp": [str(number) for number in range(1000)]},
}
CLAIMS = [{**USUAL, **claims} for claims in CASES.values()]


def issue(claims):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: float(NOW))
        patch.setattr(joat, "salt_generator", lambda claims: SECRET)
        return joat.TokenGenerator(claims["iss"]).issue_token(
            client_id=claims["aud"],
            user_id=claims["sub"],
            scope=claims["scp"],
            jti=claims.get("jti"),
        )


OURS = [issue(claims) for claims in CLAIMS]
# A token with each character changed in turn. The highest of the six bits of one is
# flipped: never an unused bit of a last character, which some libraries do not look at.
CHANGED = [
    OURS[0][:at]
    + ("A" if old == "." else ALPHABET[ALPHABET.index(old) ^ 32])
    + OURS[0][at + 1 :]
    for at, old in enumerate(OURS[0])
]


@pytest.fixture(scope="module", params=[*PYTHON, *NPM, *DEBIAN])
def answer(request):
    if not is_installed(request.param):
        pytest.skip(f"{request.param} is not installed")
    return ask(request.param, CLAIMS, OURS + CHANGED)


cases = pytest.mark.parametrize("case", range(len(CASES)), ids=CASES)


@cases
def test_theirs_accepts_ours(answer, case):
    assert answer["verified"][case] == CLAIMS[case]


@cases
def test_ours_accepts_theirs(answer, case):
    token, claims = answer["signed"][case], CLAIMS[case]
    assert joat.unverified_claims(token) == claims
    assert joat.verify_token(token, salt=SECRET) == {
        "provider": claims["iss"],
        "client_id": claims["aud"],
        "user_id": claims["sub"],
        "authorized_scope": claims["scp"],
        "expires_at": claims["exp"],
        **({"jti": claims["jti"]} if "jti" in claims else {}),
    }


def test_theirs_refuses_changed(answer):
    assert answer["verified"][len(OURS) :] == [None] * len(CHANGED)


def test_ours_refuses_changed():
    # Of a last character with two unused bits, these are set too.
    unused = OURS[0][:-1] + ALPHABET[ALPHABET.index(OURS[0][-1]) ^ 1]
    for edited in [*CHANGED, unused]:
        with pytest.raises((joat.MalformedToken, joat.InvalidSignature)):
            joat.verify_token(edited, salt=SECRET)
