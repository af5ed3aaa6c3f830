"""What a crash reporter sends: the real sentry-sdk, with its default settings."""

import json
from base64 import urlsafe_b64decode
from functools import partial

import helpers
import pytest
import sentry_sdk

import joat

SALT = helpers.SALT.decode()
TOKEN = helpers.with_claims(exp=4_000_000_000)
WRONG_CLAIMS = helpers.with_claims(aud=[1])


@pytest.fixture
def sent():
    """Start the reporter; return the list that gets what it is about to send."""
    events = []
    # It sends nothing, since this returns None.
    sentry_sdk.init(
        dsn="http://public@127.0.0.1/1",
        before_send=lambda event, hint: events.append(event),
    )
    yield events
    sentry_sdk.get_client().close()
    sentry_sdk.init()


def issue(**salt):
    generator = joat.TokenGenerator("me", client_id="app")
    return generator.issue_token(user_id="zoe", scope=["profile"], **salt)


def give(salt, claims):
    return salt


def find(salts, claims):
    return None


def raise_for(claims):
    raise LookupError("the database is down")


def change(claims):
    claims.clear()
    return SALT


verify = partial(joat.verify_token, TOKEN)
authenticate = partial(joat.authenticate, f"Bearer {TOKEN}")
parse = partial(joat.parse_token, TOKEN)
USUAL = partial(give, SALT)
# The text of these tells the salts, too.
LACKING = partial(find, {"app": SALT})
WRONG = [[SALT, None], f"ssh-rsa {SALT}", f"{SALT}\ud800", SALT[:31]]
HOOKS = [[SALT], raise_for, *(partial(give, salt) for salt in WRONG)]
SALTS = [[SALT.encode(), None], {SALT: SALT}, iter([SALT]), [SALT, SALT[:31]]]
MALFORMED = [f"{TOKEN}=", f"{TOKEN}.", f"{TOKEN}.e30", WRONG_CLAIMS]
MISTAKES = (LookupError, TypeError, ValueError, joat.WeakSaltWarning)
# The function, a call and its arguments, and the error that is sent.
FAULTS = [
    *(
        (hook, call, {}, MISTAKES)
        for hook in HOOKS
        for call in (issue, verify, authenticate, parse)
    ),
    *(
        (USUAL, call, {"salt": salt}, MISTAKES)
        for salt in SALTS
        for call in (issue, verify, authenticate)
    ),
    *(
        (USUAL, joat.unverified_claims, {"token": token}, joat.MalformedToken)
        for token in MALFORMED
    ),
    (change, issue, {}, ValueError),
    (USUAL, verify, {"client_id": "other"}, joat.InvalidClaim),
    (LACKING, issue, {}, ValueError),
    (LACKING, verify, {}, joat.InvalidSignature),
    (LACKING, authenticate, {}, joat.InvalidSignature),
    (LACKING, joat.authenticate, {"authorization": None}, joat.MissingToken),
]


def secrets():
    """Return the salts, and what is secret of the tokens."""
    yield from (SALT, SALT[:31])
    for token in (TOKEN, WRONG_CLAIMS):
        signature = token.split(".")[2]
        octets = repr(urlsafe_b64decode(f"{signature}="))[2:-1]
        yield from (token, signature, json.dumps(octets)[1:-1])


@pytest.mark.parametrize(("hook", "call", "given", "error"), FAULTS)
def test_tells_nothing(sent, monkeypatch, hook, call, given, error):
    monkeypatch.setattr(joat, "salt_generator", hook)
    with pytest.raises(error) as caught:
        call(**given)
    sentry_sdk.capture_exception(caught.value)
    (event,) = sent
    frames = [
        frame
        for exception in event["exception"]["values"]
        for frame in exception["stacktrace"]["frames"]
        if frame["module"].partition(".")[0] == "joat"
    ]
    assert frames
    for secret in secrets():
        assert secret not in json.dumps(frames)


def test_under_other_names_it_would_be_told(sent):
    def leak(salt):
        raise LookupError(len(salt))

    with pytest.raises(LookupError) as caught:
        leak(SALT)
    sentry_sdk.capture_exception(caught.value)
    assert SALT in json.dumps(sent)
