"""`joat.salt_generator`, and what a salt may be."""

import hmac
import linecache
from base64 import b64encode, encodebytes, urlsafe_b64encode
from binascii import a2b_base64
from functools import partial

import pytest
from helpers import (
    ARGUMENTS,
    CLAIMS,
    CREDENTIALS,
    NOW,
    SALT,
    TOKEN,
    VERIFIED,
    assert_tells_nothing,
    make_token,
    variables_of,
    with_claims,
)

import joat
from joat import jws
from joat.salt import NOBODY, _not_assigned

NOT_SET = (
    "joat.salt_generator is not set: assign a function to it that takes the"
    " claims of a token (dict) and returns their salt (str or bytes)"
)
OTHER = b"another salt, which is long enough for HS256"


def issue(**arguments):
    return joat.TokenGenerator("unused").issue_token(**ARGUMENTS, **arguments)


# What asks for a salt, with it given by the function or by an argument.
WITH_ARGUMENT = {
    "issue": issue,
    "verify": lambda token=TOKEN, **salt: joat.verify_token(token, **salt),
    "header": lambda token=TOKEN, **salt: joat.authenticate(f"Bearer {token}", **salt),
}
WAYS = {**WITH_ARGUMENT, "parse": lambda token=TOKEN: joat.parse_token(token)}
by_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@pytest.fixture
def use(monkeypatch, clock):
    """Return a function that assigns a salt generator which returns a salt."""

    def assign(salt):
        # No function by type, but one that can be called.
        generator = partial(lambda salt, claims: salt, salt)
        monkeypatch.setattr(joat, "salt_generator", generator)

    return assign


CALLS = {
    **WAYS,
    "make-a-generator": lambda: joat.TokenGenerator("provider"),
    "issue-with-an-older-one": (
        lambda: joat.TokenGenerator.__new__(joat.TokenGenerator).issue_token()
    ),
    "parse-none": lambda: joat.parse_token(None),
    "verify-garbage": lambda: joat.verify_token("garbage"),
    "no-header": lambda: joat.authenticate(None),
}


def test_no_function_is_assigned_at_first():
    assert joat.salt_generator is _not_assigned


@pytest.mark.parametrize("generator", [_not_assigned, "salt-marker", None, SALT])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_what_is_no_function_is_told_before_the_token(monkeypatch, generator, call):
    monkeypatch.setattr(joat, "salt_generator", generator)
    must = f"joat.salt_generator must be a function, not {type(generator).__name__}"
    error, told = (TypeError, must)
    if generator is _not_assigned:
        error, told = (NotImplementedError, NOT_SET)
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == told


@by_way
def test_function_is_called_once_with_the_claims(asked, clock, way):
    way()
    expected = {**CLAIMS, "iat": NOW, "exp": NOW + 3600} if way is issue else CLAIMS
    assert asked == [expected]
    assert type(asked[0]) is dict
    if way in WITH_ARGUMENT.values():
        way(salt=SALT)
        assert len(asked) == 1


def test_function_is_shown_all_claims(asked, clock):
    others = {"jti": 5, "nbf": 0, "tenant": {"id": 1}}
    joat.parse_token(with_claims(**others))
    assert asked == [{**CLAIMS, **others}]


# A salt, and the secrets in it. None is weak, or a warning would fail the test.
TEXT = " s\xe4lt of thirty-two bytes, or more \u2603 "
OCTETS = {
    "shortest": b"x" * 32,
    "not-utf-8": b"\xff" * 32,
    "nuls-before": b"\0" * 31 + b"x",
    "nuls-within": b"x" + b"\0" * 30 + b"x",
    "nuls-behind": SALT + b"\0" * 40,
    "three-nuls-at-the-end": b"x" * 29 + b"\0" * 3,
    "29-and-nuls": b"x" * 29 + b"\0" * 4,
    "longer-than-a-block": b"x" * 65,
    "hyphens": b"-" * 32,
    "hyphen-and-begin": b"-BEGIN " * 5,
    "hyphen-in-words": b"the ssh-agent knows it by heart, too",
    "ssh-without-space": b"ssh-" * 8,
    # Almost DER: another length, another tag, no length at all.
    "der-of-another-length": b"\x30\x1f\x30" + b"x" * 29,
    "der-with-another-tag": b"\x30\x1e\x04" + b"x" * 29,
    "der-and-more": b"\x30\x1d\x30" + b"x" * 64,
    "der-of-no-length": b"\x30\x9e" + b"\0" * 29 + b"x",
    "der-longer-than-any": b64encode(b"\x30\x82\x40\0\x30" + SALT),
    "hexadecimal-that-begins-with-the-tag": b"30" * 16,
}
SALTS = {
    **{name: (octets, [octets]) for name, octets in OCTETS.items()},
    "str": (SALT.decode(), [SALT]),
    "str-not-ascii": (TEXT, [TEXT.encode()]),
    "white-space-around": (f" {SALT.decode()}\t\n", [b" " + SALT + b"\t\n"]),
    "longer-than-a-block-behind-nuls": (b"\0" * 60 + b"x" * 8, [b"\0" * 60 + b"x" * 8]),
    "16-characters": ("\xe4" * 16, [b"\xc3\xa4" * 16]),
    "bytearray": (bytearray(SALT), [SALT]),
    "memoryview-of-every-second": (memoryview(SALT * 2)[::2], [(SALT * 2)[::2]]),
    "list": ([OTHER, SALT], [OTHER, SALT]),
    "tuple": ((SALT, OTHER), [SALT, OTHER]),
    "mixed": ([TEXT, memoryview(SALT), OTHER.decode()], [TEXT.encode(), SALT, OTHER]),
}


@pytest.mark.parametrize(("salt", "secrets"), SALTS.values(), ids=SALTS)
def test_the_first_signs_and_any_verifies(use, salt, secrets):
    before = [*salt] if isinstance(salt, list) else salt
    tokens = [make_token(salt=secret) for secret in secrets]
    foreign = make_token(salt=b"some other salt of 32 bytes or more")
    for token in tokens:  # with no function to ask
        assert joat.verify_token(token, salt=salt) == VERIFIED
        assert joat.authenticate(f"Bearer {token}", salt=salt) == VERIFIED
    with pytest.raises(joat.InvalidSignature):
        joat.verify_token(foreign, salt=salt)
    use(OTHER)
    first = issue(salt=secrets[0])
    assert issue(salt=salt) == first
    use(salt)
    assert issue() == first
    assert [joat.parse_token(token) for token in tokens] == [CREDENTIALS] * len(tokens)
    assert joat.parse_token(foreign) is None
    assert salt == before  # The caller's list is left alone.


@pytest.mark.parametrize("salt", [None, [], ()], ids=repr)
def test_no_salt_is_an_error_only_when_issuing(asked, use, salt):
    for given in ({"salt": salt}, {}):
        for name in ("verify", "header"):
            with pytest.raises(joat.InvalidSignature):
                WAYS[name](**given)
        with pytest.raises(ValueError, match=r"^there is no salt for these claims$"):
            issue(**given)
        assert asked == []  # nor for the argument
        use(salt)
    assert joat.parse_token(TOKEN) is None


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


def test_the_key_of_nobody_signs_nothing(use):
    token = make_token(salt=NOBODY)
    use(bytes(bytearray(NOBODY)))
    assert joat.parse_token(token) == CREDENTIALS
    use(None)
    assert joat.parse_token(token) is None


async def find_salt():
    return SALT


COROUTINE = find_salt()
COROUTINE.close()  # or Python warns that nobody awaits it
NO_SALTS = [
    *(True, False, 0, 1234567890, 1.5, object(), str, find_salt, COROUTINE),
    *({}, {"salt-marker": "salt-marker"}, {"salt-marker"}, frozenset([SALT])),
    *((salt for salt in ["salt-marker"]), iter(["salt-marker"]), range(2)),
    *([None], [SALT, None], [1, 2], [[SALT]], ((SALT,),), [SALT, True]),
]
NO_SECRETS = [
    *("", b"", bytearray(), memoryview(b""), [""], (b"",), [SALT, b""], ["", SALT]),
    *("salt-marker\ud800", [SALT, "salt-marker\udfff"]),
    *("\0", b"\0" * 32, b"\0" * 65, bytearray(32), memoryview(bytes(32))),
    *([SALT, b"\0" * 32],),
]
ED25519 = bytes.fromhex(
    "302a300506032b6570032100"
    "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
)
KEYS = [
    "-----BEGIN PUBLIC KEY-----\nsalt-marker",
    memoryview(b"-----BEGIN PUBLIC KEY-----\nsalt-marker"),
    [SALT, b"-----BEGIN PUBLIC KEY-----\nsalt-marker"],
    "Certificate:\n  Data:\n    v3\n-----BEGIN CERTIFICATE-----\nMIIBsalt/marker",
    "---- BEGIN SSH2 PUBLIC KEY ----\nsalt-marker",
    "ssh-dss salt-marker",
    b"\r\n\t ssh-ed25519 salt-marker",
    "\ufeffecdsa-sha2-nistp256 salt-marker",  # a byte order mark
    "sk-ssh-ed25519@openssh.com salt-marker",
    "sk-ecdsa-sha2-nistp256@openssh.com\tsalt-marker",
    "no-pty,from=example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 salt-marker",
    "restrict ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAy salt-marker",
    '{"kty":"OKP","crv":"Ed25519","x":"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"}',
    "PuTTY-User-Key-File-3: ssh-ed25519\nsalt-marker",
    "ssh-rsa salt-marker",
    "ssh-ed448 salt-marker",
    # Public keys of RSA, P-256, P-384 and P-521 in DER, as some servers show them.
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAsalt/marker/salt/marker/",
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsalt/marker/salt/marker/salt/marker",
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEsalt/marker/salt/marker/salt/marker/salt",
    "MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAsalt/marker/salt/marker/salt/marker",
    # The same where a word before shifts the base64.
    "PUBLIC_KEY_MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAsalt/marker/salt",
    "PUBLIC_KEY_MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsalt/marker/salt/marker/",
    "PUBLIC_KEY_MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAsalt/marker/salt/marker/",
    "keys_AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBsalt/marker",
    "keys_AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIsalt/marker/salt/marker",
    # A public key of Ed25519, as people have it in an environment variable.
    ED25519,
    [SALT, bytearray(ED25519)],
    ED25519.hex(),
    ED25519.hex().upper(),
    ED25519.hex(":"),
    f"key: {ED25519.hex()}",
    b"key: %b" % b64encode(ED25519),
    b64encode(ED25519),
    b64encode(ED25519).rstrip(b"=").decode(),
    urlsafe_b64encode(ED25519),
    urlsafe_b64encode(b"\x30\x82\x0f\xff\x30\x82" + SALT),
    encodebytes(ED25519),
    b64encode(b"-----BEGIN PUBLIC KEY-----\n" + b64encode(ED25519)),
    "AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
    "AAAAB3NzaC1yc2EAAAADAQABAAABAQ",
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBA",
    "AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAI",
    "AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNzaC5jb20AAA",
    "{'kty': 'oct', 'k': 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_'}",
    '{ "kty":"oct","k":"ABCDEFGHIJKLMNOPQRSTUVWX"}',
    b64encode(b'{"kty":"oct","k":"ABCDEFGHIJKLM"}'),
    # Of 44 and 63 characters, each of which would be a usual length.
    '{"kty":"oct","k":"ABCDEFGHIJKLMNOPQRSTUVWX"}',
    ['{"kty":"OKP","crv":"Ed25519","x":"ABCDEFGHIJKLMNOPQRSTUVWXYZ0"}'],
    # Long-form and indefinite lengths of DER (X.690 section 8.1.3).
    bytes.fromhex("3081803000") + bytes(126),
    bytes.fromhex("308200800203") + b"x" * 126,
    # A certificate without its signature begins with its version, [0].
    bytes.fromhex("3021a003020102") + bytes(range(28)),
    # Encoded once more, by another program, or with something around.
    b"-----BEGIN PUBLIC KEY-----\nsalt-marker".hex(),
    "0x" + ED25519.hex(),
    b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA".hex().upper(),
    b64encode(b64encode(ED25519)),
    b64encode(ED25519.hex().encode()),
    b64encode(ED25519).hex(),
    "-----BEGIN PUBLIC KEY-----\nsalt-marker".encode("utf-16"),
    b64encode("-----BEGIN PUBLIC KEY-----\nsalt-marker".encode("utf-16-le")),
    b'"%b"' % b64encode(ED25519),
    b'["%b"]' % b64encode(bytes.fromhex("3082012330820100") + SALT),
    b"PUBLIC_KEY=%b;" % b64encode(ED25519),
    b"\xef\xbb\xbf" + b64encode(ED25519),
    r"{\"kty\":\"OKP\",\"x\":\"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_\"}",
    "kty: OKP\ncrv: Ed25519\nx: ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ABCDEF",
    a2b_base64("AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"),
    "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAI",
    "AAAAKGVjZHNhLXNoYTItbmlzdHAyNTYtY2VydC12MDFAb3BlbnNzaC5jb20",
]
# Keys of 32 to 64 octets, of which only the first two are looked at before. The base64
# of the first line of DER may begin with any of these letters.
SHORT_KEYS = {
    "pem": b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA",
    "ssh2": b"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA",
    "putty": b"PuTTY-User-Key-File-3: ssh-ed25519\n",
    "ssh": b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOh",
    "ecdsa": b"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNo",
    "sk": b"sk-ssh-ed25519@openssh.com AAAAGnNrLXNz",
    "ssh-base64": b"AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJ",
    "ssh-octets": b"\0\0\0\x0bssh-ed25519\0\0\0 " + ED25519[-32:],
    "jwk": b'{"kty":"oct","k":"ABCDEFGHIJKLMNOPQ"}',
    "jwk-space": b'{ "kty":"oct","k":"ABCDEFGHIJKLMNOPQ"}',
    "jwk-line": b'{\n"kty":"oct","k":"ABCDEFGHIJKLMNOPQ"}',
    "jwk-python": b"{'kty':'oct','k':'ABCDEFGHIJKLMNOPQ'}",
    "jwk-array": b'[{"kty":"oct","k":"ABCDEFGHIJKLMNOPQ"}]',
    "pem-base64": b64encode(b"-----BEGIN PUBLIC KEY-----\nMCowBQ"),
    "jwk-base64": b64encode(b'{"kty":"oct","k":"ABCDEFGHIJ"}'),
    "der-base64": b64encode(ED25519),
    **{
        f"der-base64-{length:x}": b64encode(bytes([0x30, length, 0x30, 5, 6]) + SALT)
        for length in range(0x35, 0x80, 0x10)
    },
    "der-base64-81": b64encode(b"\x30\x81\x9f\x30" + SALT),
    "der-base64-82": b64encode(b"\x30\x82\x01\x22\x30" + SALT),
}
BEFORE = ["", *" \t\n\r\v\f\"'[", " \n", "\n\ufeff", "\ufeff"]


@pytest.mark.parametrize("before", BEFORE, ids=ascii)
@pytest.mark.parametrize("key", SHORT_KEYS.values(), ids=SHORT_KEYS)
def test_short_key_is_no_salt(use, key, before):
    salt = before.encode() + key
    assert 32 <= len(salt) <= 64
    use([SALT, salt])
    with pytest.raises(ValueError, match=r"text of a public or private key$"):
        joat.parse_token(TOKEN)


WRONG = [
    *((TypeError, salt) for salt in NO_SALTS),
    *((ValueError, salt) for salt in NO_SECRETS + KEYS),
]


def assert_servers_mistake(error, call, *arguments, **salt):
    with pytest.raises(error, match="salt must") as caught:
        call(*arguments, **salt)
    assert type(caught.value) is error
    assert_tells_nothing(caught.value, "salt-marker", SALT, TOKEN, "1234567890")


@pytest.mark.parametrize(("error", "salt"), WRONG)
def test_what_is_no_salt_is_the_servers_mistake(asked, use, error, salt):
    for way in WITH_ARGUMENT.values():
        assert_servers_mistake(error, way, salt=salt)
    assert_servers_mistake(error, joat.verify_token, "garbage", salt=salt)
    assert_servers_mistake(error, joat.authenticate, None, salt=salt)
    assert asked == []
    use(salt)
    for way in WAYS.values():
        assert_servers_mistake(error, way)


WEAK_SALTS = {
    "bytes": b"x" * 31,
    "str": "x" * 31,
    "bytearray": bytearray(b"x"),
    "hyphens": b"-" * 31,
    "padded": b"secret".ljust(32, b"\0"),
    "padded-over-a-block": "secret".ljust(80, "\0"),
    "28-and-nuls": b"x" * 28 + b"\0" * 4,
    "31-after-nul": b"\0" + b"x" * 30,
    "first": [b"x", b"y" * 65],
    "second": (SALT, b"x"),
    "both": [b"x", b"y"],
}


@pytest.mark.parametrize("salt", WEAK_SALTS.values(), ids=WEAK_SALTS)
def test_a_weak_salt_is_told_once_a_call_where_it_came_in(use, salt):
    use(salt)
    first = salt[0] if isinstance(salt, (list, tuple)) else salt
    first = first.encode() if isinstance(first, str) else bytes(first)
    token = make_token(salt=first)
    calls = [partial(way, salt=salt) for way in WITH_ARGUMENT.values()]
    for call in *calls, *WAYS.values():
        given = [] if call in (calls[0], issue) else [token]
        with pytest.warns(joat.WeakSaltWarning, match="shorter than 32") as warned:
            assert call(*given)
        [warning] = warned
        assert warning.filename == __file__
        # The very call, and not the one around it.
        assert "joat." in linecache.getline(__file__, warning.lineno)
        assert_tells_nothing(warning.message, token, first.ljust(8))


CHANGES = {
    "clear": lambda claims: claims.clear(),
    "overwrite": lambda claims: claims.update({**dict.fromkeys(claims), "nbf": 9e99}),
    "add": lambda claims: claims.update(tenant=1),
    "scope": lambda claims: claims["scp"].append("admin"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_function_may_change_the_claims_but_when_issuing(monkeypatch, clock, change):
    def changing(claims):
        change(claims)
        return SALT

    monkeypatch.setattr(joat, "salt_generator", changing)
    assert joat.parse_token(TOKEN) == CREDENTIALS
    assert joat.verify_token(TOKEN, scope=CLAIMS["scp"]) == VERIFIED
    scope = list(CLAIMS["scp"])
    with pytest.raises(ValueError, match=r"must not change the claims$") as caught:
        issue()
    assert type(caught.value) is ValueError
    assert_tells_nothing(caught.value, SALT, "client-marker", "profile-marker")
    assert CLAIMS["scp"] == scope


RAISED = [KeyError("mine"), NotImplementedError("mine"), StopIteration("mine")]
RAISED += [KeyboardInterrupt("mine"), joat.MalformedToken("mine"), ValueError("mine")]


@pytest.mark.parametrize("raised", RAISED, ids=repr)
@by_way
def test_what_the_function_raises_propagates(monkeypatch, raised, way):
    def salt_generator(claims):
        raise raised

    monkeypatch.setattr(joat, "salt_generator", salt_generator)
    with pytest.raises(type(raised)) as caught:
        way()
    assert caught.value is raised
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


GOOD_TEXTS = {
    "one": (SALT.decode(), [SALT]),
    "newest-first": (b"%b\n%b\n" % (OTHER, SALT), [OTHER, SALT]),
    "windows": (b"%b\r\n\r\n%b\r\n" % (OTHER, SALT), [OTHER, SALT]),
    "empty-lines": ("\n\n" + SALT.decode() + "\n\n", [SALT]),
    "white-space-within": ("the salt of this server, no other", None),
    "not-ascii": ("s\xe4lt of thirty-two bytes, or more \u2603", None),
    "seven-characters": ("\xe4\xf6\xfc\xdf\xe9\xe8\xea\xea" * 2, None),
    "eight-octets": ("12345678" * 4, None),
    "padded-base64": ("Zm9vYmFyIGJheiBxdXV4IGNvcmdlIGdyYXVsdCBnYQ==", None),
    "name-and-padding": ("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG=", None),
    "quotation-mark-and-backslash": ('"0123456789abcdef\\0123456789abcdef', None),
    "bracket": ("[0123456789abcdef0123456789abcdef", None),
    "bracket-behind": ("0123456789abcdef0123456789abcdef]", None),
    "subclass": (type("Text", (str,), {})(SALT.decode()), [SALT]),
}


@pytest.mark.parametrize(("text", "salts"), GOOD_TEXTS.values(), ids=GOOD_TEXTS)
def test_parse_salts(text, salts):
    assert joat.parse_salts(text) == (salts or [text.encode()])


def wrapped(text, line_break="\n"):
    return line_break.join(text[at : at + 64] for at in range(0, len(text), 64))


# A public key of P-256, and a private one of Ed448 (RFC 8410), no line of which shows
# what it is.
P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
P256 += b"\4" + bytes(range(64))
ED448 = bytes.fromhex("3047020100300506032b6571043b0439") + bytes(range(57))
# An RSA public key of PKCS#1 (RFC 8017 appendix A.1.1).
MODULUS = bytes((7 * at) % 251 for at in range(256))
PUBLIC_KEY = encodebytes(
    bytes.fromhex("3082010a0282010100") + MODULUS + bytes.fromhex("0203010001")
)
WORDS = "change, replace, example, your-, insecure, placeholder, secret, password"
WORDS += ", default"
NO_TEXT = "^line 1 of the salts is not UTF-8, or has a BOM or control character$"
BAD_TEXTS = {
    "empty": ("", "^there is no salt$"),
    "line-breaks": ("\r\n\n", "there is no salt"),
    "too-large": (SALT * 2**15 + b"\n", "larger than 1 MiB"),
    "not-utf-8": (SALT + b"\xff", NO_TEXT),
    "surrogate": (f"{SALT.decode()}\ud800", NO_TEXT),
    "byte-order-mark": ("\ufeff" + SALT.decode(), NO_TEXT),
    "nul": (SALT + b"\0", NO_TEXT),
    "right-to-left": (SALT.decode() + "\u202e", NO_TEXT),
    "carriage-return": (SALT + b"\r" + SALT, NO_TEXT),
    "two-carriage-returns": (SALT + b"\r\r\n", NO_TEXT),
    "space-before": (b"\n\n " + SALT, "line 3 of the salts begins or ends"),
    "space-behind": (SALT + b"\n" + OTHER + b" ", "line 2 of the salts begins or ends"),
    "space-only": (b" ", "line 1 of the salts begins or ends"),
    "space-alone": (SALT + b"\n \n", "line 2 of the salts begins or ends"),
    "short": (SALT + b"\n" + SALT[1:], "line 2 of the salts has fewer than 32"),
    "one-octet": (SALT + b"\r\n\r\nx\r\n", "line 3 of the salts has fewer than 32"),
    "comment": (b"# " + SALT, "line 1 of the salts has a comment"),
    "comment-behind": (SALT + b" # newest", "line 1 of the salts has a comment"),
    "array": (b'["' + SALT + b'",', "line 1 of the salts has a comment or JSON"),
    "array-spaces": (b'[ "' + SALT + b'" ]', "salts has a comment or JSON"),
    "numbers": (f"{[*SALT]}", "line 1 of the salts has a comment or JSON"),
    "array-python": (b"['" + SALT + b"',", "line 1 of the salts has a comment or JSON"),
    "end-of-pem": (b"-----END PUBLIC KEY-----" + SALT, "has a comment or JSON"),
    "json": (b'{"salt": "' + SALT + b'"}', "line 1 of the salts has a comment"),
    "key": (b"ssh-ed25519 AAAAC3NzaC1 marker", "line 1 of the salts is the text"),
    "wrapped-key": (PUBLIC_KEY, "line 1 of the salts is the text of a key"),
    "key-behind-salt": (SALT + b"\n" + PUBLIC_KEY, "line 2 of the salts is the text"),
    "key-cut-short": (PUBLIC_KEY[:150], "line 1 of the salts is the text of a key"),
    "p-256": (wrapped(P256.hex()), "line 1 of the salts is the text of a key"),
    "ed448": (wrapped(b64encode(ED448).decode()), "^the salts are the text of a key"),
    "windows": (wrapped(b64encode(ED448).decode(), "\r\n"), "^the salts are the text"),
    "quotation-marks": (b'"' + SALT + b'"', "line 1 of the salts has quotation marks"),
    "apostrophes": (b"'" + SALT + b"'", "line 1 of the salts has quotation marks"),
    "written-break": (SALT + rb"\n" + OTHER, "a backslash and an n"),
    "quotation-marks-around-two": (
        b'"' + SALT + b"\n" + OTHER + b'"\n',
        "^the salts have quotation marks around them",
    ),
    "command": (b"$(openssl rand -base64 48 | tr -d = )", "no shell has replaced"),
    "variable": (b"${JOAT_SALT_OF_THIS_SERVER_1234567}", "no shell has replaced"),
    "backquotes": (b"`openssl rand -hex 32 | head -c 64`", "no shell has replaced"),
    "assignment-ini": (b"joat = " + SALT, "is NAME=VALUE"),
    "assignment-bash": (b"declare -x JOAT=" + SALT, "is NAME=VALUE"),
    "assignment": (b"JOAT_SALT=" + SALT, "is NAME=VALUE"),
    "export": (b"export joat_salt2=" + SALT, "is NAME=VALUE"),
    "seven-octets": (b"1234567" * 5, "fewer than 8 different octets"),
    # The message names all of the words, not the one that is there.
    **{
        word: (f"0123456789 {word.upper()} 9876543210 marker", f"one of {WORDS}$")
        for word in WORDS.split(", ")
    },
}


@pytest.mark.parametrize(("text", "reason"), BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_parse_salts_refuses(text, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        joat.parse_salts(text)
    assert caught.value.__context__ is None
    assert_tells_nothing(caught.value, SALT, OTHER, "marker  ", PUBLIC_KEY)


def test_salt_is_in_the_variables_that_crash_reporters_redact(asked, clock):
    calls = [
        partial(issue, salt=SALT, jti="\ud800"),
        partial(issue, salt=[SALT], jti=1.5),
        partial(joat.verify_token, TOKEN, salt=[SALT, b""]),
        partial(joat.authenticate, None, salt=(SALT, "ssh-dss salt-marker")),
        partial(joat.parse_salts, SALT + b"\n# newest"),
    ]
    for call in calls:
        with pytest.raises((TypeError, ValueError)) as caught:
            call()
        variables = variables_of(caught.value)
        holders = {name for name, text in variables if SALT.decode() in text}
        assert holders
        assert holders <= {"secret", "private_key"}


@pytest.mark.parametrize("text", [None, 7, [SALT], bytearray(SALT)], ids=ascii)
def test_parse_salts_takes_str_or_bytes(text):
    told = f"^text must be a str or bytes, not {type(text).__name__}$"
    with pytest.raises(TypeError, match=told):
        joat.parse_salts(text)
