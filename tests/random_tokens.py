"""Random structured tokens, good and not quite good, and what is expected of each.

A token starts out good. Then some of it is changed: members of the header and the
claims, the JSON, the base64url, the MAC; and it is verified under salts and with
expectations that mostly fit. The model says which tokens are good.
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

HEADERS = [{"alg": "HS256", "typ": "JWT"}, {"alg": "HS256"}]
ALGORITHMS = ["HS256", "hs256", "HS512", "none", "", ["HS256"], None, 256]
TYPES = [
    *("JWT", "jwt", "JwT", "at+jwt", "AT+JWT", "application/jwt"),
    *("application/at+jwt", "Application/AT+JWT", "application/JOSE", "JWE"),
    *("application/", "text/jwt", "JWT ", "", None, ["JWT"]),
]
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
# One level of nesting each, with the next in place of the 0, among neighbours that are
# no deeper, or hold brackets in a string.
LEVELS = ["[0]", '{"":0}', "[0,[]]", "[0,[[]],{}]", '{"":0,"]":[{}]}', '["[[\\"]",0]']
LEVELS += ['["\\\\",0,"{"]']


def nested(random):
    text = "0"
    for _ in range(random.randrange(123, 132)):
        text = random.choice(LEVELS).replace("0", text, 1)
    return text


# Of each claim, what may and what may not be; x is none that has a meaning.
_IDENTIFIER = [*map(json.dumps, IDENTIFIERS), "true", "false", "null", "1.0", "[]"]
_TIME = [*map(json.dumps, TIMES), "2e9", "1e400", "-1e400", "true", "null", '"2e9"']
_SCOPE = ['["\\u0072ead"]', "[]", '["read",1]', '["read",null]', '[["read"]]', '"read"']
VALUES = {
    **dict.fromkeys(("aud", "iss", "jti", "sub"), _IDENTIFIER),
    **dict.fromkeys(("exp", "nbf", "iat"), _TIME),
    "scp": _SCOPE,
    "x": JSON,
}
OCTETS = [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"//", b"{}"]
OCTETS += [bytes([octet]) for octet in b'"}{,:\\0']
# As white space stands around a token of JSON; only the first four are.
OCTETS += [space.encode() for space in " \t\n\r\x0b\x0c\x00\x85\xa0\u2028\ufeff"]
OCTETS.append(b"")
ENCODINGS = ["utf-8", "utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7"]
CHARACTERS = [*"AQgwBZaz019-_", *"=+/. \n\x00%", "==", "\xe9", "\u0661", "\ud800"]
CHARACTERS += ["", ".", "A"]  # nothing; and once more those that decide lengths
# How members are joined: by commas, by colons, and what stands around them.
SPACING = [(",", ":", "")] * 3 + [(", ", ": ", " "), ("\t,\r\n", "\t:", "\n\t\r")]

# A token, and what is expected of it.
Case = namedtuple("Case", "token salts expected")


def cases(number, seed):
    random = Random(seed)
    for _ in range(number):
        yield draw(random)


def draw(random):
    """Return a token, changed in some places or in none."""
    claims = {
        "aud": random.choice(IDENTIFIERS[:4]),
        "iss": random.choice(IDENTIFIERS),
        "exp": random.choice([*TIMES, 2e9, 2**31, 2**70, 1e300]),
        "iat": random.choice([*TIMES, 0, 2**70, -1.5]),
        "scp": random.sample(PERMISSIONS, random.randrange(4)),
        "sub": random.choice(IDENTIFIERS),
    }
    if random.random() < 0.3:
        claims["jti"] = random.choice(IDENTIFIERS)
    if random.random() < 0.4:
        claims["nbf"] = random.choice([*TIMES, 0, -1e300])
    objects = [written(random, part) for part in (random.choice(HEADERS), claims)]
    places = random.choices(
        ["member", "octets", "segment", "token"],
        [6, 2, 2, 2],
        k=random.choice([0, 0, 0, 1, 1, 1, 1, 2]),
    )

    for _ in range(places.count("member")):
        change_member(random, *objects)
    octets = [join(random, pairs).encode("utf-8", "surrogatepass") for pairs in objects]
    for _ in range(places.count("octets")):
        change_one(random, octets, change_octets)
    segments = [b64(part) for part in octets]
    for _ in range(places.count("segment")):
        change_one(random, segments, change_text)

    # The MAC is that of the segments as they are, so that what is wrong with them
    # is all that is wrong.
    salts = random.sample(SALTS, random.choice([1, 1, 2, 3]))
    signing_input = ".".join(segments).encode("utf-8", "surrogatepass")
    mac = hmac.digest(random.choice(salts), signing_input, hashlib.sha256)
    if random.random() < 0.1:
        mac = change_mac(random, mac, signing_input)
    segments.append(b64(mac))
    if random.random() < 0.02:
        segments[2] = change_text(random, segments[2])
    token = ".".join(segments)
    for _ in range(places.count("token")):
        token = change_token(random, token)
    if random.random() < 0.3:
        token = token.encode("utf-8", "surrogatepass")
    if random.random() < 0.03:
        salts = random.choice([[], SALTS[:1], SALTS[1:]])
    return Case(token, salts, expectations(random, claims))


def written(random, members):
    """Return the members as JSON, name and value by themselves, in any order."""
    pairs = [
        (json.dumps(name), json.dumps(value, ensure_ascii=random.random() < 0.5))
        for name, value in members.items()
    ]
    return random.sample(pairs, len(pairs))


def join(random, pairs):
    comma, colon, around = random.choice(SPACING)
    body = comma.join(f"{name}{colon}{value}" for name, value in pairs)
    return f"{around}{{{around}{body}{around}}}{around}"


def change_one(random, parts, change):
    part = random.randrange(len(parts))
    parts[part] = change(random, parts[part])


def change_member(random, header, claims):
    """Give a member another value, remove one, add one or give it twice."""
    if random.random() < 0.3:
        pairs = header
        values = {
            "alg": json.dumps(random.choice(ALGORITHMS)),
            "typ": json.dumps(random.choice(TYPES)),
            "crit": random.choice(['["exp"]', "[]", "null"]),
            "kid": random.choice(JSON),
            "b64": "false",
        }
        name = random.choice([*values, "typ"])
        value = values[name]
    else:
        pairs = claims
        name = random.choice([*VALUES, "x", "x", "x", "x", "x"])
        value = random.choice(VALUES[name] if random.random() < 0.8 else JSON)
        if random.random() < 0.02:
            value = nested(random)
    names = [pair[0] for pair in pairs]
    how = random.choice(["change", "change", "remove", "add"])
    written = json.dumps(name)
    if how == "add" or written not in names:
        if random.random() < 0.1:  # spelled in another way, it is the same name
            written = f'"\\u{ord(name[0]):04x}{name[1:]}"'
        pairs.insert(random.randrange(len(pairs) + 1), (written, value))
    elif how == "change":
        pairs[names.index(written)] = (written, value)
    else:
        del pairs[names.index(written)]


def change_octets(random, octets):
    """Change the JSON where it may or may not be JSON afterwards."""
    if random.random() < 0.8:
        return edit(random, octets, OCTETS)
    text = octets.decode("utf-8", "replace")
    return random.choice([f"[{text}]", "", text]).encode(random.choice(ENCODINGS))


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


def change_mac(random, mac, signing_input):
    other = random.choice(SALTS)
    at = random.randrange(len(mac))
    changed = [
        mac[:at] + bytes([mac[at] ^ 1 << random.randrange(8)]) + mac[at + 1 :],
        mac[:at],
        mac + b"\0",
        hmac.digest(other, signing_input, hashlib.sha256),
        hmac.digest(other, signing_input, hashlib.sha512),
        hmac.digest(b"", signing_input, hashlib.sha256),
    ]
    return random.choice(changed)


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


def expectations(random, claims):
    """Return what the token is mostly good for, as `verify_token` is told."""
    expected = {"leeway": random.choice(LEEWAYS)}
    for name, claim in (("provider", "iss"), ("client_id", "aud")):
        if random.random() < 0.6:
            others = random.sample(IDENTIFIERS, random.randrange(3))
            right = [claims[claim]] if random.random() < 0.9 else []
            expected[name] = random.choice([list, tuple, frozenset])([*others, *right])
    if random.random() < 0.6:
        scope = [each for each in claims["scp"] if random.random() < 0.6]
        if random.random() < 0.2:
            scope.append(random.choice(PERMISSIONS))
        expected["scope"] = scope
    return expected
