"""Whatever ours accepts PyJWT accepts too, apart from what `difference` tells.

The tokens are the random ones of the comparison with the model, under the same
stopped clock.
"""

import json
import secrets
from base64 import urlsafe_b64decode
from contextlib import suppress
from datetime import datetime

import jwt
import pytest
from helpers import CLAIMS, HEADER, SALT, TOKEN, make_token
from random_tokens import NOW, cases

import joat

SEED = secrets.randbits(32)


class StoppedDatetime(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.fromtimestamp(NOW, tz)


@pytest.fixture(autouse=True, scope="module")
def _server():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: NOW)
        patch.setattr("jwt.api_jwt.datetime", StoppedDatetime)
        yield


def decode(token, salts, claims):
    expected = {"audience": claims["aud"], "issuer": claims["iss"]}
    expected["subject"] = claims["sub"]
    for salt in salts:
        with suppress(jwt.InvalidSignatureError):
            return jwt.decode(token, salt, algorithms=["HS256"], **expected)
    return None


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
    if int(claims["exp"]) <= NOW:
        return "exp within a second"
    # Ours ignores these members, of a type or value that they must not have.
    if not isinstance(header.get("kid", ""), str):
        return "kid no string"
    if header.get("b64") is False:
        return "b64 false, not critical"
    return None


def accepted():
    """Yield the tokens that ours accepts, with salts, header and claims."""
    for token, salts, _ in cases(20_000, SEED):
        with suppress(joat.TokenError):
            joat.verify_token(token, salt=salts)
            text = token if isinstance(token, str) else token.decode()
            header = json.loads(urlsafe_b64decode(text.partition(".")[0] + "=="))
            yield token, salts, header, joat.unverified_claims(token)


def test_what_ours_accepts_pyjwt_accepts():
    both = 0
    for token, salts, header, claims in accepted():
        if difference(header, claims) is None:
            assert decode(token, salts, claims) == claims, SEED
            both += 1
    assert both > 500, SEED


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
    assert joat.verify_token(token, salt=SALT)
    with pytest.raises(jwt.InvalidTokenError):
        decode(token, [SALT], claims)


def test_no_difference():
    assert difference(json.loads(HEADER), CLAIMS) is None
    assert joat.verify_token(TOKEN, salt=SALT)
    assert decode(TOKEN, [SALT], CLAIMS) == CLAIMS
