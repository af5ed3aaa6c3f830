"""Whatever ours accepts PyJWT accepts too, apart from what DIFFERENCES lists.

The tokens are the near-tokens of the properties, under the same stopped clock.
"""

import json
from datetime import datetime, timedelta

import jwt
import pytest
from helpers import NOW, SALT, make_token
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from strategies import near_tokens

import joat


class StoppedDatetime(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.fromtimestamp(NOW, tz)


@pytest.fixture(autouse=True, scope="module")
def _server():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joat, "salt_generator", lambda claims: SALT)
        patch.setattr("time.time", lambda: float(NOW))
        patch.setattr("jwt.api_jwt.datetime", StoppedDatetime)
        yield


def decode(token, claims):
    expected = {"audience": claims["aud"], "issuer": claims["iss"]}
    expected["subject"] = claims["sub"]
    return jwt.decode(token, SALT, algorithms=["HS256"], **expected)


HEADER = {"alg": "HS256", "typ": "JWT"}
CLAIMS = {"aud": "client", "iss": "provider", "exp": NOW + 1, "iat": NOW}
CLAIMS.update(scp=["read"], sub="user")

# What ours accepts and PyJWT does not, each with members that show it.
DIFFERENCES = {
    # PyJOAT has always had integer identifiers; RFC 7519 asks for strings.
    "integer identifier": (
        lambda header, claims: any(
            isinstance(claims.get(name), int) for name in ("aud", "iss", "jti", "sub")
        ),
        {},
        {"sub": 1234},
    ),
    # To PyJWT an empty aud is none.
    "empty aud": (lambda header, claims: claims["aud"] == "", {}, {"aud": ""}),
    # RFC 7519 section 4.1.6 gives no reason to refuse one.
    "iat to come": (lambda header, claims: claims["iat"] > NOW, {}, {"iat": NOW + 1}),
    # PyJWT cuts off the fraction of exp: such a token ends up to a second earlier.
    "exp within a second": (
        lambda header, claims: NOW < claims["exp"] < NOW + 1,
        {},
        {"exp": NOW + 0.5},
    ),
    # Members of the header that ours ignores, of a type that they must not have.
    "kid no string": (
        lambda header, claims: not isinstance(header.get("kid", ""), str),
        {"kid": 1},
        {},
    ),
    "b64 false, not critical": (
        lambda header, claims: header.get("b64") is False,
        {"b64": False},
        {},
    ),
}


@settings(
    max_examples=2000,
    deadline=timedelta(milliseconds=500),
    suppress_health_check=[HealthCheck.too_slow],
)
@given(near_tokens(st.text(min_size=1, max_size=5)))
def test_what_ours_accepts_pyjwt_accepts(octets):
    token = make_token(*reversed(octets))
    if joat.parse_token(token) is None:
        event("refused")
        return
    header, claims = map(json.loads, octets)
    for name, (differs, _, _) in DIFFERENCES.items():
        if differs(header, claims):
            event(name)
            return
    event("accepted")
    assert decode(token, claims) == claims


@pytest.mark.parametrize(
    ("differs", "header", "claims"), DIFFERENCES.values(), ids=DIFFERENCES
)
def test_difference(differs, header, claims):
    """Each difference is there: one that PyJWT gives up must leave the list."""
    header, claims = {**HEADER, **header}, {**CLAIMS, **claims}
    token = make_token(claims, header)
    assert differs(header, claims)
    assert not differs(HEADER, CLAIMS)
    assert joat.parse_token(token) is not None
    with pytest.raises(jwt.InvalidTokenError):
        decode(token, claims)


def test_no_difference():
    token = make_token(CLAIMS, HEADER)
    assert joat.parse_token(token) is not None
    assert decode(token, CLAIMS) == CLAIMS
