"""Whatever ours accepts PyJWT accepts too, apart from what `difference` tells.

The tokens are the near-tokens of the properties, under the same stopped clock.
"""

import json
from datetime import datetime

import jwt
import pytest
from helpers import CLAIMS, HEADER, NOW, SALT, TOKEN, make_token
from hypothesis import HealthCheck, given, settings
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


def difference(header, claims):
    """Tell why ours accepts what PyJWT does not."""
    # PyJOAT has always had integer identifiers; RFC 7519 asks for strings.
    if any(type(claims.get(name)) is int for name in ("aud", "iss", "jti", "sub")):
        return "integer identifier"
    # To PyJWT it is none.
    if claims["aud"] == "":
        return "empty aud"
    # RFC 7519 section 4.1.6 gives no reason to refuse one.
    if claims["iat"] > NOW:
        return "iat to come"
    # PyJWT cuts off the fraction: such a token ends up to a second earlier.
    if NOW < claims["exp"] < NOW + 1:
        return "exp within a second"
    # Ours ignores these members, of a type or value that they must not have.
    if not isinstance(header.get("kid", ""), str):
        return "kid no string"
    if header.get("b64") is False:
        return "b64 false, not critical"
    return None


@settings(max_examples=2000, deadline=500, suppress_health_check=[HealthCheck.too_slow])
@given(near_tokens(st.text(min_size=1, max_size=5)))
def test_what_ours_accepts_pyjwt_accepts(octets):
    token = make_token(*reversed(octets))
    if joat.parse_token(token) is not None:
        header, claims = map(json.loads, octets)
        if difference(header, claims) is None:
            assert decode(token, claims) == claims


@pytest.mark.parametrize(
    ("why", "header", "claims"),
    [
        ("integer identifier", {}, {"sub": 1234}),
        ("empty aud", {}, {"aud": ""}),
        ("iat to come", {}, {"iat": NOW + 1}),
        ("exp within a second", {}, {"exp": NOW + 0.5}),
        ("kid no string", {"kid": 1}, {}),
        ("b64 false, not critical", {"b64": False}, {}),
    ],
)
def test_difference(why, header, claims):
    """Each difference is there: one that PyJWT gives up must leave the list."""
    header, claims = {**json.loads(HEADER), **header}, {**CLAIMS, **claims}
    token = make_token(claims, header)
    assert difference(header, claims) == why
    assert joat.parse_token(token) is not None
    with pytest.raises(jwt.InvalidTokenError):
        decode(token, claims)


def test_no_difference():
    assert difference(json.loads(HEADER), CLAIMS) is None
    assert joat.parse_token(TOKEN) is not None
    assert decode(TOKEN, CLAIMS) == CLAIMS
