"""The claims: the types that are refused, and the bytes that are written."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from enum import Enum, IntEnum

import pytest
from helpers import (
    CLAIMS,
    CREDENTIALS,
    HEADER,
    SALT,
    assert_tells_nothing,
    b64,
    make_token,
    with_claims,
    without,
)

import joat

# The JSON of values that are of the wrong type for every kind of claim.
NEVER = {
    "null": "null",
    "true": "true",
    "false": "false",
    "object": '{"value-marker":1}',
    "object-empty": "{}",
    "array-of-null": "[null]",
    "array-of-integer": "[1]",
    "array-nested": '[["value-marker"]]',
    "infinite": "1e400",
    "infinite-negative": "-1e400",
}
LISTS = {"array-empty": "[]", "array-of-strings": '["value-marker"]'}
STRINGS = {
    "string": '"value-marker"',
    "string-empty": '""',
    "string-of-digits": '"1407294572"',
}
FLOATS = {"float": "1.5", "whole-float": "1407294572.0", "exponent": "14e8"}
INTEGERS = {
    "zero": "0",
    "negative": "-1",
    "minus-zero": "-0",
    "integer": "1407294572",
    "above-64-bits": "18446744073709551616",
    "4000-digits": "9" * 4000,
}

WRONG_TYPES = {
    **{name: {**NEVER, **LISTS, **FLOATS} for name in ("aud", "iss", "sub", "jti")},
    **{name: {**NEVER, **LISTS, **STRINGS} for name in ("exp", "iat", "nbf")},
    "scp": {
        **NEVER,
        **STRINGS,
        **FLOATS,
        **INTEGERS,
        "string-with-spaces": '"profile-marker read-marker"',
        "array-with-null": '["read-marker",null]',
        "array-with-true": '["read-marker",true]',
        "array-with-integer": '["read-marker",1]',
        "array-with-float": '["read-marker",1.5]',
        "array-with-array": '["read-marker",[]]',
        "array-with-object": '["read-marker",{}]',
        "array-wrong-first": '[0,"read-marker"]',
    },
}
WRONG = {
    f"{name}-{kind}": (name, text)
    for name, texts in WRONG_TYPES.items()
    for kind, text in texts.items()
}


def token_with(name, text):
    """Return a token whose claim `name` is the JSON `text`."""
    members = {claim: json.dumps(value) for claim, value in CLAIMS.items()}
    members[name] = text
    body = ",".join(f'"{claim}":{value}' for claim, value in members.items())
    return make_token(f"{{{body}}}".encode())


@pytest.mark.parametrize(("name", "text"), WRONG.values(), ids=WRONG)
def test_refuses_claims_of_the_wrong_type(assert_refused, name, text):
    assert_refused(token_with(name, text))


@pytest.mark.parametrize("name", CLAIMS)
def test_refuses_missing_claims(assert_refused, name):
    assert_refused(make_token(without(name)))


@pytest.mark.parametrize("name", CLAIMS)
def test_refuses_claims_of_which_the_last_is_wrong(assert_refused, name):
    right = json.dumps(CLAIMS)[:-1]
    assert_refused(make_token(f'{right},"{name}":null}}'.encode()))


@pytest.mark.parametrize("name", CLAIMS)
def test_accepts_claims_of_which_the_last_is_right(assert_accepted, name):
    right = json.dumps(CLAIMS)[1:]
    assert_accepted(make_token(f'{{"{name}":null,{right}'.encode()))


MISPLACED = {
    "no-claims": {},
    "claims-in-upper-case": {name.upper(): value for name, value in CLAIMS.items()},
    "claims-nested": {"claims": CLAIMS},
    "long-names": {
        "audience": "a",
        "issuer": "i",
        "subject": "s",
        "scope": [],
        "expires": 9e9,
        "issued": 1,
    },
    "scope-for-scp": {**without("scp"), "scope": "read"},
    "client_id-for-aud": {**without("aud"), "client_id": "client-marker"},
}


@pytest.mark.parametrize("claims", MISPLACED.values(), ids=MISPLACED)
def test_refuses_claims_in_other_places(assert_refused, claims):
    assert_refused(make_token(claims))


MEMBERS = {
    "aud": "client_id",
    "iss": "provider",
    "sub": "user_id",
    "jti": "jti",
    "scp": "authorized_scope",
}
LATER = {"integer": "1407290981", "float": "1407290980.25", "exponent": "14e100"}
LATER["4000-digits"] = INTEGERS["4000-digits"]
EARLIER = {
    "zero": "0",
    "negative": "-1",
    "float": "0.5",
    "float-negative": "-1.5e300",
    "minus-zero": "-0.0",
}
RIGHT_TYPES = {
    **{name: {**STRINGS, **INTEGERS} for name in ("aud", "iss", "sub", "jti")},
    "exp": LATER,
    "iat": {**EARLIER, **LATER},
    "nbf": {**EARLIER, "now": "1407290980", "now-as-float": "1407290980.0"},
    "scp": {
        **LISTS,
        "array-of-empty-string": '[""]',
        "array-of-doubled": '["read-marker","read-marker"]',
        "array-of-1000": json.dumps(["read-marker"] * 1000),
    },
}
RIGHT = {
    f"{name}-{kind}": (name, text)
    for name, texts in RIGHT_TYPES.items()
    for kind, text in texts.items()
}


@pytest.mark.parametrize(("name", "text"), RIGHT.values(), ids=RIGHT)
def test_accepts_claims_of_the_right_type(assert_accepted, name, text):
    changed = {MEMBERS[name]: json.loads(text)} if name in MEMBERS else {}
    assert_accepted(token_with(name, text), {**CREDENTIALS, **changed})


@pytest.mark.parametrize("name", ["email", "roles", "azp", "EXP", "NBF", "Jti"])
@pytest.mark.parametrize("value", [None, False, "text-marker", [1], {"a": {}}])
def test_ignores_other_claims(assert_accepted, name, value):
    assert_accepted(with_claims(**{name: value}))


ISSUED = datetime(2014, 8, 6, 2, 9, 32)
EAST = timezone(timedelta(hours=5, minutes=30))
WEST = timezone(timedelta(hours=-4))
HOUR = '"exp":1407294572,"iat":1407290972'
SCOPE = '"scp":["profile","read"]'

# What PyJOAT 1.1.1 issued, with PyJWT 0.2.1 on CPython 2.7.18 and the salt above:
# arguments of issue_token, claims and signature. The arguments left out are the
# provider "My OAuth2 Provider", the client "abcd", the user "1234", the scope
# ["profile", "read"] and the time of ISSUED.
PYJOAT = {
    "text-identifiers": (
        {},
        f'{{"aud":"abcd","iss":"My OAuth2 Provider",{HOUR},{SCOPE},"sub":"1234"}}',
        "EzDOwtvg6v3dr2yNAEtNxp0HWzLeRSKcD5CbRQcNhl8",
    ),
    "integer-identifiers": (
        {"provider": 0, "client_id": -7, "user_id": 2**70},
        f'{{"aud":-7,"iss":0,{HOUR},{SCOPE},"sub":1180591620717411303424}}',
        "1W8EmzWd4tZf1pavo8EBGhXhx-Xda5C9ByT72DC316s",
    ),
    "jti": (
        {"jti": "token 1"},
        (
            '{"aud":"abcd","iss":"My OAuth2 Provider","jti":"token 1",'
            f'{HOUR},{SCOPE},"sub":"1234"}}'
        ),
        "qChz2f9onbLxvRgzf_Ip3Af_91nZHLQ-Gp2sGPI5tpo",
    ),
    "integer-jti": (
        {"jti": 0},
        (
            '{"aud":"abcd","iss":"My OAuth2 Provider","jti":0,'
            f'{HOUR},{SCOPE},"sub":"1234"}}'
        ),
        "uY3kUcoJXpzUcS4E3vb0pZJbUmOcspwQ_wsvRkSmYmg",
    ),
    "empty-jti": (
        {"jti": ""},
        (
            '{"aud":"abcd","iss":"My OAuth2 Provider","jti":"",'
            f'{HOUR},{SCOPE},"sub":"1234"}}'
        ),
        "4NPBxWOZqQrUBXg1QRlAJieRywxVt7gjyLOrj4zqRJY",
    ),
    "empty-identifiers": (
        {"provider": "", "client_id": "", "user_id": ""},
        f'{{"aud":"","iss":"",{HOUR},{SCOPE},"sub":""}}',
        "n3w92SxWJCWrtWceq9_-ZeGG_Q38KAAl9kj7SmadD0Y",
    ),
    "not-ascii": (
        {
            "provider": "\xdcn\xefcode \u2603",
            "client_id": "\U0001f511",
            "user_id": "\u65e5\u672c",
            "scope": ["\xe9crire"],
        },
        (
            '{"aud":"\\ud83d\\udd11","iss":"\\u00dcn\\u00efcode \\u2603",'
            f'{HOUR},"scp":["\\u00e9crire"],"sub":"\\u65e5\\u672c"}}'
        ),
        "dwGk_rV9PofiCbPwax8GFQ00NRJmKF2ri8ll1peko8I",
    ),
    "escapes": (
        {
            "provider": 'quote " backslash \\ slash / tab \t line \n return \r',
            "client_id": "feed \f back \b nul \0 bell \7 del \x7f",
            "user_id": "<&>'",
            "scope": ["\u2028\u2029", "\x1f"],
        },
        (
            '{"aud":"feed \\f back \\b nul \\u0000 bell \\u0007 del \\u007f","iss":'
            '"quote \\" backslash \\\\ slash / tab \\t line \\n return \\r",'
            f'{HOUR},"scp":["\\u2028\\u2029","\\u001f"],"sub":"<&>\'"}}'
        ),
        "yj1cNAy8EFQwL_55xqM4GvQV404oCEblXlkyad0hPNE",
    ),
    "empty-scope": (
        {"scope": []},
        f'{{"aud":"abcd","iss":"My OAuth2 Provider",{HOUR},"scp":[],"sub":"1234"}}',
        "iuXI2kE0G3xCP6zvJG__I_3oYbb6mrPA0I7I23mdPfY",
    ),
    "doubled-permission": (
        {"scope": ["read", "read", ""]},
        (
            '{"aud":"abcd","iss":"My OAuth2 Provider",'
            f'{HOUR},"scp":["read","read",""],"sub":"1234"}}'
        ),
        "W7Xdyc1iagzUlIHgP4iqYaWFPnoKU7hSJEZggrnh_ek",
    ),
}
# The same for claims that differ in their times alone: exp, iat and signature.
PYJOAT_TIMES = {
    "fraction": (
        {"issued_at": ISSUED.replace(microsecond=999_999)},
        (1407294572, 1407290972),
        "EzDOwtvg6v3dr2yNAEtNxp0HWzLeRSKcD5CbRQcNhl8",
    ),
    "fractions-of-a-second-together": (
        {
            "issued_at": ISSUED.replace(microsecond=600_000),
            "lifetime": timedelta(milliseconds=400),
        },
        (1407290973, 1407290972),
        "2jAQT3UTubS5lhxSICBkP7cEpusEwy-FtVcpHoLRWRM",
    ),
    "fractions-of-less-together": (
        {
            "issued_at": ISSUED.replace(microsecond=600_000),
            "lifetime": timedelta(milliseconds=399),
        },
        (1407290972, 1407290972),
        "eVGPxoMJmo7UK2OvCWEVyOrevKcpiEEaqcQ69puMLWY",
    ),
    "aware-east": (
        {"issued_at": datetime(2014, 8, 6, 7, 39, 32, tzinfo=EAST)},
        (1407294572, 1407290972),
        "EzDOwtvg6v3dr2yNAEtNxp0HWzLeRSKcD5CbRQcNhl8",
    ),
    "aware-west": (
        {"issued_at": datetime(2014, 8, 5, 22, 9, 32, 5, tzinfo=WEST)},
        (1407294572, 1407290972),
        "EzDOwtvg6v3dr2yNAEtNxp0HWzLeRSKcD5CbRQcNhl8",
    ),
    "before-1970": (
        {
            "issued_at": datetime(1969, 12, 31, 23, 59, 59, 500_000),
            "lifetime": timedelta(milliseconds=250),
        },
        (-1, -1),
        "BmikIPbKULSNWNPsNJdBJo6xZmFDbdplW1f7Z8x5RL8",
    ),
    "year-1": (
        {"issued_at": datetime(1, 1, 1)},
        (-62135593200, -62135596800),
        "G6FOAN4KEpCdo65FsjGcOjPvKsmCuiNfDheEtgOePFc",
    ),
    "year-9999": (
        {"issued_at": datetime(9999, 12, 31, 22)},
        (253402297200, 253402293600),
        "r7H5qqEZ4oFc8OR33mqNsSuujTjE83rBH-a_R77TS3c",
    ),
    "negative-lifetime": (
        {"lifetime": timedelta(seconds=-1.5)},
        (1407290970, 1407290972),
        "XppzOFx1OSHW9I4Uthu-bKOwHScfxLHgrODFxr3_Dgg",
    ),
    "zero-lifetime": (
        {"lifetime": timedelta()},
        (1407290972, 1407290972),
        "eVGPxoMJmo7UK2OvCWEVyOrevKcpiEEaqcQ69puMLWY",
    ),
    "days": (
        {"lifetime": timedelta(days=30, microseconds=1)},
        (1409882972, 1407290972),
        "8eYNHnaADHvIVUN-8LOaq2hWnufk2plz92ILKd2y1D8",
    ),
}
PYJOAT.update(
    {
        name: (
            arguments,
            (
                f'{{"aud":"abcd","iss":"My OAuth2 Provider","exp":{exp},"iat":{iat},'
                f'{SCOPE},"sub":"1234"}}'
            ),
            signature,
        )
        for name, (arguments, (exp, iat), signature) in PYJOAT_TIMES.items()
    }
)
DEFAULTS = {
    "provider": "My OAuth2 Provider",
    "client_id": "abcd",
    "user_id": "1234",
    "scope": ["profile", "read"],
    "issued_at": ISSUED,
}


@pytest.fixture
def issue(asked):
    def issue_token(**arguments):
        return joat.TokenGenerator("unused").issue_token(**{**DEFAULTS, **arguments})

    return issue_token


@pytest.mark.parametrize(
    ("arguments", "claims", "signature"), PYJOAT.values(), ids=PYJOAT
)
def test_writes_the_bytes_that_pyjoat_wrote(issue, arguments, claims, signature):
    token = f"{b64(HEADER)}.{b64(claims.encode())}.{signature}"
    assert issue(**arguments) == token


@pytest.mark.parametrize(
    ("arguments", "claims", "signature"), PYJOAT.values(), ids=PYJOAT
)
def test_reads_what_pyjoat_wrote(asked, clock, arguments, claims, signature):
    clock(json.loads(claims)["exp"] - 0.5)
    given = {**DEFAULTS, **arguments}
    credentials = {
        "provider": given["provider"],
        "client_id": given["client_id"],
        "user_id": given["user_id"],
        "authorized_scope": given["scope"],
    }
    if "jti" in given:
        credentials["jti"] = given["jti"]
    token = f"{b64(HEADER)}.{b64(claims.encode())}.{signature}"
    assert joat.parse_token(token) == credentials


def test_reference_token(monkeypatch, clock):
    salt = "the most secret hmac salt ever"
    monkeypatch.setattr(joat, "salt_generator", lambda claims: salt)
    with pytest.warns(joat.WeakSaltWarning):
        token = joat.TokenGenerator("My OAuth2 Provider", "abcd").issue_token(
            user_id="1234", scope=["profile", "read"], issued_at=ISSUED
        )
    assert token == (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiJhYmNkIiwiaXNzIjoiTXkgT0F1dGg"
        "yIFByb3ZpZGVyIiwiZXhwIjoxNDA3Mjk0NTcyLCJpYXQiOjE0MDcyOTA5NzIsInNjcCI6WyJwcm9m"
        "aWxlIiwicmVhZCJdLCJzdWIiOiIxMjM0In0.wgNhGiKQ0ppO0XuQhalGZmSommQROjBusCanRa_6Y"
        "dc"
    )
    with pytest.warns(joat.WeakSaltWarning):
        assert joat.parse_token(token) == {
            "provider": "My OAuth2 Provider",
            "client_id": "abcd",
            "user_id": "1234",
            "authorized_scope": ["profile", "read"],
        }


class Client(IntEnum):
    WEB = 7


class Named(str, Enum):
    READ = "read"


class Text(str):
    def __str__(self):
        return "another text"

    __repr__ = __format__ = __str__


class Number(int):
    def __str__(self):
        return "another number"

    __repr__ = __str__


SUBCLASSES = {
    "int-enum": (Client.WEB, 7),
    "int": (Number(8), 8),
    "str-enum": (Named.READ, "read"),
    "str": (Text("text"), "text"),
}


@pytest.mark.parametrize("name", ["provider", "client_id", "user_id", "jti"])
@pytest.mark.parametrize(("value", "plain"), SUBCLASSES.values(), ids=SUBCLASSES)
def test_subclasses_are_written_as_what_they_are(issue, name, value, plain):
    token = issue(**{name: value})
    assert token == issue(**{name: plain})
    claim = {member: claim for claim, member in MEMBERS.items()}[name]
    assert joat.unverified_claims(token)[claim] == plain


@pytest.mark.parametrize("permission", [Named.READ, Text("read")], ids=["enum", "str"])
def test_subclasses_of_str_are_permissions(issue, permission):
    assert issue(scope=[permission]) == issue(scope=["read"])


@pytest.mark.parametrize(("value", "plain"), SUBCLASSES.values(), ids=SUBCLASSES)
def test_the_salt_generator_gets_plain_claims(issue, asked, value, plain):
    issue(provider=value, client_id=value, user_id=value, jti=value)
    issue(scope=[Named.READ])
    found = [asked[0][claim] for claim in ("iss", "aud", "sub", "jti")]
    assert [(type(claim), claim) for claim in found] == [(type(plain), plain)] * 4
    assert [type(permission) for permission in asked[1]["scp"]] == [str]


SURROGATES = {
    "high": "marker-text\ud800",
    "low": "\udc00marker-text",
    "reversed": "\ude00\ud83d marker-text",
    # Which JSON would make one character of.
    "halves-of-a-pair": "marker-text \ud83d\ude00",
}


@pytest.mark.parametrize("text", SURROGATES.values(), ids=SURROGATES)
@pytest.mark.parametrize("name", ["provider", "client_id", "user_id", "jti", "scope"])
def test_lone_surrogates_are_not_issued(issue, asked, name, text):
    with pytest.raises(ValueError, match="surrogate") as caught:
        issue(**{name: [text] if name == "scope" else text})
    assert not isinstance(caught.value, joat.TokenError)
    assert_tells_nothing(caught.value, "marker-text", SALT)
    assert asked == []


@pytest.mark.parametrize(
    "text",
    ["\\ud800", "\U0001f600", "\U0001f600\\udc00", "\ufffd\ufeff\uffff"],
    ids=["backslash", "pair", "pair-and-backslash", "noncharacters"],
)
def test_what_looks_like_a_surrogate_is_issued(issue, asked, clock, text):
    assert joat.parse_token(issue(user_id=text))["user_id"] == text
