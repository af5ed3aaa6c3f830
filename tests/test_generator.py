"""Issuing tokens."""

import inspect
import sys
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal

import pytest
from helpers import ARGUMENTS, CLAIMS, NOW, SALT, assert_tells_nothing

import joat

ISSUED = datetime(2014, 8, 6, 2, 9, 40)
SECOND = timedelta(seconds=1)


@pytest.fixture
def generator(asked, clock):
    return joat.TokenGenerator("issuer-marker", "client-marker")


def test_issues_now_for_an_hour(generator, clock):
    token = generator.issue_token(**ARGUMENTS)
    assert type(token) is str
    assert joat.unverified_claims(token) == {**CLAIMS, "iat": NOW, "exp": NOW + 3600}
    assert generator.issue_token(**ARGUMENTS, jti=None) == token
    clock(NOW + 0.999)  # the fraction is cut off
    token = generator.issue_token(**ARGUMENTS, lifetime=timedelta(milliseconds=2))
    assert joat.unverified_claims(token) == {**CLAIMS, "iat": NOW, "exp": NOW + 1}


def test_constructor_sets_provider_and_client(asked):
    for name in ("provider_name", "client_id", "user_id", "scope"):
        assert getattr(joat.TokenGenerator, name) is None
    assert joat.TokenGenerator.default_lifetime == timedelta(hours=1)
    assert vars(joat.TokenGenerator(name="name")) == {"provider_name": "name"}
    expected = {"provider_name": "name", "client_id": "client"}
    assert vars(joat.TokenGenerator("name", "client")) == expected
    assert vars(joat.TokenGenerator("name", client_id="client")) == expected
    assert vars(joat.TokenGenerator("name", None)) == {**expected, "client_id": None}
    assert asked == []


class Complete(joat.TokenGenerator):
    client_id = "client-marker"
    user_id = "user-marker"
    scope = ("unused",)
    default_lifetime = timedelta(minutes=1)


def test_class_and_instance_give_defaults(asked, clock):
    generator = Complete("issuer-marker")
    generator.scope = CLAIMS["scp"]
    claims = {**CLAIMS, "iat": NOW, "exp": NOW + 60}
    assert joat.unverified_claims(generator.issue_token()) == claims
    generator.provider_name, generator.client_id, generator.user_id = 5, 6, 7
    generator.scope, generator.default_lifetime = [], SECOND
    claims = {"iss": 5, "aud": 6, "sub": 7, "scp": [], "iat": NOW, "exp": NOW + 1}
    before = dict(vars(generator))
    assert joat.unverified_claims(generator.issue_token()) == claims
    token = generator.issue_token(**ARGUMENTS, lifetime=timedelta(hours=1))
    assert joat.unverified_claims(token) == {**CLAIMS, "iat": NOW, "exp": NOW + 3600}
    assert vars(generator) == before


IDENTIFIERS = ["provider", "client_id", "user_id", "jti"]
NO_IDENTIFIERS = [
    *(True, False, 1234567.5, Decimal("1234567"), object(), str),
    *(b"value-marker", ["value-marker"], {"value-marker": 1}),
]
# The arguments, and what is of a wrong type for them.
WRONG = {
    **{name: [None, *NO_IDENTIFIERS] for name in IDENTIFIERS[:3]},
    "jti": NO_IDENTIFIERS,
    "scope": [
        *("value-marker", b"value-marker", True, 1, None, object()),
        *(("value-marker",), {"value-marker"}, {"value-marker": 1}),
        (text for text in ["value-marker"]),
    ],
    "issued_at": [date(2014, 8, 6), NOW, NOW + 0.5, "value-marker", SECOND, None],
    "lifetime": [3600, 0, 3600.5, "value-marker", ISSUED, True, None],
}
NO_PERMISSIONS = [None, b"value-marker", 1234567, True, ["value-marker"]]
WRONG_ROWS = [
    *((name, value, value) for name, values in WRONG.items() for value in values),
    *(("scope", ["read", value], value) for value in NO_PERMISSIONS),
]


def assert_type_is_told(name, wrong, call, **arguments):
    message = rf"^{name} must .*, not {type(wrong).__name__}$"
    with pytest.raises(TypeError, match=message) as caught:
        call(**arguments)
    assert_tells_nothing(caught.value, "value-marker", "14072909", "1234567", SALT)


@pytest.mark.parametrize(("name", "given", "wrong"), WRONG_ROWS)
def test_wrong_types_are_named(asked, name, given, wrong):
    issue = Complete("provider").issue_token
    assert_type_is_told(name, wrong, issue, **{**ARGUMENTS, name: given})
    if name == "issued_at":
        assert_type_is_told("from_datetime", wrong, joat.timestamp, from_datetime=given)
    elif name != "jti":
        generator = Complete("provider")
        attributes = {"provider": "provider_name", "lifetime": "default_lifetime"}
        setattr(generator, attributes.get(name, name), given)
        others = {key: value for key, value in ARGUMENTS.items() if key != name}
        assert_type_is_told(name, wrong, generator.issue_token, **others)
    assert asked == []


def test_arguments_are_by_keyword_only(generator):
    parameters = inspect.signature(generator.issue_token).parameters
    names = "provider client_id user_id scope issued_at lifetime jti salt"
    assert list(parameters) == names.split()
    assert {one.kind for one in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}


def test_wrong_arguments_are_told_without_a_salt(generator):
    with pytest.raises(TypeError, match=r"^jti must"):
        generator.issue_token(**ARGUMENTS, jti=1.5, salt=None)


class NoOffset(tzinfo):
    def utcoffset(self, moment):
        return None


class Moment(datetime):
    def __sub__(self, other):
        raise AssertionError("the subclass was asked")


class Duration(timedelta):
    __floordiv__ = __truediv__ = Moment.__sub__


def with_offset(**offset):
    return ISSUED.replace(tzinfo=timezone(timedelta(**offset)))


MICROSECOND = timedelta(microseconds=1)
DAYS = 86_400_000_000_000  # timedelta.max, but for a microsecond
# issued_at, iat, the lifetime and exp.
TIMES = {
    "fraction": (ISSUED.replace(microsecond=999_999), NOW, MICROSECOND, NOW + 1),
    "behind": (with_offset(seconds=-90), NOW + 90, timedelta(), NOW + 90),
    "offset-of-a-fraction": (with_offset(microseconds=1), NOW - 1, MICROSECOND, NOW),
    "no-offset": (ISSUED.replace(tzinfo=NoOffset()), NOW, -MICROSECOND, NOW - 1),
    "last": (datetime.max, 253402300799, MICROSECOND, 253402300800),
    "longest": (ISSUED, NOW, timedelta.max, NOW - 1 + DAYS),
    "subclasses": (Moment(2014, 8, 6, 2, 9, 40), NOW, Duration(seconds=1), NOW + 1),
}


@pytest.mark.parametrize(
    ("issued", "iat", "lifetime", "exp"), TIMES.values(), ids=TIMES
)
def test_times(generator, issued, iat, lifetime, exp):
    token = generator.issue_token(**ARGUMENTS, issued_at=issued, lifetime=lifetime)
    assert joat.unverified_claims(token) == {**CLAIMS, "iat": iat, "exp": exp}
    assert joat.timestamp(issued) == iat
    assert type(joat.timestamp(issued)) is int


@pytest.mark.usefixtures("all_digits")
@pytest.mark.parametrize("name", IDENTIFIERS)
def test_no_int_is_issued_that_nobody_reads(generator, name):
    for sign in (1, -1):
        token = generator.issue_token(**{**ARGUMENTS, name: sign * (10**4300 - 1)})
        assert joat.parse_token(token) is not None
    # Python itself refuses to write the next one, unless it is told otherwise.
    limit = getattr(sys, "get_int_max_str_digits", int)()
    lift = getattr(sys, "set_int_max_str_digits", int)
    lift(0)
    try:
        with pytest.raises(ValueError, match="digits"):
            generator.issue_token(**{**ARGUMENTS, name: 10**4300})
    finally:
        lift(limit)
