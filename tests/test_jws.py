"""The token as text: its segments, its base64url, its header and its signature."""

import contextlib
import hmac
import itertools
import json
import string

import pytest
from helpers import CLAIMS, HEADER, SALT, TOKEN, b64, join, make_token, signature

import joat
from joat import jws

ALPHABET = string.ascii_letters + string.digits + "-_"
PAYLOAD = json.dumps(CLAIMS).encode()
SEGMENTS = TOKEN.split(".")
SIGNING_INPUT = TOKEN.rpartition(".")[0]
MAC = hmac.digest(SALT, SIGNING_INPUT.encode(), "sha256")


def token_of_length(length):
    # 81 characters are the header, the signature and two dots.
    token = make_token(PAYLOAD.ljust((length - 81) * 3 // 4))
    assert len(token) == length
    return token


@pytest.mark.parametrize("kind", [str, str.encode], ids=["str", "bytes"])
@pytest.mark.parametrize("spaces", [b"", b" ", b"  "])
def test_parse_takes_a_token_apart(spaces, kind):
    token = make_token(PAYLOAD + spaces)
    signing_input, payload, auth = jws.parse(kind(token))
    assert signing_input == token.rpartition(".")[0].encode()
    assert payload.strip() == PAYLOAD
    assert auth == hmac.digest(SALT, signing_input, "sha256")


@pytest.mark.parametrize("kind", [str, str.encode], ids=["str", "bytes"])
def test_parse_takes_the_longest_token(kind):
    assert jws.parse(kind(token_of_length(65_536)))[1].startswith(PAYLOAD)


NO_TOKENS = {
    "None": None,
    "integer": 0,
    "list": SEGMENTS,
    "bytearray": bytearray(TOKEN.encode()),
    "empty": "",
    "two-dots": "..",
    "word": "garbage",
    "two-segments": ".".join(SEGMENTS[:2]),
    "no-header": join("", SEGMENTS[1]),
    "four-segments": f"{TOKEN}.{SEGMENTS[2]}",
    "dot-at-end": f"{TOKEN}.",
    "dot-in-signed-header": join(f"{SEGMENTS[0]}.{SEGMENTS[0]}", SEGMENTS[1]),
    "payload-not-encoded": join(SEGMENTS[0], PAYLOAD.decode()),
    "header-in-another-case": join(SEGMENTS[0].swapcase(), SEGMENTS[1]),
    "header-no-object": make_token(header=b'["alg","HS256"]'),
    "utf-16": TOKEN.encode("utf-16"),
    "too-long": token_of_length(65_537),
    "too-long-bytes": token_of_length(65_537).encode(),
    "longest-of-dots": "." * 65_536,
    # Of impossible lengths, or with unused bits that are set.
    "header-and-a-character": join(SEGMENTS[0] + "A", SEGMENTS[1]),
    "payload-of-a-character": join(SEGMENTS[0], "A"),
    "payload-of-five-characters": join(SEGMENTS[0], "AAAAA"),
    "signature-of-a-character": f"{SIGNING_INPUT}.A",
    "header-of-unused-bits": join(b64(HEADER + b" ")[:-1] + "B", SEGMENTS[1]),
    "payload-of-unused-bits": join(SEGMENTS[0], "AB"),
    "signature-of-unused-bits": f"{SIGNING_INPUT}.{SEGMENTS[2][:-1]}B",
}


@pytest.mark.parametrize("token", NO_TOKENS.values(), ids=NO_TOKENS)
def test_parse_refuses(token):
    with pytest.raises(joat.MalformedToken):
        jws.parse(token)


FOREIGN = [
    *("=", "==", "===", "====", "+", "/", " ", "    ", "\n", "\r\n", "\0", "\x7f", "?"),
    # Latin-1, digits and letters of other scripts, nothing to see, no Unicode
    *("\xe9", "\xff", "\u0661", "\uff21", "\u0301", "\u200b", "\U0001f600", "\ud800"),
]


@pytest.mark.parametrize("place", [0, 5, 100], ids=["start", "middle", "end"])
@pytest.mark.parametrize("text", FOREIGN, ids=ascii)
@pytest.mark.parametrize("index", [0, 1, 2], ids=["header", "payload", "signature"])
def test_parse_refuses_foreign_characters(index, text, place):
    segments = SEGMENTS.copy()
    segments[index] = segments[index][:place] + text + segments[index][place:]
    if index < 2:
        segments[2] = signature(f"{segments[0]}.{segments[1]}")
    token = ".".join(segments)
    for given in (token, token.encode("latin-1", "replace")):
        with pytest.raises(joat.MalformedToken):
            jws.parse(given)


TYPES = ["JWT", "jwt", "JwT", "at+jwt", "AT+JWT", "application/jwt"]
TYPES += ["Application/AT+jwt"]
HEADERS = [
    {},
    {"kid": "1", "jku": "http://x", "jwk": {"kty": "oct"}, "cty": "JWT", "b64": True},
    {"ALG": "none", "CRIT": ["x"], "Typ": 1},
    *({"typ": name} for name in TYPES),
]
NO_ALGORITHMS = [None, True, 256, ["HS256"], {"HS256": 1}, "", "none", "NONE", "hs256"]
NO_ALGORITHMS += ["HS256 ", "HS256\0", "\uff28\uff33256", "HS512", "RS256"]
CRITICAL = [["exp"], ["b64"], ["alg"], [], None, False, "alg", {}]
NO_TYPES = [None, 1, True, ["JWT"], {}, "", "JWE", "jw", "JWT ", "/jwt", "text/jwt"]
NO_TYPES += ["application/", "JOSE", "application/application/jwt"]
NO_TYPES += ["application/jwt;x=y"]
WRONG_HEADERS = [
    {},
    {"typ": "JWT"},
    {"ALG": "HS256"},
    *({"alg": algorithm} for algorithm in NO_ALGORITHMS),
    *({"alg": "HS256", "crit": names} for names in CRITICAL),
    *({"alg": "HS256", "typ": name} for name in NO_TYPES),
    # The last of a name counts, however it is spelled.
    b'{"alg":"HS256","alg":"none"}',
    b'{"alg":"HS256","\\u0061lg":"none"}',
    b'{"alg":"HS256","\\u0063rit":["x"]}',
    b'{"alg":"HS256","typ":"JWT","typ":"JWE"}',
]


@pytest.mark.parametrize(
    "header",
    [
        *({**header, "alg": "HS256"} for header in HEADERS),
        b' {"typ":"JWE", "alg":"none", "typ":"JWT", "alg":"HS256"}',
        b'{"\\u0061lg":"\\u0048S256"}',
    ],
    ids=ascii,
)
def test_parse_takes_headers(header):
    assert jws.parse(make_token(header=header))[1] == PAYLOAD


@pytest.mark.parametrize("header", WRONG_HEADERS, ids=ascii)
def test_parse_refuses_headers(header):
    with pytest.raises(joat.MalformedToken):
        jws.parse(make_token(header=header))


OTHERS = {
    "none": [],
    "other": [SALT[::-1]],
    "nul": [b"\0"],
    "cut": [SALT[:-1]],
    "others": [SALT[::-1], SALT[1:]],
}


@pytest.mark.parametrize("others", OTHERS.values(), ids=OTHERS)
def test_is_signed_takes_any_of_the_keys(others):
    assert not jws.is_signed(SIGNING_INPUT.encode(), MAC, tuple(others))
    assert jws.is_signed(SIGNING_INPUT.encode(), MAC, (*others, SALT, *others))


def test_signatures_are_compared_in_constant_time(monkeypatch):
    compared = []

    def compare_digest(first, second):
        compared.append({first, second})
        return False

    assert jws.compare_digest is hmac.compare_digest
    monkeypatch.setattr(jws, "compare_digest", compare_digest)
    assert not jws.is_signed(SIGNING_INPUT.encode(), MAC, (SALT,))
    assert compared == [{MAC}]


def test_is_signed_looks_at_every_bit():
    for at, bit in itertools.product(range(32), range(8)):
        auth = MAC[:at] + bytes([MAC[at] ^ 1 << bit]) + MAC[at + 1 :]
        assert not jws.is_signed(SIGNING_INPUT.encode(), auth, (SALT,))
    for auth in (b"", MAC[:-1], MAC + b"\0", MAC * 2):
        assert not jws.is_signed(SIGNING_INPUT.encode(), auth, (SALT,))


# RFC 4648 section 10, without padding, and the two characters of section 5.
BASE64URL = {
    b"": b"",
    b"f": b"Zg",
    b"fo": b"Zm8",
    b"foo": b"Zm9v",
    b"foob": b"Zm9vYg",
    b"fooba": b"Zm9vYmE",
    b"foobar": b"Zm9vYmFy",
    b"\xfb\xef\xbe": b"----",
    b"\xff\xff\xff": b"____",
    b"\0\0\0\0": b"AAAAAA",
    b"\0\0\x17": b"AAAX",
}


@pytest.mark.parametrize(("octets", "segment"), BASE64URL.items())
def test_base64url(octets, segment):
    assert jws.b64encode(octets) == segment
    assert jws.b64decode(segment) == octets


def decoded(segments):
    """Return what those of the segments that are base64url decode to."""
    found = {}
    for segment in segments:
        with contextlib.suppress(joat.MalformedToken):
            found[segment] = jws.b64decode(segment)
    return found


@pytest.mark.parametrize("prefix", ["", "A"], ids=["one-octet", "two-octets"])
def test_base64url_has_one_spelling_for_all_octets(prefix):
    pairs = itertools.product(ALPHABET, repeat=2)
    segments = [f"{prefix}{first}{second}".encode() for first, second in pairs]
    # "A" leaves two bits of the first octet.
    octets = itertools.product(*[range(4)] * len(prefix), range(256))
    expected = {b64(bytes(some)).encode(): bytes(some) for some in octets}
    assert decoded(segments) == expected


def test_base64url_takes_its_alphabet_only():
    segments = [b"AA" + bytes([octet]) + b"A" for octet in range(256)]
    assert {chr(segment[2]) for segment in decoded(segments)} == set(ALPHABET)


def test_base64url_takes_neither_a_foreign_nor_a_single_character():
    places = itertools.product(range(9), repeat=2)
    segments = [b"A" * before + b"!" + b"A" * after for before, after in places]
    assert decoded([*segments, *(letter.encode() for letter in ALPHABET)]) == {}


# RFC 2104 hashes a key that is longer than a block of 64 octets.
@pytest.mark.parametrize("length", [0, 1, 32, 63, 64, 65, 128, 200])
def test_hmac_is_that_of_the_standard_library(length):
    key = bytes(range(1, length + 1))
    for message in b"", b"x" * 55, b"x" * 56, b"x" * 64, bytes(range(256)):
        assert jws.hmac_sha256(key, message) == hmac.digest(key, message, "sha256")


def test_serialize_refuses_what_parse_would():
    fits = b"x" * 49_091
    assert len(jws.serialize(fits, SALT)) == 65_536
    with pytest.raises(ValueError, match="longer than 65536") as caught:
        jws.serialize(fits + b"x", SALT)
    assert not isinstance(caught.value, joat.TokenError)
