"""What holds for all tokens and all arguments, tried on those that Hypothesis draws.

Every example has a deadline, far above what it takes, for what grows faster than
its input.
"""

import string
from datetime import datetime, timedelta, timezone

import pytest
from helpers import SALT, b64, make_token
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import joat
from joat import jws

BASE64URL = string.ascii_letters + string.digits + "-_"
MICROSECOND = timedelta(microseconds=1)
FOREIGN = "=+/. \n\x00\x7f\u00e9\u0131\ud800"

texts = st.text(max_size=20)
identifiers = texts | st.integers()
scopes = st.lists(texts, max_size=4)
durations = st.timedeltas()
_day = timedelta(hours=23, minutes=59)
moments = st.datetimes(
    timezones=st.none() | st.builds(timezone, st.timedeltas(-_day, _day))
)
any_texts = st.text(st.characters(), max_size=20)  # with lone surrogates
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(any_texts, inner, max_size=3)
    ),
    max_leaves=6,
)
anything = st.one_of(
    json_values,
    st.binary(),
    st.text(BASE64URL + "."),
    st.binary().map(bytearray),
    st.functions(),
    moments,
    durations,
    st.builds(object),
    st.lists(st.binary() | any_texts).map(tuple),
    st.sets(any_texts | st.integers()),
)


def mostly(usual):
    """Draw anything once in a while; one_of takes each with the same chance."""
    return st.integers(0, 7).flatmap(lambda drawn: usual if drawn < 7 else anything)


# Usual examples take a millisecond and those of the longest tokens a hundred. Drawing
# them on a busy machine may be slow.
budget = settings(
    max_examples=200,
    deadline=timedelta(seconds=2),
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,  # the salt is the same for all examples
    ],
)


@budget
@given(
    provider=identifiers,
    client_id=identifiers,
    user_id=identifiers,
    scope=scopes,
    issued_at=moments,
    lifetime=durations,
    jti=st.none() | identifiers,
)
def test_what_is_issued_is_parsed_back(
    asked, clock, provider, client_id, user_id, scope, issued_at, lifetime, jti
):
    offset = issued_at.utcoffset() or timedelta()  # A naive one is UTC.
    since_1970 = issued_at.replace(tzinfo=None) - datetime(1970, 1, 1) - offset
    claims = {
        "aud": client_id,
        "iss": provider,
        "exp": (since_1970 // MICROSECOND + lifetime // MICROSECOND) // 1_000_000,
        "iat": since_1970 // timedelta(seconds=1),
        "scp": scope,
        "sub": user_id,
    }
    granted = {
        "provider": provider,
        "client_id": client_id,
        "user_id": user_id,
        "authorized_scope": scope,
    }
    if jti is not None:
        granted["jti"] = claims["jti"] = jti
    token = joat.TokenGenerator(provider).issue_token(
        client_id=client_id,
        user_id=user_id,
        scope=scope,
        issued_at=issued_at,
        lifetime=lifetime,
        jti=jti,
    )
    assert joat.timestamp(issued_at) == claims["iat"]
    assert joat.unverified_claims(token) == claims
    clock(claims["exp"] - 0.5)
    assert joat.parse_token(token) == granted
    assert joat.authenticate(
        f"Bearer {token}", provider=provider, client_id=client_id, scope=scope
    ) == {**granted, "expires_at": claims["exp"]}
    clock(claims["exp"])
    assert joat.parse_token(token) is None


# Short, since each of its edits is tried.
ISSUED = make_token(
    b'{"aud":"client","iss":"provider","exp":1407294572,"iat":1407290972,'
    b'"scp":["read"],"sub":"user"}'
)


def changed(token):
    for at in range(len(token)):
        for character in ["", *BASE64URL, *FOREIGN]:
            yield token[:at] + character + token[at + 1 :]


def inserted(token):
    for at in range(len(token) + 1):
        for character in BASE64URL + FOREIGN:
            yield token[:at] + character + token[at:]


def swapped(token):
    for second in range(len(token)):
        for first in range(second):
            edited = [*token]
            edited[first], edited[second] = token[second], token[first]
            yield "".join(edited)


@pytest.mark.parametrize("edit", [changed, inserted, swapped])
def test_every_edit_of_a_token_is_refused(asked, clock, edit):
    edited = {token for token in edit(ISSUED) if token != ISSUED}
    assert len(edited) > 5_000
    assert joat.parse_token(ISSUED) is not None
    assert [token for token in edited if joat.parse_token(token) is not None] == []


# Nothing but the documented errors comes out, whatever comes in


@budget
@given(anything)
def test_anything_as_a_token(asked, token):
    assert joat.parse_token(token) is None
    for function in (joat.verify_token, joat.unverified_claims):
        with pytest.raises(joat.TokenError):
            function(token)


@budget
@given(anything | st.binary().map(b"Bearer ".__add__))
def test_anything_as_authorization(asked, authorization):
    is_header = authorization is None or isinstance(authorization, (str, bytes))
    for function in (joat.authenticate, joat.bearer_token):
        try:
            assert isinstance(function(authorization), str)
        except joat.TokenError:
            assert is_header
        except TypeError:
            assert not is_header


@budget
@given(
    st.fixed_dictionaries(
        {
            "provider": mostly(identifiers),
            "client_id": mostly(identifiers),
            "user_id": mostly(identifiers),
            "scope": mostly(scopes),
        },
        optional={
            "issued_at": mostly(moments),
            "lifetime": mostly(durations),
            "jti": mostly(identifiers),
            "salt": mostly(st.just(SALT)),
        },
    )
)
@pytest.mark.filterwarnings("ignore::joat.WeakSaltWarning")
def test_any_arguments_of_issue_token(asked, arguments):
    failed = None
    try:
        token = joat.TokenGenerator("unused").issue_token(**arguments)
    except (TypeError, ValueError) as error:
        failed = error
    assert not isinstance(failed, joat.TokenError)
    if failed is None:
        assert joat.unverified_claims(token)["sub"] == arguments["user_id"]


@budget
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "provider": mostly(st.just("provider") | st.lists(identifiers)),
            "client_id": mostly(st.just("client") | st.sets(identifiers)),
            "scope": mostly(scopes | st.just({"read"})),
            "leeway": mostly(st.floats(0, 1e9) | st.floats() | durations),
            "salt": mostly(st.just(SALT) | st.none()),
        },
    )
)
@pytest.mark.filterwarnings("ignore::joat.WeakSaltWarning")
def test_any_arguments_of_verification(asked, clock, arguments):
    errors = []
    for token in (ISSUED, None):
        try:
            assert joat.verify_token(token, **arguments)["user_id"] == "user"
        except (TypeError, ValueError) as error:
            errors.append(type(error))
    # No token is the worst of tokens, and any mistake of the server goes before it.
    assert errors[-1] is joat.MalformedToken or errors == [errors[-1]] * 2


# Time for the longest input

LONGEST = 48_800  # octets, of which base64url makes a token just short enough


@settings(budget, max_examples=50)
@given(
    unit=st.text(min_size=1, max_size=6)
    | st.text('[]{}",:\\u0d89e-. \t', min_size=1, max_size=6),
    before=st.sampled_from(("", '{"x":', '{"x":"', '{"x":[', '{"x":1e')),
)
@example(unit="[", before='{"x":')
@example(unit='{"a":', before="")
@example(unit='\\"', before='{"x":"')
@example(unit="\\ud83d\\ude00", before='{"x":"')
@example(unit="9", before='{"x":')
@example(unit="[],", before='{"x":[')
def test_no_input_takes_long(asked, unit, before):
    octets = (before + unit * LONGEST).encode()[:LONGEST]
    for token in (
        make_token(header=octets),
        make_token(octets),
        make_token(octets + b'"}'),
        octets,
        f"{ISSUED}{b64(octets)}"[: jws.MAX_LENGTH],
    ):
        assert len(token) <= jws.MAX_LENGTH
        assert joat.parse_token(token) is None
    for authorization in (octets * 10, b"Bearer " + octets * 10):
        with pytest.raises(joat.TokenError):
            joat.authenticate(authorization)
