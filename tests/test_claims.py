"""The claims: the types that are refused, and the bytes that are written."""

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

# Claims that are wrong, as JSON.
NEVER = ["null", "true", "false", "{}", '{"text":1}', "[null]", "[1]", "1e400"]
NO_IDENTIFIER = [*NEVER, "[]", '["text"]', "1.5", "1407294572.0"]
NO_TIME = [*NEVER, "-1e400", "[]", '["text"]', '""', '"1407294572"']
NO_SCOPE = [*NEVER, '""', '"text"', "0", "1.5", '["text",null]', '["text",["text"]]']
NO_SCOPE += ['["text",true]', '["text",1]', '[0,"text"]']
WRONG = {
    **dict.fromkeys(("aud", "iss", "sub", "jti"), NO_IDENTIFIER),
    **dict.fromkeys(("exp", "iat", "nbf"), NO_TIME),
    "scp": NO_SCOPE,
}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name in WRONG for text in WRONG[name]]
)
def test_refuses_claims_of_the_wrong_type(name, text):
    payload = json.dumps({**CLAIMS, name: "in its place"})
    token = make_token(payload.replace('"in its place"', text).encode())
    with pytest.raises(joat.MalformedToken, match=f" {name} "):
        joat.unverified_claims(token)


@pytest.mark.parametrize("name", CLAIMS)
def test_refuses_missing_claims(name):
    for claims in (without(name), {**without(name), name.upper(): CLAIMS[name]}):
        with pytest.raises(joat.MalformedToken):
            joat.unverified_claims(make_token(claims))


IDENTIFIERS = ["text", "", "1407294572", 0, -1, 2**64, 10**400]
EARLIER = [0, -1, 0.5, -1.5e300, -0.0, 1407290980, 1407290980.0]
LATER = [1407290981, 1407290980.25, 14e100, 10**400]
ANYTHING = [None, False, "text", [1], {"a": {}}]
# Of which claim it is in the credentials.
MEMBERS = {
    "provider": "iss",
    "client_id": "aud",
    "user_id": "sub",
    "jti": "jti",
    "authorized_scope": "scp",
}
GRANTING = {
    **dict.fromkeys(("iss", "aud", "sub", "jti"), IDENTIFIERS),
    "scp": [[], ["text"], [""], ["a", "a"]],
    "exp": LATER,
    "iat": EARLIER + LATER,
    "nbf": EARLIER,
    # Others are ignored.
    **dict.fromkeys(("email", "roles", "azp", "EXP", "NBF", "Jti"), ANYTHING),
}


@pytest.mark.usefixtures("asked", "clock")
@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in GRANTING for value in GRANTING[name]]
)
def test_grants_what_the_claims_say(name, value):
    changed = {member: value for member, claim in MEMBERS.items() if claim == name}
    assert joat.parse_token(with_claims(**{name: value})) == {**CREDENTIALS, **changed}


# What PyJOAT 1.1.1 issued, with PyJWT 0.2.1 on CPython 2.7.18 and the salt of the
# tests: what differs from USUAL, and the signature.
USUAL = {
    "aud": "abcd",
    "iss": "My OAuth2 Provider",
    "jti": None,
    "exp": 1407294572,
    "iat": 1407290972,
    "scp": ["profile", "read"],
    "sub": "1234",
}
ISSUED = datetime(2014, 8, 6, 2, 9, 32)
HOUR = timedelta(hours=1)
QUARTER, TWO_FIFTHS = timedelta(seconds=0.25), timedelta(seconds=0.4)
PYJOAT = {
    "usual": ({}, "EzDOwtvg6v3dr2yNAEtNxp0HWzLeRSKcD5CbRQcNhl8"),
    "integer-identifiers": (
        {"iss": 0, "aud": -7, "sub": 2**70},
        "1W8EmzWd4tZf1pavo8EBGhXhx-Xda5C9ByT72DC316s",
    ),
    "jti": ({"jti": "token 1"}, "qChz2f9onbLxvRgzf_Ip3Af_91nZHLQ-Gp2sGPI5tpo"),
    "integer-jti": ({"jti": 0}, "uY3kUcoJXpzUcS4E3vb0pZJbUmOcspwQ_wsvRkSmYmg"),
    "empty-jti": ({"jti": ""}, "4NPBxWOZqQrUBXg1QRlAJieRywxVt7gjyLOrj4zqRJY"),
    "empty-identifiers": (
        {"iss": "", "aud": "", "sub": ""},
        "n3w92SxWJCWrtWceq9_-ZeGG_Q38KAAl9kj7SmadD0Y",
    ),
    "not-ascii": (
        {
            "iss": "\xdcn\xefcode \u2603",
            "aud": "\U0001f511",
            "sub": "\u65e5\u672c",
            "scp": ["\xe9crire"],
        },
        "dwGk_rV9PofiCbPwax8GFQ00NRJmKF2ri8ll1peko8I",
    ),
    "escapes": (
        {
            "iss": 'quote " backslash \\ slash / tab \t line \n return \r',
            "aud": "feed \f back \b nul \0 bell \7 del \x7f",
            "sub": "<&>'",
            "scp": ["\u2028\u2029", "\x1f"],
        },
        "yj1cNAy8EFQwL_55xqM4GvQV404oCEblXlkyad0hPNE",
    ),
    "empty-scope": ({"scp": []}, "iuXI2kE0G3xCP6zvJG__I_3oYbb6mrPA0I7I23mdPfY"),
    "doubled-permission": (
        {"scp": ["read", "read", ""]},
        "W7Xdyc1iagzUlIHgP4iqYaWFPnoKU7hSJEZggrnh_ek",
    ),
}


@pytest.fixture
def issue(asked):
    """Return a function that issues a token of the usual claims or of others."""

    def issue_token(issued_at=ISSUED, lifetime=HOUR, **changed):
        claims = {**USUAL, **changed}
        return joat.TokenGenerator(claims["iss"], claims["aud"]).issue_token(
            user_id=claims["sub"],
            scope=claims["scp"],
            jti=claims["jti"],
            issued_at=issued_at,
            lifetime=lifetime,
        )

    return issue_token


def token_of_pyjoat(changed, signature):
    claims = {**USUAL, **changed}
    if claims["jti"] is None:
        del claims["jti"]
    payload = json.dumps(claims, separators=(",", ":"))
    return f"{b64(HEADER)}.{b64(payload.encode())}.{signature}"


@pytest.mark.parametrize(("changed", "signature"), PYJOAT.values(), ids=PYJOAT)
def test_writes_and_reads_what_pyjoat_wrote(issue, clock, changed, signature):
    token = token_of_pyjoat(changed, signature)
    assert issue(**changed) == token
    granted = {name: {**USUAL, **changed}[claim] for name, claim in MEMBERS.items()}
    if granted["jti"] is None:
        del granted["jti"]
    assert joat.parse_token(token) == granted


# The same for other times: exp, iat and the signature.
PYJOAT_TIMES = {
    "fraction": (
        {"issued_at": ISSUED.replace(microsecond=999_999)},
        (1407294572, 1407290972, "EzDOwtvg6v3dr2yNAEtNxp0HWzLeRSKcD5CbRQcNhl8"),
    ),
    "time-zone": (
        {"issued_at": datetime(2014, 8, 6, 7, 39, 32, tzinfo=timezone(HOUR * 5.5))},
        (1407294572, 1407290972, "EzDOwtvg6v3dr2yNAEtNxp0HWzLeRSKcD5CbRQcNhl8"),
    ),
    "fractions-make-a-second": (
        {"issued_at": ISSUED.replace(microsecond=600_000), "lifetime": TWO_FIFTHS},
        (1407290973, 1407290972, "2jAQT3UTubS5lhxSICBkP7cEpusEwy-FtVcpHoLRWRM"),
    ),
    "before-1970": (
        {"issued_at": datetime(1969, 12, 31, 23, 59, 59, 500_000), "lifetime": QUARTER},
        (-1, -1, "BmikIPbKULSNWNPsNJdBJo6xZmFDbdplW1f7Z8x5RL8"),
    ),
    "year-1": (
        {"issued_at": datetime(1, 1, 1)},
        (-62135593200, -62135596800, "G6FOAN4KEpCdo65FsjGcOjPvKsmCuiNfDheEtgOePFc"),
    ),
    "year-9999": (
        {"issued_at": datetime(9999, 12, 31, 22)},
        (253402297200, 253402293600, "r7H5qqEZ4oFc8OR33mqNsSuujTjE83rBH-a_R77TS3c"),
    ),
    "negative-lifetime": (
        {"lifetime": timedelta(seconds=-1.5)},
        (1407290970, 1407290972, "XppzOFx1OSHW9I4Uthu-bKOwHScfxLHgrODFxr3_Dgg"),
    ),
    "month-and-a-fraction": (
        {"lifetime": timedelta(days=30, microseconds=1)},
        (1409882972, 1407290972, "8eYNHnaADHvIVUN-8LOaq2hWnufk2plz92ILKd2y1D8"),
    ),
}


@pytest.mark.parametrize(("given", "written"), PYJOAT_TIMES.values(), ids=PYJOAT_TIMES)
def test_writes_the_times_that_pyjoat_wrote(issue, given, written):
    exp, iat, signature = written
    assert issue(**given) == token_of_pyjoat({"exp": exp, "iat": iat}, signature)


class Client(IntEnum):
    WEB = 7


class Named(str, Enum):
    READ = "read"


class Text(str):
    def __str__(self):
        return "another text"

    __repr__ = __format__ = __str__


class Number(int):
    def __repr__(self):
        return "another number"

    __str__ = __repr__

    def __int__(self):
        return 99


PLAIN = [(Client.WEB, 7), (Number(8), 8), (Named.READ, "read"), (Text("text"), "text")]


@pytest.mark.parametrize(("value", "plain"), PLAIN)
def test_subclasses_are_written_and_shown_as_plain(issue, asked, value, plain):
    names = ("iss", "aud", "sub", "jti")
    token = issue(**dict.fromkeys(names, value), scp=[Named.READ, Text("text")])
    assert token == issue(**dict.fromkeys(names, plain), scp=["read", "text"])
    shown = [asked[0][name] for name in names]
    assert [(type(one), one) for one in shown] == [(type(plain), plain)] * 4
    assert [type(permission) for permission in asked[0]["scp"]] == [str, str]


# JSON would make one character of the last.
@pytest.mark.parametrize(
    "surrogates", ["\ud800", "-\udc00", "\ude00\ud83d-", "\ud83d\ude00"], ids=ascii
)
@pytest.mark.parametrize("name", ["iss", "aud", "sub", "jti", "scp"])
def test_lone_surrogates_are_not_issued(issue, asked, name, surrogates):
    text = f"marker-text{surrogates}"
    told = "^identifiers and scope must not hold lone surrogates$"
    with pytest.raises(ValueError, match=told) as caught:
        issue(**{name: ["read", text] if name == "scp" else text})
    assert not isinstance(caught.value, joat.TokenError)
    assert_tells_nothing(caught.value, "marker-text", SALT)
    assert asked == []


NO_SURROGATES = ["\\ud800", "\U0001f600", "\U0001f600\\udc00", "\ufffd\ufeff\uffff"]


@pytest.mark.parametrize("text", NO_SURROGATES, ids=ascii)
def test_what_looks_like_a_surrogate_is_issued(issue, text):
    assert joat.unverified_claims(issue(sub=text))["sub"] == text
