"""The token as text: its segments, its header, its JSON and its signature."""

from __future__ import annotations

import contextlib
import hmac
import itertools
import json
import string
import threading
from base64 import urlsafe_b64decode

import pytest
from helpers import (
    CLAIMS,
    HEADER,
    SALT,
    TOKEN,
    assert_tells_nothing,
    b64,
    join,
    make_token,
    signature,
    with_claims,
)

import joat
from joat import json_object, jws

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
PAYLOAD = json.dumps(CLAIMS).encode()
SEGMENTS = TOKEN.split(".")


def token_of_length(length):
    # 81 characters are the header, the signature and two dots.
    token = make_token(PAYLOAD.ljust((length - 81) * 3 // 4))
    assert len(token) == length
    return token


NOT_TEXT = {
    "None": None,
    "True": True,
    "integer": 0,
    "float": 1.5,
    "not-a-number": float("nan"),
    "list-of-segments": SEGMENTS,
    "tuple": (TOKEN,),
    "dict": CLAIMS,
    "set": {TOKEN},
    "bytearray": bytearray(TOKEN.encode()),
    "memoryview": memoryview(TOKEN.encode()),
    "function": make_token,
    "class": str,
    "object": object(),
}


@pytest.mark.parametrize("token", NOT_TEXT.values(), ids=NOT_TEXT)
def test_refuses_what_is_not_text(assert_refused, token):
    assert_refused(token)


SHAPES = {
    "empty": "",
    "one-dot": ".",
    "two-dots": "..",
    "three-dots": "...",
    "dots-only": "." * 1000,
    "word": "garbage",
    "one-segment": SEGMENTS[0],
    "two-segments": ".".join(SEGMENTS[:2]),
    "payload-and-signature": ".".join(SEGMENTS[1:]),
    "empty-header": join("", SEGMENTS[1]),
    "empty-payload": join(SEGMENTS[0], ""),
    "four-segments": f"{TOKEN}.{SEGMENTS[2]}",
    "five-segments-as-of-JWE": f"{TOKEN}.{SEGMENTS[2]}.{SEGMENTS[2]}",
    "dot-at-end": f"{TOKEN}.",
    "dot-at-start": f".{TOKEN}",
    "dot-doubled": TOKEN.replace(".", "..", 1),
    "two-tokens": f"{TOKEN}.{TOKEN}",
    "header-signed-in-payload": join(f"{SEGMENTS[0]}.{SEGMENTS[0]}", SEGMENTS[1]),
    "comma-for-dot": TOKEN.replace(".", ","),
    "one-dot-leader": TOKEN.replace(".", "\u2024"),
    "fullwidth-full-stop": TOKEN.replace(".", "\uff0e"),
    "ideographic-full-stop": TOKEN.replace(".", "\u3002"),
    "percent-encoded-dots": TOKEN.replace(".", "%2E"),
    "quoted": f'"{TOKEN}"',
    "bearer-before": f"Bearer {TOKEN}",
    "json-serialization": json.dumps(
        {"protected": SEGMENTS[0], "payload": SEGMENTS[1], "signature": SEGMENTS[2]}
    ),
    "payload-not-encoded": join(SEGMENTS[0], PAYLOAD.decode()),
    "header-not-encoded": join(HEADER.decode(), SEGMENTS[1]),
    "encoded-twice": join(SEGMENTS[0], b64(SEGMENTS[1].encode())),
    "utf-16": TOKEN.encode("utf-16"),
    "utf-32": TOKEN.encode("utf-32"),
    "bom-before": b"\xef\xbb\xbf" + TOKEN.encode(),
    "reversed": TOKEN[::-1],
    "too-long": token_of_length(65_537),
    "too-long-bytes": token_of_length(65_537).encode(),
    "far-too-long": "A" * 1_000_000,
    "too-long-dots": "." * 65_537,
    "longest-of-one-segment": "A" * 65_536,
    "longest-of-dots": "." * 65_536,
    "longest-of-question-marks": "?" * 65_536,
}


@pytest.mark.parametrize("token", SHAPES.values(), ids=SHAPES)
def test_refuses_what_is_not_three_segments(assert_refused, token):
    assert_refused(token)


@pytest.mark.parametrize("kind", [str, bytes])
def test_accepts_the_longest_token(assert_accepted, kind):
    token = token_of_length(65_536)
    assert_accepted(token if kind is str else token.encode())


def test_length_is_checked_before_any_other_work(monkeypatch, asked):
    def unexpected(*arguments):
        raise AssertionError("the token was looked at")

    class TooLong(bytes):
        partition = rpartition = split = translate = decode = unexpected

    with pytest.raises(joat.MalformedToken):
        joat.verify_token(TooLong(b"a" * 65_537))


FOREIGN = {
    "padding": "=",
    "two-paddings": "==",
    "three-paddings": "===",
    "four-paddings": "====",
    "plus": "+",
    "slash": "/",
    "space": " ",
    "four-spaces": "    ",
    "tab": "\t",
    "line-feed": "\n",
    "four-line-feeds": "\n\n\n\n",
    "carriage-return": "\r\n",
    "vertical-tab": "\v",
    "nul": "\0",
    "delete": "\x7f",
    "question-mark": "?",
    "percent": "%41",
    "backslash": "\\",
    "quote": '"',
    "tilde": "~",
    "comma": ",",
    "latin-1": "\xe9",
    "no-break-space": "\xa0",
    "arabic-digit": "\u0661",
    "fullwidth-letter": "\uff21",
    "fullwidth-digit": "\uff11",
    "cyrillic-look-alike": "\u0410",
    "combining-accent": "\u0301",
    "zero-width-space": "\u200b",
    "line-separator": "\u2028",
    "byte-order-mark": "\ufeff",
    "emoji": "\U0001f600",
    "lone-surrogate": "\ud800",
}
PLACES = {"start": 0, "middle": 5, "end": None}


def insert(segment, place, text):
    at = len(segment) if place is None else place
    return segment[:at] + text + segment[at:]


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("index", [0, 1], ids=["header", "payload"])
def test_refuses_foreign_characters(assert_refused, index, text, place):
    segments = SEGMENTS[:2]
    segments[index] = insert(segments[index], place, text)
    assert_refused(join(*segments))


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN)
def test_refuses_foreign_characters_in_the_signature(assert_refused, text, place):
    # The header and the claims are fine, so that the salt has been asked for; but
    # what is not ASCII is no token from the start.
    foreign = insert(SEGMENTS[2], place, text)
    token = f"{SEGMENTS[0]}.{SEGMENTS[1]}.{foreign}"
    assert_refused(token)


@pytest.mark.parametrize("octet", [0x00, 0x2B, 0x2F, 0x3D, 0x80, 0xC3, 0xFF], ids=hex)
@pytest.mark.parametrize("index", [0, 1, 2], ids=["header", "payload", "signature"])
def test_refuses_foreign_octets(assert_refused, index, octet):
    segments = TOKEN.encode().split(b".")
    segments[index] = segments[index][:4] + bytes([octet]) + segments[index][5:]
    if index < 2:
        segments[2] = signature(b".".join(segments[:2])).encode()
    assert_refused(b".".join(segments))


def last_characters(octets):
    """Yield the encodings of `octets` that differ in unused bits alone."""
    segment = b64(octets)
    unused = {0: 0, 2: 4, 3: 2}[len(segment) % 4]
    for bits in range(1, 1 << unused):
        yield segment[:-1] + ALPHABET[ALPHABET.index(segment[-1]) | bits]


def with_rest(octets, rest):
    return octets + b" " * ((rest - len(octets)) % 3)


UNUSED_BITS = {
    f"{part}-{rest}-of-3-octets-{number}": (part, segment)
    for part, octets in (("header", HEADER), ("payload", PAYLOAD))
    for rest in (1, 2)
    for number, segment in enumerate(last_characters(with_rest(octets, rest)), 1)
}


@pytest.mark.parametrize(("part", "segment"), UNUSED_BITS.values(), ids=UNUSED_BITS)
def test_refuses_unused_bits(assert_refused, part, segment):
    if part == "header":
        assert_refused(join(segment, SEGMENTS[1]))
    else:
        assert_refused(join(SEGMENTS[0], segment))


@pytest.mark.parametrize("rest", [0, 1, 2])
@pytest.mark.parametrize("part", ["header", "payload"])
def test_accepts_segments_of_every_length(assert_accepted, part, rest):
    octets = {"header": HEADER, "payload": PAYLOAD}
    octets[part] = with_rest(octets[part], rest)
    assert_accepted(make_token(octets["payload"], octets["header"]))


MALFORMED_SIGNATURES = {
    **{
        f"unused-bits-{number}": segment
        for number, segment in enumerate(
            last_characters(urlsafe_b64decode(SEGMENTS[2] + "=")), 1
        )
    },
    "one-character": "A",
    "five-characters": "AAAAA",
    "two-characters-short": SEGMENTS[2][:41],
    "two-characters-more": SEGMENTS[2] + "AA",
    "not-base64url": "?",
}


@pytest.mark.parametrize(
    "last", MALFORMED_SIGNATURES.values(), ids=MALFORMED_SIGNATURES
)
def test_refuses_malformed_signatures(assert_refused, last):
    assert_refused(f"{SEGMENTS[0]}.{SEGMENTS[1]}.{last}")


@pytest.mark.parametrize(
    "last", MALFORMED_SIGNATURES.values(), ids=MALFORMED_SIGNATURES
)
def test_a_malformed_signature_is_so_without_a_salt(last):
    token = f"{SEGMENTS[0]}.{SEGMENTS[1]}.{last}"
    with pytest.raises(joat.MalformedToken):
        joat.verify_token(token, salt=None)


@pytest.mark.parametrize("index", [0, 1], ids=["header", "payload"])
def test_refuses_a_segment_of_impossible_length(assert_refused, index):
    segments = [b64(with_rest(HEADER, 0)), b64(with_rest(PAYLOAD, 0))]
    segments[index] += "A"
    assert_refused(join(*segments))


# What is no JSON object, from members to fill in: a header and a payload that hold
# just these members are good.
NOT_AN_OBJECT = {
    "empty": b"",
    "white-space": b" \t\r\n",
    "null": b"null",
    "true": b"true",
    "number": b"1",
    "zero": b"0",
    "string": b'"text"',
    "array": b"[]",
    "array-of-object": b"[{%s}]",
    "two-objects": b"{%s}{%s}",
    "two-objects-in-lines": b"{%s}\n{%s}",
    "text-after": b"{%s} x",
    "letter-after": b"{%s}X",
    "letter-before": b"X{%s}",
    "brace-after": b"{%s}}",
    "comma-after": b"{%s},",
    "nul-after": b"{%s}\0",
    "nul-before": b"\0{%s}",
    "not-closed": b"{%s",
    "not-opened": b"%s}",
    "trailing-comma": b"{%s,}",
    "leading-comma": b"{,%s}",
    "double-comma": b'{%s,,"x":1}',
    "no-comma": b'{%s "x":1}',
    "no-colon": b'{%s,"x" 1}',
    "no-value": b'{%s,"x":}',
    "no-name": b"{%s,:1}",
    "name-not-quoted": b"{%s,x:1}",
    "name-in-single-quotes": b"{%s,'x':1}",
    "name-a-number": b"{%s,1:1}",
    "name-null": b"{%s,null:1}",
    "python-dict": b"{%s,'x':None}",
    "python-literal": b'{%s,"x":None}',
    "undefined": b'{%s,"x":undefined}',
    "capital-true": b'{%s,"x":True}',
    "line-comment": b"{%s}//",
    "comment": b"{%s/**/}",
    "hash-comment": b"{%s}#",
    "nan": b'{%s,"x":NaN}',
    "nan-lower-case": b'{%s,"x":nan}',
    "nan-negative": b'{%s,"x":-NaN}',
    "infinity": b'{%s,"x":Infinity}',
    "infinity-negative": b'{%s,"x":-Infinity}',
    "nan-in-array": b'{%s,"x":[NaN]}',
    "nan-nested": b'{%s,"x":{"x":[{"x":NaN}]}}',
    "nan-overwritten": b'{"x":NaN,%s,"x":1}',
    "leading-zero": b'{%s,"x":01}',
    "leading-plus": b'{%s,"x":+1}',
    "no-integer-part": b'{%s,"x":.5}',
    "no-fraction": b'{%s,"x":1.}',
    "no-exponent": b'{%s,"x":1e}',
    "hexadecimal": b'{%s,"x":0x10}',
    "underscore": b'{%s,"x":1_000}',
    "minus-alone": b'{%s,"x":-}',
    "arabic-digit": '{%s,"x":\u0661}'.encode(),
    "arabic-digit-after-digit": '{%s,"x":1\u0661}'.encode(),
    "fullwidth-digit": '{%s,"x":\uff11}'.encode(),
    "integer-of-5000-digits": b'{%s,"x":' + b"9" * 5000 + b"}",
    "lone-high-surrogate": b'{%s,"x":"\\ud800"}',
    "lone-low-surrogate": b'{%s,"x":"\\udc00"}',
    "surrogates-reversed": b'{%s,"x":"\\udc00\\ud800"}',
    "two-high-surrogates": b'{%s,"x":"\\ud83d\\ud83d"}',
    "surrogate-in-upper-case": b'{%s,"x":"\\uD800"}',
    "surrogate-after-pair": b'{%s,"x":"\\ud83d\\ude00\\ude00"}',
    "surrogate-split-by-backslash": b'{%s,"x":"\\ud83d\\\\ude00"}',
    "surrogates-around-a-backslash": b'{%s,"x":"\\ud83d\\\\\\ude00"}',
    "surrogate-in-name": b'{%s,"\\ud800":1}',
    "surrogate-nested": b'{%s,"x":[[{"x":"\\ud800"}]]}',
    "surrogate-in-utf-8": b'{%s,"x":"\xed\xa0\x80"}',
    "surrogate-pair-in-utf-8": b'{%s,"x":"\xed\xa0\xbd\xed\xb8\x80"}',
    "short-escape": b'{%s,"x":"\\u00"}',
    "escape-not-hexadecimal": b'{%s,"x":"\\u00zz"}',
    "unknown-escape": b'{%s,"x":"\\x41"}',
    "escape-at-end": b'{%s,"x":"\\',
    "string-not-closed": b'{%s,"x":"',
    "line-feed-in-string": b'{%s,"x":"\n"}',
    "tab-in-string": b'{%s,"x":"\t"}',
    "nul-in-string": b'{%s,"x":"\0"}',
    "not-utf-8": b'{%s,"x":"\xff"}',
    "latin-1": b'{%s,"x":"\xe9"}',
    "overlong-utf-8": b'{%s,"x":"\xc0\xaf"}',
    "overlong-nul": b'{%s,"x":"\xc0\x80"}',
    "cut-utf-8": b'{%s,"x":"\xe2\x82"}',
    "above-unicode": b'{%s,"x":"\xf4\x90\x80\x80"}',
    "byte-order-mark": b"\xef\xbb\xbf{%s}",
    "byte-order-mark-after": b"{%s}\xef\xbb\xbf",
    "byte-order-mark-after-space": b" \xef\xbb\xbf{%s}",
    "form-feed": b"\f{%s}",
    "vertical-tab": b"\v{%s}",
    "no-break-space": "\xa0{%s}".encode(),
    "no-break-space-inside": "{\xa0%s}".encode(),
    "line-separator": "{%s}\u2028".encode(),
    "unit-separator": b"{%s}\x1f",
    "next-line": "{%s}\x85".encode(),
    "nesting-of-129": b'{%s,"x":' + b"[" * 128 + b"]" * 128 + b"}",
    "nesting-of-objects": b'{%s,"x":' + b'{"x":' * 128 + b"1" + b"}" * 129,
    "nesting-mixed": b'{%s,"x":' + b'[{"x":' * 64 + b"1" + b"}]" * 64 + b"}",
    "nesting-of-20000": b'{%s,"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "nesting-not-closed": b"[" * 45_000,
    "nesting-of-objects-not-closed": b'{"x":' * 9_000,
    "nesting-after-siblings": (
        b'{%s,"x":' + b"[[]," * 8_000 + b"[]" + b"]" * 8_000 + b"}"
    ),
    "nesting-of-129-after-deep-siblings": (
        b'{%s,"x":' + b"[[[[[]]]]," * 100 + b"[" * 28 + b"]" * 128 + b"}"
    ),
    "nesting-after-escaped-quote": (
        b'{%s,"x":"\\"","y":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    ),
    "nesting-after-backslash": (
        b'{%s,"x":"\\\\","y":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    ),
    "nesting-after-backslash-and-quote": (
        b'{%s,"x":"\\\\\\"","y":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    ),
}
MEMBERS = {"header": HEADER[1:-1], "payload": PAYLOAD[1:-1]}
PARTS = tuple(MEMBERS)


def token_with(part, octets):
    octets = octets.replace(b"%s", MEMBERS[part])
    return make_token(header=octets) if part == "header" else make_token(octets)


@pytest.mark.parametrize("octets", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT)
@pytest.mark.parametrize("part", PARTS)
def test_refuses_what_is_no_json_object(assert_refused, part, octets):
    assert_refused(token_with(part, octets))


ENCODINGS = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("part", PARTS)
def test_refuses_json_in_other_encodings(assert_refused, part, encoding):
    octets = (b"{%s}" % MEMBERS[part]).decode().encode(encoding)
    assert_refused(token_with(part, octets))


JSON_OBJECTS = {
    "spaces-around": b"  {%s}  ",
    "lines-around": b"\r\n\t{%s}\r\n\t",
    "white-space-inside": b'{ %s ,\n"x"\t:\r1 }',
    "unknown-null": b'{%s,"x":null}',
    "unknown-number": b'{%s,"x":-0.5e-3}',
    "unknown-infinite-number": b'{%s,"x":[1e400,-1e400]}',
    "unknown-number-of-4000-digits": b'{%s,"x":' + b"9" * 4000 + b"}",
    "unknown-object": b'{%s,"x":{"x":[true,false]}}',
    "unknown-before": b'{"x":1,%s}',
    "unknown-doubled": b'{%s,"x":1,"x":2}',
    "name-empty": b'{%s,"":1}',
    "name-capitalized": b'{%s,"ALG":"none","Exp":0,"Crit":["x"]}',
    "name-not-ascii": '{%s,"\u0435xp":0}'.encode(),
    "text-not-ascii": '{%s,"x":"\u2603\U0001f600\ufeff"}'.encode(),
    "escaped-pair": b'{%s,"x":"\\ud83d\\ude00"}',
    "escaped-pair-in-upper-case": b'{%s,"x":"\\uD83D\\uDE00"}',
    "escaped-control": b'{%s,"x":"\\u0000\\u001f\\b\\f"}',
    "escaped-backslash-before-u": b'{%s,"x":"\\\\ud800"}',
    "brackets-in-string": b'{%s,"x":"' + b"[{" * 1000 + b'"}',
    "brackets-after-escaped-quote": b'{%s,"x":"\\"' + b"[" * 1000 + b'"}',
    "brackets-after-backslashes": b'{%s,"x":"\\\\\\"' + b"[" * 1000 + b'"}',
    "many-arrays-in-a-row": b'{%s,"x":[' + b"[]," * 1000 + b"[]]}",
    "many-objects-in-a-row": b'{%s,"x":[' + b"{}," * 1000 + b"{}]}",
    "nesting-of-128": b'{%s,"x":' + b"[" * 127 + b"]" * 127 + b"}",
    "nesting-of-128-after-siblings": (
        b'{%s,"x":' + b"[[]," * 126 + b"[]" + b"]" * 126 + b"}"
    ),
    "nesting-of-128-after-deep-siblings": (
        b'{%s,"x":' + b"[[[[[]]]]," * 100 + b"[" * 27 + b"]" * 127 + b"}"
    ),
}


@pytest.mark.parametrize("octets", JSON_OBJECTS.values(), ids=JSON_OBJECTS)
@pytest.mark.parametrize("part", PARTS)
def test_accepts_every_json_object(assert_accepted, part, octets):
    assert_accepted(token_with(part, octets))


def test_refuses_nesting_in_a_thread_too(asked, clock):
    # Threads have smaller stacks than the process.
    results = []
    token = make_token(b"[" * 49_000)
    thread = threading.Thread(target=lambda: results.append(joat.parse_token(token)))
    thread.start()
    thread.join()
    assert results == [None]


HEADERS = {
    "empty": {},
    "alg-missing": {"typ": "JWT"},
    "alg-null": {"alg": None},
    "alg-true": {"alg": True},
    "alg-number": {"alg": 256},
    "alg-list": {"alg": ["HS256"]},
    "alg-object": {"alg": {"HS256": "HS256"}},
    "alg-empty": {"alg": ""},
    "alg-none": {"alg": "none"},
    "alg-None": {"alg": "None"},
    "alg-NONE": {"alg": "NONE"},
    "alg-lower-case": {"alg": "hs256"},
    "alg-mixed-case": {"alg": "Hs256"},
    "alg-space-after": {"alg": "HS256 "},
    "alg-space-before": {"alg": " HS256"},
    "alg-line-feed-after": {"alg": "HS256\n"},
    "alg-nul-after": {"alg": "HS256\0"},
    "alg-fullwidth": {"alg": "\uff28\uff33\uff12\uff15\uff16"},
    "alg-digits-not-ascii": {"alg": "HS\u0662\u0665\u0666"},
    "alg-name-in-upper-case": {"ALG": "HS256"},
    "alg-HS384": {"alg": "HS384"},
    "alg-HS512": {"alg": "HS512"},
    "alg-HS1": {"alg": "HS1"},
    "alg-RS256": {"alg": "RS256"},
    "alg-ES256": {"alg": "ES256"},
    "alg-PS256": {"alg": "PS256"},
    "alg-EdDSA": {"alg": "EdDSA"},
    "alg-dir": {"alg": "dir"},
    "alg-uri": {"alg": "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"},
    "alg-doubled-last-none": b'{"alg":"HS256","alg":"none"}',
    "alg-doubled-by-escape": b'{"alg":"HS256","\\u0061lg":"none"}',
    "crit-unknown": {"alg": "HS256", "crit": ["exp"]},
    "crit-of-unencoded-payload": {"alg": "HS256", "crit": ["b64"], "b64": False},
    "crit-empty": {"alg": "HS256", "crit": []},
    "crit-null": {"alg": "HS256", "crit": None},
    "crit-false": {"alg": "HS256", "crit": False},
    "crit-string": {"alg": "HS256", "crit": "alg"},
    "crit-object": {"alg": "HS256", "crit": {}},
    "crit-of-known-members": {"alg": "HS256", "crit": ["alg", "typ"]},
    "crit-by-escape": b'{"alg":"HS256","\\u0063rit":["x"]}',
    "typ-null": {"alg": "HS256", "typ": None},
    "typ-number": {"alg": "HS256", "typ": 1},
    "typ-true": {"alg": "HS256", "typ": True},
    "typ-list": {"alg": "HS256", "typ": ["JWT"]},
    "typ-object": {"alg": "HS256", "typ": {}},
    "typ-empty": {"alg": "HS256", "typ": ""},
    "typ-JWE": {"alg": "HS256", "typ": "JWE"},
    "typ-JOSE": {"alg": "HS256", "typ": "JOSE"},
    "typ-logout-token": {"alg": "HS256", "typ": "logout+jwt"},
    "typ-media-type": {"alg": "HS256", "typ": "application/jwe"},
    "typ-other-media-type": {"alg": "HS256", "typ": "text/jwt"},
    "typ-media-type-twice": {"alg": "HS256", "typ": "application/application/jwt"},
    "typ-media-type-alone": {"alg": "HS256", "typ": "application/"},
    "typ-media-type-with-parameter": {"alg": "HS256", "typ": "application/jwt;x=y"},
    "typ-slash": {"alg": "HS256", "typ": "/jwt"},
    "typ-space-after": {"alg": "HS256", "typ": "JWT "},
    "typ-part": {"alg": "HS256", "typ": "jw"},
    "typ-doubled-last-wrong": b'{"alg":"HS256","typ":"JWT","typ":"JWE"}',
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_refuses_headers(assert_refused, header):
    assert_refused(make_token(header=header))


def test_refuses_the_unsecured_token(assert_refused):
    unsecured = b64(b'{"alg":"none"}')
    assert_refused(f"{unsecured}.{SEGMENTS[1]}.")


GOOD_HEADERS = {
    "no-typ": {"alg": "HS256"},
    "other-order": {"typ": "JWT", "alg": "HS256"},
    "typ-lower-case": {"alg": "HS256", "typ": "jwt"},
    "typ-mixed-case": {"alg": "HS256", "typ": "JwT"},
    "typ-access-token": {"alg": "HS256", "typ": "at+jwt"},
    "typ-access-token-upper-case": {"alg": "HS256", "typ": "AT+JWT"},
    "typ-access-token-mixed-case": {"alg": "HS256", "typ": "at+JWT"},
    "typ-media-type": {"alg": "HS256", "typ": "application/jwt"},
    "typ-media-type-upper-case": {"alg": "HS256", "typ": "APPLICATION/JWT"},
    "typ-media-type-of-access-token": {"alg": "HS256", "typ": "application/at+jwt"},
    "typ-media-type-mixed-case": {"alg": "HS256", "typ": "Application/AT+jwt"},
    "unknown-members": {"alg": "HS256", "kid": "1", "jku": "http://x", "b64": True},
    "key-inside": {"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}},
    "content-type": {"alg": "HS256", "cty": "JWT", "enc": "A128GCM"},
    "names-in-upper-case": {"alg": "HS256", "ALG": "none", "CRIT": ["x"], "Typ": 1},
    "alg-by-escape": b'{"\\u0061lg":"\\u0048S256"}',
    "alg-doubled-last-right": b'{"alg":"none","alg":"HS256"}',
    "typ-doubled-last-right": b'{"alg":"HS256","typ":"JWE","typ":"JWT"}',
}


@pytest.mark.parametrize("header", GOOD_HEADERS.values(), ids=GOOD_HEADERS)
def test_accepts_headers(assert_accepted, header):
    assert_accepted(make_token(header=header))


def test_accepts_bytes(assert_accepted):
    assert_accepted(TOKEN.encode())


FORGED = {
    "other-salt": make_token(salt=b"x" * 32),
    "empty-salt": make_token(salt=b"\0"),
    "salt-cut": make_token(salt=SALT[:-1]),
    "no-signature": f"{SEGMENTS[0]}.{SEGMENTS[1]}.",
    "zeros": f"{SEGMENTS[0]}.{SEGMENTS[1]}.{'A' * 43}",
    "signature-cut": TOKEN[:-3],
    "signature-longer": TOKEN + "A",
    "signature-doubled": f"{TOKEN[:-1]}A{SEGMENTS[2][:-1]}A",
    "signature-of-sha512": f"{SEGMENTS[0]}.{SEGMENTS[1]}.{'A' * 86}",
    "signature-of-payload": f"{SEGMENTS[0]}.{SEGMENTS[1]}.{signature(SEGMENTS[1])}",
    "signature-of-header": f"{SEGMENTS[0]}.{SEGMENTS[1]}.{signature(SEGMENTS[0])}",
    "signature-in-upper-case": f"{SEGMENTS[0]}.{SEGMENTS[1]}.{'B' * 42}A",
    "other-claims": f"{with_claims(admin=True).rpartition('.')[0]}.{SEGMENTS[2]}",
    "other-header": f"{b64(HEADER + b'   ')}.{SEGMENTS[1]}.{SEGMENTS[2]}",
    "json-written-otherwise": (
        f"{SEGMENTS[0]}.{b64(json.dumps(CLAIMS, indent=1).encode())}.{SEGMENTS[2]}"
    ),
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED)
def test_refuses_forged_signatures(assert_refused, token):
    assert_refused(token, joat.InvalidSignature, is_asked=True)


@pytest.mark.parametrize("index", range(43))
def test_refuses_each_character_of_the_signature_changed(asked, clock, index):
    start, _, last = TOKEN.rpartition(".")
    # By four places in the alphabet, so that no unused bit is set.
    changed = ALPHABET[(ALPHABET.index(last[index]) + 4) % 64]
    with pytest.raises(joat.InvalidSignature):
        joat.verify_token(f"{start}.{last[:index]}{changed}{last[index + 1 :]}")


# RFC 4648 section 10, without padding, and the two characters of section 5.
BASE64URL = {
    "empty": (b"", b""),
    "f": (b"f", b"Zg"),
    "fo": (b"fo", b"Zm8"),
    "foo": (b"foo", b"Zm9v"),
    "foob": (b"foob", b"Zm9vYg"),
    "fooba": (b"fooba", b"Zm9vYmE"),
    "foobar": (b"foobar", b"Zm9vYmFy"),
    "minus": (b"\xfb\xef\xbe", b"----"),
    "underscore": (b"\xff\xff\xff", b"____"),
    "nul": (b"\0\0\0\0", b"AAAAAA"),
    "X-at-end": (b"\0\0\x17", b"AAAX"),
}


@pytest.mark.parametrize(("octets", "segment"), BASE64URL.values(), ids=BASE64URL)
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
    taken = {chr(segment[2]) for segment in decoded(segments)}
    assert taken == set(ALPHABET)


def test_base64url_takes_its_alphabet_only_at_every_place():
    segments = [
        b"A" * before + b"!" + b"A" * after
        for before, after in itertools.product(range(9), repeat=2)
    ]
    assert decoded(segments) == {}


def test_base64url_takes_no_single_character():
    assert decoded([character.encode() for character in ALPHABET]) == {}


def test_parsing_json_names_the_part():
    with pytest.raises(joat.MalformedToken, match="header") as caught:
        json_object.parse(b'["marker-in-json"]', "header")
    assert_tells_nothing(caught.value, "marker-in-json")


def test_parse_takes_a_token_apart():
    signing_input = f"{SEGMENTS[0]}.{SEGMENTS[1]}".encode()
    mac = hmac.digest(SALT, signing_input, "sha256")
    assert jws.parse(TOKEN) == (signing_input, PAYLOAD, mac)


def test_is_signed_takes_any_of_the_keys():
    signing_input, _, signature = jws.parse(TOKEN)
    assert jws.is_signed(signing_input, signature, (b"old", SALT, b"older"))
    assert not jws.is_signed(signing_input, signature, (b"old", b"older"))
    assert not jws.is_signed(signing_input, signature, ())


def test_serialize_is_the_way_back():
    assert jws.serialize(PAYLOAD, SALT) == TOKEN


# RFC 2104 hashes a key that is longer than a block of 64 octets.
@pytest.mark.parametrize("length", [0, 1, 32, 63, 64, 65, 128, 200])
def test_hmac_is_that_of_the_standard_library(length):
    key = bytes(range(1, length + 1))
    for message in b"", b"x" * 55, b"x" * 56, b"x" * 64, bytes(range(256)):
        expected = hmac.digest(key, message, "sha256")
        assert jws.hmac_sha256(key, message) == expected


def test_serialize_refuses_what_parse_would():
    fits = b"x" * 49_091
    assert len(jws.serialize(fits, SALT)) == 65_536
    with pytest.raises(ValueError, match="longer than 65536") as caught:
        jws.serialize(fits + b"x", SALT)
    assert not isinstance(caught.value, joat.TokenError)
    assert_tells_nothing(caught.value, "xxxxxxxx")
