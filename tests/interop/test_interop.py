"""Tokens of ours for the other libraries, and tokens of theirs for ours.

All on their newest releases. `install.py` installs those of npm beforehand, into
the directory that the environment variable NPM_PEERS names.
"""

import string
import time

import pytest
from helpers import SALT
from libraries import NODE_PEERS, PYTHON_PEERS, ask_node

import joat

NOW = int(time.time())
BASE64URL = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"

# The identifiers are strings: RFC 7519 knows no others, and most peers refuse them.
CASES = {
    "plain": {"sub": "1234", "scp": ["profile", "read"]},
    "jti": {"sub": "1234", "scp": ["read"], "jti": "one of many"},
    "no permissions": {"sub": "1234", "scp": []},
    "not ASCII": {"sub": "Zo\u00eb \u5b57 \U0001f511", "scp": ["l\u00e6se"]},
    "escapes": {"sub": '"\\/\b\n\x00\x7f\u2028</script>', "scp": ["a b", ""]},
    "long": {"sub": "x" * 20_000, "scp": [str(number) for number in range(1000)]},
}
USUAL = {"aud": "client", "iss": "provider", "exp": NOW + 3600, "iat": NOW}
CLAIMS = {name: {**USUAL, **claims} for name, claims in CASES.items()}


def assert_ours_accepts(token, claims):
    assert joat.unverified_claims(token) == claims
    granted = {
        "provider": claims["iss"],
        "client_id": claims["aud"],
        "user_id": claims["sub"],
        "authorized_scope": claims["scp"],
        **({"jti": claims["jti"]} if "jti" in claims else {}),
    }
    assert joat.parse_token(token) == granted
    assert joat.verify_token(token) == {**granted, "expires_at": claims["exp"]}


@pytest.fixture(autouse=True, scope="module")
def _salt():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joat, "salt_generator", lambda claims: SALT)
        yield


def issue(claims):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: float(NOW))
        return joat.TokenGenerator(claims["iss"]).issue_token(
            client_id=claims["aud"],
            user_id=claims["sub"],
            scope=claims["scp"],
            jti=claims.get("jti"),
        )


def changed(token):
    """Return the token with each character changed in turn.

    The highest of the six bits of a character is flipped. It is never one of the
    unused bits of a last character, which some libraries do not look at.
    """
    return [
        token[:at]
        + ("A" if old == "." else BASE64URL[BASE64URL.index(old) ^ 32])
        + token[at + 1 :]
        for at, old in enumerate(token)
    ]


python_peers = pytest.mark.parametrize("peer", PYTHON_PEERS.values(), ids=PYTHON_PEERS)
node_peers = pytest.mark.parametrize("name", NODE_PEERS)
cases = pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS)


@python_peers
@cases
def test_python_accepts_ours(peer, claims):
    assert peer.verify(issue(claims)) == claims


@python_peers
@cases
def test_ours_accepts_python(peer, claims):
    assert_ours_accepts(peer.sign(claims), claims)


@python_peers
def test_python_refuses_changed(peer):
    token = issue(CLAIMS["plain"])
    assert peer.verify(token) == CLAIMS["plain"]
    for edited in changed(token):
        with pytest.raises(peer.errors):
            peer.verify(edited)


@pytest.fixture(scope="module")
def node():
    """Return what each library of npm signs and verifies: by cases, then changed."""
    ours = [issue(claims) for claims in CLAIMS.values()]
    edited = changed(issue(CLAIMS["plain"]))
    answers = ask_node(list(CLAIMS.values()), ours + edited)
    return {
        name: {
            "signed": dict(zip(CLAIMS, answer["signed"])),
            "verified": dict(zip(CLAIMS, answer["verified"])),
            "changed": answer["verified"][len(ours) :],
        }
        for name, answer in answers.items()
    }


@node_peers
@pytest.mark.parametrize("case", CLAIMS)
def test_node_accepts_ours(node, name, case):
    assert node[name]["verified"][case] == CLAIMS[case]


@node_peers
@pytest.mark.parametrize("case", CLAIMS)
def test_ours_accepts_node(node, name, case):
    assert_ours_accepts(node[name]["signed"][case], CLAIMS[case])


@node_peers
def test_node_refuses_changed(node, name):
    token = issue(CLAIMS["plain"])
    assert node[name]["changed"] == [None] * len(token)


def test_ours_refuses_changed():
    token = issue(CLAIMS["plain"])
    assert joat.parse_token(token) is not None
    # Of a last character with two unused bits, these are set too.
    unused = token[:-1] + BASE64URL[BASE64URL.index(token[-1]) ^ 1]
    for edited in [*changed(token), unused]:
        assert joat.parse_token(edited) is None
        with pytest.raises((joat.MalformedToken, joat.InvalidSignature)):
            joat.verify_token(edited)
