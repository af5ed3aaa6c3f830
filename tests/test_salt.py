"""`joat.salt_generator`, and what a salt may be."""

from __future__ import annotations

import hmac
import importlib
import inspect
import warnings

import pytest
from helpers import (
    CLAIMS,
    CREDENTIALS,
    SALT,
    TOKEN,
    VERIFIED,
    assert_tells_nothing,
    make_token,
    with_claims,
)

import joat
from joat import jws

OTHER = b"another salt, which is long enough for HS256"


def issue(**arguments):
    return joat.TokenGenerator(CLAIMS["iss"]).issue_token(
        client_id=CLAIMS["aud"], user_id=CLAIMS["sub"], scope=CLAIMS["scp"], **arguments
    )


# What asks for a salt, with it given by the function or by an argument.
WAYS = {
    "issue_token": lambda **salt: issue(**salt),
    "verify_token": lambda **salt: joat.verify_token(TOKEN, **salt),
    "authenticate": lambda **salt: joat.authenticate(f"Bearer {TOKEN}", **salt),
    "parse_token": lambda: joat.parse_token(TOKEN),
}
WITH_ARGUMENT = {name: way for name, way in WAYS.items() if name != "parse_token"}


@pytest.fixture
def use(monkeypatch):
    """Return a function that assigns a salt generator which returns a salt."""

    def assign(salt):
        monkeypatch.setattr(joat, "salt_generator", lambda claims: salt)

    return assign


@pytest.fixture
def unset(monkeypatch):
    monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)
    importlib.reload(joat)


@pytest.mark.usefixtures("unset")
@pytest.mark.parametrize(
    "call",
    [
        lambda: joat.salt_generator({}),
        lambda: joat.TokenGenerator("provider"),
        lambda: joat.parse_token(TOKEN),
        lambda: joat.parse_token(None),
        lambda: joat.verify_token(TOKEN),
        lambda: joat.verify_token("garbage"),
        lambda: joat.authenticate(f"Bearer {TOKEN}"),
        lambda: joat.authenticate(None),
    ],
    ids=[
        "salt_generator",
        "TokenGenerator",
        "parse_token",
        "parse_token-of-None",
        "verify_token",
        "verify_token-of-garbage",
        "authenticate",
        "authenticate-without-header",
    ],
)
def test_unset_function_says_what_to_assign(call):
    with pytest.raises(NotImplementedError) as caught:
        call()
    assert str(caught.value) == (
        "joat.salt_generator is not set: assign a function to it that takes the"
        " claims of a token (dict) and returns their salt (str or bytes)"
    )
    assert_tells_nothing(caught.value, TOKEN)


@pytest.mark.usefixtures("unset", "clock")
def test_unset_function_is_not_missed_where_the_salt_is_given():
    assert joat.verify_token(TOKEN, salt=SALT) == VERIFIED
    assert joat.authenticate(f"Bearer {TOKEN}", salt=SALT) == VERIFIED
    assert joat.unverified_claims(TOKEN) == CLAIMS


def test_issuing_looks_for_the_function_again(asked):
    generator = joat.TokenGenerator("provider", "client")
    importlib.reload(joat)
    with pytest.raises(NotImplementedError, match=r"joat\.salt_generator"):
        generator.issue_token(user_id=1, scope=[])


def test_reload_makes_it_unset(asked):
    importlib.reload(joat)
    with pytest.raises(NotImplementedError):
        joat.parse_token(TOKEN)
    assert asked == []


@pytest.mark.usefixtures("clock")
def test_function_is_looked_up_at_every_call(use):
    use(OTHER)
    generator = joat.TokenGenerator("provider", "client")
    arguments = {"user_id": "user", "scope": []}
    assert joat.parse_token(TOKEN) is None
    old = generator.issue_token(**arguments)
    use(SALT)
    assert joat.parse_token(TOKEN) == CREDENTIALS
    new = generator.issue_token(**arguments)
    assert joat.parse_token(new)["user_id"] == "user"
    assert joat.parse_token(old) is None


TEXT = "s\xe4lt of thirty-two bytes, or more \u2603"
# A salt, and the secrets in it.
SALTS = {
    "bytes": (SALT, [SALT]),
    "str": (SALT.decode(), [SALT]),
    "str-not-ascii": (TEXT, [TEXT.encode()]),
    "bytes-not-utf-8": (b"\xff" * 32, [b"\xff" * 32]),
    "nuls-before": (b"\0" * 31 + b"x", [b"\0" * 31 + b"x"]),
    "nuls-behind": (SALT + b"\0" * 40, [SALT + b"\0" * 40]),
    "bytearray": (bytearray(SALT), [SALT]),
    "memoryview": (memoryview(SALT), [SALT]),
    "memoryview-of-every-second": (
        memoryview(OTHER + SALT)[::2],
        [(OTHER + SALT)[::2]],
    ),
    "hyphens": (b"-" * 40, [b"-" * 40]),
    "hyphen-and-begin": (b"-BEGIN " * 5, [b"-BEGIN " * 5]),
    "ssh-without-space": (b"ssh-" * 8, [b"ssh-" * 8]),
    "longer-than-a-block": (b"x" * 65, [b"x" * 65]),
    "list-of-bytes": ([SALT], [SALT]),
    "list-of-memoryview": ([memoryview(SALT), OTHER], [SALT, OTHER]),
    "list-of-str": ([TEXT], [TEXT.encode()]),
    "tuple-of-bytes": ((SALT,), [SALT]),
    "rotated-list": ([OTHER, SALT], [OTHER, SALT]),
    "rotated-tuple": ((SALT, OTHER), [SALT, OTHER]),
    "str-and-bytes": ([TEXT, SALT, OTHER.decode()], [TEXT.encode(), SALT, OTHER]),
}
by_salt = pytest.mark.parametrize(("salt", "secrets"), SALTS.values(), ids=SALTS)


@by_salt
@pytest.mark.usefixtures("clock")
def test_the_first_signs(use, salt, secrets):
    use(OTHER)
    first = issue(salt=secrets[0])
    assert issue(salt=salt) == first
    use(salt)
    assert issue() == first


@by_salt
@pytest.mark.usefixtures("clock")
def test_any_verifies(use, salt, secrets):
    use(salt)
    for secret in secrets:
        token = make_token(salt=secret)
        assert joat.parse_token(token) == CREDENTIALS
        assert joat.verify_token(token) == VERIFIED
        assert joat.verify_token(token, salt=salt) == VERIFIED
        assert joat.authenticate(f"Bearer {token}", salt=salt) == VERIFIED
    foreign = make_token(salt=b"some other salt of 32 bytes or more")
    assert joat.parse_token(foreign) is None
    with pytest.raises(joat.InvalidSignature):
        joat.verify_token(foreign, salt=salt)


NOTHING = {"None": None, "empty-list": [], "empty-tuple": ()}


@pytest.mark.parametrize("salt", NOTHING.values(), ids=NOTHING)
@pytest.mark.usefixtures("clock")
def test_no_salt_refuses_the_token(use, salt):
    use(salt)
    assert joat.parse_token(TOKEN) is None
    with pytest.raises(joat.InvalidSignature):
        joat.verify_token(TOKEN)


@pytest.mark.parametrize("salt", NOTHING.values(), ids=NOTHING)
@pytest.mark.usefixtures("clock")
def test_no_salt_as_argument_never_falls_back(asked, salt):
    for name in ("verify_token", "authenticate"):
        with pytest.raises(joat.InvalidSignature) as caught:
            WAYS[name](salt=salt)
        assert_tells_nothing(caught.value, TOKEN, SALT)
    with pytest.raises(ValueError, match="no salt"):
        issue(salt=salt)
    assert asked == []


@pytest.mark.parametrize("salt", NOTHING.values(), ids=NOTHING)
def test_no_salt_issues_nothing(use, salt):
    use(salt)
    with pytest.raises(ValueError, match="no salt") as caught:
        issue()
    assert not isinstance(caught.value, joat.TokenError)
    assert_tells_nothing(caught.value, "client-marker user-marker issuer-marker")


class Unprintable:
    def __repr__(self):
        return "salt-marker"


WRONG_SALTS = {
    "empty-str": ("", ValueError),
    "empty-bytes": (b"", ValueError),
    "empty-str-in-list": ([""], ValueError),
    "empty-bytes-in-tuple": ((b"",), ValueError),
    "empty-after-good": ([SALT, b""], ValueError),
    "empty-before-good": (["", SALT], ValueError),
    "lone-surrogate": ("salt-marker\ud800", ValueError),
    "lone-surrogate-in-list": ([SALT, "salt-marker\udfff"], ValueError),
    "true": (True, TypeError),
    "false": (False, TypeError),
    "zero": (0, TypeError),
    "integer": (1234567890, TypeError),
    "float": (1.5, TypeError),
    "empty-bytearray": (bytearray(), ValueError),
    "empty-memoryview": (memoryview(b""), ValueError),
    "nuls": (b"\0" * 32, ValueError),
    "one-nul": ("\0", ValueError),
    "nuls-longer-than-a-block": (b"\0" * 65, ValueError),
    "nul-bytearray": (bytearray(32), ValueError),
    "nul-memoryview": (memoryview(bytes(32)), ValueError),
    "nuls-after-good": ([SALT, b"\0" * 32], ValueError),
    **{
        f"key-{name}": (text, ValueError)
        for name, text in {
            "public": "-----BEGIN PUBLIC KEY-----\nsalt-marker",
            "private": b"-----BEGIN RSA PRIVATE KEY-----\nsalt-marker",
            "certificate": b"\r\n\t -----BEGIN CERTIFICATE-----\nsalt-marker",
            "after-byte-order-mark": "\ufeff-----BEGIN PUBLIC KEY-----\nsalt-marker",
            "ssh2": "---- BEGIN SSH2 PUBLIC KEY ----\nsalt-marker",
            "openssh-rsa": "ssh-rsa AAAAB3NzaC1yc2E salt-marker",
            "openssh-dss": b"ssh-dss AAAAB3NzaC1kc3M salt-marker",
            "openssh-ed25519": b"\nssh-ed25519 AAAAC3NzaC1lZDI1 salt-marker",
            "openssh-ecdsa": "ecdsa-sha2-nistp256 AAAAE2VjZHNh salt-marker",
            "openssh-fido": "sk-ssh-ed25519@openssh.com AAAAGnNr salt-marker",
            "openssh-fido-ecdsa": "sk-ecdsa-sha2-nistp256@openssh.com\tAAAAInNr",
            "bytearray": bytearray(b"ssh-rsa AAAAB3NzaC1yc2E salt-marker"),
            "memoryview": memoryview(b"-----BEGIN PUBLIC KEY-----\nsalt-marker"),
            "after-good": [SALT, b"-----BEGIN PUBLIC KEY-----\nsalt-marker"],
        }.items()
    },
    "dict": ({"salt-marker": "salt-marker"}, TypeError),
    "empty-dict": ({}, TypeError),
    "set": ({"salt-marker"}, TypeError),
    "frozenset": (frozenset([b"salt-marker"]), TypeError),
    "generator": ((salt for salt in ["salt-marker"]), TypeError),
    "iterator": (iter(["salt-marker"]), TypeError),
    "range": (range(2), TypeError),
    "object": (Unprintable(), TypeError),
    "class": (str, TypeError),
    "function": (lambda: SALT, TypeError),
    "not-implemented": (NotImplemented, TypeError),
    "list-of-None": ([None], TypeError),
    "None-after-good": ([SALT, None], TypeError),
    "list-of-integers": ([1, 2], TypeError),
    "list-of-lists": ([[SALT]], TypeError),
    "tuple-in-tuple": (((SALT,),), TypeError),
    "true-after-good": ([SALT, True], TypeError),
}
by_wrong_salt = pytest.mark.parametrize(
    ("salt", "error"), WRONG_SALTS.values(), ids=WRONG_SALTS
)


def assert_servers_mistake(call, error):
    with pytest.raises(error, match="salt must") as caught:
        call()
    assert type(caught.value) is error
    assert_tells_nothing(caught.value, "salt-marker", SALT, TOKEN, "1234567890")


@by_wrong_salt
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_is_no_salt_is_the_servers_mistake(use, salt, error, way):
    use(salt)
    assert_servers_mistake(way, error)


@by_wrong_salt
@pytest.mark.parametrize("way", WITH_ARGUMENT.values(), ids=WITH_ARGUMENT)
def test_what_is_no_salt_is_wrong_as_argument_too(asked, salt, error, way):
    assert_servers_mistake(lambda: way(salt=salt), error)
    assert asked == []


@by_wrong_salt
def test_a_wrong_argument_is_told_whatever_the_token(asked, salt, error):
    assert_servers_mistake(lambda: joat.verify_token("garbage", salt=salt), error)
    assert_servers_mistake(lambda: joat.authenticate(None, salt=salt), error)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_coroutine_is_no_salt(monkeypatch, way):
    coroutines = []

    async def find_salt(claims):
        return SALT

    def unawaited(claims):
        coroutines.append(find_salt(claims))
        return coroutines[-1]

    monkeypatch.setattr(joat, "salt_generator", unawaited)
    with pytest.raises(TypeError, match="coroutine"):
        way()
    coroutines[-1].close()


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_function_is_called_once_with_the_claims(asked, way):
    way()
    [claims] = asked
    expected = CLAIMS
    if way is WAYS["issue_token"]:
        expected = {**CLAIMS, "iat": 1407290980, "exp": 1407294580}
    assert claims == expected
    assert type(claims) is dict


@pytest.mark.parametrize("way", WITH_ARGUMENT.values(), ids=WITH_ARGUMENT)
@pytest.mark.usefixtures("clock")
def test_function_is_not_called_if_the_salt_is_given(asked, way):
    way(salt=SALT)
    assert asked == []


def test_issuing_shows_jti(asked):
    issue(jti="jti-marker")
    assert asked[0]["jti"] == "jti-marker"


def test_verifying_shows_all_claims(asked, clock):
    token = with_claims(jti=5, nbf=0, tenant={"id": 1})
    joat.parse_token(token)
    assert asked == [{**CLAIMS, "jti": 5, "nbf": 0, "tenant": {"id": 1}}]


def test_function_is_not_called_for_wrong_arguments(asked):
    with pytest.raises(TypeError):
        issue(jti=1.5)
    with pytest.raises(TypeError):
        joat.verify_token(TOKEN, provider=None)
    assert asked == []


def clear(claims):
    claims.clear()


def overwrite(claims):
    claims.update(dict.fromkeys(claims, None), jti="changed", nbf=9e99, extra=1)


def name_the_token(claims):
    claims["jti"] = "changed"


def pop_iat(claims):
    claims.pop("iat")


def change_scope(claims):
    claims["scp"].append("admin")


def empty_scope(claims):
    claims["scp"].clear()


def extend_times(claims):
    claims["exp"] += 10**9


CHANGES = [
    clear,
    overwrite,
    name_the_token,
    pop_iat,
    change_scope,
    empty_scope,
    extend_times,
]


@pytest.fixture(params=CHANGES, ids=lambda change: change.__name__)
def changed(request, monkeypatch):
    """Assign a function that changes the claims that it is given."""

    def changing(claims):
        request.param(claims)
        return SALT

    monkeypatch.setattr(joat, "salt_generator", changing)


@pytest.mark.usefixtures("changed", "clock")
def test_function_may_change_what_it_is_shown_when_verifying():
    assert joat.parse_token(TOKEN) == CREDENTIALS
    assert joat.verify_token(TOKEN, scope=CLAIMS["scp"]) == VERIFIED


@pytest.mark.usefixtures("changed")
def test_function_must_not_change_the_claims_when_issuing():
    scope = list(CLAIMS["scp"])
    with pytest.raises(ValueError, match="must not change the claims") as caught:
        issue()
    assert not isinstance(caught.value, joat.TokenError)
    assert_tells_nothing(caught.value, SALT, "client-marker", "profile-marker")
    assert CLAIMS["scp"] == scope


NO_FUNCTIONS = {"str": "salt-marker-salt-marker", "None": None, "bytes": SALT}


@pytest.mark.parametrize("generator", NO_FUNCTIONS.values(), ids=NO_FUNCTIONS)
@pytest.mark.parametrize(
    "call",
    {
        **WAYS,
        "TokenGenerator": lambda: joat.TokenGenerator("provider"),
        "parse_token-of-garbage": lambda: joat.parse_token("garbage"),
        "verify_token-of-None": lambda: joat.verify_token(None),
        "authenticate-without-header": lambda: joat.authenticate(None),
    }.values(),
)
def test_what_is_no_function_is_told_before_the_token(monkeypatch, generator, call):
    monkeypatch.setattr(joat, "salt_generator", generator)
    message = rf"^joat\.salt_generator must .*{type(generator).__name__}$"
    with pytest.raises(TypeError, match=message) as caught:
        call()
    assert_tells_nothing(caught.value, "salt-marker", SALT, TOKEN)


STRONG = b"x" * 32
WEAK_SALTS = {
    "bytes": b"x" * 31,
    "str": "x" * 31,
    "bytearray": bytearray(b"x"),
    "memoryview": memoryview(b"x" * 31),
    "padded": b"secret".ljust(32, b"\0"),
    "padded-str": "secret".ljust(32, "\0"),
    "padded-over-a-block": b"secret".ljust(80, b"\0"),
    "31": b"x" * 31,
    "28-and-nuls": b"x" * 28 + b"\0" * 4,
    "31-after-nul": b"\0" + b"x" * 30,
    "first": [b"x", STRONG],
    "second": [STRONG, b"x"],
    "two": (b"x", b"y"),
    "hyphens": b"-" * 31,
}
STRONG_SALTS = {
    "bytes": STRONG,
    "str": "x" * 32,
    "not-ascii": "\xe4" * 16,
    "nul-at-the-end": b"x" * 31 + b"\0",
    "three-nuls-at-the-end": b"x" * 29 + b"\0" * 3,
    "nuls-within": b"x" + b"\0" * 30 + b"x",
    "list": [STRONG, b"y" * 32],
    "hyphens": b"-" * 32,
    "nothing": [],
}


def first_of(salt):
    salt = salt[0] if isinstance(salt, (list, tuple)) else salt
    return salt.encode() if isinstance(salt, str) else bytes(salt)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("salt", WEAK_SALTS.values(), ids=WEAK_SALTS)
def test_a_weak_salt_is_told_once_a_call_where_it_came_in(use, salt):
    token = make_token(salt=first_of(salt))
    use(salt)
    for call in (
        lambda: issue(),
        lambda: issue(salt=salt),
        lambda: joat.parse_token(token),
        lambda: joat.verify_token(token),
        lambda: joat.verify_token(token, salt=salt),
        lambda: joat.authenticate(f"Bearer {token}"),
        lambda: joat.authenticate(f"Bearer {token}", salt=salt),
    ):
        with pytest.warns(joat.WeakSaltWarning, match="shorter than 32") as warned:
            assert call()
        [warning] = warned
        assert warning.filename == __file__
        assert_tells_nothing(warning.message, token, first_of(salt).ljust(8))


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("salt", STRONG_SALTS.values(), ids=STRONG_SALTS)
def test_a_strong_salt_is_no_matter_for_a_warning(use, salt):
    use(salt)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        joat.parse_token(TOKEN)
        if salt:
            assert joat.parse_token(issue())


def test_the_warning_points_at_the_line_that_called(use):
    use(b"x")
    with pytest.warns(joat.WeakSaltWarning) as warned:
        joat.parse_token(TOKEN)
    lines, start = inspect.getsourcelines(
        test_the_warning_points_at_the_line_that_called
    )
    assert "joat.parse_token" in lines[warned[0].lineno - start]


@pytest.mark.usefixtures("clock")
def test_where_there_is_no_salt_an_hmac_is_computed_all_the_same(use, monkeypatch):
    computed = []

    def hmac_sha256(secret, message):
        computed.append((len(secret), message))
        return hmac.digest(secret, message, "sha256")

    monkeypatch.setattr(jws, "hmac_sha256", hmac_sha256)
    for salt in (SALT, OTHER[:32], None, [], ()):
        use(salt)
        joat.parse_token(TOKEN)
    assert computed == [(32, TOKEN.rpartition(".")[0].encode())] * 5


@pytest.mark.usefixtures("clock")
def test_the_key_of_nobody_signs_nothing(use):
    token = make_token(salt=jws._NOBODY)
    use(jws._NOBODY)
    assert joat.parse_token(token) == CREDENTIALS
    use(None)
    assert joat.parse_token(token) is None
    assert joat.parse_token(TOKEN) is None


RAISED = {
    "KeyError": KeyError("client"),
    "TypeError": TypeError("mine"),
    "ValueError": ValueError("mine"),
    "UnicodeDecodeError": UnicodeDecodeError("utf-8", b"", 0, 1, "mine"),
    "NotImplementedError": NotImplementedError("mine"),
    "RecursionError": RecursionError("mine"),
    "MemoryError": MemoryError("mine"),
    "TimeoutError": TimeoutError("mine"),
    "StopIteration": StopIteration("mine"),
    "KeyboardInterrupt": KeyboardInterrupt("mine"),
    "SystemExit": SystemExit("mine"),
    "TokenError": joat.TokenError("mine"),
    "MalformedToken": joat.MalformedToken("mine"),
    "InvalidSignature": joat.InvalidSignature("mine"),
}


@pytest.mark.parametrize("raised", RAISED.values(), ids=RAISED)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_the_function_raises_propagates(monkeypatch, raised, way):
    def salt_generator(claims):
        raise raised

    monkeypatch.setattr(joat, "salt_generator", salt_generator)
    with pytest.raises(type(raised)) as caught:
        way()
    assert caught.value is raised
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.usefixtures("clock")
def test_any_callable_will_do(monkeypatch):
    class Table(dict):
        def __call__(self, claims):
            return self.get(claims["aud"])

    monkeypatch.setattr(joat, "salt_generator", Table({CLAIMS["aud"]: SALT}))
    assert joat.parse_token(TOKEN) == CREDENTIALS
    assert joat.parse_token(with_claims(aud="other")) is None
