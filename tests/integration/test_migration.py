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
import datetime, json, sys, time, warnings
import joat

KEY = "{KEY}"
salt = lambda claims: KEY

def parse(token):
    return "accepted" if joat.parse_token(token) else None

def parse_in_the_second_of_exp():
    exp = int(time.time()) + 1
    an_hour_before = datetime.timedelta(seconds=exp - 3600)
    last = token(issued_at=datetime.datetime(1970, 1, 1) + an_hour_before)
    while time.time() < exp:
        time.sleep(0.01)
    return parse(last)

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
    if PYTHON27:
        old += evaluate(["token()"], *OLD)
        assert evaluate(TOKENS, *OLD) == new[1:]
    parse = [f"joat.parse_token({token!r})" for token in old + new]
    parsed = evaluate(parse)
    assert None not in parsed
    assert parsed[0] == granted(claims(0))
    if PYTHON27:
        assert evaluate(parse, *OLD) == parsed


def parse_forged(leave_out=None, algorithm="HS256", headers=None, behind="", **changed):
    """Return the expression that parses a token with something wrong."""
    payload = claims(int(time.time()), **changed)
    payload.pop(leave_out, None)
    return f"parse({jwt.encode(payload, KEY, algorithm, headers) + behind!r})"


# By the row of the table: an expression, and what it comes to under 1.1.1 and now.
DIFFERENCES = {
    "`issue_token()` returns": {"type(issued()) is bytes": (True, False)},
    "an argument that `issue_token()` does not know": {
        "issue(unknown=1)": ("issued", "TypeError"),
    },
    "an identifier that is neither text nor an integer, a permission that is no text": {
        "issue(user_id=1.5)": ("issued", "TypeError"),
        "issue(scope=[1])": ("issued", "TypeError"),
    },
    '`TokenGenerator("me")` of a class with a `client_id`': {
        "Generator('me').client_id": (None, "app"),
    },
    "a token signed with HS384 or HS512, or with padding or spaces": {
        parse_forged(algorithm="HS384"): ("accepted", None),
        parse_forged(algorithm="HS512"): ("accepted", None),
        parse_forged(behind="="): ("accepted", None),
        parse_forged(behind="    "): ("accepted", None),
    },
    "a token with no `exp`, or in the second of its `exp`": {
        parse_forged("exp"): ("accepted", None),
        "parse_in_the_second_of_exp()": ("accepted", None),
    },
    "a token with an `nbf` to come, `crit`, another `typ`, deep JSON, `NaN`": {
        parse_forged(nbf=4_000_000_000): ("accepted", None),
        parse_forged(headers={"crit": ["exp"]}): ("accepted", None),
        parse_forged(headers={"typ": "JWE"}): ("accepted", None),
        parse_forged(x=json.loads("[" * 200 + "]" * 200)): ("accepted", None),
        parse_forged(x=float("nan")): ("accepted", None),
    },
    "a token with no `iat`, a list as `aud`, a text as `scp`": {
        parse_forged("iat"): ("accepted", None),
        parse_forged(aud=["app"]): ("accepted", None),
        parse_forged(scp="read"): ("accepted", None),
    },
    "a token with no `sub`; `parse_token(None)`": {
        parse_forged("sub"): ("KeyError", None),
        "parse(None)": ("AttributeError", None),
    },
    "`salt_generator` returns an empty salt, or changes the claims of a new token": {
        "issue(lambda claims: '')": ("issued", "ValueError"),
        "issue(lambda claims: claims.clear() or KEY)": ("issued", "ValueError"),
    },
    "`salt_generator` returns fewer than 32 bytes": {
        "warned(lambda: issue(lambda claims: 'short'))": ([], ["WeakSaltWarning"]),
    },
    "issuing with a salt of `None` or `[]`": {
        "issue(lambda claims: None)": ("TypeError", "ValueError"),
        "issue(lambda claims: [])": ("TypeError", "ValueError"),
    },
    "half a surrogate pair; a token of over 65,536 characters": {
        r"issue(user_id='\ud800')": ("issued", "ValueError"),
        "issue(user_id='x' * 65536)": ("issued", "ValueError"),
    },
    "a token that expires after the year 9999": {
        "issue(lifetime=datetime.timedelta(days=4000000))": ("OverflowError", "issued"),
    },
}


def test_differences_from_1_1_1():
    outcomes = {parse_forged(): ("accepted", "accepted")}
    for row in DIFFERENCES.values():
        outcomes.update(row)
    before, now = map(list, zip(*outcomes.values()))
    assert evaluate(list(outcomes)) == now
    if PYTHON27:
        assert evaluate(list(outcomes), *OLD) == before


def test_table_of_differences():
    rows = table("Moving from PyJOAT 1.1.1", recipes.README)
    assert [row[0] for row in rows] == ["needs", *DIFFERENCES]
    # A row says with which errors either version answers, if it does.
    for name, *told in rows[1:]:
        for cell, came in zip(told, zip(*DIFFERENCES[name].values())):
            errors = [each for each in came if str(each).endswith("Error")]
            assert re.findall(r"`(\w+Error)`", cell) == list(dict.fromkeys(errors))
