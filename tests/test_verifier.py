"""Verifying tokens: the order of checks, times, expectations and headers."""

from __future__ import annotations

import gc
import inspect
import re
import sys
import weakref
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction

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
    with_claims,
)

import joat

try:
    import tracemalloc
except ImportError:  # PyPy counts no memory
    tracemalloc = None

OTHER_SALT = b"another salt, which is long enough for HS256"
COLLECTIONS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}


def test_returns_what_parse_token_does(assert_accepted):
    assert_accepted(TOKEN)


@pytest.mark.parametrize("jti", ["name", "", 0, -5], ids=repr)
def test_returns_jti(assert_accepted, jti):
    assert_accepted(with_claims(jti=jti), {**CREDENTIALS, "jti": jti})


def test_every_call_returns_a_dict_of_its_own(asked, clock):
    first = joat.parse_token(TOKEN)
    first["authorized_scope"].append("admin")
    first["provider"] = "changed"
    assert joat.parse_token(TOKEN) == CREDENTIALS


# Of two faults the one further up is told.
FAULTS = {
    "ExpiredToken": {"exp": NOW},
    "NotYetValid": {"nbf": NOW + 1},
    "InvalidClaim-of-provider": {"iss": "another-marker"},
    "InvalidClaim-of-client": {"aud": "another-marker"},
    "InsufficientScope": {"scp": ["profile-marker"]},
}
EXPECTED = {
    "provider": CLAIMS["iss"],
    "client_id": CLAIMS["aud"],
    "scope": ["read-marker"],
}
NAMES = list(FAULTS)
PAIRS = {
    f"{first}-before-{second}": (first, second)
    for index, first in enumerate(NAMES)
    for second in NAMES[index:]
}


def error_of(name):
    return getattr(joat, name.partition("-")[0])


@pytest.mark.parametrize(("first", "second"), PAIRS.values(), ids=PAIRS)
def test_order_of_checks(assert_refused, first, second):
    token = with_claims(**FAULTS[first], **(FAULTS[second] if second != first else {}))
    assert_refused(token, error_of(first), is_asked=True, **EXPECTED)


def test_provider_is_told_before_client(asked, clock):
    token = with_claims(iss="another", aud="another")
    with pytest.raises(joat.InvalidClaim, match="provider"):
        joat.verify_token(token, **EXPECTED)
    with pytest.raises(joat.InvalidClaim, match="client"):
        joat.verify_token(token, client_id=CLAIMS["aud"])


@pytest.mark.parametrize("name", FAULTS)
def test_a_forger_learns_nothing(assert_refused, name):
    forged = make_token({**CLAIMS, **FAULTS[name]}, salt=OTHER_SALT)
    assert_refused(forged, joat.InvalidSignature, is_asked=True, **EXPECTED)


@pytest.mark.parametrize("name", FAULTS)
def test_nobody_learns_anything_without_a_salt(clock, name):
    with pytest.raises(joat.InvalidSignature):
        joat.verify_token(with_claims(**FAULTS[name]), **EXPECTED, salt=None)


@pytest.mark.parametrize("name", NAMES[:2])
def test_parse_token_checks_the_times(assert_refused, name):
    assert_refused(with_claims(**FAULTS[name]), error_of(name), is_asked=True)


@pytest.mark.parametrize("name", NAMES[2:])
def test_parse_token_expects_nothing(asked, clock, name):
    assert joat.parse_token(with_claims(**FAULTS[name])) is not None


# The time claims, the leeway, and the error or None. The clock is at NOW.
TIMES = {
    "exp-now": ({"exp": NOW}, 0, joat.ExpiredToken),
    "exp-now-as-int": ({"exp": int(NOW)}, 0, joat.ExpiredToken),
    "exp-second-later": ({"exp": int(NOW) + 1}, 0, None),
    "exp-moment-later": ({"exp": NOW + 0.25}, 0, None),
    "exp-moment-before": ({"exp": NOW - 0.25}, 0, joat.ExpiredToken),
    "exp-zero": ({"exp": 0}, 0, joat.ExpiredToken),
    "exp-negative": ({"exp": -1}, 0, joat.ExpiredToken),
    "exp-far-below": ({"exp": -(10**400)}, 0, joat.ExpiredToken),
    "exp-far-above": ({"exp": 10**400}, 0, None),
    "exp-largest-float": ({"exp": sys.float_info.max}, 0, None),
    "exp-at-leeway": ({"exp": NOW - 60}, 60, joat.ExpiredToken),
    "exp-within-leeway": ({"exp": NOW - 59.75}, 60, None),
    "exp-at-float-leeway": ({"exp": NOW - 0.5}, 0.5, joat.ExpiredToken),
    "exp-within-float-leeway": ({"exp": NOW - 0.25}, 0.5, None),
    "exp-at-timedelta": ({"exp": NOW - 60}, timedelta(minutes=1), joat.ExpiredToken),
    "exp-within-timedelta": ({"exp": NOW - 59}, timedelta(minutes=1), None),
    "exp-zero-timedelta": ({"exp": NOW}, timedelta(), joat.ExpiredToken),
    "exp-largest-leeway": ({"exp": -(10**300)}, sys.float_info.max, None),
    "exp-large-integer-leeway": ({"exp": 0}, 10**300, None),
    "exp-beyond-largest-leeway": (
        {"exp": -(10**400)},
        sys.float_info.max,
        joat.ExpiredToken,
    ),
    "exp-longest-timedelta": ({"exp": 0}, timedelta.max, None),
    "nbf-now": ({"nbf": NOW}, 0, None),
    "nbf-now-as-int": ({"nbf": int(NOW)}, 0, None),
    "nbf-past": ({"nbf": 0}, 0, None),
    "nbf-far-below": ({"nbf": -(10**400)}, 0, None),
    "nbf-moment-later": ({"nbf": NOW + 0.25}, 0, joat.NotYetValid),
    "nbf-second-later": ({"nbf": int(NOW) + 1}, 0, joat.NotYetValid),
    "nbf-far-above": ({"nbf": 10**400}, 0, joat.NotYetValid),
    "nbf-at-leeway": ({"nbf": NOW + 60}, 60, None),
    "nbf-beyond-leeway": ({"nbf": NOW + 60.25}, 60, joat.NotYetValid),
    "nbf-at-timedelta": ({"nbf": NOW + 60}, timedelta(minutes=1), None),
    "nbf-beyond-timedelta": ({"nbf": NOW + 61}, timedelta(minutes=1), joat.NotYetValid),
    "nbf-largest-leeway": ({"nbf": 10**300}, sys.float_info.max, None),
    "nbf-beyond-largest-leeway": (
        {"nbf": 10**400},
        sys.float_info.max,
        joat.NotYetValid,
    ),
    "iat-ahead": ({"iat": NOW + 1}, 0, None),
    "iat-far-ahead": ({"iat": 10**400}, 0, None),
    "iat-after-exp": ({"iat": CLAIMS["exp"] + 1}, 0, None),
    "nbf-after-exp": ({"nbf": CLAIMS["exp"] + 1}, 0, joat.NotYetValid),
}


@pytest.mark.parametrize(("times", "leeway", "error"), TIMES.values(), ids=TIMES)
def test_times(assert_refused, assert_accepted, times, leeway, error):
    token = with_claims(**times)
    expected = {"leeway": leeway} if leeway else {}
    if error is None:
        assert_accepted(token, **expected)
    else:
        assert_refused(token, error, is_asked=True, **expected)


EXPIRIES = {
    "integer": CLAIMS["exp"],
    "float": NOW + 0.25,
    "whole-float": NOW + 1.0,
    "far-above": 10**400,
    "largest-float": sys.float_info.max,
}


@pytest.mark.parametrize("exp", EXPIRIES.values(), ids=EXPIRIES)
def test_expires_at_is_exp_as_it_stands(asked, clock, exp):
    token = with_claims(exp=exp)
    for verified in (joat.verify_token(token), joat.authenticate(f"Bearer {token}")):
        assert verified == {**CREDENTIALS, "expires_at": exp}
        assert type(verified["expires_at"]) is type(exp)
    assert "expires_at" not in joat.parse_token(token)


def test_leeway_does_not_make_up_for_a_signature(clock):
    forged = make_token(salt=OTHER_SALT)
    with pytest.raises(joat.InvalidSignature):
        joat.verify_token(forged, leeway=1e9, salt=SALT)


def test_parse_token_has_no_leeway(asked, clock):
    clock(CLAIMS["exp"] - 0.001)
    assert joat.parse_token(TOKEN) == CREDENTIALS
    clock(CLAIMS["exp"])
    assert joat.parse_token(TOKEN) is None


class Client(IntEnum):
    WEB = 7


class Provider(str, Enum):
    OURS = "issuer-marker"


class Text(str):
    pass


# The provider in the token, what is expected, and whether they agree; the same for
# the client.
COMPARED = {
    "same-str": ("text", "text", True),
    "other-str": ("text", "other", False),
    "empty-for-str": ("text", "", False),
    "empty-for-empty": ("", "", True),
    "part": ("text", "tex", False),
    "whole-of-which-it-is-part": ("ex", "text", False),
    "empty-of-which-it-is-part": ("", "text", False),
    "other-case": ("text", "TEXT", False),
    "space-after": ("text", "text ", False),
    "composed-otherwise": ("\xe9", "e\u0301", False),
    "fullwidth": ("text", "\uff54\uff45\uff58\uff54", False),
    "same-int": (7, 7, True),
    "other-int": (7, 8, False),
    "str-for-int": (7, "7", False),
    "int-for-str": ("7", 7, False),
    "zero-for-empty": ("", 0, False),
    "int-enum": (7, Client.WEB, True),
    "other-int-enum": (8, Client.WEB, False),
    "int-enum-for-str": ("7", Client.WEB, False),
    "str-enum": ("issuer-marker", Provider.OURS, True),
    "other-str-enum": ("other", Provider.OURS, False),
    "str-subclass": ("text", Text("text"), True),
    "other-str-subclass": ("text", Text("other"), False),
    "large-int": (2**70, 2**70, True),
    "large-int-off-by-one": (2**70 + 1, 2**70, False),
}
EXPECTATIONS = {"provider": "iss", "client_id": "aud"}


def assert_agrees(token, agrees, **expected):
    if agrees:
        verified = {**joat.parse_token(token), "expires_at": CLAIMS["exp"]}
        assert joat.verify_token(token, **expected) == verified
        assert joat.authenticate(f"Bearer {token}", **expected) == verified
    else:
        for verify, given in (
            (joat.verify_token, token),
            (joat.authenticate, f"Bearer {token}"),
        ):
            with pytest.raises(joat.InvalidClaim):
                verify(given, **expected)


@pytest.mark.parametrize(("claim", "value", "agrees"), COMPARED.values(), ids=COMPARED)
@pytest.mark.parametrize("name", EXPECTATIONS)
def test_expected_value(asked, clock, name, claim, value, agrees):
    assert_agrees(with_claims(**{EXPECTATIONS[name]: claim}), agrees, **{name: value})


@pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=COLLECTIONS)
@pytest.mark.parametrize(("claim", "value", "agrees"), COMPARED.values(), ids=COMPARED)
@pytest.mark.parametrize("name", EXPECTATIONS)
def test_expected_values(asked, clock, name, claim, value, agrees, collection):
    token = with_claims(**{EXPECTATIONS[name]: claim})
    for values in ([value], ["unrelated", 99, value], [value, "unrelated", 99]):
        assert_agrees(token, agrees, **{name: collection(values)})


@pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=COLLECTIONS)
@pytest.mark.parametrize("name", EXPECTATIONS)
@pytest.mark.parametrize("claim", ["text", "", 0], ids=repr)
def test_an_empty_collection_accepts_none(asked, clock, name, collection, claim):
    token = with_claims(**{EXPECTATIONS[name]: claim})
    assert_agrees(token, False, **{name: collection()})


@contextmanager
def little_memory(limit):
    """Fail if what is done takes more octets at once; PyPy tries it without a limit."""
    if tracemalloc is None:
        yield
        return
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < limit


class Unwalked(set):
    """A large set, of which nobody looks at every element."""

    def __iter__(self):
        raise AssertionError("the set was walked")


class UnwalkedFrozen(frozenset):
    __iter__ = Unwalked.__iter__


@pytest.mark.parametrize("kind", [Unwalked, UnwalkedFrozen])
@pytest.mark.parametrize("name", EXPECTATIONS)
def test_a_set_is_not_walked(asked, clock, name, kind):
    values = kind([*range(10), *map(str, range(300_000))])
    for claim, agrees in (("299999", True), ("300000", False), (9, True), (10, False)):
        token = with_claims(**{EXPECTATIONS[name]: claim})
        # A copy of a set asks no __iter__, but takes its room.
        with little_memory(1_000_000):
            assert_agrees(token, agrees, **{name: values})


# Each is equal to 1 or 0, in Python and by its hash, but no identifier.
NO_INTEGERS = {
    "true": (1, True),
    "false": (0, False),
    "float": (1, 1.0),
    "minus-zero": (0, -0.0),
    "decimal": (1, Decimal(1)),
    "fraction": (1, Fraction(1)),
    "complex": (1, 1 + 0j),
}


@pytest.mark.parametrize("kind", [set, frozenset])
@pytest.mark.parametrize(("claim", "value"), NO_INTEGERS.values(), ids=NO_INTEGERS)
@pytest.mark.parametrize("name", EXPECTATIONS)
def test_what_equals_an_integer_does_not_pass_for_it(
    asked, clock, name, claim, value, kind
):
    token = with_claims(**{EXPECTATIONS[name]: claim})
    assert_agrees(token, False, **{name: kind([value])})
    assert_agrees(token, False, **{name: kind([value, "1", "0", None, ()])})


@pytest.mark.parametrize("kind", [list, tuple])
@pytest.mark.parametrize(("claim", "value"), NO_INTEGERS.values(), ids=NO_INTEGERS)
@pytest.mark.parametrize("name", EXPECTATIONS)
def test_what_equals_an_integer_is_told_in_a_sequence(asked, name, claim, value, kind):
    with pytest.raises(TypeError, match=f"^{name} must be .*{type(value).__name__}$"):
        joat.verify_token(TOKEN, **{name: kind([claim, value])})
    assert asked == []


# In a set, these are nobody's identifier, and do no harm beside one that is.
ODD = [None, 1.5, b"client-marker", b"issuer-marker", (), ("x",), str, float("nan")]


@pytest.mark.parametrize("kind", [set, frozenset])
@pytest.mark.parametrize("name", EXPECTATIONS)
def test_odd_elements_of_a_set_are_never_equal(asked, clock, name, kind):
    assert_agrees(TOKEN, False, **{name: kind(ODD)})
    assert_agrees(TOKEN, True, **{name: kind([*ODD, CLAIMS[EXPECTATIONS[name]]])})


@pytest.mark.parametrize("name", EXPECTATIONS)
def test_collections_are_named_for_what_is_none(asked, name):
    with pytest.raises(TypeError, match=r"list, tuple, set or frozenset .*, not dict$"):
        joat.verify_token(TOKEN, **{name: {}})


def test_provider_is_not_the_client(asked, clock):
    assert_agrees(TOKEN, False, provider=CLAIMS["aud"])
    assert_agrees(TOKEN, False, client_id=CLAIMS["iss"])


# The permissions of the token, those needed, and whether they suffice.
SCOPES = {
    "same": (["read", "write"], ["read", "write"], True),
    "other-order": (["read", "write"], ["write", "read"], True),
    "fewer-needed": (["read", "write"], ["read"], True),
    "none-needed": (["read"], [], True),
    "none-of-none": ([], [], True),
    "needed-twice": (["read"], ["read", "read"], True),
    "held-twice": (["read", "read"], ["read"], True),
    "empty-text": ([""], [""], True),
    "str-subclass": (["read"], [Text("read")], True),
    "str-enum": (["issuer-marker"], [Provider.OURS], True),
    "one-missing": (["read"], ["read", "write"], False),
    "other": (["read"], ["write"], False),
    "of-none": ([], ["read"], False),
    "empty-of-none": ([], [""], False),
    "empty-of-text": (["read"], [""], False),
    "part": (["read"], ["rea"], False),
    "longer": (["read"], ["read:all"], False),
    "other-case": (["read"], ["READ"], False),
    "joined": (["read", "write"], ["read write"], False),
    "apart": (["read write"], ["read", "write"], False),
}


@pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=COLLECTIONS)
@pytest.mark.parametrize(("held", "needed", "suffices"), SCOPES.values(), ids=SCOPES)
def test_scope(asked, clock, held, needed, suffices, collection):
    token = with_claims(scp=held)
    scope = collection(needed)
    if suffices:
        assert joat.verify_token(token, scope=scope)["authorized_scope"] == held
        assert joat.authenticate(f"Bearer {token}", scope=scope)
    else:
        with pytest.raises(joat.InsufficientScope) as caught:
            joat.verify_token(token, scope=scope)
        assert set(caught.value.scope) == set(needed)
        with pytest.raises(joat.InsufficientScope):
            joat.authenticate(f"Bearer {token}", scope=scope)


def test_insufficient_scope_names_what_is_needed_in_order(asked, clock):
    needed = ["write", "admin", "read-marker"]
    for collection, named in (
        (list, "write admin read-marker"),
        (tuple, "write admin read-marker"),
        (set, "admin read-marker write"),
        (frozenset, "admin read-marker write"),
    ):
        with pytest.raises(joat.InsufficientScope) as caught:
            joat.verify_token(TOKEN, scope=collection(needed))
        assert f'scope="{named}"' in caught.value.www_authenticate()


class Marked:
    def __repr__(self):
        return "value-marker"


NO_IDENTIFIERS = {
    "None": None,
    "true": True,
    "false": False,
    "float": 1.5,
    "whole-float": 7.0,
    "bytes": b"value-marker",
    "bytearray": bytearray(b"value-marker"),
    "object": Marked(),
    "class": str,
    "function": len,
}
NO_COLLECTIONS = {
    "dict": {"value-marker": 1},
    "empty-dict": {},
    "generator": (value for value in ["value-marker"]),
    "iterator": iter(["value-marker"]),
    "dict-keys": {"value-marker": 1}.keys(),
    "range": range(3),
    "memoryview": memoryview(b"value-marker"),
}
NESTED = {
    f"list-of-{name}": ["good", value]
    for name, value in {
        **NO_IDENTIFIERS,
        "list": [],
        "tuple": ("value-marker",),
    }.items()
}
NO_PERMISSIONS = {
    "str": "value-marker",
    "empty-str": "",
    "str-enum": Provider.OURS,
    "integer": 7,
    **NO_IDENTIFIERS,
    **NO_COLLECTIONS,
    **NESTED,
    "list-of-integer": ["read", 7],
    "tuple-of-bytes": (b"value-marker",),
    "set-of-integer": {7},
    "frozenset-of-None": frozenset([None]),
    "list-of-frozenset": [frozenset()],
}
NO_LEEWAY = {
    "None": (None, TypeError),
    "true": (True, TypeError),
    "false": (False, TypeError),
    "str": ("60", TypeError),
    "empty-str": ("", TypeError),
    "bytes": (b"value-marker", TypeError),
    "list": ([60], TypeError),
    "tuple": ((60,), TypeError),
    "complex": (60j, TypeError),
    "decimal": (Decimal(60), TypeError),
    "fraction": (Fraction(60), TypeError),
    "object": (Marked(), TypeError),
    "negative": (-1, ValueError),
    "negative-float": (-0.001, ValueError),
    "negative-timedelta": (timedelta(microseconds=-1), ValueError),
    "nan": (float("nan"), ValueError),
    "infinity": (float("inf"), ValueError),
    "minus-infinity": (float("-inf"), ValueError),
    "larger-than-float": (10**400, ValueError),
    "smaller-than-float": (-(10**400), ValueError),
}
WRONG = {
    **{
        f"{name}-{kind}": (name, value, TypeError)
        for name in EXPECTATIONS
        for kind, value in {**NO_IDENTIFIERS, **NO_COLLECTIONS, **NESTED}.items()
    },
    **{
        f"scope-{kind}": ("scope", value, TypeError)
        for kind, value in NO_PERMISSIONS.items()
    },
    **{f"leeway-{kind}": ("leeway", *row) for kind, row in NO_LEEWAY.items()},
}
# Good ones, and such as would be refused for themselves.
GIVEN = (
    (joat.verify_token, TOKEN),
    (joat.verify_token, "garbage"),
    (joat.verify_token, None),
    (joat.verify_token, make_token(salt=OTHER_SALT)),
    (joat.verify_token, with_claims(exp=0)),
    (joat.authenticate, f"Bearer {TOKEN}"),
    (joat.authenticate, "garbage"),
    (joat.authenticate, None),
    (joat.authenticate, "Bearer "),
    (joat.authenticate, 7),
)


@pytest.mark.parametrize(("name", "value", "error"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_told_whatever_the_token(asked, name, value, error):
    for verify, given in GIVEN:
        with pytest.raises(error, match=f"^{name} must ") as caught:
            verify(given, **{name: value})
        assert type(caught.value) is error
        assert_tells_nothing(caught.value, TOKEN, SALT, "value-marker", "issuer-marker")
    assert asked == []


SIGNATURES = {
    joat.verify_token: ["token", "provider", "client_id", "scope", "leeway", "salt"],
    joat.authenticate: [
        "authorization",
        "provider",
        "client_id",
        "scope",
        "leeway",
        "salt",
    ],
    joat.parse_token: ["token"],
    joat.unverified_claims: ["token"],
}


@pytest.mark.parametrize("function", SIGNATURES, ids=lambda f: f.__name__)
def test_all_but_the_first_argument_are_by_keyword_only(function):
    parameters = inspect.signature(function).parameters
    assert list(parameters) == SIGNATURES[function]
    kinds = [parameter.kind for parameter in parameters.values()]
    assert kinds[0] is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert set(kinds[1:]) <= {inspect.Parameter.KEYWORD_ONLY}


def test_what_may_be_left_out_is_shown():
    shown = str(inspect.signature(joat.verify_token))
    for name in ("provider", "client_id", "scope", "salt"):
        assert re.search(rf"\b{name}: [^=]* = OMITTED\b", shown)


def test_unknown_keywords_are_named(asked):
    for verify in (joat.verify_token, joat.authenticate):
        with pytest.raises(TypeError, match="audience"):
            verify(TOKEN, audience="client-marker")


AUTHORIZED = {
    "usual": f"Bearer {TOKEN}",
    "lower-case": f"bearer {TOKEN}",
    "upper-case": f"BEARER {TOKEN}",
    "mixed-case": f"bEaReR {TOKEN}",
    "spaces": f"Bearer    {TOKEN}",
    "bytes": f"Bearer {TOKEN}".encode(),
    # RFC 9110 section 5.5: no part of the value.
    "space-after": f"Bearer {TOKEN} ",
    "tab-after": f"Bearer {TOKEN}\t",
    "white-space-around": f" \t Bearer {TOKEN}\t \t",
    "white-space-around-bytes": f" Bearer {TOKEN} \t".encode(),
}


@pytest.mark.parametrize("authorization", AUTHORIZED.values(), ids=AUTHORIZED)
def test_authenticate(asked, clock, authorization):
    assert joat.authenticate(authorization) == VERIFIED
    assert joat.authenticate(authorization, **EXPECTED) == VERIFIED
    assert len(asked) == 2


UNAUTHORIZED = {
    "None": (None, joat.MissingToken),
    "empty": ("", joat.MissingToken),
    "empty-bytes": (b"", joat.MissingToken),
    "space": (" ", joat.MissingToken),
    "basic": ("Basic dXNlcjpwYXNzd29yZA==", joat.MissingToken),
    "basic-bytes": (b"Basic dXNlcjpwYXNzd29yZA==", joat.MissingToken),
    "digest": ('Digest username="user-marker"', joat.MissingToken),
    "dpop": (f"DPoP {TOKEN}", joat.MissingToken),
    "token-scheme": (f"Token {TOKEN}", joat.MissingToken),
    "token-only": (TOKEN, joat.MissingToken),
    "longer-scheme": (f"Bearers {TOKEN}", joat.MissingToken),
    "shorter-scheme": (f"Beare {TOKEN}", joat.MissingToken),
    "colon": (f"Bearer: {TOKEN}", joat.MissingToken),
    "no-space": (f"Bearer{TOKEN}", joat.MissingToken),
    "tab": (f"Bearer\t{TOKEN}", joat.MissingToken),
    "tab-only": ("\t", joat.MissingToken),
    "no-break-space-before": (f"\xa0Bearer {TOKEN}", joat.MissingToken),
    "line-feed-before-scheme": (f"\nBearer {TOKEN}", joat.MissingToken),
    "not-ascii": (f"B\u0435arer {TOKEN}", joat.MissingToken),
    "not-utf-8": (b"\xff " + TOKEN.encode(), joat.MissingToken),
    "lone-surrogate": (f"\ud800 {TOKEN}", joat.MissingToken),
    "scheme-only": ("Bearer", joat.InvalidRequest),
    "scheme-only-lower-case": ("bearer", joat.InvalidRequest),
    "scheme-only-bytes": (b"Bearer", joat.InvalidRequest),
    "no-token": ("Bearer ", joat.InvalidRequest),
    "spaces-only": ("Bearer     ", joat.InvalidRequest),
    "white-space-only": ("Bearer \t \t", joat.InvalidRequest),
    "two-tokens": (f"Bearer {TOKEN} {TOKEN}", joat.InvalidRequest),
    "two-words": ("Bearer user-marker user-marker", joat.InvalidRequest),
    "scheme-twice": (f"Bearer Bearer {TOKEN}", joat.InvalidRequest),
    "many-spaces": (f"Bearer {TOKEN}   {TOKEN}", joat.InvalidRequest),
    "comma-and-space": (f"Bearer {TOKEN}, Basic eHh4eHh4eHg=", joat.InvalidRequest),
    "word": ("Bearer garbage", joat.MalformedToken),
    "comma": (f"Bearer {TOKEN},{TOKEN}", joat.MalformedToken),
    "letter-before": (f"Bearer X{TOKEN}", joat.MalformedToken),
    "line-feed-after": (f"Bearer {TOKEN}\n", joat.MalformedToken),
    "line-feed-before": (f"Bearer \n{TOKEN}", joat.MalformedToken),
    "tab-before-token": (f"Bearer \t{TOKEN}", joat.MalformedToken),
    "tab-within": (f"Bearer {TOKEN}\tx", joat.MalformedToken),
    "vertical-tab-after": (f"Bearer {TOKEN}\x0b", joat.MalformedToken),
    "no-break-space-after": (f"Bearer {TOKEN}\xa0", joat.MalformedToken),
    "no-break-space": (f"Bearer \xa0{TOKEN}", joat.MalformedToken),
    "token-not-utf-8": (b"Bearer \xff" + TOKEN.encode(), joat.MalformedToken),
    "quoted": (f'Bearer "{TOKEN}"', joat.MalformedToken),
    "parameter": (f"Bearer token={TOKEN}", joat.MalformedToken),
    "too-long": (f"Bearer {'A' * 65_537}", joat.MalformedToken),
    "forged": (f"Bearer {make_token(salt=OTHER_SALT)}", joat.InvalidSignature),
    "expired": (f"Bearer {with_claims(exp=0)}", joat.ExpiredToken),
    "not-yet": (f"Bearer {with_claims(nbf=9e9)}", joat.NotYetValid),
}


@pytest.mark.parametrize(
    ("authorization", "error"), UNAUTHORIZED.values(), ids=UNAUTHORIZED
)
def test_authenticate_refuses(asked, clock, authorization, error):
    with pytest.raises(joat.TokenError) as caught:
        joat.authenticate(authorization)
    assert type(caught.value) is error
    if error in (joat.MissingToken, joat.InvalidRequest):
        assert asked == []
    secrets = [SALT, "user-marker", "dXNlcjpwYXNzd29yZA=="]
    assert_tells_nothing(caught.value, TOKEN, *secrets)


@pytest.mark.parametrize("authorization", AUTHORIZED.values(), ids=AUTHORIZED)
def test_bearer_token(authorization):
    assert joat.bearer_token(authorization) == TOKEN


@pytest.mark.parametrize(
    ("authorization", "error"), UNAUTHORIZED.values(), ids=UNAUTHORIZED
)
def test_bearer_token_looks_at_the_header_only(asked, authorization, error):
    if error in (joat.MissingToken, joat.InvalidRequest):
        with pytest.raises(error):
            joat.bearer_token(authorization)
    else:
        assert " " not in joat.bearer_token(authorization)
    assert asked == []


@pytest.mark.parametrize(
    "value",
    [7, True, 1.5, [f"Bearer {TOKEN}"], (TOKEN,), bytearray(b"Bearer x"), object()],
    ids=lambda value: type(value).__name__,
)
def test_authenticate_takes_str_bytes_or_none(asked, value):
    message = rf"^authorization must .*{type(value).__name__}$"
    with pytest.raises(TypeError, match=message) as caught:
        joat.authenticate(value)
    assert_tells_nothing(caught.value, TOKEN)
    assert asked == []


# Headers of ten million characters, and what is said of them.
LONG = 10_000_000
HUGE = {
    "bearer": ("Bearer " + "a" * LONG, joat.MalformedToken),
    "bearer-bytes": (b"Bearer " + b"a" * LONG, joat.MalformedToken),
    "bearer-not-ascii": ("Bearer " + "\xe9" * LONG, joat.MalformedToken),
    "bearer-bytes-not-ascii": (b"Bearer " + b"\xe9" * LONG, joat.MalformedToken),
    "bearer-dots": ("Bearer " + "." * LONG, joat.MalformedToken),
    "bearer-white-space-behind": ("Bearer " + "a" * LONG + " \t", joat.MalformedToken),
    "bearer-words": ("Bearer " + "a " * (LONG // 2), joat.InvalidRequest),
    "bearer-words-bytes": (b"Bearer " + b"\xe9 " * (LONG // 2), joat.InvalidRequest),
    "bearer-spaces": ("Bearer" + " " * LONG, joat.InvalidRequest),
    "basic": ("Basic " + "a" * LONG, joat.MissingToken),
    "basic-bytes": (b"Basic " + b"a" * LONG, joat.MissingToken),
    "basic-not-ascii": ("Basic " + "\xe9" * LONG, joat.MissingToken),
    "basic-bytes-not-ascii": (b"Basic " + b"\xe9" * LONG, joat.MissingToken),
    "one-word": ("a" * LONG, joat.MissingToken),
    "one-word-not-ascii": ("\xe9" * LONG, joat.MissingToken),
    "one-word-of-capital-sharp-s": ("\u1e9e" * LONG, joat.MissingToken),
    "white-space": (" \t" * (LONG // 2), joat.MissingToken),
}


@pytest.mark.parametrize(("authorization", "error"), HUGE.values(), ids=HUGE)
def test_a_huge_header_costs_no_more_than_copies(asked, authorization, error):
    # One without white space, one without the scheme: neither is wider than it.
    with little_memory(2 * LONG + 1_000_000), pytest.raises(error):
        joat.authenticate(authorization)
    assert asked == []


@pytest.mark.parametrize("character", ["a", "\xe9", "\u1e9e"])
@pytest.mark.parametrize("scheme", ["Basic ", "Digest ", ""])
def test_a_huge_header_of_another_scheme_is_not_copied(character, scheme):
    authorization = scheme + character * LONG
    with little_memory(1_000_000), pytest.raises(joat.MissingToken):
        joat.bearer_token(authorization)


class Token(str):
    """A token that can be watched; str itself has no weak references."""


REFUSED = {
    "garbage": "garbage",
    "claim-missing": make_token({**CLAIMS, "sub": None}),
    "claims-empty": make_token({}),
    "forged": make_token(salt=OTHER_SALT),
    "expired": with_claims(exp=0),
    "scope": with_claims(scp=[]),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_a_refusal_keeps_neither_token_nor_error(asked, clock, text):
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


def test_unverified_claims(asked):
    claims = {**CLAIMS, "exp": -5, "nbf": 9e99, "jti": 0, "tenant": {"id": [1]}}
    assert joat.unverified_claims(make_token(claims, salt=OTHER_SALT)) == claims
    assert asked == []


def test_unverified_claims_take_bytes_too():
    assert joat.unverified_claims(TOKEN.encode()) == CLAIMS
    assert joat.unverified_claims(TOKEN) == CLAIMS
