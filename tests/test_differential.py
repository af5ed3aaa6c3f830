"""Random structured tokens: what the library says of each is what the model says.

A token starts out good. Then some of it is changed: members of the header and the
claims, the JSON, the base64url, the MAC; and it is verified under salts and with
expectations that mostly fit.

    python tests/test_differential.py [NUMBER [SEED]]

tries as many tokens, a million if it is not told how many.
"""

import hashlib
import hmac
import json
import secrets
import sys
from collections import Counter, namedtuple
from pathlib import Path
from random import Random
from types import ModuleType
from unittest.mock import patch

import model
import pytest
from helpers import b64

import joat

NUMBER = 10_000
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
# As white space stands around a token of JSON; only the first four are.
SPACES = " \t\n\r\x0b\x0c\x00\x85\xa0\u2028\ufeff"
OCTETS = [b" ", b"\x00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf", b'"']
OCTETS += [b"}", b"{", b",", b":", b"\\", b"0", b"\xf4\x90\x80\x80", "\u2028".encode()]
CHARACTERS = [*"AQgwBZaz019-_", *"=+/. \n\x00%", "==", "\xe9", "\u0661", "\ud800"]


# A token, and what is expected of it.
Case = namedtuple("Case", "token salts expected")


def draw(random):
    """Return a token, changed in some places or in none."""
    members = {
        "aud": random.choice(IDENTIFIERS[:4]),
        "iss": random.choice(IDENTIFIERS),
        "exp": random.choice([*TIMES, 2e9, 2**31, 2**70, 1e300]),
        "iat": random.choice([*TIMES, 0, 2**70, -1.5]),
        "scp": random.sample(PERMISSIONS, random.randrange(4)),
        "sub": random.choice(IDENTIFIERS),
    }
    if random.random() < 0.3:
        members["jti"] = random.choice(IDENTIFIERS)
    if random.random() < 0.4:
        members["nbf"] = random.choice([*TIMES, 0, -1e300])
    header = [*random.choice(HEADERS).items()]
    claims = [*members.items()]
    random.shuffle(claims)
    objects = [
        [(json.dumps(name), write(random, value)) for name, value in pairs]
        for pairs in (header, claims)
    ]
    faults = random.choice([0, 0, 0, 1, 1, 1, 1, 2])
    places = random.choices(
        ["member", "octets", "segment", "token"], [6, 2, 2, 2], k=faults
    )

    for _ in range(places.count("member")):
        change_member(random, *objects)
    octets = [join(random, pairs).encode("utf-8", "surrogatepass") for pairs in objects]
    for _ in range(places.count("octets")):
        part = random.randrange(2)
        octets[part] = change_octets(random, octets[part])
    segments = [b64(part) for part in octets]
    for _ in range(places.count("segment")):
        part = random.randrange(2)
        segments[part] = change_text(random, segments[part])

    # The MAC is that of the segments as they are, so that what is wrong with them
    # is all that is wrong.
    salts = random.sample(SALTS, random.choice([1, 1, 2, 3]))
    signing_input = ".".join(segments).encode("utf-8", "surrogatepass")
    mac = hmac.digest(random.choice(salts), signing_input, hashlib.sha256)
    if random.random() < 0.1:
        mac = change_mac(random, mac, signing_input)
    signature = b64(mac)
    if random.random() < 0.02:
        signature = change_text(random, signature)
    token = ".".join([*segments, signature])
    for _ in range(places.count("token")):
        token = change_token(random, token)
    if random.random() < 0.3:
        token = token.encode("utf-8", "surrogatepass")
    if random.random() < 0.03:
        salts = random.choice([[], SALTS[:1], SALTS[1:]])
    return Case(token, salts, expectations(random, members))


def write(random, value):
    return json.dumps(value, ensure_ascii=random.random() < 0.5)


def join(random, pairs):
    """Return the JSON object of these members, with white space or without."""
    if random.random() < 0.7:
        comma, colon, around = ",", ":", ""
    else:
        comma = random.choice([", ", ",\n", "\t,\r\n"])
        colon = random.choice([": ", "\t:", " : "])
        around = random.choice(["", " ", "\n\t", "\r"])
    body = comma.join(f"{name}{colon}{value}" for name, value in pairs)
    return f"{around}{{{around}{body}{around}}}{around}"


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
    space = random.choice(SPACES).encode()
    at = random.randrange(len(octets) + 1)
    changed = [
        space + octets,
        octets + space,
        octets.replace(b",", b"," + space, 1),
        octets[:at] + octets[at + 1 :],
        octets[:at] + random.choice(OCTETS) + octets[at + random.randrange(2) :],
        octets + random.choice([b",", b"}", b"{}", b"0", b"//"]),
        b"[" + octets + b"]",
        b"",
        octets.decode("utf-8", "replace").encode(
            random.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7"])
        ),
    ]
    return random.choice(changed)


def change_text(random, text):
    """Change, insert or remove a character, at the end or in the middle."""
    character = random.choice([*CHARACTERS, ""])
    at = random.randrange(len(text) + 1)
    changed = [
        text[:at] + character + text[at:],
        text[:at] + character + text[at + 1 :],
        text[:-1] + character,
        text + character,
        text + "A",
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
        change_text(random, token),
        token + ".",
        "." + token,
        token.replace(".", "", 1),
        token.replace(".", "..", 1),
        ".".join(segments[:-1]),
        ".".join([*segments[:-1], ""]),
        ".".join(segments[::-1]),
        token + "A" * random.choice([3, 4, 70_000]),
        "",
    ]
    return random.choice(changed)


def expectations(random, members):
    """Return what the token is mostly good for, in the words of the model."""
    expected = {"leeway": random.choice(LEEWAYS)}
    for name, claim in (("provider", "iss"), ("client_id", "aud")):
        if random.random() < 0.6:
            others = random.sample(IDENTIFIERS, random.randrange(3))
            right = [members[claim]] if random.random() < 0.9 else []
            expected[name] = random.choice([list, tuple, frozenset])([*others, *right])
    if random.random() < 0.6:
        scope = [each for each in members["scp"] if random.random() < 0.6]
        if random.random() < 0.2:
            scope.append(random.choice(PERMISSIONS))
        expected["scope"] = scope
    return expected


# What the library and the model say


def library_says(case):
    asked = []

    def salt_generator(claims):
        asked.append(claims)
        return case.salts

    with patch("time.time", lambda: NOW), patch("joat.salt_generator", salt_generator):
        parsed = joat.parse_token(case.token)
        verdict = outcome(joat.verify_token, case.token, **case.expected)
        claims = outcome(joat.unverified_claims, case.token)
    return told(parsed, verdict, claims, asked)


def outcome(function, *args, **kwargs):
    """Return the result, or the name of the class of the `TokenError`."""
    try:
        return function(*args, **kwargs)
    except joat.TokenError as error:
        return type(error).__name__


def model_says(case, model=model):
    parsed = model.parsed(model.verdict(case.token, case.salts, now=NOW))
    verdict = model.verdict(case.token, case.salts, now=NOW, **case.expected)
    claims = model.claims_of(case.token)
    asked = [] if claims == "MalformedToken" else [claims, claims]
    return told(parsed, verdict, claims, asked)


def told(parsed, verdict, claims, asked):
    """Return all of this as text, in which 1, 1.0 and True differ."""
    said = {"parsed": parsed, "verdict": verdict, "claims": claims, "asked": asked}
    return json.dumps(said, sort_keys=True)


def cases(number, seed):
    random = Random(seed)
    for _ in range(number):
        yield draw(random)


def kind(said):
    verdict = json.loads(said)["verdict"]
    return "accepted" if isinstance(verdict, dict) else verdict


SEED = secrets.randbits(32)
AGAIN = f"python tests/test_differential.py {NUMBER} {SEED}"


@pytest.fixture(scope="module")
def judged():
    """Return the tokens, each with what the library says of it."""
    return [(case, library_says(case)) for case in cases(NUMBER, SEED)]


def test_library_says_what_the_model_says(judged):
    differing = [case for case, said in judged if said != model_says(case)]
    assert differing == [], AGAIN


def test_every_verdict_is_reached(judged):
    reached = Counter(kind(said) for _, said in judged)
    assert reached.pop("accepted") > NUMBER / 10, AGAIN
    assert len(reached) == 6, AGAIN
    assert min(reached.values()) > NUMBER / 200, AGAIN


# What to replace in the model, so that it is wrong in one place.
BROKEN = {
    "unused bits": (' or "1" in bits[whole:]', ""),
    "length of base64url": ("len(bits) - whole == 6 or ", ""),
    "padding": ("[base64url(segment)", '[base64url(segment.rstrip("="))'),
    "length of a token": ("len(token) > MAX_LENGTH", "len(token) > 2 * MAX_LENGTH"),
    "white space": (r'WHITE_SPACE = " \t\n\r"', r'WHITE_SPACE = " \t\n\r\x0b"'),
    "byte order mark": ('octets.decode("utf-8")', 'octets.decode("utf-8-sig")'),
    "control characters": (r"\\\x00-\x1f]", r"\\\x00]"),
    "lone surrogates": ('decode("utf-16-le")', 'decode("utf-16-le", "surrogatepass")'),
    "digits of an escape": ("u[0-9A-Fa-f]{4}", r"u[\dA-Fa-f]{4}"),
    "digits of a number": ("[1-9][0-9]*", r"[1-9]\d*"),
    "leading zero": ("-?(0|[1-9][0-9]*)", "-?([0-9]+)"),
    "digits of an integer": ("MAX_DIGITS = 4_300", "MAX_DIGITS = 4_299"),
    "depth": ("MAX_DEPTH = 128", "MAX_DEPTH = 129"),
    "member twice": (
        "members[name] = self.value(depth + 1)",
        "members.setdefault(name, self.value(depth + 1))",
    ),
    "algorithm": ('header.get("alg") != "HS256"', 'header.get("alg") is None'),
    "critical": (' or "crit" in header', ""),
    "case of a type": ("kind.lower() not", 'kind.replace("JWT", "jwt") not'),
    "media type": ('"application/jwt"', '"application/jose"'),
    "bool as identifier": ("(value, (str, int)) and not", "(value, (str, int)) or"),
    "infinite time": ("return math.isfinite(value)", "return value == value"),
    "permission": ("isinstance(each, str) for each", "True for each"),
    "one of several salts": ("signature not in macs", "signature not in macs[:1]"),
    "second of exp": ('claims["exp"] <= now', 'claims["exp"] < now'),
    "leeway of nbf": ("> now + leeway", "> now"),
    "one of the clients": (
        '["aud"] not in client_id',
        '["aud"] not in [*client_id][:1]',
    ),
    "all permissions": (
        "if not all(permission in",
        "if scope and not any(permission in",
    ),
}


@pytest.mark.parametrize(("old", "new"), BROKEN.values(), ids=BROKEN)
def test_broken_model_is_found(judged, old, new):
    source = Path(model.__file__).read_text(encoding="utf-8")
    assert source.count(old) == 1
    broken = ModuleType("broken")
    exec(source.replace(old, new), vars(broken))
    assert any(said != model_says(case, broken) for case, said in judged), AGAIN


def main(number=1_000_000, seed=SEED):
    print(f"{number} tokens, seed {seed}")
    reached = Counter()
    for case in cases(number, seed):
        said, expected = library_says(case), model_says(case)
        if said != expected:
            print(case, f"the library: {said}", f"the model: {expected}", sep="\n")
            return 1
        reached[kind(said)] += 1
    print(*(f"{count:10} {name}" for name, count in reached.most_common()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
