"""The published vectors of vectors/README.md, on the signature layer."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from joat import MalformedToken, json_object
from joat.jws import b64decode, b64encode, hmac_sha256, is_signed, parse

VECTORS = Path(__file__).parent / "vectors"
RFC4231 = json.loads((VECTORS / "rfc4231_hmac_sha256.json").read_text())
RFC7515 = json.loads((VECTORS / "rfc7515_a1.json").read_text())
WYCHEPROOF = json.loads((VECTORS / "wycheproof_hs256.json").read_text())

# The very bytes of 357, which is valid, but marked invalid.
SAME_AS_357 = {367, 370}
# Marked valid, but "?" is no character of base64url (RFC 7515 section 2).
WITH_QUESTION_MARK = {372, 373}

# Well-formed, so that nothing but the HMAC can tell: a changed or missing
# signature, a changed or missing payload, a changed header.
WRONG_SIGNATURE = {2, 3, 5, 6, 8}


def decode(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


BY_ID = {
    test["tcId"]: (decode(group["private"]["k"]), test["jws"], test)
    for group in WYCHEPROOF["testGroups"]
    for test in group["tests"]
}


def is_valid(number: int) -> bool:
    marked_valid = BY_ID[number][2]["result"] == "valid"
    return (marked_valid or number in SAME_AS_357) and number not in WITH_QUESTION_MARK


def name(number: int) -> str:
    return f"{number}-{BY_ID[number][2]['comment']}"


VALID = [
    pytest.param(decode(RFC7515["key"]), RFC7515["jws"], id="RFC7515-A.1"),
    *(
        pytest.param(key, jws, id=name(number))
        for number, (key, jws, _) in BY_ID.items()
        if is_valid(number)
    ),
]
FORGED, MALFORMED = (
    [
        pytest.param(key, jws, id=name(number))
        for number, (key, jws, _) in BY_ID.items()
        if not is_valid(number) and (number in WRONG_SIGNATURE) is forged
    ]
    for forged in (True, False)
)


@pytest.mark.parametrize(("key", "jws"), VALID)
def test_valid(key: bytes, jws: str) -> None:
    signing_input, payload, signature = parse(jws)
    assert is_signed(signing_input, signature, (key,))
    assert payload == decode(jws.split(".")[1])
    # HMAC has no randomness: what verifies is what would be signed.
    assert hmac_sha256(key, signing_input) == signature


@pytest.mark.parametrize(("key", "jws"), FORGED)
def test_forged(key: bytes, jws: str) -> None:
    signing_input, _, signature = parse(jws)
    assert not is_signed(signing_input, signature, (key,))


@pytest.mark.parametrize(("key", "jws"), MALFORMED)
def test_malformed(key: bytes, jws: str) -> None:
    with pytest.raises(MalformedToken):
        parse(jws)


@pytest.mark.parametrize(
    "test",
    [pytest.param(test, id=str(test["number"])) for test in RFC4231["tests"]],
)
def test_hmac(test: dict[str, str]) -> None:
    key, data = bytes.fromhex(test["key"]), bytes.fromhex(test["data"])
    # One of them is cut off after 128 bits.
    octets = hmac_sha256(key, data)[: len(test["hmac_sha256"]) // 2]
    assert octets.hex() == test["hmac_sha256"]


def test_rfc7515_segments() -> None:
    header, payload, _ = RFC7515["jws"].encode().split(b".")
    for segment, text in (header, RFC7515["header"]), (payload, RFC7515["payload"]):
        assert b64encode(text.encode()) == segment
        assert b64decode(segment) == text.encode()
        assert json_object.parse(text.encode(), "part") == json.loads(text)


def test_no_vector_is_lost() -> None:
    assert len(BY_ID) == WYCHEPROOF["numberOfTests"] == 40
    assert len(VALID) + len(FORGED) + len(MALFORMED) == 41
    assert [test["number"] for test in RFC4231["tests"]] == list(range(1, 8))


@pytest.mark.parametrize("number", sorted(SAME_AS_357))
def test_marked_invalid_but_valid(number: int) -> None:
    assert BY_ID[number][2]["result"] == "invalid"
    assert BY_ID[number][:2] == BY_ID[357][:2]
    assert is_valid(357)


@pytest.mark.parametrize("number", sorted(WITH_QUESTION_MARK))
def test_marked_valid_but_invalid(number: int) -> None:
    assert BY_ID[number][2]["result"] == "valid"
    assert "?" in BY_ID[number][1]
