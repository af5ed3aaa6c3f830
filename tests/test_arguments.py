"""Arguments that claim to be of another class than they are."""

from datetime import datetime, timedelta
from functools import partial

import pytest
from helpers import ARGUMENTS, CLAIMS, SALT, TOKEN, VERIFIED, assert_tells_nothing

import joat


class LocalProxy:
    """As werkzeug's: it hands on what is asked of it, its class included."""

    __class__ = property(lambda self: type(self.value))

    def __init__(self, value):
        self.value = value

    def __getattr__(self, name):
        return getattr(self.value, name)


def handed_on(name):
    return lambda self, *arguments: getattr(self.value, name)(*arguments)


for name in ("eq", "hash", "iter", "len", "contains", "getitem", "bytes", "ge", "le"):
    setattr(LocalProxy, f"__{name}__", handed_on(f"__{name}__"))


def issue(**arguments):
    return joat.TokenGenerator("unused").issue_token(**{**ARGUMENTS, **arguments})


verify = partial(joat.verify_token, TOKEN)
lacking = partial(joat.InsufficientScope, "unused")
challenge = joat.MissingToken("unused").www_authenticate

TEXT = LocalProxy("marker-text")
KINDS = (list, tuple, set, frozenset)
COLLECTIONS = [LocalProxy(kind(["marker-text"])) for kind in KINDS]
SALTS = [LocalProxy(octets) for octets in (SALT.decode(), SALT, bytearray(SALT))]
SALTS += [*([salt] for salt in SALTS), LocalProxy([SALT]), LocalProxy(memoryview(SALT))]
# One argument for each way to look at them: those of the other functions, which are
# looked at in the same ways, are in test_generator.py and test_verifier.py.
GIVEN = [
    (issue, "provider", [TEXT, LocalProxy(7)]),
    (issue, "scope", [LocalProxy(["marker-text"]), [TEXT]]),
    (issue, "issued_at", [LocalProxy(datetime.max)]),
    (issue, "lifetime", [LocalProxy(timedelta(1))]),
    (verify, "provider", [TEXT, LocalProxy(7), *COLLECTIONS, [TEXT], (TEXT,)]),
    (verify, "scope", [*COLLECTIONS, [TEXT], (TEXT,)]),
    (verify, "leeway", [LocalProxy(5), LocalProxy(0.5), LocalProxy(timedelta(1))]),
    (verify, "salt", SALTS),
    (joat.bearer_token, "authorization", [TEXT, LocalProxy(b"marker-text")]),
    (challenge, "realm", [TEXT]),
    (lacking, "scope", [*COLLECTIONS, [TEXT]]),
]
WHERE = [f"{getattr(way, 'func', way).__name__}-{name}" for way, name, _ in GIVEN]


@pytest.mark.parametrize(("way", "name", "values"), GIVEN, ids=WHERE)
def test_a_proxy_is_named_with_its_own_type(asked, way, name, values):
    name_told = "a salt" if name == "salt" else name
    for value in values:
        message = rf"^{name_told} must .*, not LocalProxy$"
        with pytest.raises(TypeError, match=message) as caught:
            way(**{name: value})
        assert_tells_nothing(caught.value, "marker-text", TOKEN, SALT)
    assert asked == []


@pytest.mark.parametrize("value", [TOKEN, TOKEN.encode()])
def test_a_proxy_is_no_token(asked, value):
    assert joat.parse_token(LocalProxy(value)) is None
    for function in (joat.verify_token, joat.unverified_claims):
        with pytest.raises(joat.MalformedToken, match=r"^the token is not text$"):
            function(LocalProxy(value))
    assert asked == []


def test_a_proxy_in_a_set_is_nobody(asked, clock):
    with pytest.raises(joat.InvalidClaim):
        verify(client_id={LocalProxy("other")})
    assert verify(client_id={LocalProxy("other"), CLAIMS["aud"]})


class LyingOctets(bytes):
    """Octets that say that they are text, and few."""

    __class__ = property(lambda octets: str)

    def __len__(self):
        return 1

    decode = rpartition = translate = property()


class LyingText(str):
    """A text that says that it is octets, and few."""

    __class__ = property(lambda text: bytes)

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
