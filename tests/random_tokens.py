"""Random structured tokens, good and not quite good, and what is expected of each.

What a token is made of is mostly drawn from what is good, and sometimes from what is
not: the members of the header and the claims, the JSON, the base64url, the MAC. It is
verified under salts and with expectations that mostly fit. The model says which tokens
are good.
"""

import hashlib
import hmac
import json
from collections import namedtuple
from random import Random

from helpers import b64

NOW = 1407290980.25
# Of 32 octets, of a whole block of SHA-256, and of more than one.
SALTS = [b"0123456789abcdef" * 2, bytes(range(128, 192)), b"long" * 20]
IDENTIFIERS = ["client", "provider", "me", "", "1", "\u00e9", "\U0001f600", "a\\b"]
IDENTIFIERS += [1, 0, -1, 2**70]
PERMISSIONS = ["read", "write", "rea", "", "\u00e9"]
TIMES = [NOW - 1.5, NOW - 1, NOW - 0.25, NOW, NOW + 0.25, NOW + 1, NOW + 1.5]
LEEWAYS = [0, 0, 1, 1.0, 0.25, 1.5, 10**6, 1e300]

# JSON and what some take for it. The model says which is which.
CONSTANTS = "true false null truex tru nan NaN Infinity -Infinity None True undefined"
NUMBERS = """
    0 -0 0.0 1e3 -1.5E+3 1E-400 1e400 -1e400 2e9 01 -01 +1 .5 1. 1e 1e+ - --1 0x1 1_0
    \u0661 1\u0661 2\u0966 -3\uff14 10\u06f5 1.\u0661 1e\u0661 \uff11
"""
STRINGS = r"""
    "" "read" "\u0072ead" "\b\f\n\r\t\"\\\/" "\u00e9" "\ud83d\ude00" "\uD83D\uDE00"
    'read' " "\" "\x41" "\a" "\U00e9" "\u12" "\u+123" "\u1_23" "\u0x12" "\ud800"
    "\udc00\ud800" "\ud800\ud800\udc00" "\ud800x\udc00" "\ud800\\udc00" "\\ud800"
    "\\\ud800" "\ud800\u0041" {"\ud800":0} {"\ud83d":0}
"""
NESTED = """
    [] {} ["read"] ["read",1] ["read",null] {"aud":"client"} [[],{}] [1,] [,1] [1 1]
    1] [1} {"a"} {"a":} {"a":1,} {a:1} {1:1} {,} 1, /**/0 [1]//
"""
JSON = [
    *f"{CONSTANTS} {NUMBERS} {STRINGS} {NESTED}".split(),
    *(sign + "1" * length for sign in ("", "-") for length in (4300, 4301)),
    *("1" * 4301 + ".0", "0." + "1" * 4301, "[" * 10_000, '"' + "[" * 200 + '"'),
    *("[" * depth + "]" * depth for depth in (127, 128)),
    *('{"":' * depth + "0" + "}" * depth for depth in (127, 128)),
    *('"\t"', '"\n"', '"\x00"', '"\x1f"', '"\x7f"', '"\\u 123"', "1 0", "[1 2]", ""),
    *('{"a" 1}', '{"a":1 "b":2}', '"a" "b"', '"\\u\u0661234"', '"\\u\uff10\uff10e9"'),
    *('"\\u00\u0664\u0661"', '"\\ud\u066800"'),
]


def texts(*values):
    return list(map(json.dumps, values))


# Of each member: how often it is there, values that are good, and others.
# Text is more usual than integers.
_IDENTIFIER = [*texts(*IDENTIFIERS, *IDENTIFIERS[:8]), '"\u00e9"', '"\U0001f600"']
_NO_IDENTIFIER = ["true", "false", "null", "1.0", "[]"]
_TIME = texts(*TIMES, 0, -1.5, 2**70)
_NO_TIME = ["1e400", "-1e400", "true", "null", '"2e9"']
HEADER = {
    "alg": (1, ['"HS256"'], texts("hs256", "HS512", "none", "", ["HS256"], None, 256)),
    "typ": (
        0.7,
        texts(
            "JWT", "jwt", "at+jwt", "AT+JWT", "application/jwt", "Application/AT+JWT"
        ),
        texts("application/JOSE", "JWE", "text/jwt", "JWT ", "", None, ["JWT"]),
    ),
    "crit": (0.01, ['["exp"]', "[]", "null"], ["false"]),
    "kid": (0.04, JSON, JSON),
    "b64": (0.01, ["false"], ["true"]),
}
CLAIMS = {
    "aud": (1, _IDENTIFIER, _NO_IDENTIFIER),
    "iss": (1, _IDENTIFIER, _NO_IDENTIFIER),
    "exp": (1, [*_TIME, "2e9", "2147483648", "3e9", "1e300"], _NO_TIME),
    "iat": (1, _TIME, _NO_TIME),
    "scp": (
        1,
        texts(
            ["read", "write"], ["write", "\u00e9", "read"], ["read"], ["", "rea"], []
        ),
        ['["\\u0072ead"]', '["read",1]', '["read",null]', '[["read"]]', '"read"'],
    ),
    "sub": (1, _IDENTIFIER, _NO_IDENTIFIER),
    "jti": (0.3, _IDENTIFIER, _NO_IDENTIFIER),
    "nbf": (0.4, [*_TIME, "-1e300"], _NO_TIME),
    "x": (0.15, JSON, JSON),
}
OCTETS = [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"//", b"{}"]
OCTETS += [bytes([octet]) for octet in b'"}{,:\\0']
# As white space stands around a token of JSON; only the first four are.
OCTETS += [space.encode() for space in " \t\n\r\x0b\x0c\x00\x85\xa0\u2028\ufeff"]
OCTETS.append(b"")
ENCODINGS = ["utf-8", "utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7"]
CHARACTERS = [*"AQgwBZaz019-_", *"=+/. \n\x00%", "==", "\xe9", "\u0661", "\ud800"]
CHARACTERS += ["", ".", *"AAAA"]  # nothing; and once more those that decide lengths
# How members are joined: by commas, by colons, and what stands around them.
SPACING = [(",", ":", "")] * 3 + [(", ", ": ", " "), ("\t,\r\n", "\t:", "\n\t\r")]

# A token, and what is expected of it.
Case = namedtuple("Case", "token salts expected")


def cases(number, seed):
    random = Random(seed)
    for _ in range(number):
        yield draw(random)


def draw(random):
    def sometimes(change, given):
        return change(random, given) if random.random() < 0.08 else given

    objects = [written(random, members) for members in (HEADER, CLAIMS)]
    octets = [sometimes(change_octets, part) for part in objects]
    segments = [sometimes(change_text, b64(part)) for part in octets]
    # The MAC is that of the segments as they are, so that what is wrong with them
    # is all that is wrong.
    salts = random.sample(SALTS, random.choice([0, 1, 1, 1, 1, 2, 2, 3]))
    key = random.choice(salts if salts and random.random() < 0.97 else SALTS)
    signing_input = ".".join(segments).encode("utf-8", "surrogatepass")
    mac = hmac.digest(key, signing_input, hashlib.sha256)
    mac = b64(sometimes(change_mac, mac))
    token = sometimes(change_token, ".".join([*segments, mac]))
    if random.random() < 0.3:
        token = token.encode("utf-8", "surrogatepass")
    return Case(token, salts, expectations(random))


def written(random, members):
    """Return an object as JSON, most members of which are as they should be."""
    pairs = []
    for name, (chance, usual, others) in members.items():
        # Sometimes it is missing, or given twice.
        for likelihood in (min(chance, 0.99), 0.01):
            if random.random() < likelihood:
                value = random.choice(others if random.random() < 0.02 else usual)
                spelled = f"\\u{ord(name[0]):04x}{name[1:]}"  # the same name
                pairs.append((spelled if random.random() < 0.03 else name, value))
    random.shuffle(pairs)
    comma, colon, around = random.choice(SPACING)
    body = comma.join(f'"{name}"{colon}{value}' for name, value in pairs)
    text = f"{around}{{{around}{body}{around}}}{around}"
    return text.encode("utf-8", "surrogatepass")


def change_octets(random, octets):
    """Change the JSON where it may or may not be JSON afterwards."""
    if random.random() < 0.6:
        return edit(random, octets, OCTETS)
    text = octets.decode("utf-8", "replace")
    return random.choice([f"[{text}]", text, text]).encode(random.choice(ENCODINGS))


def change_text(random, text):
    return edit(random, text, CHARACTERS)


def edit(random, text, pieces):
    """Change, insert or remove something, at an end or in the middle."""
    piece = random.choice(pieces)
    at = random.randrange(len(text) + 1)
    changed = [
        text[:at] + piece + text[at:],
        text[:at] + piece + text[at + 1 :],
        piece + text,
        text + piece,
        text[:-1] + piece,
    ]
    return random.choice(changed)


def change_mac(random, mac):
    at = random.randrange(len(mac))
    flipped = bytes([mac[at] ^ 1 << random.randrange(8)])
    return random.choice([mac[:at] + flipped + mac[at + 1 :], mac[:at], mac + b"\0"])


def change_token(random, token):
    segments = token.split(".")
    changed = [
        *(change_text(random, token) for _ in "1234"),
        ".".join(segments[:-1]),
        ".".join([*segments[:-1], ""]),
        ".".join(segments[::-1]),
        token + "A" * 70_000,
        "",
    ]
    return random.choice(changed)


def expectations(random):
    """Return what `verify_token` is told to expect, which most tokens fulfil."""
    expected = {"leeway": random.choice(LEEWAYS)}
    for name in ("provider", "client_id"):
        if random.random() < 0.6:
            accepted = random.sample(IDENTIFIERS, random.choice([0, 11, 11, 12, 12]))
            expected[name] = random.choice([list, tuple, frozenset])(accepted)
    if random.random() < 0.6:
        number = random.choice([0, 1, 1, 2])
        expected["scope"] = random.sample(PERMISSIONS, number)
    return expected
