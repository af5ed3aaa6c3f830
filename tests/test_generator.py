"""Issuing tokens."""

import inspect
import sys
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal

import pytest
from helpers import CLAIMS, NOW, SALT, assert_tells_nothing

import joat

ARGUMENTS = {
    "provider": "issuer-marker",
    "client_id": "client-marker",
    "user_id": "user-marker",
    "scope": ["profile-marker", "read-marker"],
}
ISSUED = datetime(2014, 8, 6, 2, 9, 40)
SECOND = timedelta(seconds=1)


@pytest.fixture
def generator(asked, clock):
    return joat.TokenGenerator("issuer-marker", "client-marker")


def claims_of(token):
    return joat.unverified_claims(token)


def test_issues_now_for_an_hour(generator, clock):
    token = generator.issue_token(**ARGUMENTS)
    assert type(token) is str
    assert claims_of(token) == {**CLAIMS, "iat": NOW, "exp": NOW + 3600}
    assert generator.issue_token(**ARGUMENTS, jti=None) == token
    clock(NOW + 0.999)  # the fraction is cut off
    token = generator.issue_token(**ARGUMENTS, lifetime=timedelta(milliseconds=2))
    assert claims_of(token) == {**CLAIMS, "iat": NOW, "exp": NOW + 1}


def test_constructor_sets_provider_and_client(asked):
    for name in ("provider_name", "client_id", "user_id", "scope"):
        assert getattr(joat.TokenGenerator, name) is None
    assert joat.TokenGenerator.default_lifetime == timedelta(hours=1)
    assert vars(joat.TokenGenerator(name="name")) == {"provider_name": "name"}
    expected = {"provider_name": "name", "client_id": "client"}
    assert vars(joat.TokenGenerator("name", "client")) == expected
    assert vars(joat.TokenGenerator("name", client_id="client")) == expected
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
    assert claims_of(generator.issue_token()) == claims
    generator.provider_name, generator.client_id, generator.user_id = 5, 6, 7
    generator.scope, generator.default_lifetime = [], SECOND
    claims = {"iss": 5, "aud": 6, "sub": 7, "scp": [], "iat": NOW, "exp": NOW + 1}
    before = dict(vars(generator))
    assert claims_of(generator.issue_token()) == claims
    token = generator.issue_token(**ARGUMENTS, lifetime=timedelta(hours=1))
    assert claims_of(token) == {**CLAIMS, "iat": NOW, "exp": NOW + 3600}
    assert vars(generator) == before


@pytest.mark.parametrize("name", [*ARGUMENTS, "issued_at", "lifetime"])
def test_none_is_an_error_and_no_default(asked, name):
    others = {key: value for key, value in ARGUMENTS.items() if key != name}
    with pytest.raises(TypeError, match=rf"^{name} must .*NoneType$"):
        Complete("provider").issue_token(**others, **{name: None})
    if name in ARGUMENTS:
        with pytest.raises(TypeError, match=rf"^{name} must be .*NoneType$"):
            joat.TokenGenerator(None).issue_token(**others)
    assert asked == []


def test_none_is_no_default_of_the_client(asked):
    generator = Complete("issuer-marker", None)
    with pytest.raises(TypeError, match=r"^client_id must be .*NoneType$"):
        generator.issue_token(scope=[])
    assert claims_of(generator.issue_token(scope=[], client_id="given"))["aud"] == (
        "given"
    )


class Marked:
    def __repr__(self):
        return "value-marker"

    __str__ = __repr__


IDENTIFIERS = ["provider", "client_id", "user_id", "jti"]
NO_IDENTIFIERS = [
    *(True, False, 1234567.5, Decimal("1234567"), Marked(), str),
    *(b"value-marker", ["value-marker"], {"value-marker": 1}),
]
# The arguments, and what is of a wrong type for them.
WRONG = {
    **dict.fromkeys(IDENTIFIERS, NO_IDENTIFIERS),
    "scope": [
        *("value-marker", b"value-marker", True, 1, Marked()),
        *(("value-marker",), {"value-marker"}, {"value-marker": 1}),
        (text for text in ["value-marker"]),
    ],
    "issued_at": [date(2014, 8, 6), 1407290972, 1407290972.5, "value-marker", SECOND],
    "lifetime": [3600, 0, 3600.5, "value-marker", ISSUED, True],
}
WRONG_ROWS = [(name, value) for name, values in WRONG.items() for value in values]


def assert_type_is_told(name, value, generator, arguments):
    message = rf"^{name} must .*, not {type(value).__name__}$"
    with pytest.raises(TypeError, match=message) as caught:
        generator.issue_token(**arguments)
    assert_tells_nothing(caught.value, "value-marker", "14072909", "1234567", SALT)


@pytest.mark.parametrize(("name", "value"), WRONG_ROWS)
def test_wrong_types_are_named(generator, asked, name, value):
    assert_type_is_told(name, value, generator, {**ARGUMENTS, name: value})
    # The same as a default.
    attributes = {"provider": "provider_name", "lifetime": "default_lifetime"}
    if name not in ("jti", "issued_at"):
        setattr(generator, attributes.get(name, name), value)
        others = {key: given for key, given in ARGUMENTS.items() if key != name}
        assert_type_is_told(name, value, generator, others)
    assert asked == []


@pytest.mark.parametrize(
    "value", [None, b"value-marker", 1234567, True, ["value-marker"], Marked()]
)
def test_wrong_permissions_are_named(generator, asked, value):
    arguments = {**ARGUMENTS, "scope": ["read", value]}
    assert_type_is_told("scope", value, generator, arguments)
    assert asked == []


@pytest.mark.parametrize("name", IDENTIFIERS)
@pytest.mark.parametrize("value", ["", "text", 0, -1, 2**64, 10**100], ids=repr)
def test_identifiers_come_back(generator, name, value):
    verified = joat.parse_token(generator.issue_token(**{**ARGUMENTS, name: value}))
    assert verified.pop("authorized_scope") == ARGUMENTS["scope"]
    given = {key: ARGUMENTS[key] for key in IDENTIFIERS if key in ARGUMENTS}
    assert verified == {**given, name: value}
    assert type(verified[name]) is type(value)


def test_arguments_are_by_keyword_only(generator):
    with pytest.raises(TypeError, match="positional"):
        generator.issue_token("provider")
    with pytest.raises(TypeError, match="'audience'"):
        generator.issue_token(audience="client-marker")
    parameters = inspect.signature(joat.TokenGenerator.issue_token).parameters
    names = "self provider client_id user_id scope issued_at lifetime jti salt"
    assert list(parameters) == names.split()


def test_wrong_arguments_are_told_without_a_salt(generator):
    with pytest.raises(TypeError, match=r"^jti must"):
        generator.issue_token(**ARGUMENTS, jti=1.5, salt=None)


class NoOffset(tzinfo):
    def utcoffset(self, moment):
        return None


def issued_in(**offset):
    return ISSUED.replace(tzinfo=timezone(timedelta(**offset)))


MOMENTS = {
    "naive": (ISSUED, NOW),
    "fraction": (ISSUED.replace(microsecond=999_999), NOW),
    "ahead": (issued_in(hours=5, minutes=30), NOW - 19_800),
    "behind": (issued_in(seconds=-90), NOW + 90),
    "offset-of-a-fraction": (issued_in(microseconds=1), NOW - 1),
    "no-offset": (ISSUED.replace(tzinfo=NoOffset()), NOW),
    "epoch": (datetime(1970, 1, 1), 0),
    "just-before-epoch": (datetime(1969, 12, 31, 23, 59, 59, 999_999), -1),
    "first": (datetime.min, -62135596800),
    "last": (datetime.max, 253402300799),
}


@pytest.mark.parametrize(("moment", "seconds"), MOMENTS.values(), ids=MOMENTS)
def test_issued_at_and_timestamp(generator, moment, seconds):
    token = generator.issue_token(**ARGUMENTS, issued_at=moment)
    assert claims_of(token)["iat"] == seconds
    assert joat.timestamp(moment) == seconds
    assert type(joat.timestamp(moment)) is int


LIFETIMES = {
    "zero": (timedelta(), NOW),
    "negative": (-SECOND, NOW - 1),
    "microsecond": (timedelta(microseconds=1), NOW),
    "minus-microsecond": (timedelta(microseconds=-1), NOW - 1),
    "longest": (timedelta.max, NOW - 1 + 86_400_000_000_000),
}


@pytest.mark.parametrize(("lifetime", "exp"), LIFETIMES.values(), ids=LIFETIMES)
def test_lifetime(generator, lifetime, exp):
    token = generator.issue_token(**ARGUMENTS, issued_at=ISSUED, lifetime=lifetime)
    claims = claims_of(token)
    assert claims["exp"] == exp
    assert type(claims["exp"]) is int


def test_subclasses_of_datetime_and_timedelta(generator):
    class Moment(datetime):
        def __sub__(self, other):
            raise AssertionError("the subclass was asked")

    class Duration(timedelta):
        __floordiv__ = __truediv__ = Moment.__sub__

    issued, lifetime = Moment(2014, 8, 6, 2, 9, 40), Duration(seconds=1)
    token = generator.issue_token(**ARGUMENTS, issued_at=issued, lifetime=lifetime)
    assert claims_of(token)["exp"] == NOW + 1


def issue_of_size(generator, size):
    return generator.issue_token(**{**ARGUMENTS, "user_id": "x" * size})


def test_longest_token(generator):
    surplus = 65_536 - len(issue_of_size(generator, 0))
    size = surplus * 3 // 4
    while len(token := issue_of_size(generator, size)) < 65_536:
        size += 1
    assert len(token) == 65_536
    assert joat.parse_token(token)["user_id"] == "x" * size
    with pytest.raises(ValueError, match="longer") as caught:
        issue_of_size(generator, size + 3)
    assert type(caught.value) is ValueError
    assert str(caught.value) == "the token would be longer than 65536 characters"
    assert_tells_nothing(caught.value, "xxxxxxxx", SALT)


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_no_int_is_issued_that_nobody_reads(generator, name, monkeypatch):
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


def test_lone_surrogate_is_told(generator):
    with pytest.raises(ValueError, match="surrogate") as caught:
        generator.issue_token(**ARGUMENTS, jti="value-marker\ud800")
    told = "identifiers and scope must not hold lone surrogates"
    assert str(caught.value) == told
