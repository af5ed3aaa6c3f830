"""Arguments that claim to be of another class than they are."""

from datetime import datetime, timedelta
from functools import partial

import pytest
from helpers import CLAIMS, SALT, TOKEN, VERIFIED, assert_tells_nothing

import joat


class Lazy:
    """As Django's SimpleLazyObject: its class is that of the value, by name alone."""

    def __init__(self, value):
        self.value = value

    @property
    def __class__(self):
        return type(self.value)


class LocalProxy(Lazy):
    """As werkzeug's: it hands on what is asked of it, special methods included."""

    def __getattr__(self, name):
        return getattr(self.value, name)


def handed_on(name):
    return lambda self, *arguments: getattr(self.value, name)(*arguments)


for name in ("eq", "hash", "iter", "len", "contains", "getitem", "bytes", "ge", "le"):
    setattr(LocalProxy, f"__{name}__", handed_on(f"__{name}__"))


by_proxy = pytest.mark.parametrize("proxy", [Lazy, LocalProxy])
ARGUMENTS = {"provider": "a", "client_id": "b", "user_id": "c", "scope": []}


def issue(**arguments):
    return joat.TokenGenerator("unused").issue_token(**{**ARGUMENTS, **arguments})


verify = partial(joat.verify_token, TOKEN)
authenticate = partial(joat.authenticate, f"Bearer {TOKEN}")
lacking = partial(joat.InsufficientScope, "unused")
challenge = joat.MissingToken("unused").www_authenticate

COLLECTIONS = [kind(["marker-text"]) for kind in (list, tuple, set, frozenset)]
OCTETS = [SALT.decode(), SALT, bytearray(SALT), memoryview(SALT)]
SPANS = [5, 0.5, timedelta(1)]
EXPECTED = ("provider", "client_id")
# A function, its argument, and right values to stand behind a proxy.
ALONE = [
    *((issue, name, ["marker-text", 7]) for name in (*EXPECTED, "user_id", "jti")),
    (issue, "scope", [["marker-text"]]),
    (issue, "issued_at", [datetime.max]),
    (issue, "lifetime", [timedelta(1)]),
    (issue, "salt", [*OCTETS, [SALT], (SALT,)]),
    *((verify, name, ["marker-text", 7, *COLLECTIONS]) for name in EXPECTED),
    (verify, "scope", COLLECTIONS),
    (verify, "leeway", SPANS),
    (verify, "salt", [*OCTETS, [SALT], (SALT,)]),
    *((authenticate, name, ["marker-text"]) for name in (*EXPECTED, "scope", "salt")),
    (authenticate, "leeway", SPANS),
    (joat.authenticate, "authorization", [f"Bearer {TOKEN}", b"Bearer marker"]),
    (joat.bearer_token, "authorization", [f"Bearer {TOKEN}", b"Bearer marker"]),
    (challenge, "realm", ["marker-text"]),
    (challenge, "scope", ["marker-text"]),
    (lacking, "scope", [["marker-text"]]),
    (joat.timestamp, "from_datetime", [datetime.max]),
]
IN_LISTS = [
    (issue, "scope", ["marker-text"]),
    (issue, "salt", OCTETS),
    *((verify, name, ["marker-text", 7]) for name in EXPECTED),
    (verify, "scope", ["marker-text"]),
    (verify, "salt", OCTETS),
    (lacking, "scope", ["marker-text"]),
]


def by_row(table):
    rows = [(way, name, value) for way, name, values in table for value in values]
    return pytest.mark.parametrize(("way", "name", "value"), rows)


def assert_named(proxy, way, name, given):
    name_told = "a salt" if name == "salt" else name
    message = rf"^{name_told} must .*, not {proxy.__name__}$"
    with pytest.raises(TypeError, match=message) as caught:
        way(**{name: given})
    assert_tells_nothing(caught.value, "marker-text", TOKEN, SALT)


@by_proxy
@by_row(ALONE)
def test_a_proxy_is_named_with_its_own_type(asked, proxy, way, name, value):
    assert_named(proxy, way, name, proxy(value))
    assert asked == []


@by_proxy
@by_row(IN_LISTS)
def test_so_is_one_in_a_list_or_tuple(asked, proxy, way, name, value):
    assert_named(proxy, way, name, [proxy(value)])
    if way is not issue or name != "scope":
        assert_named(proxy, way, name, (proxy(value),))
    assert asked == []


@by_proxy
@pytest.mark.parametrize("value", OCTETS)
def test_the_function_must_not_return_a_proxy(monkeypatch, proxy, value):
    monkeypatch.setattr(joat, "salt_generator", lambda claims: proxy(value))
    for call in (issue, verify, authenticate, lambda: joat.parse_token(TOKEN)):
        with pytest.raises(TypeError, match=rf"^a salt must .*{proxy.__name__}$"):
            call()


@by_proxy
@pytest.mark.parametrize("value", [TOKEN, TOKEN.encode()])
def test_a_proxy_is_no_token(asked, proxy, value):
    token = proxy(value)
    assert joat.parse_token(token) is None
    for function in (joat.verify_token, joat.unverified_claims):
        with pytest.raises(joat.MalformedToken, match="not text"):
            function(token)
    assert asked == []


@by_proxy
def test_a_proxy_in_a_set_is_nobody(asked, clock, proxy):
    with pytest.raises(joat.InvalidClaim):
        verify(client_id={proxy("other")})
    assert verify(client_id={proxy("other"), CLAIMS["aud"]})


@pytest.mark.parametrize("value", [None, 0, 1.5, "2014-08-06", timedelta(1)], ids=repr)
def test_timestamp_takes_a_datetime(value):
    rule = "from_datetime must be a datetime.datetime"
    with pytest.raises(TypeError, match=f"^{rule}, not {type(value).__name__}$"):
        joat.timestamp(value)


class LyingOctets(bytes):
    """Octets that say that they are text, and few."""

    @property
    def __class__(self):
        return str

    def __len__(self):
        return 1

    decode = rpartition = translate = property()


class LyingText(str):
    """A text that says that it is octets, and few."""

    @property
    def __class__(self):
        return bytes

    def __len__(self):
        return 1

    __str__ = encode = isascii = property()


@pytest.mark.parametrize(
    "lying", [LyingOctets(TOKEN.encode()), LyingText(TOKEN)], ids=["octets", "text"]
)
def test_a_token_is_what_its_type_is(lying):
    assert joat.unverified_claims(lying) == CLAIMS
    with pytest.raises(joat.MalformedToken, match="longer"):
        joat.unverified_claims(type(lying)(lying[:1] * 65_537))


class LyingNumber(float):
    def __rsub__(self, other):
        raise OverflowError


def test_a_leeway_is_the_number_that_it_is(monkeypatch):
    monkeypatch.setattr("time.time", lambda: CLAIMS["exp"] + 4.5)
    assert joat.verify_token(TOKEN, leeway=LyingNumber(5), salt=SALT) == VERIFIED
