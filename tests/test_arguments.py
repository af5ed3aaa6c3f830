"""Arguments that claim to be of another class than they are."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from helpers import CLAIMS, SALT, TOKEN, assert_tells_nothing

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

    def __eq__(self, other):
        return self.value == other

    def __hash__(self):
        return hash(self.value)

    def __iter__(self):
        return iter(self.value)

    def __len__(self):
        return len(self.value)

    def __contains__(self, item):
        return item in self.value

    def __getitem__(self, key):
        return self.value[key]

    def __str__(self):
        return str(self.value)

    def __bytes__(self):
        return bytes(self.value)

    def __ge__(self, other):
        return self.value >= other

    def __le__(self, other):
        return self.value <= other


by_proxy = pytest.mark.parametrize("proxy", [Lazy, LocalProxy])


def issue(**arguments):
    given = {
        "provider": "issuer-marker",
        "client_id": "client-marker",
        "user_id": "user-marker",
        "scope": ["read-marker"],
    }
    return joat.TokenGenerator("unused").issue_token(**{**given, **arguments})


def verify(**expected):
    return joat.verify_token(TOKEN, **expected)


def authenticate(**expected):
    return joat.authenticate(f"Bearer {TOKEN}", **expected)


# The name of the argument, a right value to stand behind a proxy, and how it is given.
IDENTIFIERS = {"str": "marker-text", "int": 7}
COLLECTIONS = {
    "list": ["marker-text"],
    "tuple": ("marker-text",),
    "set": {"marker-text"},
    "frozenset": frozenset(["marker-text"]),
}
OCTETS = {
    "str": SALT.decode(),
    "bytes": SALT,
    "bytearray": bytearray(SALT),
    "memoryview": memoryview(SALT),
}
ISSUED = {
    **{
        f"{name}-{kind}": (name, value, lambda given, name=name: issue(**{name: given}))
        for name in ("provider", "client_id", "user_id", "jti")
        for kind, value in IDENTIFIERS.items()
    },
    "scope": ("scope", ["marker-text"], lambda given: issue(scope=given)),
    "permission": ("scope", "marker-text", lambda given: issue(scope=[given])),
    "issued_at": ("issued_at", datetime.max, lambda given: issue(issued_at=given)),
    "lifetime": ("lifetime", timedelta(1), lambda given: issue(lifetime=given)),
}
VERIFIED = {
    **{
        f"{way.__name__}-{name}-{kind}": (
            name,
            value,
            lambda given, way=way, name=name: way(**{name: given}),
        )
        for way in (verify, authenticate)
        for name in ("provider", "client_id")
        for kind, value in {**IDENTIFIERS, **COLLECTIONS}.items()
    },
    **{
        f"verify-{name}-in-{kind.__name__}": (
            name,
            "marker-text",
            lambda given, name=name, kind=kind: verify(**{name: kind([given])}),
        )
        for name in ("provider", "client_id")
        for kind in (list, tuple)
    },
    **{
        f"verify-scope-{kind}": ("scope", value, lambda given: verify(scope=given))
        for kind, value in COLLECTIONS.items()
    },
    "verify-permission": ("scope", "a", lambda given: verify(scope=[given])),
    **{
        f"{way.__name__}-leeway-{type(value).__name__}": (
            "leeway",
            value,
            lambda given, way=way: way(leeway=given),
        )
        for way in (verify, authenticate)
        for value in (5, 0.5, timedelta(1))
    },
}
HEADERS = {
    f"{function.__name__}-{type(value).__name__}": ("authorization", value, function)
    for function in (joat.authenticate, joat.bearer_token)
    for value in (f"Bearer {TOKEN}", f"Bearer {TOKEN}".encode())
}
SALTS = {
    f"{way.__name__}-salt-{kind}{'-in-list' * within}": (
        "a salt",
        value,
        lambda given, way=way, within=within: way(salt=[given] if within else given),
    )
    for way in (issue, verify, authenticate)
    for within in (False, True)
    for kind, value in {**OCTETS, "list": [SALT], "tuple": (SALT,)}.items()
}
ERRORS = {
    "realm": (
        "realm",
        "marker-text",
        lambda given: joat.MissingToken("unused").www_authenticate(given),
    ),
    "parameter": (
        "scope",
        "marker-text",
        lambda given: joat.MissingToken("unused").www_authenticate(scope=given),
    ),
    "needed-scope": (
        "scope",
        ["marker-text"],
        lambda given: joat.InsufficientScope("unused", given),
    ),
    "needed-permission": (
        "scope",
        "marker-text",
        lambda given: joat.InsufficientScope("unused", [given]),
    ),
    "timestamp": ("from_datetime", datetime.max, joat.timestamp),
}
ARGUMENTS = {**ISSUED, **VERIFIED, **HEADERS, **SALTS, **ERRORS}


@by_proxy
@pytest.mark.parametrize(("name", "value", "call"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_a_proxy_is_named_with_its_own_type(asked, name, value, call, proxy):
    message = rf"^{name} must .*, not {proxy.__name__}$"
    with pytest.raises(TypeError, match=message) as caught:
        call(proxy(value))
    assert_tells_nothing(caught.value, "marker-text", TOKEN, SALT)
    assert asked == []


@by_proxy
@pytest.mark.parametrize("value", OCTETS.values(), ids=OCTETS)
def test_the_function_must_not_return_a_proxy(monkeypatch, proxy, value):
    monkeypatch.setattr(joat, "salt_generator", lambda claims: proxy(value))
    for call in (issue, verify, authenticate, lambda: joat.parse_token(TOKEN)):
        with pytest.raises(TypeError, match=rf"^a salt must .*{proxy.__name__}$"):
            call()


@by_proxy
@pytest.mark.parametrize("kind", [str, bytes])
def test_a_proxy_is_no_token(asked, proxy, kind):
    token = proxy(TOKEN if kind is str else TOKEN.encode())
    assert joat.parse_token(token) is None
    for function in (joat.verify_token, joat.unverified_claims):
        with pytest.raises(joat.MalformedToken, match="not text"):
            function(token)
    assert asked == []


@by_proxy
@pytest.mark.usefixtures("clock")
def test_a_proxy_in_a_set_is_nobody(asked, proxy):
    with pytest.raises(joat.InvalidClaim):
        verify(client_id={proxy("other")})
    assert verify(client_id={proxy("other"), CLAIMS["aud"]})


@pytest.mark.parametrize("value", [None, 0, 1.5, "2014-08-06", timedelta(1)], ids=repr)
def test_timestamp_takes_a_datetime(value):
    rule = "from_datetime must be a datetime.datetime"
    with pytest.raises(TypeError, match=f"^{rule}, not {type(value).__name__}$"):
        joat.timestamp(value)


class LyingOctets(bytes):
    """Octets that say that they are text."""

    @property
    def __class__(self):
        return str


def test_a_token_is_what_its_type_is():
    token = LyingOctets(TOKEN.encode())
    assert joat.unverified_claims(token) == joat.unverified_claims(TOKEN)
