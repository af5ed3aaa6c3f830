"""Moving from PyJWT and from PyJOAT 1.1.1: what the tables say becomes what.

tox puts PyJOAT 1.1.1 and its PyJWT 0.2.1 into directories of their own, named
by PYJOAT_1_1_1 and PYJWT_0_2_1. Where there is a Python 2.7 they run on it;
what they did there is recorded below for where there is none.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from datetime import datetime, timedelta

import jwt
import pytest
import recipes
import requests

import joat

KEY = "0123456789abcdef0123456789abcdef"
PYJOAT = os.environ["PYJOAT_1_1_1"]
PYJWT = os.environ["PYJWT_0_2_1"]


def python27():
    """Return the path of a Python 2.7 that runs, or None."""
    found = shutil.which("python2.7")
    if found is None:
        return None
    # A version manager has the command even where it has no such version.
    path = "import sys; print(sys.executable)"
    asked = subprocess.run([found, "-c", path], capture_output=True, text=True)
    return asked.stdout.strip() or None


PYTHON27 = python27()


def table(title, document=recipes.INDEX):
    """Return the rows of the table under a heading, as lists of cells."""
    section = recipes.section(title, document)
    rows = re.findall(r"^\| (.+) \|$", section, re.MULTILINE)
    return [row.split(" | ") for row in rows[1:]]


# --- PyJWT ---------------------------------------------------------------------

FROM_PYJWT = [[cell.strip("`") for cell in row] for row in table("Moving from PyJWT")]
CALLS = [row for row in FROM_PYJWT if "(" in row[0]]
ERRORS = [row for row in FROM_PYJWT if "(" not in row[0]]


@pytest.fixture
def _hook(monkeypatch):
    """Assign the hook as the section says."""
    monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)  # to be restored
    (assignment,) = recipes.blocks("Moving from PyJWT", language="python")
    exec(assignment, {"key": KEY})


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


def test_table_is_complete():
    calls = [old.partition("(")[0] for old, _ in CALLS]
    assert calls == ["jwt.decode"] * 5 + ["jwt.encode"]
    assert {old.removeprefix("jwt.") for old, _ in ERRORS} == REFUSED.keys()


# --- PyJOAT 1.1.1 --------------------------------------------------------------

CALL = {
    "provider": "My OAuth2 Provider",
    "client_id": "abcd",
    "user_id": "1234",
    "scope": ["profile", "read"],
}
WHEN = {"issued_at": datetime(2014, 8, 6, 2, 9, 32, 750_000)}
WHEN["lifetime"] = timedelta(days=36_525)
# For these arguments, beside those above, the signature of the token that PyJOAT 1.1.1
# with PyJWT 0.2.1 gave on Python 2.7.18: no other token has that one.
RECORDED = {
    "QG3DQ_ouYkJLUlvq_KxAREHIRfyeGtpIhy2mNTok3-E": {},
    "Z9Bdq_5zRiTsZoyskGFGui7RqBqJnGk5jDfGAfaiJcg": {"jti": "f5c3"},
    "nWMSw_-VpJl4gX69xl9fbpS6Wjp8-yGTBxZs4yJMtqE": {
        "provider": 1,
        "client_id": 2,
        "user_id": 3,
        "jti": 4,
    },
    "z44DpFbL3owmka48V5yRFi1yq0crB5ZBMrxaLwPhLZE": {"user_id": 2**64},
    "cefgdfqQeCkjVgn04YvXDn0--f-mRZ463CaWpd4ltWE": {"scope": []},
    "9m63bgHTu1-E4YLRw3rjZyxv-7Lu90BITPMTwN7VrwU": {
        "client_id": "",
        "user_id": "",
        "scope": [""],
        "jti": "",
    },
    "fG3gT1nngThp3h2q72PEU5uuqb3Mni_bXbdVZoBdjMo": {
        "provider": 'Zo\u00eb "\\/"',
        "client_id": "\U0001d11e",
        "user_id": "\0\x7f\u2028",
        "scope": ["lesen", "sch\u00f6n"],
    },
}
# For either version: arguments in, a token and what becomes of it out.
ISSUE_AND_PARSE = f"""
import datetime, json, sys
import joat

joat.salt_generator = lambda claims: "{KEY}"
token = joat.TokenGenerator("").issue_token(
    issued_at={WHEN["issued_at"]!r},
    lifetime=datetime.timedelta(days={WHEN["lifetime"].days}),
    **{{str(name): value for name, value in json.load(sys.stdin).items()}}
)
json.dump([token.decode(), joat.parse_token(token)], sys.stdout)
"""


def run(program, given, python=sys.executable, path=None):
    """Return what a program makes of what it is given, both in JSON."""
    done = subprocess.run(
        [python, "-B", "-c", program],
        # Not here with 1.1.1, where "import joat" is of the checkout.
        cwd=PYJOAT if path else None,
        env={"PYTHONPATH": path} if path else None,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run27(program, given):
    """Return what a program does on Python 2.7 with PyJOAT 1.1.1."""
    return run(program, given, PYTHON27, os.pathsep.join([PYJOAT, PYJWT]))


@pytest.mark.usefixtures("_hook")
@pytest.mark.parametrize(("signature", "arguments"), RECORDED.items())
def test_same_token_as_of_1_1_1(signature, arguments):
    arguments = {**CALL, **arguments}
    token = joat.TokenGenerator("").issue_token(**arguments, **WHEN)
    assert token.rpartition(".")[2] == signature
    granted = {**arguments, "authorized_scope": arguments["scope"]}
    del granted["scope"]
    assert joat.parse_token(token) == joat.parse_token(token.encode()) == granted
    if PYTHON27:
        assert run27(ISSUE_AND_PARSE, arguments) == [token, granted]


# A member of the fleet, on Python 2.7 and on 3.
MEMBER = f"""
import json, sys
from wsgiref.simple_server import make_server

import joat

joat.salt_generator = lambda claims: "{KEY}"

def app(environ, start_response):
    if environ["PATH_INFO"] == "/token":
        generator = joat.TokenGenerator("me", client_id="app")
        answer = generator.issue_token(user_id="1234", scope=["read"])
    else:
        token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")[2]
        answer = json.dumps(joat.parse_token(token))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer if isinstance(answer, bytes) else answer.encode()]

make_server("127.0.0.1", int(sys.argv[1]), app).serve_forever()
"""

# On Python 3, where it needs a PyJWT of today, 1.1.1 can issue but not verify.
OLD = {"Python 3": (sys.executable, PYJOAT)}
if PYTHON27:
    OLD["Python 2.7"] = (PYTHON27, os.pathsep.join([PYJOAT, PYJWT]))


class Member:
    def __init__(self, serve, directory, python=sys.executable, **variables):
        (directory / "member.py").write_text(MEMBER, encoding="utf-8")
        script = f"{python} -B member.py 8000 &"
        self.url = serve(script, directory, **variables).url()

    def issue(self):
        return requests.get(f"{self.url}/token", timeout=10).text

    def parse(self, token):
        header = {"Authorization": f"Bearer {token}"}
        return requests.get(f"{self.url}/me", headers=header, timeout=10).json()


@pytest.mark.parametrize("old", OLD)
def test_fleet_of_both_versions(old, serve, tmp_path):
    python, path = OLD[old]
    # utcnow(), which 1.1.1 calls, is deprecated in Python 3.12.
    issuer = Member(serve, tmp_path, python, PYTHONPATH=path, PYTHONWARNINGS="ignore")
    verifier = Member(serve, tmp_path, PYTHONWARNINGS="error")
    expected = granted(claims(0))

    token = issuer.issue()
    assert verifier.parse(token) == expected
    assert verifier.parse(verifier.issue()) == expected
    assert verifier.parse(token[:-4] + "AAAA") is None
    if old == "Python 2.7":
        assert issuer.parse(verifier.issue()) == expected


# For either version: expressions in, and out what each comes to.
EVALUATE = f"""
import base64, datetime, hashlib, hmac, json, sys, time, warnings
import joat

KEY = "{KEY}"
DEEP = json.loads("[" * 200 + "]" * 200)
SURROGATE = json.loads('"\\\\ud800"')
now = int(time.time())
salt = lambda claims: KEY

def encode(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=")

def sign(payload, **header):
    header = dict(dict(alg="HS256", typ="JWT"), **header)
    told = encode(json.dumps(header).encode()) + b"." + encode(payload.encode())
    method = getattr(hashlib, "sha" + header["alg"][2:])
    signature = hmac.new(KEY.encode(), told, method).digest()
    return (told + b"." + encode(signature)).decode()

def payload(leave_out=None, **changed):
    claims = dict(aud="app", iss="me", exp=now + 3600, iat=now, scp=[], sub="1234")
    claims.update(changed)
    claims.pop(leave_out, None)
    return json.dumps(claims)

def parse(token):
    return "accepted" if joat.parse_token(token) else None

def parse_in_the_second_of_exp():
    exp = int(time.time()) + 1
    last = sign(payload(exp=exp))
    while time.time() < exp:
        time.sleep(0.01)
    return parse(last)

def issued(salt=salt, **arguments):
    joat.salt_generator = salt
    arguments = dict(dict(client_id="app", user_id="1234", scope=[]), **arguments)
    return joat.TokenGenerator("me").issue_token(**arguments)

def issue(*salt, **arguments):
    return issued(*salt, **arguments) and "issued"

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
        "parse(sign(payload(), alg='HS384'))": ("accepted", None),
        "parse(sign(payload(), alg='HS512'))": ("accepted", None),
        "parse(sign(payload()) + '=')": ("accepted", None),
        "parse(sign(payload())[:-4] + '    ' + sign(payload())[-4:])": (
            "accepted",
            None,
        ),
    },
    "a token with no `exp`, or in the second of its `exp`": {
        "parse(sign(payload('exp')))": ("accepted", None),
        "parse_in_the_second_of_exp()": ("accepted", None),
    },
    "a token with an `nbf` to come, `crit`, another `typ`, deep JSON, `NaN`": {
        "parse(sign(payload(nbf=now + 60)))": ("accepted", None),
        "parse(sign(payload(), crit=['exp']))": ("accepted", None),
        "parse(sign(payload(), typ='JWE'))": ("accepted", None),
        "parse(sign(payload(x=DEEP)))": ("accepted", None),
        "parse(sign(payload(x=float('nan'))))": ("accepted", None),
    },
    "a token with no `iat`, a list as `aud`, a text as `scp`": {
        "parse(sign(payload('iat')))": ("accepted", None),
        "parse(sign(payload(aud=['app'])))": ("accepted", None),
        "parse(sign(payload(scp='read')))": ("accepted", None),
    },
    "a token with no `sub`; `parse_token(None)`": {
        "parse(sign(payload('sub')))": ("KeyError", None),
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
        "issue(user_id=SURROGATE)": ("issued", "ValueError"),
        "issue(user_id='x' * 65536)": ("issued", "ValueError"),
    },
    "a token that expires after the year 9999": {
        "issue(lifetime=datetime.timedelta(days=4000000))": ("OverflowError", "issued"),
    },
}


def test_differences_from_1_1_1():
    outcomes = {
        expression: versions
        for row in DIFFERENCES.values()
        for expression, versions in row.items()
    }
    now = run(EVALUATE, list(outcomes))
    assert now == [now for _, now in outcomes.values()]
    if PYTHON27:
        before = run27(EVALUATE, list(outcomes))
        assert before == [before for before, _ in outcomes.values()]


def test_table_of_differences():
    rows = table("Moving from PyJOAT 1.1.1", recipes.README)
    assert [row[0] for row in rows] == ["needs", *DIFFERENCES]
    # A row says with which errors either version answers, if it does.
    for name, *told in rows[1:]:
        for cell, came in zip(told, zip(*DIFFERENCES[name].values())):
            errors = [each for each in came if str(each).endswith("Error")]
            assert re.findall(r"`(\w+Error)`", cell) == list(dict.fromkeys(errors))
