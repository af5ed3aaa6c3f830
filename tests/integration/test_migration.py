"""Moving from PyJWT and from PyJOAT 1.1.1: what the tables say becomes what.

tox puts PyJOAT 1.1.1 and its PyJWT 0.2.1 into directories of their own, named
by PYJOAT_1_1_1 and PYJWT_0_2_1. Where there is a Python 2.7 they run on it;
what they did there is recorded below for where there is none.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import jwt
import pytest
import recipes
import requests

import joat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

README = Path(__file__).parents[2] / "README.md"
KEY = "0123456789abcdef0123456789abcdef"
PYJOAT = os.environ["PYJOAT_1_1_1"]
PYJWT = os.environ["PYJWT_0_2_1"]


def python27() -> str | None:
    """Return the path of a Python 2.7 that runs, or None."""
    found = shutil.which("python2.7")
    if found is None:
        return None
    # A version manager has the command even where it has no such version.
    path = "import sys; print(sys.executable)"
    asked = subprocess.run([found, "-c", path], capture_output=True, text=True)
    return asked.stdout.strip() or None


PYTHON27 = python27()


def table(document: Path, title: str) -> list[list[str]]:
    """Return the rows of the table under a heading, as lists of cells."""
    section = recipes.section(title, document)
    rows = re.findall(r"^\| (.+) \|$", section, re.MULTILINE)
    return [row.split(" | ") for row in rows[1:]]


# --- PyJWT ---------------------------------------------------------------------

FROM_PYJWT = [
    [cell.strip("`") for cell in row]
    for row in table(recipes.INDEX, "Moving from PyJWT")
]
CALLS = [row for row in FROM_PYJWT if "(" in row[0]]
ERRORS = [row for row in FROM_PYJWT if "(" not in row[0]]
# The assignment that the section begins with.
(ASSIGNMENT,) = re.findall(
    r"^```python\n(.*?)^```$",
    recipes.section("Moving from PyJWT"),
    re.MULTILINE | re.DOTALL,
)


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)  # to be restored
    exec(ASSIGNMENT, {"key": KEY})


def claims(now: int, **changed: object) -> dict[str, Any]:
    claims = {
        "aud": "app",
        "iss": "me",
        "exp": now + 3600,
        "iat": now,
        "scp": ["read"],
        "sub": "1234",
        **changed,
    }
    return {name: value for name, value in claims.items() if value is not None}


def credentials(claims: dict[str, Any]) -> dict[str, Any]:
    """Return what `parse_token` makes of these claims."""
    return {
        "provider": claims["iss"],
        "client_id": claims["aud"],
        "user_id": claims["sub"],
        "authorized_scope": claims["scp"],
    }


def verified(claims: dict[str, Any]) -> dict[str, Any]:
    """Return what `verify_token` makes of these claims."""
    return {**credentials(claims), "expires_at": claims["exp"]}


@pytest.mark.usefixtures("hook")
@pytest.mark.parametrize(("old", "new"), CALLS)
def test_call_becomes(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = int(time.time())
    monkeypatch.setattr("time.time", lambda: now)
    # Within the leeway of the row that has one.
    expected = claims(now, exp=now - 10) if "leeway" in old else claims(now)
    token = jwt.encode(expected, KEY)
    names = {"jwt": jwt, "joat": joat, "token": token, "key": KEY, "now": now}

    before, after = eval(old, names), eval(new, names)

    if isinstance(before, str):  # a token: either library reads both
        for issued in (before, after):
            read = jwt.decode(issued, KEY, ["HS256"], audience="app")
            assert read == expected
            assert joat.verify_token(issued) == verified(expected)
    elif "unverified" in new:
        assert after == before == expected
    else:
        assert before == expected
        assert after == verified(expected)


def test_table_has_both_directions() -> None:
    assert [old.split("(")[0] for old, _ in CALLS] == ["jwt.decode"] * 5 + [
        "jwt.encode"
    ]


# A token that PyJWT refuses with each of its errors in the table.
REFUSED: dict[str, Callable[[int], str]] = {
    "PyJWTError": lambda now: "",
    "DecodeError": lambda now: "garbage",
    "InvalidSignatureError": lambda now: jwt.encode(claims(now), KEY[::-1]),
    "ExpiredSignatureError": lambda now: jwt.encode(claims(now, exp=now), KEY),
    "ImmatureSignatureError": lambda now: jwt.encode(claims(now, nbf=now + 60), KEY),
    "InvalidAudienceError": lambda now: jwt.encode(claims(now, aud="web"), KEY),
    "InvalidIssuerError": lambda now: jwt.encode(claims(now, iss="you"), KEY),
    "MissingRequiredClaimError": lambda now: jwt.encode(claims(now, aud=None), KEY),
}


@pytest.mark.parametrize(("old", "new"), ERRORS)
def test_error_becomes(old: str, new: str) -> None:
    token = REFUSED[old.removeprefix("jwt.")](int(time.time()))
    with pytest.raises(eval(old)):
        jwt.decode(token, KEY, ["HS256"], audience="app", issuer="me")
    with pytest.raises(eval(new)):
        joat.verify_token(token, salt=KEY, client_id="app", provider="me")


def test_every_error_is_in_the_table() -> None:
    assert {old.removeprefix("jwt.") for old, _ in ERRORS} == REFUSED.keys()


# --- PyJOAT 1.1.1 --------------------------------------------------------------

ISSUED_AT = datetime(2014, 8, 6, 2, 9, 32, 750_000)
CENTURY = timedelta(days=36_525)
CALL = {
    "provider": "My OAuth2 Provider",
    "client_id": "abcd",
    "user_id": "1234",
    "scope": ["profile", "read"],
}
# What PyJOAT 1.1.1 with PyJWT 0.2.1 gave on Python 2.7.18 for these arguments,
# beside those above.
GOLDEN = [
    pytest.param(
        {},
        """
            eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiJhYmNkIiwiaXNzIjoiTXkgT0F
            1dGgyIFByb3ZpZGVyIiwiZXhwIjo0NTYzMDUwOTcyLCJpYXQiOjE0MDcyOTA5NzIsInNjcCI
            6WyJwcm9maWxlIiwicmVhZCJdLCJzdWIiOiIxMjM0In0.QG3DQ_ouYkJLUlvq_KxAREHIRfy
            eGtpIhy2mNTok3-E
        """,
        id="plain",
    ),
    pytest.param(
        {"jti": "f5c3"},
        """
            eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiJhYmNkIiwiaXNzIjoiTXkgT0F
            1dGgyIFByb3ZpZGVyIiwianRpIjoiZjVjMyIsImV4cCI6NDU2MzA1MDk3MiwiaWF0IjoxNDA
            3MjkwOTcyLCJzY3AiOlsicHJvZmlsZSIsInJlYWQiXSwic3ViIjoiMTIzNCJ9.Z9Bdq_5zRi
            TsZoyskGFGui7RqBqJnGk5jDfGAfaiJcg
        """,
        id="a jti",
    ),
    pytest.param(
        {"provider": 1, "client_id": 2, "user_id": 3, "jti": 4},
        """
            eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOjIsImlzcyI6MSwianRpIjo0LCJ
            leHAiOjQ1NjMwNTA5NzIsImlhdCI6MTQwNzI5MDk3Miwic2NwIjpbInByb2ZpbGUiLCJyZWF
            kIl0sInN1YiI6M30.nWMSw_-VpJl4gX69xl9fbpS6Wjp8-yGTBxZs4yJMtqE
        """,
        id="integers",
    ),
    pytest.param(
        {"user_id": 2**64},
        """
            eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiJhYmNkIiwiaXNzIjoiTXkgT0F
            1dGgyIFByb3ZpZGVyIiwiZXhwIjo0NTYzMDUwOTcyLCJpYXQiOjE0MDcyOTA5NzIsInNjcCI
            6WyJwcm9maWxlIiwicmVhZCJdLCJzdWIiOjE4NDQ2NzQ0MDczNzA5NTUxNjE2fQ.z44DpFbL
            3owmka48V5yRFi1yq0crB5ZBMrxaLwPhLZE
        """,
        id="an integer of 65 bits",
    ),
    pytest.param(
        {"scope": []},
        """
            eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiJhYmNkIiwiaXNzIjoiTXkgT0F
            1dGgyIFByb3ZpZGVyIiwiZXhwIjo0NTYzMDUwOTcyLCJpYXQiOjE0MDcyOTA5NzIsInNjcCI
            6W10sInN1YiI6IjEyMzQifQ.cefgdfqQeCkjVgn04YvXDn0--f-mRZ463CaWpd4ltWE
        """,
        id="no permission",
    ),
    pytest.param(
        {"client_id": "", "user_id": "", "scope": [""], "jti": ""},
        """
            eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiIiLCJpc3MiOiJNeSBPQXV0aDI
            gUHJvdmlkZXIiLCJqdGkiOiIiLCJleHAiOjQ1NjMwNTA5NzIsImlhdCI6MTQwNzI5MDk3Miw
            ic2NwIjpbIiJdLCJzdWIiOiIifQ.9m63bgHTu1-E4YLRw3rjZyxv-7Lu90BITPMTwN7VrwU
        """,
        id="empty strings",
    ),
    pytest.param(
        {
            "provider": 'Zo\u00eb "\\/"',
            "client_id": "\U0001d11e",
            "user_id": "\0\x7f\u2028",
            "scope": ["lesen", "sch\u00f6n"],
        },
        """
            eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiJcdWQ4MzRcdWRkMWUiLCJpc3M
            iOiJab1x1MDBlYiBcIlxcL1wiIiwiZXhwIjo0NTYzMDUwOTcyLCJpYXQiOjE0MDcyOTA5NzI
            sInNjcCI6WyJsZXNlbiIsInNjaFx1MDBmNm4iXSwic3ViIjoiXHUwMDAwXHUwMDdmXHUyMDI
            4In0.fG3gT1nngThp3h2q72PEU5uuqb3Mni_bXbdVZoBdjMo
        """,
        id="beyond ASCII",
    ),
]
golden = pytest.mark.parametrize(("arguments", "token"), GOLDEN)

# For either version: arguments in, a token and what becomes of it out.
ISSUE_AND_PARSE = f"""
import datetime, json, sys
import joat

joat.salt_generator = lambda claims: "{KEY}"
token = joat.TokenGenerator("").issue_token(
    issued_at={ISSUED_AT!r}, lifetime=datetime.timedelta(days={CENTURY.days}),
    **{{str(name): value for name, value in json.load(sys.stdin).items()}}
)
json.dump([token.decode(), joat.parse_token(token)], sys.stdout)
"""


def run27(program: str, given: str = "") -> Any:
    """Return what a program prints on Python 2.7 with PyJOAT 1.1.1."""
    assert PYTHON27 is not None
    done = subprocess.run(
        [PYTHON27, "-B", "-c", program],
        cwd=PYJOAT,  # not here, where "import joat" is of the checkout
        env={"PYTHONPATH": os.pathsep.join([PYJOAT, PYJWT])},
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def granted(arguments: dict[str, Any]) -> dict[str, Any]:
    granted = {**CALL, **arguments}
    granted["authorized_scope"] = granted.pop("scope")
    return granted


@golden
@pytest.mark.usefixtures("hook")
def test_token_of_1_1_1_is_ours(arguments: dict[str, Any], token: str) -> None:
    token = "".join(token.split())
    issued = joat.TokenGenerator("").issue_token(
        **{**CALL, **arguments}, issued_at=ISSUED_AT, lifetime=CENTURY
    )
    assert issued == token
    assert joat.parse_token(token) == granted(arguments)
    assert joat.parse_token(token.encode()) == granted(arguments)


if PYTHON27:

    @golden
    def test_1_1_1_gives_the_recorded_token(
        arguments: dict[str, Any], token: str
    ) -> None:
        given = json.dumps({**CALL, **arguments})
        assert run27(ISSUE_AND_PARSE, given) == [
            "".join(token.split()),
            granted(arguments),
        ]


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
    def __init__(
        self,
        serve: Callable[..., Any],
        directory: Path,
        python: str = sys.executable,
        path: str = "",
    ) -> None:
        (directory / "member.py").write_text(MEMBER, encoding="utf-8")
        env = {"PYTHONWARNINGS": "error"}
        if path:
            # utcnow(), which 1.1.1 calls, is deprecated in Python 3.12.
            env = {"PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
        self.url = serve(f"{python} -B member.py 8000 &", directory, **env).url()

    def issue(self) -> str:
        response = requests.get(f"{self.url}/token", timeout=10)
        assert response.status_code == 200
        return response.text

    def parse(self, token: str) -> Any:
        header = {"Authorization": f"Bearer {token}"}
        response = requests.get(f"{self.url}/me", headers=header, timeout=10)
        assert response.status_code == 200
        return response.json()


@pytest.mark.parametrize("old", OLD)
def test_fleet_of_both_versions(
    old: str, serve: Callable[..., Any], tmp_path: Path
) -> None:
    python, path = OLD[old]
    issuer, verifier = Member(serve, tmp_path, python, path), Member(serve, tmp_path)
    expected = credentials(claims(0))

    token = issuer.issue()
    assert verifier.parse(token) == expected
    assert verifier.parse(verifier.issue()) == expected
    assert verifier.parse(token[:-4] + "AAAA") is None
    if old == "Python 2.7":
        assert issuer.parse(verifier.issue()) == expected


def test_verifier_takes_golden_tokens(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    verifier = Member(serve, tmp_path)
    for case in GOLDEN:
        arguments, token = case.values
        assert verifier.parse("".join(token.split())) == granted(arguments)


# For either version: what the rows of README.md's table come to.
DIFFERENCES = f"""
import base64, datetime, hashlib, hmac, json, sys, time, warnings
import joat

KEY = "{KEY}"
now = int(time.time())
claims = dict(aud="app", iss="me", exp=now + 3600, iat=now, scp=[], sub="1234")

def encode(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=")

def token(algorithm="HS256", leave_out=None, **changed):
    payload = dict(claims, **changed)
    payload.pop(leave_out, None)
    segments = [dict(alg=algorithm, typ="JWT"), payload]
    told = b".".join(encode(json.dumps(part).encode()) for part in segments)
    method = getattr(hashlib, "sha" + algorithm[2:])
    signature = hmac.new(KEY.encode(), told, method).digest()
    return (told + b"." + encode(signature)).decode()

def issue(salt=KEY, **arguments):
    joat.salt_generator = lambda claims: salt
    arguments = dict(dict(client_id="app", user_id="1234", scope=[]), **arguments)
    return joat.TokenGenerator("me").issue_token(**arguments)

def issue_short():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        issue("short")
    return [warning.category.__name__ for warning in caught]

def parse(token):
    joat.salt_generator = lambda claims: KEY
    parsed = joat.parse_token(token)
    return "accepted" if parsed else parsed

def parse_in_the_second_of_exp():
    exp = int(time.time()) + 1
    last = token(exp=exp)
    while time.time() < exp:
        time.sleep(0.01)
    return parse(last)

def issue_changed():
    joat.salt_generator = lambda claims: claims.update(sub="changed") or KEY
    generator = joat.TokenGenerator("me")
    return bool(generator.issue_token(client_id="app", user_id="1234", scope=[]))

def parse_raw(payload):
    head = dict(alg="HS256", typ="JWT")
    told = b".".join([encode(json.dumps(head).encode()), encode(payload.encode())])
    signature = hmac.new(KEY.encode(), told, hashlib.sha256).digest()
    return parse((told + b"." + encode(signature)).decode())

def parse_with_header(**header):
    told = [dict(dict(alg="HS256", typ="JWT"), **header), claims]
    told = b".".join(encode(json.dumps(part).encode()) for part in told)
    signature = hmac.new(KEY.encode(), told, hashlib.sha256).digest()
    return parse((told + b"." + encode(signature)).decode())

TOO_MUCH = [json.loads('"\\\\ud800"'), "x" * 65536]

class Generator(joat.TokenGenerator):
    client_id = "app"

joat.salt_generator = lambda claims: KEY
CALLS = [
    lambda: type(issue()) is bytes,
    lambda: bool(issue(unknown=1)),
    lambda: outcomes(lambda: bool(issue(user_id=1.5)), lambda: bool(issue(scope=[1]))),
    lambda: Generator("me").client_id,
    lambda: [
        parse(token("HS384")),
        parse(token("HS512")),
        parse(token() + "="),
        parse(token()[:-4] + " " * 4 + token()[-4:]),
    ],
    lambda: [parse(token(leave_out="exp")), parse_in_the_second_of_exp()],
    lambda: [
        parse(token(nbf=now + 60)),
        parse_with_header(crit=["exp"]),
        parse_with_header(typ="JWE"),
        parse_raw(json.dumps(dict(claims, x=json.loads("[" * 200 + "]" * 200)))),
        parse_raw(json.dumps(claims)[:-1] + ", \\"x\\": NaN}}"),
    ],
    lambda: [
        parse(token(leave_out="iat")),
        parse(token(aud=["app"])),
        parse(token(scp="read")),
    ],
    lambda: outcomes(lambda: parse(token(leave_out="sub")), lambda: parse(None)),
    lambda: outcomes(lambda: bool(issue("")), issue_changed),
    issue_short,
    lambda: outcomes(lambda: issue(None), lambda: issue([])),
    lambda: outcomes(
        lambda: bool(issue(user_id=TOO_MUCH[0])),
        lambda: bool(issue(user_id=TOO_MUCH[1])),
    ),
    lambda: bool(issue(lifetime=datetime.timedelta(days=4000000))),
]

def outcome(call):
    try:
        return call()
    except Exception as error:
        return type(error).__name__

def outcomes(*calls):
    return [outcome(call) for call in calls]

json.dump([outcome(call) for call in CALLS], sys.stdout)
"""
# The row of the table, and what its call comes to under 1.1.1 and now.
OUTCOMES = {
    "`issue_token()` returns": (True, False),
    "an argument that `issue_token()` does not know": (True, "TypeError"),
    "an identifier that is neither text nor an integer, a permission that is no text": (
        [True] * 2,
        ["TypeError"] * 2,
    ),
    '`TokenGenerator("me")` of a class with a `client_id`': (None, "app"),
    "a token signed with HS384 or HS512, or with padding or spaces": (
        ["accepted"] * 4,
        [None] * 4,
    ),
    "a token with no `exp`, or in the second of its `exp`": (
        ["accepted"] * 2,
        [None] * 2,
    ),
    "a token with an `nbf` to come, `crit`, another `typ`, deep JSON, `NaN`": (
        ["accepted"] * 5,
        [None] * 5,
    ),
    "a token with no `iat`, a list as `aud`, a text as `scp`": (
        ["accepted"] * 3,
        [None] * 3,
    ),
    "a token with no `sub`; `parse_token(None)`": (
        ["KeyError", "AttributeError"],
        [None] * 2,
    ),
    "`salt_generator` returns an empty salt, or changes the claims of a new token": (
        [True] * 2,
        ["ValueError"] * 2,
    ),
    "`salt_generator` returns fewer than 32 bytes": ([], ["WeakSaltWarning"]),
    "issuing with a salt of `None` or `[]`": (["TypeError"] * 2, ["ValueError"] * 2),
    "half a surrogate pair; a token of over 65,536 characters": (
        [True] * 2,
        ["ValueError"] * 2,
    ),
    "a token that expires after the year 9999": ("OverflowError", True),
}


def test_differences_from_1_1_1() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIFFERENCES], check=True, capture_output=True, timeout=60
    )
    assert json.loads(done.stdout) == [now for _, now in OUTCOMES.values()]


if PYTHON27:

    def test_differences_under_1_1_1() -> None:
        assert run27(DIFFERENCES) == [before for before, _ in OUTCOMES.values()]


def test_table_of_differences() -> None:
    rows = table(README, "Moving from PyJOAT 1.1.1")
    assert [row[0] for row in rows] == ["needs", *OUTCOMES]
    # A row says with which error either version answers, if it does.
    for name, before, after in rows[1:]:
        for told, came in zip((before, after), OUTCOMES[name]):
            if isinstance(came, str) and came.endswith("Error"):
                assert told == f"`{came}`"
