"""What an accepted token must be, written without the library's own code."""

from __future__ import annotations

import base64
import json
import math
import time
from typing import Any

import joat

SECRET = b"0123456789abcdef0123456789abcdef"
ASKED: list[dict[str, Any]] = []


def salt_generator(claims: dict[str, Any]) -> bytes:
    """Return the secret; note what it was asked for."""
    ASKED.append(claims)
    return SECRET


joat.salt_generator = salt_generator


def encode(octets: bytes) -> bytes:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def judge(token: str | bytes) -> None:
    """Verify `token` in every way; fail if one is wrong or disagrees."""
    ASKED.clear()
    try:
        credentials = joat.verify_token(token)
    except joat.TokenError:
        assert joat.parse_token(token) is None
    else:
        assert joat.parse_token(token) == credentials
        claims = well_formed(token)
        assert claims["exp"] > time.time() - 60
        assert credentials["user_id"] == claims["sub"]
    try:
        claims = joat.unverified_claims(token)
    except joat.MalformedToken:
        # A bad signature segment shows only once the salt is known.
        ASKED.clear()
    else:
        assert claims == well_formed(token)
    assert len(ASKED) in (0, 2)


def well_formed(token: str | bytes) -> dict[str, Any]:
    """Return the claims of `token`; fail if it should have been refused."""
    text = token if isinstance(token, str) else token.decode("ascii")
    assert len(text) <= 65_536
    segments = text.encode("ascii").split(b".")
    header, payload, signature = (
        base64.b64decode(
            segment + b"=" * (-len(segment) % 4), altchars=b"-_", validate=True
        )
        for segment in segments
    )
    assert [encode(header), encode(payload), encode(signature)] == segments
    members = decode_object(header)
    assert members["alg"] == "HS256"
    assert "crit" not in members
    assert members.get("typ", "JWT").upper() in ("JWT", "AT+JWT")
    claims = decode_object(payload)
    for name in ("aud", "iss", "sub"):
        assert type(claims[name]) in (str, int)
    assert type(claims.get("jti", "")) in (str, int)
    for value in (claims["exp"], claims["iat"], claims.get("nbf", 0)):
        assert type(value) is int or (type(value) is float and math.isfinite(value))
    assert type(claims["scp"]) is list
    assert all(type(permission) is str for permission in claims["scp"])
    return claims


def decode_object(octets: bytes) -> dict[str, Any]:
    """Return the JSON object that the octets hold in UTF-8; fail if they do not."""

    def refuse(name: str) -> None:
        raise AssertionError(name)

    members = json.loads(octets.decode("utf-8"), parse_constant=refuse)
    assert type(members) is dict
    json.dumps(members, ensure_ascii=False).encode("utf-8")
    return members
