"""Verifying tokens: the order of checks, times, expectations and headers."""

import gc
import inspect
import sys
import weakref
from datetime import timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from functools import partial

import pytest
from helpers import (
    CLAIMS,
    CREDENTIALS,
    NOW,
    SALT,
    TOKEN,
    VERIFIED,
    assert_tells_nothing,
    make_token,
    outcome,
    variables_of,
    with_claims,
    without,
)

import joat

pytestmark = pytest.mark.usefixtures("asked", "clock")

THIRD_SALT = b"a third salt, which signs nothing here"
OTHER_SALT = b"another salt, which is long enough for HS256"
COLLECTIONS = (list, tuple, set, frozenset)
EXPECTATIONS = {"provider": "iss", "client_id": "aud"}
EXPECTED = {
    "provider": CLAIMS["iss"],
    "client_id": CLAIMS["aud"],
    "scope": ["read-marker"],
}


# What is refused, by each of the checks in their order, with all that a refusal means.
MALFORMED = {
    "no-text": None,
    "no-token": "client-marker",
    "no-base64url": f"{TOKEN}=",
    "header": make_token(header=b"client-marker"),
    "algorithm": make_token(header={"alg": "client-marker"}),
    "extension": make_token(header={"alg": "HS256", "crit": ["client-marker"]}),
    "type": make_token(header={"alg": "HS256", "typ": "client-marker"}),
    "payload": make_token(b'{"client-marker":NaN}'),
    "payload-no-utf-8": make_token(b'{"client-marker":"\xff"}'),
    "payload-empty": make_token(b""),
    "claim": make_token({**CLAIMS, "sub": ["user-marker"]}),
    "permission": make_token({**CLAIMS, "scp": ["read-marker", 1]}),
    "claim-missing": make_token(without("exp")),
}
FORGED = make_token(salt=OTHER_SALT)
UNTIMELY = {
    "expired": (with_claims(exp=NOW), joat.ExpiredToken),
    "not-yet-valid": (with_claims(nbf=NOW + 1), joat.NotYetValid),
}
REFUSED = {
    **{name: (token, joat.MalformedToken) for name, token in MALFORMED.items()},
    "forged": (FORGED, joat.InvalidSignature),
    "unsigned": (TOKEN.rpartition(".")[0] + ".", joat.InvalidSignature),
    **UNTIMELY,
}
UNEXPECTED = {
    "provider": (with_claims(iss="another-marker"), joat.InvalidClaim),
    "client": (with_claims(aud="another-marker"), joat.InvalidClaim),
    "scope": (with_claims(scp=["profile-marker"]), joat.InsufficientScope),
}


def ways(token):
    """Return the functions that can expect something, and what each is given."""
    return (joat.verify_token, token), (joat.authenticate, f"Bearer {token}")


@pytest.mark.parametrize(
    ("token", "error"), (REFUSED | UNEXPECTED).values(), ids=REFUSED | UNEXPECTED
)
def test_a_refusal_tells_no_more_than_its_class(token, error):
    for verify, given in ways(token):
        with pytest.raises(joat.TokenError) as caught:
            verify(given, **EXPECTED)
        assert type(caught.value) is error
        # InsufficientScope names the permissions that the caller asked for.
        claims = [CLAIMS[name] for name in ("aud", "iss", "sub")]
        assert_tells_nothing(caught.value, given or "", *claims, CLAIMS["scp"][0], SALT)


@pytest.mark.parametrize("name", REFUSED | UNEXPECTED)
def test_parse_token_refuses_alike_but_expects_nothing(name):
    token, _ = (REFUSED | UNEXPECTED)[name]
    assert (joat.parse_token(token) is None) == (name in REFUSED)


@pytest.mark.parametrize("token", MALFORMED.values(), ids=MALFORMED)
def test_nobody_is_asked_for_the_salt_of_what_is_malformed(asked, token):
    told = set()
    for function in (joat.verify_token, joat.unverified_claims):
        with pytest.raises(joat.MalformedToken) as caught:
            function(token)
        told.add(str(caught.value))
    assert len(told) == 1
    assert joat.parse_token(token) is None
    assert outcome(joat.verify_token, token, salt=None) == "MalformedToken"
    assert asked == []


@pytest.mark.parametrize("salt", [OTHER_SALT, None], ids=["other", "none"])
@pytest.mark.parametrize(
    "token", [TOKEN, *(token for token, _ in (UNTIMELY | UNEXPECTED).values())]
)
def test_a_forger_learns_nothing(clock, token, salt):
    with pytest.raises(joat.InvalidSignature):
        joat.verify_token(token, **EXPECTED, leeway=1e9, salt=salt)


# In the order of the checks: of two faults the first is told.
FAULTS = [
    (joat.ExpiredToken, {"exp": NOW}),
    (joat.NotYetValid, {"nbf": NOW + 1}),
    (joat.InvalidClaim, {"iss": "another-marker"}),
    (joat.InvalidClaim, {"aud": "another-marker"}),
    (joat.InsufficientScope, {"scp": ["profile-marker"]}),
]


@pytest.mark.parametrize("index", range(5))
def test_order_of_checks(index):
    error, fault = FAULTS[index]
    for _, other in FAULTS[index:]:
        with pytest.raises(joat.TokenError) as caught:
            joat.verify_token(with_claims(**{**other, **fault}), **EXPECTED)
        assert type(caught.value) is error


@pytest.mark.parametrize("kind", [str, str.encode], ids=["str", "bytes"])
def test_a_good_token(kind):
    assert joat.verify_token(kind(TOKEN), **EXPECTED) == VERIFIED
    assert joat.verify_token(kind(TOKEN)) == VERIFIED
    assert joat.parse_token(kind(TOKEN)) == CREDENTIALS
    assert joat.unverified_claims(kind(TOKEN)) == CLAIMS


def test_every_call_returns_a_dict_of_its_own(asked, clock):
    first = joat.parse_token(TOKEN)
    first["authorized_scope"].append("admin")
    first["provider"] = "changed"
    assert joat.parse_token(TOKEN) == CREDENTIALS


def test_unverified_claims_are_all_there_are(asked):
    claims = {**CLAIMS, "exp": -5, "nbf": 9e99, "jti": 0, "tenant": {"id": [1]}}
    assert joat.unverified_claims(make_token(claims, salt=OTHER_SALT)) == claims
    assert asked == []


@pytest.mark.parametrize("exp", [NOW + 1, NOW + 1.0, 10**400], ids=ascii)
def test_expires_at_is_exp_as_it_stands(exp):
    verified = joat.verify_token(with_claims(exp=exp))
    assert verified == {**CREDENTIALS, "expires_at": exp}
    assert type(verified["expires_at"]) is type(exp)


# A claim, the leeway, the values that are taken, and those that are not, at NOW.
TIMES = {
    "exp": ("exp", 0, [NOW + 0.25, NOW + 1, 10**400], [NOW, NOW - 0.25, 0, -(10**400)]),
    "exp-minute": ("exp", 60, [NOW - 59.75], [NOW - 60]),
    "exp-half-a-second": ("exp", 0.5, [NOW - 0.25], [NOW - 0.5]),
    "exp-timedelta": ("exp", timedelta(minutes=1), [NOW - 59], [NOW - 60]),
    "exp-no-time": ("exp", timedelta(), [NOW + 1], [NOW]),
    "exp-longest-timedelta": ("exp", timedelta.max, [0], [-(10**400)]),
    "exp-large-integer": ("exp", 10**300, [0], [-(10**400)]),
    "exp-largest-float": ("exp", sys.float_info.max, [-(10**300)], [-(10**400)]),
    "nbf": ("nbf", 0, [NOW, -(10**400)], [NOW + 0.25, CLAIMS["exp"] + 1, 10**400]),
    "nbf-minute": ("nbf", 60, [NOW + 60], [NOW + 60.25]),
    "nbf-timedelta": ("nbf", timedelta(minutes=1), [NOW + 60], [NOW + 61]),
    "nbf-largest-float": ("nbf", sys.float_info.max, [10**300], [10**400]),
}


@pytest.mark.parametrize(("claim", "leeway", "good", "bad"), TIMES.values(), ids=TIMES)
def test_exp_and_nbf(claim, leeway, good, bad):
    for value in good:
        verified = joat.verify_token(with_claims(**{claim: value}), leeway=leeway)
        assert verified["user_id"] == CLAIMS["sub"]
    error = {"exp": "ExpiredToken", "nbf": "NotYetValid"}
    for value in bad:
        token = with_claims(**{claim: value})
        assert outcome(joat.verify_token, token, leeway=leeway) == error[claim]


class Client(IntEnum):
    WEB = 7


class Provider(str, Enum):
    OURS = "issuer-marker"


class Text(str):
    pass


# The provider in the token, values that agree with it, and others; the same for the
# client.
COMPARED = [
    ("text", ["text", Text("text")], ["other", "", "tex", "texts", "TEXT", "text "]),
    ("", [""], ["text", 0]),
    ("7", ["7"], [7, Client.WEB]),
    ("issuer-marker", [Provider.OURS], [Text("issuer"), 0]),
    ("\xe9", ["\xe9"], ["e\u0301", "e"]),
    (7, [7, Client.WEB], ["7", 8, -7]),
    (8, [8], [Client.WEB, Provider.OURS]),
    (0, [0], ["", -1]),
    (2**70, [2**70], [2**70 + 1, str(2**70)]),
]
COMPARED = [
    pytest.param(claim, value, value in same, id=ascii(claim) + sign + ascii(value))
    for claim, same, others in COMPARED
    for sign, values in (("==", same), ("!=", others))
    for value in values
]


class Unwalked(set):
    """A large set, of which nobody looks at every element."""

    def __iter__(self):
        raise AssertionError("the set was walked")


def assert_agrees(token, agrees, **expected):
    wanted = joat.verify_token(token) if agrees else "InvalidClaim"
    for verify, given in ways(token):
        assert outcome(verify, given, **expected) == wanted


@pytest.mark.parametrize(("claim", "value", "agrees"), COMPARED)
@pytest.mark.parametrize("name", EXPECTATIONS)
def test_expected_values(name, claim, value, agrees):
    token = with_claims(**{EXPECTATIONS[name]: claim})
    assert_agrees(token, agrees, **{name: value})
    for kind in (list, tuple, Unwalked, frozenset):
        assert_agrees(token, agrees, **{name: kind([value])})
        assert_agrees(token, agrees, **{name: kind(["unrelated", 99, value])})
        assert_agrees(token, agrees, **{name: kind([value, "unrelated", 99])})
        assert_agrees(token, False, **{name: kind()})


# Each is equal to 1 or 0, in Python and by its hash, but no identifier.
NO_INTEGERS = [(1, True), (0, False), (1, 1.0), (0, -0.0), (1, Decimal(1))]
NO_INTEGERS += [(1, Fraction(1)), (1, 1 + 0j)]


@pytest.mark.parametrize(("claim", "value"), NO_INTEGERS)
@pytest.mark.parametrize("name", EXPECTATIONS)
def test_what_equals_an_integer_does_not_pass_for_it(name, claim, value):
    token = with_claims(**{EXPECTATIONS[name]: claim})
    for kind in (set, frozenset):
        assert_agrees(token, False, **{name: kind([value])})
        assert_agrees(token, False, **{name: kind([value, "1", "0", None, ()])})
    for kind in (list, tuple):
        with pytest.raises(
            TypeError, match=f"^{name} must be .*{type(value).__name__}$"
        ):
            joat.verify_token(token, **{name: kind([claim, value])})


# In a set, these are nobody's identifier, and do no harm beside one that is. With -bb,
# Python refuses to compare text with bytes, which sets do.
ODD = [None, 1.5, b"client-marker", b"issuer-marker", (), ("x",), str, float("nan")]


@pytest.mark.skipif(sys.flags.bytes_warning > 1, reason="a set with bytes, and -bb")
@pytest.mark.parametrize("kind", [set, frozenset])
@pytest.mark.parametrize("name", EXPECTATIONS)
def test_odd_elements_of_a_set_are_never_equal(name, kind):
    assert_agrees(TOKEN, False, **{name: kind(ODD)})
    assert_agrees(TOKEN, True, **{name: kind([*ODD, CLAIMS[EXPECTATIONS[name]]])})


# The permissions of the token, some that it has, and some that it lacks.
SCOPES = {
    "two": (
        ["read", "write"],
        [["write", "read"], ["read"], ["read", "read"], [Text("read")], []],
        [["read", "admin"], ["rea"], ["read:all"], ["READ"], ["read write"], [""]],
    ),
    "twice": (["read", "read"], [["read"]], [["write"]]),
    "space": (["read write"], [["read write"]], [["read", "write"]]),
    "enum": (["issuer-marker"], [[Provider.OURS]], [["OURS"]]),
    "empty": ([""], [[""], []], [["read"]]),
    "none": ([], [[]], [["read"], [""]]),
}


@pytest.mark.parametrize("kind", COLLECTIONS)
@pytest.mark.parametrize(
    ("held", "sufficient", "insufficient"), SCOPES.values(), ids=SCOPES
)
def test_scope(held, sufficient, insufficient, kind):
    token = with_claims(scp=held)
    for scope in map(kind, sufficient):
        verified = joat.verify_token(token, scope=scope)
        assert verified["authorized_scope"] == held
        assert joat.authenticate(f"Bearer {token}", scope=scope) == verified
    for scope in map(kind, insufficient):
        for verify, given in ways(token):
            with pytest.raises(joat.InsufficientScope) as caught:
                verify(given, scope=scope)
            assert caught.value.scope == joat.InsufficientScope("", scope).scope


class Marked:
    def __repr__(self):
        return "value-marker"


NEVER = [None, True, 1.5, b"value-marker", bytearray(b"value-marker"), Marked(), str]
NO_COLLECTIONS = [{}, {"value-marker": 1}, iter(["value-marker"]), {}.keys(), range(3)]
NESTED = [["good", value] for value in (*NEVER, [], ("value-marker",))]
NO_SCOPE = ["value-marker", "", Provider.OURS, 7, ["read", 7], (b"x",), {7}]
NO_SCOPE += [frozenset([None]), [frozenset()]]
NO_NUMBER = [None, True, "60", b"value-marker", [60], 60j, Decimal(60), Marked()]
NO_LEEWAY = [-1, -0.001, timedelta(microseconds=-1), 10**400, -(10**400)]
NO_LEEWAY += [float("nan"), float("inf"), float("-inf")]
WRONG = [
    *(
        (name, value, TypeError)
        for name in (*EXPECTATIONS, "scope")
        for value in NEVER + NO_COLLECTIONS + NESTED
    ),
    *(("scope", value, TypeError) for value in NO_SCOPE),
    *(("leeway", value, TypeError) for value in NO_NUMBER),
    *(("leeway", value, ValueError) for value in NO_LEEWAY),
]
# Good ones, and such as would be refused for themselves.
GIVEN = [
    *((joat.verify_token, token) for token in (TOKEN, None, FORGED)),
    *((joat.authenticate, text) for text in (f"Bearer {TOKEN}", None, "Bearer ", 7)),
]


@pytest.mark.parametrize(("name", "value", "error"), WRONG)
def test_wrong_arguments_are_told_whatever_the_token(asked, name, value, error):
    for verify, given in GIVEN:
        with pytest.raises(error, match=f"^{name} must ") as caught:
            verify(given, **{name: value})
        assert type(caught.value) is error
        assert_tells_nothing(caught.value, TOKEN, SALT, "value-marker", "issuer-marker")
    assert asked == []


def test_arguments_are_told_before_the_salt(monkeypatch):
    monkeypatch.setattr(joat, "salt_generator", None)
    for verify, given in ways(TOKEN):
        for salt in ({}, {"salt": b""}):
            with pytest.raises(TypeError, match=r"^provider must "):
                verify(given, provider=None, **salt)


@pytest.mark.parametrize("verify", [joat.verify_token, joat.authenticate])
def test_arguments_are_by_keyword_and_may_be_left_out(verify):
    _, *parameters = inspect.signature(verify).parameters.values()
    names = ["provider", "client_id", "scope", "leeway", "salt"]
    assert [one.name for one in parameters] == names
    assert {one.kind for one in parameters} == {inspect.Parameter.KEYWORD_ONLY}
    assert {repr(one.default) for one in parameters} == {"OMITTED"}


AUTHORIZED = {
    "usual": f"Bearer {TOKEN}",
    "lower-case": f"bearer {TOKEN}",
    "mixed-case": f"bEaReR {TOKEN}",
    "spaces": f"Bearer    {TOKEN}",
    "bytes": f"Bearer {TOKEN}".encode(),
    # RFC 9110 section 5.5: no part of the value.
    "white-space-around": f" \t Bearer {TOKEN}\t \t",
    "white-space-around-bytes": f" Bearer {TOKEN} \t".encode(),
}


@pytest.mark.parametrize("authorization", AUTHORIZED.values(), ids=AUTHORIZED)
def test_authenticate(asked, authorization):
    assert joat.bearer_token(authorization) == TOKEN
    assert asked == []
    assert joat.authenticate(authorization, **EXPECTED) == VERIFIED


BASIC = "Basic dXNlcjpwYXNzd29yZA=="
MISSING = [
    *(None, "", b"", " \t", BASIC, BASIC.encode()),
    *(f"{word}{TOKEN}" for word in ("", "Bearers ", "Beare ", "Bearer: ", "Bearer")),
    *(f"{before}Bearer {TOKEN}" for before in ("\xa0", "\n", "\ud800 ", "DPoP ")),
    *(f"Bearer\t{TOKEN}", f"B\u0435arer {TOKEN}", b"\xff " + TOKEN.encode()),
]
INVALID = [
    *("Bearer", b"bearer", "Bearer ", "Bearer \t  \t", f"Bearer Bearer {TOKEN}"),
    *(f"Bearer {TOKEN}{after}" for after in (" x", f"   {TOKEN}", ", Basic eHh4")),
]


@pytest.mark.parametrize(
    ("authorization", "error"),
    [
        *((authorization, joat.MissingToken) for authorization in MISSING),
        *((authorization, joat.InvalidRequest) for authorization in INVALID),
    ],
)
def test_a_header_without_one_token(asked, authorization, error):
    for function in (joat.authenticate, joat.bearer_token):
        with pytest.raises(joat.TokenError) as caught:
            function(authorization)
        assert type(caught.value) is error
        assert_tells_nothing(caught.value, TOKEN, SALT, BASIC)
    assert asked == []


# What is left of the header is one token, but no good one.
@pytest.mark.parametrize("before", ["", "X", "\n", "\t", "\xa0", '"'])
@pytest.mark.parametrize("after", [f",{TOKEN}", "\n", "\tX", "\xa0", "\x0b"])
def test_a_header_with_no_good_token(asked, before, after):
    text = f"{before}{TOKEN}{after}"
    for authorization in (f"Bearer {text}", f"Bearer {text}".encode("latin-1")):
        assert joat.bearer_token(authorization) == text
        assert outcome(joat.authenticate, authorization) == "MalformedToken"
    assert asked == []


@pytest.mark.parametrize(
    "value", [7, True, [f"Bearer {TOKEN}"], (TOKEN,), bytearray(b"Bearer x")]
)
def test_authenticate_takes_str_bytes_or_none(asked, value):
    message = rf"^authorization must .*{type(value).__name__}$"
    with pytest.raises(TypeError, match=message) as caught:
        joat.authenticate(value)
    assert_tells_nothing(caught.value, TOKEN)
    assert asked == []


class Token(str):
    """A token that can be watched; str itself has no weak references."""


@pytest.mark.parametrize("name", ["payload", "claim", "forged", "expired", "scope"])
def test_a_refusal_keeps_neither_token_nor_error(name):
    text, _ = (REFUSED | UNEXPECTED)[name]
    gc.disable()
    try:
        token = Token(text)
        watched = [weakref.ref(token)]
        joat.parse_token(token)
        try:
            joat.verify_token(token, scope=["read-marker"])
        except joat.TokenError as error:
            watched.append(weakref.ref(error))
            context = error.__context__
        del token
        if sys.implementation.name == "pypy":
            gc.collect()  # which counts no references
        assert [watch() for watch in watched] == [None, None]
        assert context is None  # its traceback would lead to the claims
    finally:
        gc.enable()


def assert_no_part_of(variables, *secrets):
    for secret in secrets:
        for start in range(len(secret) - 7):
            assert not any(secret[start : start + 8] in text for _, text in variables)


def calls_that_refuse(token):
    """Return all public calls that raise a refusal of this token."""
    header = f"Bearer {token}"
    calls = {}
    for salt in (THIRD_SALT, [THIRD_SALT.decode()], [THIRD_SALT, bytearray(b"x" * 32)]):
        for name, given in (("verify_token", token), ("authenticate", header)):
            calls[name, repr(salt)] = partial(
                getattr(joat, name), given, **EXPECTED, salt=salt
            )
    return {
        **calls,
        "verify": partial(joat.verify_token, token, **EXPECTED),
        "header": partial(joat.authenticate, header, **EXPECTED),
        "two": partial(joat.authenticate, f"{header} {token}"),
        "scheme": partial(joat.authenticate, token),
        "bearer": partial(joat.bearer_token, f"{header} {token}"),
        "raw": partial(joat.bearer_token, token),
        "claims": partial(joat.unverified_claims, token + "."),
    }


# The text of "no-token" is also the client that the caller expects.
@pytest.mark.parametrize("name", sorted((REFUSED | UNEXPECTED).keys() - {"no-token"}))
def test_no_frame_of_a_refusal_holds_a_token_or_salt(name):
    token = (REFUSED | UNEXPECTED)[name][0] or ""
    salts = [SALT.decode(), THIRD_SALT.decode()]
    for call in calls_that_refuse(token).values():
        with pytest.raises(joat.TokenError) as caught:
            call()
        assert_no_part_of(variables_of(caught.value), *token.split("."), *salts)


def test_no_frame_holds_the_token_while_the_function_runs(monkeypatch):
    def salt_generator(claims):
        raise KeyError

    monkeypatch.setattr(joat, "salt_generator", salt_generator)
    for call in (
        partial(joat.parse_token, TOKEN),
        partial(joat.verify_token, TOKEN),
        partial(joat.authenticate, f"Bearer {TOKEN}"),
    ):
        with pytest.raises(KeyError) as caught:
            call()
        variables = variables_of(caught.value)
        assert variables
        assert_no_part_of(variables, *TOKEN.split("."))


@pytest.mark.parametrize("claims", [{}, {"nbf": 0}], ids=["exp", "exp-and-nbf"])
def test_a_clock_that_is_no_number_refuses_every_token(clock, claims):
    clock("nan")
    assert joat.parse_token(with_claims(**claims)) is None
    assert outcome(joat.verify_token, with_claims(**claims)) == "ExpiredToken"
