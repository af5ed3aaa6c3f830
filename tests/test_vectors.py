"""The published vectors of vectors/README.md, on the signature layer."""

import base64
import json
from pathlib import Path

import pytest

from joat import MalformedToken
from joat.jws import hmac_sha256, is_signed, parse

VECTORS = Path(__file__).parent / "vectors"
RFC4231 = json.loads((VECTORS / "rfc4231_hmac_sha256.json").read_bytes())
RFC7515 = json.loads((VECTORS / "rfc7515_a1.json").read_bytes())
WYCHEPROOF = json.loads((VECTORS / "wycheproof_hs256.json").read_bytes())

# The very bytes of 357, which is valid, but marked invalid.
SAME_AS_357 = {367, 370}
# Marked valid, but "?" is no character of base64url (RFC 7515 section 2).
WITH_QUESTION_MARK = {372, 373}
# Well-formed, so that nothing but the HMAC can tell: a changed or missing
# signature, a changed or missing payload, a changed header.
WRONG_SIGNATURE = {2, 3, 5, 6, 8}


def decode(segment):
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


BY_ID = {
    test["tcId"]: (decode(group["private"]["k"]), test["jws"], test["result"])
    for group in WYCHEPROOF["testGroups"]
    for test in group["tests"]
}
MARKED_VALID = {number for number, row in BY_ID.items() if row[2] == "valid"}
VALID = (MARKED_VALID | SAME_AS_357) - WITH_QUESTION_MARK
MALFORMED = BY_ID.keys() - VALID - WRONG_SIGNATURE


def by_vector(numbers, *more):
    rows = [pytest.param(*BY_ID[number][:2], id=str(number)) for number in numbers]
    return pytest.mark.parametrize(("key", "jws"), [*rows, *more])


RFC7515_A1 = pytest.param(decode(RFC7515["key"]), RFC7515["jws"], id="RFC7515-A.1")


@by_vector(VALID, RFC7515_A1)
def test_valid(key, jws):
    signing_input, payload, signature = parse(jws)
    assert is_signed(signing_input, signature, (key,))
    assert payload == decode(jws.split(".")[1])
    # HMAC has no randomness: what verifies is what would be signed.
    assert hmac_sha256(key, signing_input) == signature


@by_vector(WRONG_SIGNATURE)
def test_forged(key, jws):
    signing_input, _, signature = parse(jws)
    assert not is_signed(signing_input, signature, (key,))


@by_vector(MALFORMED)
def test_malformed(key, jws):
    with pytest.raises(MalformedToken):
        parse(jws)


def test_what_is_marked_otherwise():
    assert len(BY_ID) == WYCHEPROOF["numberOfTests"] == 40
    for number in SAME_AS_357:
        assert number not in MARKED_VALID
        assert BY_ID[number][:2] == BY_ID[357][:2]
    for number in WITH_QUESTION_MARK:
        assert number in MARKED_VALID
        assert "?" in BY_ID[number][1]
    assert MARKED_VALID.isdisjoint(WRONG_SIGNATURE)


@pytest.mark.parametrize("number", range(1, 8))
def test_hmac(number):
    test = RFC4231["tests"][number - 1]
    assert test["number"] == number
    key, data = bytes.fromhex(test["key"]), bytes.fromhex(test["data"])
    # One of them is cut off after 128 bits.
    octets = hmac_sha256(key, data)[: len(test["hmac_sha256"]) // 2]
    assert octets.hex() == test["hmac_sha256"]
