"""What a crash reporter sends: the real sentry-sdk, with its default settings."""

import json
from base64 import urlsafe_b64decode
from functools import partial

import pytest
import sentry_sdk
from helpers import CLAIMS, make_token
from sentry_sdk.transport import Transport

import joat

SALT = "0123456789abcdef0123456789abcdef"
GRANT = {"client_id": "app", "user_id": "zoe", "scope": ["profile"]}
with pytest.MonkeyPatch.context() as patch:
    patch.setattr(joat, "salt_generator", lambda claims: SALT)
    TOKEN = joat.TokenGenerator("me").issue_token(**GRANT)


class Kept(Transport):
    """Keeps what would be sent."""

    def __init__(self):
        super().__init__()
        self.events = []

    def capture_envelope(self, envelope):
        self.events.append(envelope.get_event())


@pytest.fixture
def sent():
    """Start the reporter; return the list that gets what it sends."""
    transport = Kept()
    sentry_sdk.init(dsn="http://public@127.0.0.1/1", transport=transport)
    yield transport.events
    sentry_sdk.get_client().close()
    sentry_sdk.init()


def raise_for(claims):
    raise LookupError("the database is down")


# What the function does, and the salts that are handed over: each ends in an error.
HOOKS = {
    "raises": raise_for,
    "returns-None-behind-a-salt": lambda claims: [SALT, None],
    "returns-the-text-of-a-key": lambda claims: f"ssh-rsa {SALT}",
    "returns-a-lone-surrogate": lambda claims: f"{SALT}\ud800",
    "returns-a-weak-salt": lambda claims: SALT[:31],
}
SALTS = {
    "None-behind": [SALT.encode(), None],
    "dict": {SALT: SALT},
    "iterator": iter([SALT]),
    "weak": [SALT, SALT[:31]],
}
CALLS = {
    "issue_token": lambda **salt: joat.TokenGenerator("me").issue_token(
        **GRANT, **salt
    ),
    "verify_token": lambda **salt: joat.verify_token(TOKEN, **salt),
    "authenticate": lambda **salt: joat.authenticate(f"Bearer {TOKEN}", **salt),
}


def frames_of(events):
    """Return the frames of the library in all that was sent."""
    return [
        frame
        for event in events
        for exception in event["exception"]["values"]
        for frame in exception["stacktrace"]["frames"]
        if frame["module"].partition(".")[0] == "joat"
    ]


def assert_told_nothing(events, token=TOKEN):
    frames = frames_of(events)
    assert frames
    signature = token.split(".")[2][:43]
    octets = repr(urlsafe_b64decode(f"{signature}="))[2:-1]
    for secret in (SALT, SALT[:31], token, signature, json.dumps(octets)[1:-1]):
        assert secret not in json.dumps(frames)


@pytest.mark.filterwarnings("error::joat.WeakSaltWarning")
@pytest.mark.parametrize("hook", HOOKS.values(), ids=HOOKS)
@pytest.mark.parametrize(
    "call",
    [*CALLS.values(), lambda: joat.parse_token(TOKEN)],
    ids=[*CALLS, "parse_token"],
)
def test_a_fault_of_the_function(sent, monkeypatch, call, hook):
    monkeypatch.setattr(joat, "salt_generator", hook)
    with pytest.raises((LookupError, TypeError, ValueError, UserWarning)) as caught:
        call()
    sentry_sdk.capture_exception(caught.value)
    assert_told_nothing(sent)


@pytest.mark.filterwarnings("error::joat.WeakSaltWarning")
@pytest.mark.parametrize("salt", SALTS.values(), ids=SALTS)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_fault_of_the_salt_handed_over(sent, monkeypatch, call, salt):
    monkeypatch.setattr(joat, "salt_generator", lambda claims: SALT)
    with pytest.raises((TypeError, ValueError, joat.WeakSaltWarning)) as caught:
        call(salt=salt)
    sentry_sdk.capture_exception(caught.value)
    assert_told_nothing(sent)


def test_a_function_that_changes_the_claims(sent, monkeypatch):
    monkeypatch.setattr(joat, "salt_generator", lambda claims: claims.clear() or SALT)
    with pytest.raises(ValueError, match="change") as caught:
        CALLS["issue_token"]()
    sentry_sdk.capture_exception(caught.value)
    assert_told_nothing(sent)


def test_a_refusal(sent):
    with pytest.raises(joat.InvalidClaim) as caught:
        joat.verify_token(TOKEN, client_id="other", salt=SALT)
    sentry_sdk.capture_exception(caught.value)
    assert_told_nothing(sent)


@pytest.mark.parametrize(
    "token",
    [f"{TOKEN}=", f"{TOKEN}.", f"{TOKEN}.e30", make_token({**CLAIMS, "aud": [1]})],
    ids=["padded", "dot", "four-segments", "claims"],
)
def test_a_token_whose_claims_are_looked_at(sent, token):
    with pytest.raises(joat.MalformedToken) as caught:
        joat.unverified_claims(token)
    sentry_sdk.capture_exception(caught.value)
    assert_told_nothing(sent, token)


def find(salts, claims):
    return None


def test_a_function_whose_text_tells_salts(sent, monkeypatch):
    monkeypatch.setattr(joat, "salt_generator", partial(find, {"app": SALT}))
    assert SALT in repr(joat.salt_generator)
    for call in CALLS.values():
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            call()
        sentry_sdk.capture_exception(caught.value)
    with pytest.raises(joat.MissingToken) as caught:
        joat.authenticate(None)
    sentry_sdk.capture_exception(caught.value)
    assert len(sent) == 4
    assert_told_nothing(sent)


def test_a_salt_in_place_of_the_function(sent, monkeypatch):
    monkeypatch.setattr(joat, "salt_generator", [SALT])
    with pytest.raises(TypeError) as caught:
        joat.TokenGenerator("me")
    sentry_sdk.capture_exception(caught.value)
    assert_told_nothing(sent)


def test_under_other_names_it_would_be_told(sent):
    def leak(salt):
        raise LookupError(len(salt))

    with pytest.raises(LookupError) as caught:
        leak(SALT)
    sentry_sdk.capture_exception(caught.value)
    assert SALT in json.dumps(sent)
