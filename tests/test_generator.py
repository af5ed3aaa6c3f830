"""Issuing tokens."""

from __future__ import annotations

import inspect
from datetime import date, datetime, time, timedelta, timezone, tzinfo
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


def test_issues_now_for_an_hour(generator):
    token = generator.issue_token(**ARGUMENTS)
    assert type(token) is str
    assert claims_of(token) == {**CLAIMS, "iat": 1407290980, "exp": 1407294580}
    assert "jti" not in claims_of(token)


def test_fraction_of_now_is_cut_off(generator, clock):
    clock(NOW + 0.999)
    token = generator.issue_token(**ARGUMENTS, lifetime=timedelta(milliseconds=2))
    assert claims_of(token)["iat"] == NOW
    assert claims_of(token)["exp"] == NOW + 1


def test_attributes_are_none_by_default():
    for name in ("provider_name", "client_id", "user_id", "scope"):
        assert getattr(joat.TokenGenerator, name) is None
    assert joat.TokenGenerator.default_lifetime == timedelta(hours=1)


def test_constructor_sets_provider_and_client(asked):
    generator = joat.TokenGenerator("name")
    assert (generator.provider_name, generator.client_id) == ("name", None)
    assert vars(generator) == {"provider_name": "name"}
    generator = joat.TokenGenerator("name", client_id="client")
    assert (generator.provider_name, generator.client_id) == ("name", "client")
    generator = joat.TokenGenerator(name="name")
    assert generator.provider_name == "name"
    assert asked == []


class Complete(joat.TokenGenerator):
    client_id = "client-marker"
    user_id = "user-marker"
    scope = ("unused",)
    default_lifetime = timedelta(minutes=1)


def test_subclass_gives_defaults(asked, clock):
    generator = Complete("issuer-marker")
    generator.scope = CLAIMS["scp"]
    claims = claims_of(generator.issue_token())
    assert claims == {**CLAIMS, "iat": 1407290980, "exp": 1407291040}


def test_instance_gives_defaults(asked, clock):
    generator = Complete("issuer-marker", "other-client")
    generator.provider_name = 5
    generator.client_id = 6
    generator.user_id = 7
    generator.scope = []
    generator.default_lifetime = SECOND
    assert claims_of(generator.issue_token()) == {
        "iss": 5,
        "aud": 6,
        "sub": 7,
        "scp": [],
        "iat": 1407290980,
        "exp": 1407290981,
    }


def test_arguments_go_before_defaults(asked, clock):
    generator = Complete("other", "other")
    generator.user_id = "other"
    token = generator.issue_token(**ARGUMENTS, lifetime=timedelta(hours=1))
    assert claims_of(token) == {**CLAIMS, "iat": 1407290980, "exp": 1407294580}


def test_defaults_stay_as_they_are(generator):
    generator.issue_token(**ARGUMENTS, lifetime=SECOND)
    assert generator.user_id is None
    assert generator.scope is None
    assert generator.default_lifetime == timedelta(hours=1)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_what_is_nowhere_given_is_an_error(asked, name):
    generator = joat.TokenGenerator(None)
    arguments = {key: value for key, value in ARGUMENTS.items() if key != name}
    with pytest.raises(TypeError, match=rf"^{name} must be .*NoneType"):
        generator.issue_token(**arguments)
    assert asked == []


@pytest.mark.parametrize("name", [*ARGUMENTS, "issued_at", "lifetime"])
def test_none_is_an_error_in_spite_of_a_default(asked, name):
    generator = joat.TokenGenerator("provider", "client")
    generator.user_id = "user"
    generator.scope = []
    with pytest.raises(TypeError, match=rf"^{name} must .*NoneType"):
        generator.issue_token(**{name: None})
    assert asked == []


def test_none_is_no_default_of_the_client(asked):
    arguments = {"user_id": "user", "scope": []}
    for generator in (
        Complete("issuer-marker", client_id=None),
        Complete("issuer-marker", None),
    ):
        with pytest.raises(TypeError, match=r"^client_id must be .*NoneType$"):
            generator.issue_token(**arguments)
        token = generator.issue_token(**arguments, client_id="given")
        assert claims_of(token)["aud"] == "given"
    assert Complete.client_id == "client-marker"


def test_none_is_no_jti(generator):
    issued = generator.issue_token(**ARGUMENTS)
    assert generator.issue_token(**ARGUMENTS, jti=None) == issued


class Marked:
    def __repr__(self):
        return "value-marker"

    __str__ = __repr__


NO_IDENTIFIERS = {
    "true": True,
    "false": False,
    "bytes": b"value-marker",
    "bytearray": bytearray(b"value-marker"),
    "float": 1234567.5,
    "decimal": Decimal("1234567"),
    "complex": 1234567j,
    "list": ["value-marker"],
    "tuple": ("value-marker",),
    "dict": {"value-marker": 1},
    "set": {"value-marker"},
    "class": str,
    "object": Marked(),
}
IDENTIFIERS = ["provider", "client_id", "user_id", "jti"]
by_no_identifier = pytest.mark.parametrize(
    "value", NO_IDENTIFIERS.values(), ids=NO_IDENTIFIERS
)


def assert_type_error(call, name, value):
    with pytest.raises(
        TypeError, match=rf"^{name} must .*{type(value).__name__}$"
    ) as e:
        call()
    assert_tells_nothing(e.value, "value-marker", "1234567.5", "1234567j", SALT)


@by_no_identifier
@pytest.mark.parametrize("name", IDENTIFIERS)
def test_identifiers_are_str_or_int(generator, asked, name, value):
    arguments = {**ARGUMENTS, name: value}
    assert_type_error(lambda: generator.issue_token(**arguments), name, value)
    assert asked == []


@by_no_identifier
@pytest.mark.parametrize("name", IDENTIFIERS[:3])
def test_defaults_are_str_or_int(generator, asked, name, value):
    setattr(generator, {"provider": "provider_name"}.get(name, name), value)
    arguments = {key: given for key, given in ARGUMENTS.items() if key != name}
    assert_type_error(lambda: generator.issue_token(**arguments), name, value)
    assert asked == []


@pytest.mark.parametrize("name", IDENTIFIERS)
@pytest.mark.parametrize("value", ["", "text", 0, -1, 2**64, 10**100], ids=repr)
def test_identifiers_come_back(generator, name, value):
    token = generator.issue_token(**{**ARGUMENTS, name: value})
    verified = joat.parse_token(token)
    names = {"scope": "authorized_scope"}
    assert verified == {
        names.get(key, key): given for key, given in {**ARGUMENTS, name: value}.items()
    }
    assert type(verified[name]) is type(value)


WRONG = {
    **{
        f"scope-{kind}": ("scope", value, type(value))
        for kind, value in {
            "tuple": ("value-marker",),
            "set": {"value-marker"},
            "str": "value-marker",
            "bytes": b"value-marker",
            "dict": {"value-marker": 1},
            "generator": (text for text in ["value-marker"]),
            "true": True,
            "integer": 1,
            "object": Marked(),
        }.items()
    },
    **{
        f"scope-of-{kind}": ("scope", ["read", value], type(value))
        for kind, value in {
            "None": None,
            "bytes": b"value-marker",
            "integer": 1234567,
            "true": True,
            "list": ["value-marker"],
            "object": Marked(),
        }.items()
    },
    **{
        f"issued_at-{kind}": ("issued_at", value, type(value))
        for kind, value in {
            "date": date(2014, 8, 6),
            "time": time(2, 9, 32),
            "integer": 1407290972,
            "float": 1407290972.5,
            "str": "value-marker",
            "timedelta": SECOND,
            "true": True,
            "object": Marked(),
        }.items()
    },
    **{
        f"lifetime-{kind}": ("lifetime", value, type(value))
        for kind, value in {
            "integer": 3600,
            "zero": 0,
            "float": 3600.5,
            "str": "value-marker",
            "datetime": ISSUED,
            "true": True,
            "object": Marked(),
        }.items()
    },
}


@pytest.mark.parametrize(("name", "value", "kind"), WRONG.values(), ids=WRONG)
def test_wrong_types_are_named(generator, asked, name, value, kind):
    with pytest.raises(TypeError, match=rf"^{name} must .*{kind.__name__}$") as caught:
        generator.issue_token(**{**ARGUMENTS, name: value})
    assert_tells_nothing(caught.value, "value-marker", "14072909", "1234567", SALT)
    assert asked == []


def test_wrong_default_lifetime_is_named(generator):
    generator.default_lifetime = 3600
    with pytest.raises(TypeError, match=r"^lifetime must .*int$"):
        generator.issue_token(**ARGUMENTS)


def test_wrong_default_scope_is_named(generator):
    generator.scope = "read"
    with pytest.raises(TypeError, match=r"^scope must .*str$"):
        generator.issue_token(user_id=1)


@pytest.mark.parametrize("name", ["user", "audience", "expires", "name", "nbf"])
def test_unknown_keywords_are_named(generator, asked, name):
    with pytest.raises(TypeError, match=f"'{name}'") as caught:
        generator.issue_token(**ARGUMENTS, **{name: "value-marker"})
    assert_tells_nothing(caught.value, "value-marker")
    assert asked == []


def test_arguments_are_by_keyword_only(generator):
    with pytest.raises(TypeError, match="positional"):
        generator.issue_token("provider")
    parameters = inspect.signature(joat.TokenGenerator.issue_token).parameters
    assert list(parameters) == [
        "self",
        "provider",
        "client_id",
        "user_id",
        "scope",
        "issued_at",
        "lifetime",
        "jti",
        "salt",
    ]


def test_wrong_arguments_are_told_without_a_salt(generator):
    with pytest.raises(TypeError, match=r"^jti must"):
        generator.issue_token(**ARGUMENTS, jti=1.5, salt=None)


class Changing(tzinfo):
    """Summer time: two hours ahead from 2014-08-06 on, one hour before."""

    def utcoffset(self, moment):
        return timedelta(hours=1 if moment < datetime(2014, 8, 6, tzinfo=self) else 2)

    def dst(self, moment):
        return self.utcoffset(moment) - timedelta(hours=1)


class NoOffset(tzinfo):
    def utcoffset(self, moment):
        return None


EAST = timezone(timedelta(hours=5, minutes=30))
MOMENTS = {
    "naive": (ISSUED, 1407290980),
    "fraction": (ISSUED.replace(microsecond=999_999), 1407290980),
    "utc": (ISSUED.replace(tzinfo=timezone.utc), 1407290980),
    "ahead": (ISSUED.replace(tzinfo=EAST), 1407290980 - 19_800),
    "behind": (ISSUED.replace(tzinfo=timezone(-SECOND * 90)), 1407291070),
    "offset-of-a-fraction": (
        ISSUED.replace(tzinfo=timezone(timedelta(microseconds=1))),
        1407290979,
    ),
    "no-offset": (ISSUED.replace(tzinfo=NoOffset()), 1407290980),
    "summer": (ISSUED.replace(tzinfo=Changing()), 1407283780),
    "winter": (datetime(2014, 8, 5, tzinfo=Changing()), 1407193200),
    "epoch": (datetime(1970, 1, 1), 0),
    "just-before-epoch": (datetime(1969, 12, 31, 23, 59, 59, 999_999), -1),
    "first": (datetime.min, -62135596800),
    "last": (datetime.max, 253402300799),
}
by_moment = pytest.mark.parametrize(
    ("moment", "seconds"), MOMENTS.values(), ids=MOMENTS
)


@by_moment
def test_issued_at(generator, moment, seconds):
    token = generator.issue_token(**ARGUMENTS, issued_at=moment)
    assert claims_of(token)["iat"] == seconds


@by_moment
def test_timestamp(moment, seconds):
    result = joat.timestamp(moment)
    assert result == seconds
    assert type(result) is int


LIFETIMES = {
    "second": (SECOND, 1407290981),
    "zero": (timedelta(), 1407290980),
    "negative": (-SECOND, 1407290979),
    "microsecond": (timedelta(microseconds=1), 1407290980),
    "minus-microsecond": (timedelta(microseconds=-1), 1407290979),
    "thousand-years": (timedelta(days=365_000), 1407290980 + 365_000 * 86_400),
    "longest": (timedelta.max, 1407290979 + 86_400_000_000_000),
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

    token = generator.issue_token(
        **ARGUMENTS,
        issued_at=Moment(2014, 8, 6, 2, 9, 40),
        lifetime=Duration(seconds=1),
    )
    assert claims_of(token)["exp"] == 1407290981


@pytest.mark.parametrize("issued", [datetime.min, datetime.max])
def test_expiry_may_lie_outside_of_datetime(generator, issued):
    lifetime = timedelta(days=1 if issued is datetime.max else -1)
    token = generator.issue_token(**ARGUMENTS, issued_at=issued, lifetime=lifetime)
    claims = claims_of(token)
    assert claims["exp"] - claims["iat"] == lifetime.total_seconds()


def issue_of_size(generator, size):
    return generator.issue_token(**{**ARGUMENTS, "user_id": "x" * size})


def test_longest_token(generator, asked):
    surplus = 65_536 - len(issue_of_size(generator, 0))
    size = surplus * 3 // 4
    while len(token := issue_of_size(generator, size)) < 65_536:
        size += 1
    assert len(token) == 65_536
    assert joat.parse_token(token)["user_id"] == "x" * size
    with pytest.raises(ValueError, match="longer than 65536") as caught:
        issue_of_size(generator, size + 3)
    assert not isinstance(caught.value, joat.TokenError)
    assert_tells_nothing(caught.value, "xxxxxxxx", SALT)


MESSAGES = {
    "identifier": ("user_id", None, "user_id must be a str or an int, not NoneType"),
    "scope": ("scope", (), "scope must be a list of str, not tuple"),
    "permission": ("scope", [1], "scope must hold only str, not int"),
    "issued_at": ("issued_at", 1, "issued_at must be a datetime.datetime, not int"),
    "lifetime": ("lifetime", 1, "lifetime must be a datetime.timedelta, not int"),
    "surrogate": (
        "jti",
        "\ud800",
        "identifiers and scope must not hold lone surrogates",
    ),
    "too-long": (
        "jti",
        "x" * 65_536,
        "the token would be longer than 65536 characters",
    ),
    "no-salt": ("salt", None, "there is no salt for these claims"),
}


@pytest.mark.parametrize(("name", "value", "message"), MESSAGES.values(), ids=MESSAGES)
def test_what_the_programmer_is_told(generator, name, value, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        generator.issue_token(**{**ARGUMENTS, name: value})
    assert str(caught.value) == message
