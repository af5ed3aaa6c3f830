"""Moving from PyJWT and from PyJOAT 1.1.1: what the tables say becomes what.

tox puts PyJOAT 1.1.1 and its PyJWT 0.2.1 into directories of their own, named
by PYJOAT_1_1_1 and PYJWT_0_2_1. Where there is a Python 2.7 they run on it; for
where there is none, test_claims.py has tokens that they issued.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from base64 import b64decode, b64encode

import jwt
import pytest
import recipes
from programs import run

import joat

KEY = "0123456789abcdef" * 4  # as long as HS512 wants it
PYJOAT = os.environ["PYJOAT_1_1_1"]
PYJWT = os.environ["PYJWT_0_2_1"]
PYTHON27 = shutil.which("python2.7")
if PYTHON27:
    # A version manager has the command even where it has no such version.
    asked = [PYTHON27, "-c", "import sys; print(sys.executable)"]
    PYTHON27 = subprocess.run(asked, capture_output=True, text=True).stdout.strip()


def table(title, document=recipes.INDEX):
    """Return the rows of the table under a heading, as lists of cells."""
    section = recipes.section(title, document)
    rows = re.findall(r"^\| (.+) \|$", section, re.MULTILINE)
    return [row.split(" | ") for row in rows[1:]]


# --- PyJWT ---------------------------------------------------------------------

FROM_PYJWT = [[cell.strip("`") for cell in row] for row in table("Moving from PyJWT")]
CALLS = [row for row in FROM_PYJWT if "(" in row[0]]
ERRORS = [row for row in FROM_PYJWT if "(" not in row[0]]


HOOK, EXPIRED = recipes.blocks("Moving from PyJWT", language="python")


@pytest.fixture
def _hook(monkeypatch):
    """Assign the hook as the section says."""
    monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)  # to be restored
    exec(HOOK.code, {"key": KEY})


def claims(now, **changed):
    usual = {"aud": "app", "iss": "me", "exp": now + 3600, "iat": now}
    return {**usual, "scp": ["read"], "sub": "1234", **changed}


def granted(claims):
    """Return what `parse_token` makes of these claims."""
    names = {"provider": "iss", "client_id": "aud", "user_id": "sub"}
    named = {name: claims[claim] for name, claim in names.items()}
    return {**named, "authorized_scope": claims["scp"]}


@pytest.mark.usefixtures("_hook")
@pytest.mark.parametrize(("old", "new"), CALLS)
def test_call_becomes(old, new, monkeypatch):
    now = int(time.time())
    monkeypatch.setattr("time.time", lambda: now)
    # Within the leeway of the row that has one.
    expected = claims(now, exp=now - 10) if "leeway" in old else claims(now)
    verified = {**granted(expected), "expires_at": expected["exp"]}
    token = jwt.encode(expected, KEY)
    names = {"jwt": jwt, "joat": joat, "token": token, "key": KEY, "now": now}

    before, after = eval(old, names), eval(new, names)

    if isinstance(before, str):  # a token: either library reads both
        for issued in (before, after):
            assert jwt.decode(issued, KEY, ["HS256"], audience="app") == expected
            assert joat.verify_token(issued) == verified
    else:
        assert before == expected
        assert after == (expected if "unverified" in new else verified)


# A token that PyJWT refuses with each of its errors in the table.
REFUSED = {
    "PyJWTError": lambda now: "",
    "DecodeError": lambda now: "garbage",
    "InvalidSignatureError": lambda now: jwt.encode(claims(now), KEY[::-1]),
    "ExpiredSignatureError": lambda now: jwt.encode(claims(now, exp=now), KEY),
    "ImmatureSignatureError": lambda now: jwt.encode(claims(now, nbf=now + 60), KEY),
    "InvalidAudienceError": lambda now: jwt.encode(claims(now, aud="web"), KEY),
    "InvalidIssuerError": lambda now: jwt.encode(claims(now, iss="you"), KEY),
    "MissingRequiredClaimError": lambda now: jwt.encode({"iss": "me"}, KEY),
}


@pytest.mark.parametrize(("old", "new"), ERRORS)
def test_error_becomes(old, new):
    token = REFUSED[old.removeprefix("jwt.")](int(time.time()))
    with pytest.raises(eval(old)):
        jwt.decode(token, KEY, ["HS256"], audience="app", issuer="me")
    with pytest.raises(eval(new)):
        joat.verify_token(token, salt=KEY, client_id="app", provider="me")


@pytest.fixture
def verify():
    """The function that logs whose token has expired."""
    names = {"joat": joat, "key": KEY}
    exec(EXPIRED.code, names)
    return names["verify"]


def test_whose_token_has_expired_is_logged(verify, caplog):
    caplog.set_level("INFO")
    now = int(time.time())
    assert verify(jwt.encode(claims(now), KEY))["user_id"] == "1234"
    assert not caplog.messages
    for nbf in (0, now + 3600):
        with pytest.raises(joat.ExpiredToken):
            verify(jwt.encode(claims(now, exp=0, nbf=nbf), KEY))
    assert caplog.messages == 2 * ["a token of 1234 has expired"]


@pytest.mark.parametrize(
    ("key", "changed"),
    [
        pytest.param(KEY[::-1], {"exp": 0}, id="forged and expired"),
        pytest.param(KEY, {"exp": 0, "aud": "web"}, id="of another client and expired"),
        pytest.param(KEY, {"nbf": 4e9}, id="not yet valid"),
    ],
)
def test_nobody_else_is_logged(verify, caplog, key, changed):
    caplog.set_level("INFO")
    with pytest.raises(joat.TokenError):
        verify(jwt.encode(claims(int(time.time()), **changed), key))
    assert not caplog.messages


def test_secret_that_is_base64_encoded():
    encoded = b64encode(KEY.encode()).decode()
    token = jwt.encode(claims(int(time.time())), b64decode(encoded))
    assert joat.verify_token(token, salt=b64decode(encoded))
    with pytest.raises(joat.InvalidSignature):
        joat.verify_token(token, salt=encoded)


def test_table_is_complete():
    calls = [old.partition("(")[0] for old, _ in CALLS]
    assert calls == ["jwt.decode"] * 5 + ["jwt.encode"]
    assert {old.removeprefix("jwt.") for old, _ in ERRORS} == REFUSED.keys()


# --- PyJOAT 1.1.1 --------------------------------------------------------------

# For any version: expressions in, and out what each comes to.
EVALUATE = f"""
from __future__ import unicode_literals
import base64, datetime, json, sys, time, warnings
import joat

KEY = "{KEY}"
salt = lambda claims: KEY

def parse(token, salt=salt):
    joat.salt_generator = salt
    return "accepted" if joat.parse_token(token) else None

def literal(source):
    # As in a module that does not have the import above.
    return eval(compile(source, "salt", "eval", dont_inherit=True))

def parse_in_the_second_of_exp():
    exp = int(time.time()) + 1
    an_hour_before = datetime.timedelta(seconds=exp - 3600)
    last = token(issued_at=datetime.datetime(1970, 1, 1) + an_hour_before)
    while time.time() < exp:
        time.sleep(0.01)
    came = parse(last)
    # On a busy machine the second may be over by now.
    return came if time.time() < exp + 1 else parse_in_the_second_of_exp()

def issued(salt=salt, **arguments):
    joat.salt_generator = salt
    usual = dict(client_id="app", user_id="1234", scope=["read"])
    return joat.TokenGenerator("me").issue_token(**dict(usual, **arguments))

def issue(*salt, **arguments):
    return issued(*salt, **arguments) and "issued"

def token(**arguments):
    token = issued(**arguments)
    return token.decode() if isinstance(token, bytes) else token

def warned(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [warning.category.__name__ for warning in caught]

class Generator(joat.TokenGenerator):
    client_id = "app"

class ClockThatIsSetForwardAtTwo(datetime.tzinfo):
    def utcoffset(self, moment):
        return datetime.timedelta(hours=1 if moment.hour < 2 else 2)

    def dst(self, moment):
        return self.utcoffset(moment) - datetime.timedelta(hours=1)

def lifetime_from(*moment):
    issued_at = datetime.datetime(*moment, tzinfo=ClockThatIsSetForwardAtTwo())
    payload = token(issued_at=issued_at).split(".")[1]
    octets = base64.urlsafe_b64decode((payload + "==").encode("ascii"))
    claims = json.loads(octets.decode("utf-8"))
    return claims["exp"] - claims["iat"]

def outcome(expression):
    joat.salt_generator = salt
    try:
        return eval(expression)
    except Exception as error:
        return type(error).__name__

json.dump([outcome(each) for each in json.load(sys.stdin)], sys.stdout)
"""


def evaluate(expressions, python=sys.executable, *path):
    """Return what expressions come to with the joat of a path, or with ours."""
    printed = run(
        [python, "-B", "-c", EVALUATE],
        # Not here with 1.1.1, where "import joat" is of the checkout.
        PYJOAT if path else None,
        given=json.dumps(expressions),
        PYTHONPATH=os.pathsep.join(path),
        # tox sets another: with that, Python 2.7 writes the claims in any order.
        PYTHONHASHSEED="0",
    )
    return json.loads(printed)


OLD = (PYTHON27, PYJOAT, PYJWT)
needs_python27 = pytest.mark.skipif(not PYTHON27, reason="there is no Python 2.7")
WHEN = "issued_at=datetime.datetime(2014, 8, 6, 2, 9, 32, 750000)"
TOKENS = [
    f"token({WHEN}, lifetime=datetime.timedelta(days=36525), {arguments})"
    for arguments in [
        "",
        "jti='f5c3'",
        "provider=1, client_id=2, user_id=3, jti=4",
        "user_id=2**64, scope=[]",
        "client_id='', user_id='', scope=[''], jti=''",
        r"""provider='Zo\u00eb "\\/"', client_id='\U0001d11e', scope=['sch\u00f6n']""",
        r"user_id='\0\x7f\u2028'",
    ]
]


def test_tokens_of_both_versions():
    # On Python 3, where it needs a PyJWT of today, 1.1.1 can issue but not verify.
    old = evaluate(["token()"], sys.executable, PYJOAT)
    new = evaluate(["token()", *TOKENS])
    parsed = evaluate([f"joat.parse_token({token!r})" for token in old + new])
    assert None not in parsed
    assert parsed[0] == granted(claims(0))


@needs_python27
def test_tokens_of_both_versions_on_python27():
    assert evaluate(TOKENS, *OLD) == evaluate(TOKENS)
    tokens = [*evaluate(["token()"], *OLD), *evaluate(["token()", *TOKENS])]
    parse = [f"joat.parse_token({token!r})" for token in tokens]
    parsed = evaluate(parse)
    assert None not in parsed
    assert evaluate(parse, *OLD) == parsed


def parse_forged(
    leave_out=None,
    algorithm="HS256",
    headers=None,
    behind="",
    key=KEY,
    salt="salt",
    **changed,
):
    """Return the expression that parses a token with something wrong."""
    payload = claims(int(time.time()), **changed)
    payload.pop(leave_out, None)
    return f"parse({jwt.encode(payload, key, algorithm, headers) + behind!r}, {salt})"


OCTETS = b"\x8f\x02" * 16
# HMAC pads a key with NULs (RFC 2104 section 2), and PyJWT refuses an empty one.
NOTHING = "\0" * 64


def literal_salt(prefix):
    """Return the expression of a function that returns a salt written as a literal."""
    source = rf"{prefix}'\x8f\x02' * 16"
    return f"lambda claims: literal({source!r})"


WRONG_TYPES = [
    *(("aud", ["app"]), ("aud", None), ("sub", True), ("sub", 1.5), ("sub", {})),
    *(("exp", "4000000000"), ("exp", float("inf")), ("iat", True), ("nbf", "0")),
    *(("jti", [1]), ("scp", "read"), ("scp", [1])),
]
# As the README has them, a line of its list each: what differs; in which cases; what
# comes of these under 1.1.1, and now.
DIFFERENCES = {
    "`parse_token` returns `None` where 1.1.1 accepts": {
        "HS384 or HS512": {
            parse_forged(algorithm="HS384"): ("accepted", None),
            parse_forged(algorithm="HS512"): ("accepted", None),
        },
        "padding or spaces": {
            parse_forged(behind="="): ("accepted", None),
            parse_forged(behind="    "): ("accepted", None),
        },
        "no `exp` or `iat`": {
            parse_forged("exp"): ("accepted", None),
            parse_forged("iat"): ("accepted", None),
        },
        "an `exp` that is now": {"parse_in_the_second_of_exp()": ("accepted", None)},
        "an `nbf` in the future": {parse_forged(nbf=4_000_000_000): ("accepted", None)},
        "`crit`": {parse_forged(headers={"crit": ["exp"]}): ("accepted", None)},
        "another `typ`": {parse_forged(headers={"typ": "JWE"}): ("accepted", None)},
        "types that check 3 refuses": {
            parse_forged(**{claim: value}): ("accepted", None)
            for claim, value in WRONG_TYPES
        },
        "deep JSON": {
            parse_forged(x=json.loads("[" * 200 + "]" * 200)): ("accepted", None),
        },
        "`NaN`": {parse_forged(x=float("nan")): ("accepted", None)},
        "a lone surrogate": {parse_forged(sub="\ud800"): ("accepted", None)},
        "over 65,536 characters": {
            parse_forged(x="x" * 65_536): ("accepted", None),
        },
        r'a salt written as `"\x8f\x02…"`, bytes on 2.7 but text on 3 (write '
        r'`b"\x8f\x02…"`)': {
            parse_forged(key=OCTETS, salt=literal_salt("")): ("accepted", None),
            parse_forged(key=OCTETS, salt=literal_salt("b")): ("accepted", "accepted"),
        },
    },
    "`parse_token` returns `None` where 1.1.1 raises": {
        "no `aud`, `iss`, `scp` or `sub` (`KeyError`)": {
            parse_forged(claim): ("KeyError", None)
            for claim in ("aud", "iss", "scp", "sub")
        },
        "a token that is not text (`AttributeError`)": {
            "parse(None)": ("AttributeError", None),
            "parse(7)": ("AttributeError", None),
        },
        "`None` or `[]` as the salt (`TypeError`)": {
            parse_forged(salt="lambda claims: None"): ("TypeError", None),
            parse_forged(salt="lambda claims: []"): ("TypeError", None),
        },
    },
    "`parse_token` raises `ValueError` where 1.1.1 returns `None`, or accepts what is "
    "signed with nothing": {
        'an empty salt, such as `SALTS.get(aud, "")` for a made-up `aud` (use '
        "`SALTS.get(aud)`)": {
            parse_forged(salt="lambda claims: ''"): (None, "ValueError"),
            parse_forged(key=NOTHING, salt="lambda claims: ''"): (
                "accepted",
                "ValueError",
            ),
        },
    },
    "`issue_token` raises `TypeError` where 1.1.1 issues": {
        "an unknown argument": {"issue(unknown=1)": ("issued", "TypeError")},
        "an identifier that is neither text nor an integer": {
            "issue(user_id=1.5)": ("issued", "TypeError"),
        },
        "a permission that is not text": {"issue(scope=[1])": ("issued", "TypeError")},
    },
    "`issue_token` raises `ValueError` where 1.1.1 issues": {
        "an empty salt": {"issue(lambda claims: '')": ("issued", "ValueError")},
        "a `salt_generator` that changes the claims": {
            "issue(lambda claims: claims.clear() or KEY)": ("issued", "ValueError"),
        },
        "a lone surrogate": {r"issue(user_id='\ud800')": ("issued", "ValueError")},
        "a token of more than 65,536 characters": {
            "issue(user_id='x' * 65536)": ("issued", "ValueError"),
        },
    },
    "`issue_token` raises `ValueError` where 1.1.1 raises `TypeError`": {
        "a salt of `None` or `[]`": {
            "issue(lambda claims: None)": ("TypeError", "ValueError"),
            "issue(lambda claims: [])": ("TypeError", "ValueError"),
        },
    },
    "`issue_token` issues where 1.1.1 raises `OverflowError`": {
        "a token that expires after the year 9999": {
            "issue(lifetime=datetime.timedelta(days=4000000))": (
                "OverflowError",
                "issued",
            ),
        },
    },
    "New": {
        "`WeakSaltWarning` for fewer than 32 bytes of salt": {
            "warned(lambda: issue(lambda claims: 'short'))": ([], ["WeakSaltWarning"]),
        },
        "a class's `client_id` is the default of its generators": {
            "Generator('me').client_id": (None, "app"),
        },
        "an aware `issued_at` becomes UTC before `lifetime` is added": {
            "lifetime_from(2014, 3, 30, 0, 30)": (3600, 3600),
            "lifetime_from(2014, 3, 30, 1, 30)": (0, 3600),
        },
    },
}
# What the README says before that list.
STATED_BEFORE = {
    parse_forged(): ("accepted", "accepted"),
    "type(issued()) is bytes": (True, False),
    "issue(lambda claims: [KEY])": ("TypeError", "issued"),
    parse_forged(salt="lambda claims: [KEY]"): ("TypeError", "accepted"),
    # Octets that are no UTF-8 are a salt for both.
    parse_forged(key=OCTETS, salt="lambda claims: b'\\x8f\\x02' * 16"): (
        "accepted",
        "accepted",
    ),
}
CASES = [
    (case, expected)
    for cases in ({"stated before the list": STATED_BEFORE}, *DIFFERENCES.values())
    for case, expected in cases.items()
]


@pytest.fixture(scope="module")
def outcomes():
    """What each expression comes to under 1.1.1, if it runs here, and now."""
    expressions = [each for _, expected in CASES for each in expected]
    now = evaluate(expressions)
    before = evaluate(expressions, *OLD) if PYTHON27 else None
    return before and dict(zip(expressions, before)), dict(zip(expressions, now))


each_case = pytest.mark.parametrize(
    "expected", [pytest.param(expected, id=case) for case, expected in CASES]
)


@each_case
def test_case_now(expected, outcomes):
    _, now = outcomes
    came = {each: now[each] for each in expected}
    assert came == {each: after for each, (_, after) in expected.items()}


@needs_python27
@each_case
def test_case_under_1_1_1(expected, outcomes):
    before, _ = outcomes
    came = {each: before[each] for each in expected}
    assert came == {each: earlier for each, (earlier, _) in expected.items()}


def test_list_of_differences():
    section = recipes.section("Moving from PyJOAT 1.1.1", recipes.README)
    items = re.findall(r"^- (.+\n(?:  .+\n)*)", section, re.MULTILINE)
    assert [" ".join(item.split()) for item in items] == [
        f"{what}: {'; '.join(cases)}." for what, cases in DIFFERENCES.items()
    ]


def test_list_names_the_errors():
    for what, cases in DIFFERENCES.items():
        for case, expected in cases.items():
            named = re.findall(r"`(\w+Error)`", what + case)
            came = {str(each) for pair in expected.values() for each in pair}
            assert {*named} == {each for each in came if each.endswith("Error")}, case
