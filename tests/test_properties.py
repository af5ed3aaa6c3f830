"""What holds for all tokens and all arguments, tried on those that Hypothesis draws.

The verdict on a near-token (right MAC, nearly right header and claims) is compared
with the one of the model.
Every example has a deadline, far above what it takes, for what grows faster than
its input.
"""

from __future__ import annotations

import hmac
import json
import re
import string
import sys
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import model
import pytest
from helpers import HEADER, NOW, SALT, b64, make_token, texts_of
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from strategies import (
    durations,
    identifiers,
    json_values,
    microseconds,
    microseconds_since_1970,
    moments,
    mostly,
    near_tokens,
    right_claims,
    right_headers,
    scopes,
    texts,
    written,
)

import joat
from joat import json_object, jws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OTHER_SALT = b"fedcba9876543210fedcba9876543210"
BASE64URL = string.ascii_letters + string.digits + "-_"
FOREIGN = "=+/. \n\x00\x7f\u00e9\u0131\ud800"

# What each function documents to raise for a token, whatever the token is.
OF_SHAPE = ("MalformedToken",)
OF_TOKEN = (*OF_SHAPE, "InvalidSignature", "ExpiredToken", "NotYetValid")
OF_AUTHORIZATION = (*OF_TOKEN, "MissingToken", "InvalidRequest")

# The deadline is for one example, of which the usual ones take a millisecond and
# the longest tokens 30. Drawing examples on a busy machine may be slow.
budget = settings(
    max_examples=300,
    deadline=timedelta(milliseconds=500),
    suppress_health_check=[HealthCheck.too_slow],
)
few = settings(budget, max_examples=100)

# One level of nesting, with the next in place of the first 0, among neighbours that
# are no deeper, or hold brackets in a string.
LEVELS = (
    "[0]",
    '{"":0}',
    "[0,[]]",
    "[0,[[]],{}]",
    '{"":0,"]":[{}]}',
    '["[[\\"]", 0]',
    '["\\\\",0,"{"]',
)


@contextmanager
def server(
    hook: Callable[[dict[str, Any]], Any] = lambda claims: SALT, now: float = NOW
) -> Iterator[None]:
    """Assign a salt generator and stop the clock, for one example."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joat, "salt_generator", hook)
        patch.setattr("time.time", lambda: now)
        yield


def outcome(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return the result, or the name of the `TokenError`; all else propagates."""
    try:
        return function(*args, **kwargs)
    except joat.TokenError as error:
        return type(error).__name__


def is_identifier(value: Any) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def is_scope(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


# What is issued is parsed back


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
def test_issued_is_parsed_back(
    provider: Any,
    client_id: Any,
    user_id: Any,
    scope: list[str],
    issued_at: datetime,
    lifetime: timedelta,
    jti: Any,
) -> None:
    granted = {
        "provider": provider,
        "client_id": client_id,
        "user_id": user_id,
        "authorized_scope": scope,
    }
    issued = microseconds_since_1970(issued_at)
    claims = {
        "aud": client_id,
        "iss": provider,
        "exp": (issued + microseconds(lifetime)) // 1_000_000,
        "iat": issued // 1_000_000,
        "scp": scope,
        "sub": user_id,
    }
    if jti is not None:
        granted["jti"] = claims["jti"] = jti

    asked = []

    def hook(claims: dict[str, Any]) -> bytes:
        asked.append(claims)
        return SALT

    with server(hook, now=claims["exp"] - 0.5):
        token = joat.TokenGenerator(provider).issue_token(
            client_id=client_id,
            user_id=user_id,
            scope=scope,
            issued_at=issued_at,
            lifetime=lifetime,
            jti=jti,
        )
        assert asked == [claims]
        assert joat.unverified_claims(token) == claims
        assert asked == [claims]

        assert joat.parse_token(token) == granted
        assert joat.verify_token(
            token, provider=provider, client_id=client_id, scope=scope
        ) == joat.authenticate(f"Bearer {token}")
        assert asked == [claims] * 4
    with server(now=claims["exp"]):
        assert joat.parse_token(token) is None


@budget
@given(quarters=st.integers(-(10**10), 10**11), lifetime=durations)
def test_issued_now(quarters: int, lifetime: timedelta) -> None:
    now = 250_000 * quarters  # in microseconds
    with server(now=quarters / 4):
        token = joat.TokenGenerator("provider", "client").issue_token(
            user_id="user", scope=[], lifetime=lifetime
        )
    claims = joat.unverified_claims(token)
    assert claims["iat"] == now // 1_000_000
    assert claims["exp"] == (now + microseconds(lifetime)) // 1_000_000


@budget
@given(moments)
def test_timestamp(moment: datetime) -> None:
    assert joat.timestamp(moment) == microseconds_since_1970(moment) // 1_000_000


# One changed character is refused

ISSUED = make_token(
    b'{"aud":"client","iss":"provider","exp":1407294572,"iat":1407290972,'
    b'"scp":["read"],"sub":"user"}'
)


GRANTED = model.verdict(ISSUED, [SALT], now=NOW)


def changed(token: str) -> Iterator[str]:
    for at in range(len(token)):
        for character in BASE64URL + FOREIGN:
            yield token[:at] + character + token[at + 1 :]


def removed(token: str) -> Iterator[str]:
    for at in range(len(token)):
        yield token[:at] + token[at + 1 :]


def inserted(token: str) -> Iterator[str]:
    for at in range(len(token) + 1):
        for character in BASE64URL + FOREIGN:
            yield token[:at] + character + token[at:]


def swapped(token: str) -> Iterator[str]:
    for second in range(len(token)):
        for first in range(second):
            yield (
                token[:first]
                + token[second]
                + token[first + 1 : second]
                + token[first]
                + token[second + 1 :]
            )


@pytest.mark.parametrize("edit", [changed, removed, inserted, swapped])
def test_every_edit_of_a_token_is_refused(edit: Callable[[str], Iterator[str]]) -> None:
    edited = {token for token in edit(ISSUED) if token != ISSUED}
    assert len(edited) > 150
    with server():
        assert joat.parse_token(ISSUED) is not None
        accepted = {token for token in edited if joat.parse_token(token) is not None}
    assert accepted == set()


@budget
@given(written(right_headers), written(right_claims(identifiers)), st.data())
def test_edit_of_any_token_is_refused(
    header: bytes, payload: bytes, data: st.DataObject
) -> None:
    token = make_token(payload, header)
    at = data.draw(st.integers(0, len(token)))
    until = data.draw(st.integers(at, min(at + 2, len(token))))
    edited = token[:at] + data.draw(st.text(max_size=2)) + token[until:]
    assume(edited != token)
    with server():
        found = outcome(joat.verify_token, edited)
        assert found in ("MalformedToken", "InvalidSignature")
        assert joat.parse_token(edited) is None


# What is written by hand, beside the standard library's


@settings(budget, max_examples=800)
@given(st.binary(max_size=200), st.binary(max_size=300))
def test_hmac(key: bytes, message: bytes) -> None:
    assert jws.hmac_sha256(key, message) == hmac.digest(key, message, "sha256")


@settings(budget, max_examples=400)
@given(st.lists(st.sampled_from(LEVELS), min_size=123, max_size=131))
def test_depth(levels: list[str]) -> None:
    """What is accepted depends on the deepest nesting alone, not on its neighbours."""
    text = "0"
    for level in levels:
        text = level.replace("0", text, 1)
    octets = text.encode()
    part = b'{"x":' + octets + b"}"
    try:
        expected = model.json_object(part)
    except model.Malformed:
        with pytest.raises(joat.MalformedToken):
            json_object.parse(part, "payload")
    else:
        assert json_object.parse(part, "payload") == expected


# Near-tokens with a right MAC


def claims_with(member: bytes) -> bytes:
    return b'{"aud":"a","iss":"i","exp":2e9,"iat":0,"scp":[],"sub":"s",' + member + b"}"


@settings(budget, max_examples=800)
@given(near_tokens(identifiers))
@example((HEADER, claims_with(b'"nbf":1407290980')))
@example((HEADER, claims_with(b'"nbf":1407290980.1')))
@example((HEADER, claims_with(b'"nbf":-1e400')))
@example((HEADER, claims_with(b'"exp":1407290980')))
@example((HEADER, claims_with(b'"exp":' + b"9" * 5000)))
@example((HEADER, claims_with(b'"scp":["a",1]')))
@example((HEADER, claims_with(b'"sub":true')))
@example((HEADER, claims_with(b'"x":"\\ud800"')))
@example((HEADER, claims_with(b'"x":"\\ud83d\\ude00"')))
@example((HEADER, claims_with(b'"x":' + b"[" * 127 + b"]" * 127)))
@example((HEADER, claims_with(b'"x":' + b"[" * 128 + b"]" * 128)))
@example((b'{"alg":"HS256","alg":"none"}', claims_with(b'"x":0')))
@example((b'{"alg":"none","alg":"HS256"}', claims_with(b'"x":0')))
@example((b'{"alg":"HS256","crit":[]}', claims_with(b'"x":0')))
@example((b'{"alg":["HS256"]}', claims_with(b'"x":0')))
def test_near_token(octets: tuple[bytes, bytes]) -> None:
    token = make_token(*reversed(octets))
    expected = model.verdict(token, [SALT], now=NOW)
    claims = model.claims_of(token)
    malformed = claims == "MalformedToken"
    asked = []

    def hook(claims: dict[str, Any]) -> bytes:
        asked.append(claims)
        return SALT

    with server(hook):
        assert outcome(joat.verify_token, token) == expected
        # The hook is asked once if the claims are reliable, and else not at all.
        assert asked == ([] if malformed else [claims])
        assert outcome(joat.verify_token, token.encode()) == expected
        assert outcome(joat.authenticate, f"bearer  {token}") == expected
        parsed = joat.parse_token(token)
        assert parsed == model.parsed(expected)
        assert asked == ([] if malformed else [claims] * 4)
        assert outcome(joat.unverified_claims, token) == claims
        assert len(asked) in (0, 4)
    # Under any other secret, nobody learns about times.
    for secret in (OTHER_SALT, None, [], [OTHER_SALT, SALT + b"."]):
        assert outcome(joat.verify_token, token, salt=secret) == (
            "MalformedToken" if malformed else "InvalidSignature"
        )


# Few values, so that expectations are often met.
_few_identifiers = st.sampled_from(("a", "ab", "", "1", 1, 0, -1))
_few_scopes = st.lists(st.sampled_from(("read", "write", "rea", "")), max_size=3)
_accepted = st.one_of(
    _few_identifiers,
    st.lists(_few_identifiers, max_size=3),
    st.lists(_few_identifiers, max_size=3).map(tuple),
    st.sets(_few_identifiers, max_size=3),
    st.frozensets(_few_identifiers, max_size=3),
)


@budget
@given(
    iss=_few_identifiers,
    aud=_few_identifiers,
    scp=_few_scopes,
    exp=st.integers(NOW - 5, NOW + 5),
    nbf=st.integers(NOW - 5, NOW + 5),
    provider=_accepted,
    client_id=_accepted,
    scope=st.one_of(_few_scopes, *map(_few_scopes.map, (tuple, set, frozenset))),
    leeway=st.integers(0, 5)
    | st.floats(0, 5)
    | st.timedeltas(timedelta(), timedelta(0, 5)),
)
def test_expectations(
    iss: Any,
    aud: Any,
    scp: list[str],
    exp: int,
    nbf: int,
    provider: Any,
    client_id: Any,
    scope: Any,
    leeway: Any,
) -> None:
    claims = {"aud": aud, "iss": iss, "exp": exp, "iat": NOW, "nbf": nbf, "scp": scp}
    claims["sub"] = "user"
    token = make_token(claims)
    wanted = {
        "provider": provider,
        "client_id": client_id,
        "scope": scope,
        "leeway": leeway,
    }
    expected = model.verdict(
        token,
        [SALT],
        now=NOW,
        provider=[provider] if is_identifier(provider) else provider,
        client_id=[client_id] if is_identifier(client_id) else client_id,
        scope=scope,
        leeway=leeway.total_seconds() if isinstance(leeway, timedelta) else leeway,
    )
    with server():
        assert outcome(joat.verify_token, token, **wanted) == expected
        assert outcome(joat.authenticate, f"Bearer {token}", **wanted) == expected
    found = outcome(joat.verify_token, token, **wanted, salt=OTHER_SALT)
    assert found == "InvalidSignature"


# Anything at all, given as a token

anything = st.one_of(
    json_values,
    st.binary(),
    st.text(st.characters()),
    st.text(BASE64URL + "."),
    st.binary().map(bytearray),
    st.functions(),
    moments,
    durations,
    st.builds(object),
)


@budget
@given(anything)
def test_anything_as_a_token(token: Any) -> None:
    with server():
        assert outcome(joat.verify_token, token) in OF_TOKEN
        assert outcome(joat.unverified_claims, token) in OF_SHAPE
        assert joat.parse_token(token) is None


@budget
@given(anything)
def test_anything_as_authorization(authorization: Any) -> None:
    with server():
        if authorization is None or isinstance(authorization, (str, bytes)):
            assert outcome(joat.authenticate, authorization) in OF_AUTHORIZATION
        else:
            with pytest.raises(TypeError, match="authorization must be "):
                joat.authenticate(authorization)


@budget
@given(
    scheme=st.sampled_from(("Bearer", "bearer", "BEARER", "Basic", "", "Bearer:"))
    | st.text(st.characters(max_codepoint=255, exclude_characters=" "), max_size=8),
    spaces=st.integers(0, 3).map(" ".__mul__),
    token=st.just(ISSUED) | st.text(BASE64URL + ".", max_size=8),
    before=st.sampled_from(("", "", "", " ", "\t", "\t ")),
    rest=st.sampled_from(("", "", "", " ", "\t ", " x", "\tx")),
)
def test_authorization(
    before: str, scheme: str, spaces: str, token: str, rest: str
) -> None:
    authorization = before + scheme + spaces + token + rest
    words = authorization.strip(" \t").split(" ")
    found = [word for word in words[1:] if word]
    if words[0].lower() != "bearer":
        expected: Any = "MissingToken"
    elif len(found) != 1:
        expected = "InvalidRequest"
    else:
        expected = model.verdict(found[0], [SALT], now=NOW)
    with server():
        assert outcome(joat.authenticate, authorization) == expected
        octets = authorization.encode("latin-1")
        assert outcome(joat.authenticate, octets) == expected


# Anything at all, given as another argument

_salts = st.one_of(
    st.binary(),
    st.text(st.characters()),
    st.lists(st.binary(min_size=1) | texts),
    st.lists(st.binary() | texts).map(tuple),
    st.binary().map(bytearray),
    st.binary().map(memoryview),
    st.none(),
)


def is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def faults_of_salt(salt: Any) -> set[type[Exception]]:
    if salt is None:
        return set()
    for secret in salt if isinstance(salt, (list, tuple)) else [salt]:
        if not isinstance(secret, (str, bytes, bytearray, memoryview)):
            return {TypeError}
        if isinstance(secret, str) and not is_unicode(secret):
            return {ValueError}
        octets = secret.encode() if isinstance(secret, str) else bytes(secret)
        if octets.strip(b"\0") == b"":
            return {ValueError}
    return set()


def faults(checks: dict[str, bool]) -> set[type[Exception]]:
    return set() if all(checks.values()) else {TypeError}


@budget
@given(
    arguments=st.fixed_dictionaries(
        {
            "provider": mostly(identifiers, anything),
            "client_id": mostly(identifiers, anything),
            "user_id": mostly(identifiers | st.text(st.characters()), anything),
            "scope": mostly(scopes, anything),
            "issued_at": mostly(moments, anything),
            "lifetime": mostly(durations, anything),
            "jti": mostly(identifiers | st.none(), anything),
        }
    ),
    salt=mostly(_salts, anything),
)
@pytest.mark.filterwarnings("ignore::joat.WeakSaltWarning")
def test_any_arguments_of_issue_token(arguments: dict[str, Any], salt: Any) -> None:
    wrong = faults_of_salt(salt) | faults(
        {
            "provider": is_identifier(arguments["provider"]),
            "client_id": is_identifier(arguments["client_id"]),
            "user_id": is_identifier(arguments["user_id"]),
            "scope": is_scope(arguments["scope"]),
            "issued_at": isinstance(arguments["issued_at"], datetime),
            "lifetime": isinstance(arguments["lifetime"], timedelta),
            "jti": arguments["jti"] is None or is_identifier(arguments["jti"]),
        }
    )
    if isinstance(user_id := arguments["user_id"], str) and not is_unicode(user_id):
        wrong.add(ValueError)
    if salt is None or salt in ([], ()):
        wrong.add(ValueError)

    with server(lambda claims: salt):
        generator = joat.TokenGenerator("default")
        if wrong:
            with pytest.raises((TypeError, ValueError)) as caught:
                generator.issue_token(**arguments, salt=salt)
            assert caught.type in wrong
            with pytest.raises((TypeError, ValueError)) as caught:
                generator.issue_token(**arguments)
            assert caught.type in wrong
        else:
            token = generator.issue_token(**arguments, salt=salt)
            assert generator.issue_token(**arguments) == token
            assert joat.unverified_claims(token)["sub"] == user_id


def is_accepted(value: Any) -> bool:
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(is_identifier, value))
    return is_identifier(value)


def is_leeway(value: Any) -> bool:
    return isinstance(value, (int, float, timedelta)) and not isinstance(value, bool)


def faults_of_leeway(leeway: Any) -> set[type[Exception]]:
    if isinstance(leeway, timedelta):
        leeway = leeway.total_seconds()
    # No comparison with NaN is true. An int beyond all floats is not finite to us.
    return set() if 0 <= leeway <= sys.float_info.max else {ValueError}


@budget
@given(
    token=st.just(ISSUED) | st.text(max_size=5),
    arguments=st.fixed_dictionaries(
        {},
        optional={
            "provider": mostly(_accepted, anything),
            "client_id": mostly(_accepted, anything),
            "scope": mostly(_few_scopes | st.sets(texts), anything),
            "leeway": mostly(st.floats(0, 1e9) | st.floats() | durations, anything),
            "salt": mostly(_salts | st.just(SALT), anything),
        },
    ),
)
@example(ISSUED, {"leeway": 10**400})
@example(ISSUED, {"leeway": 10**308})
@pytest.mark.filterwarnings("ignore::joat.WeakSaltWarning")
def test_any_arguments_of_verification(token: str, arguments: dict[str, Any]) -> None:
    scope = arguments.get("scope", [])
    leeway = arguments.get("leeway", 0)
    wrong = faults_of_salt(arguments.get("salt")) | faults(
        {
            "provider": is_accepted(arguments.get("provider", "")),
            "client_id": is_accepted(arguments.get("client_id", "")),
            "scope": isinstance(scope, (list, tuple, set, frozenset))
            and is_scope(list(scope)),
            "leeway": is_leeway(leeway),
        }
    )
    if is_leeway(leeway):
        wrong |= faults_of_leeway(leeway)

    with server():
        for verify, text in (
            (joat.verify_token, token),
            (joat.authenticate, f"Bearer {token}"),
        ):
            if wrong:
                with pytest.raises((TypeError, ValueError)) as caught:
                    verify(text, **arguments)
                # Not a TokenError: whatever the token, the mistake is the server's.
                assert caught.type in wrong
            else:
                found = outcome(verify, text, **arguments)
                assert found == GRANTED or found in (
                    *OF_AUTHORIZATION,
                    "InvalidClaim",
                    "InsufficientScope",
                )


_ERRORS = [
    error
    for error in vars(joat).values()
    if isinstance(error, type) and issubclass(error, joat.TokenError)
]
_QUOTED = r'"((?:[ !#-\[\]-~]|\\["\\])*)"'


@budget
@given(
    st.sampled_from(_ERRORS),
    st.none() | st.text(st.characters()),
    st.text(st.characters()),
    st.lists(st.text(st.characters())),
)
def test_www_authenticate(
    error: type[joat.TokenError],
    realm: str | None,
    description: str,
    scope: list[str],
) -> None:
    def unquoted(header: str) -> dict[str, str]:
        return {
            name: re.sub(r"\\(.)", r"\1", value)
            for name, value in re.findall(rf"([a-z_]+)={_QUOTED}", header)
        }

    def printable(text: str) -> str:
        return re.sub(r"[^ -~]", "?", text)

    if error is joat.InsufficientScope:
        raised: joat.TokenError = joat.InsufficientScope(description, scope)
    else:
        raised = error(description)
    expected = {}
    if realm is not None:
        expected["realm"] = printable(realm)
    if error is not joat.MissingToken:
        expected["error"] = raised.error
        expected["error_description"] = printable(description)
    if error is joat.InsufficientScope and " ".join(scope):
        expected["scope"] = printable(" ".join(scope))

    header = raised.www_authenticate(realm)
    parameter = rf"[a-z_]+={_QUOTED}"
    assert re.fullmatch(rf"Bearer(?: {parameter}(?:, {parameter})*)?", header)
    assert unquoted(header) == expected


# No error tells anything of a token, a claim or a salt


def marked(text: str, **changes: Any) -> str:
    claims = {"aud": text, "iss": text, "exp": NOW + 9, "iat": NOW, "sub": text}
    claims.update({"scp": [text], text + " of mine": text}, **changes)
    return make_token(claims)


def with_header(**members: Any) -> str:
    return make_token(claims_with(b'"x":0'), members)


def issue(text: str, **arguments: Any) -> str:
    generator = joat.TokenGenerator(text, text)
    usual = {"user_id": text, "scope": [text], "salt": SALT.decode() + text}
    return generator.issue_token(**{**usual, **arguments})


REFUSALS = {
    "no token": lambda text: joat.verify_token(b64(text.encode())),
    "no header": lambda text: joat.unverified_claims(
        make_token(b"", f"{{{text}".encode())
    ),
    "no base64url": lambda text: joat.verify_token(f"{ISSUED}{text}="),
    "header not JSON": lambda text: joat.verify_token(
        make_token(b"", f"x{text}".encode())
    ),
    "other algorithm": lambda text: joat.verify_token(with_header(alg=f"HS256{text}")),
    "other type": lambda text: joat.verify_token(
        with_header(alg="HS256", typ=f"x{text}")
    ),
    "critical": lambda text: joat.verify_token(with_header(alg="HS256", crit=[text])),
    "claims not JSON": lambda text: joat.verify_token(make_token(f"x{text}".encode())),
    "claims not UTF-8": lambda text: joat.verify_token(
        make_token(json.dumps(text).encode() + b"\xff")
    ),
    "lone surrogate": lambda text: joat.verify_token(marked(text, x=f"{text}\ud800")),
    "constant": lambda text: joat.verify_token(marked(text, x=float("nan"))),
    "wrong claim": lambda text: joat.verify_token(marked(text, exp=text)),
    "wrong scope": lambda text: joat.verify_token(marked(text, scp=[text, 1])),
    "wrong jti": lambda text: joat.verify_token(marked(text, jti=[text])),
    "signature": lambda text: joat.verify_token(marked(text), salt=f"{SALT!r}{text}"),
    "no salt": lambda text: joat.verify_token(marked(text), salt=None),
    "expired": lambda text: joat.verify_token(marked(text, exp=NOW)),
    "not yet valid": lambda text: joat.verify_token(marked(text, nbf=NOW + 1)),
    "other provider": lambda text: joat.verify_token(marked(text), provider=f"x{text}"),
    "other client": lambda text: joat.verify_token(
        marked(text), client_id=[f"x{text}"]
    ),
    "lacks scope": lambda text: joat.verify_token(marked(text), scope=["\x00 needed"]),
    "other scheme": lambda text: joat.authenticate(f"x{text} {text}"),
    "several tokens": lambda text: joat.authenticate(
        f"Bearer {marked(text)} {marked(text)}"
    ),
}
MISTAKES = {
    "provider to expect": lambda text: joat.verify_token(text, provider=[text, [text]]),
    "scope to expect": lambda text: joat.verify_token(text, scope=text),
    "leeway": lambda text: joat.verify_token(text, leeway=text),
    "authorization": lambda text: joat.authenticate([text]),
    "salt of no type": lambda text: joat.verify_token(
        text, salt=[f"x{text}", {text: text}]
    ),
    "salt not Unicode": lambda text: joat.verify_token(text, salt=f"{text}\ud800"),
    "empty salt": lambda text: joat.verify_token(text, salt=[f"x{text}", ""]),
    "salt to sign not Unicode": lambda text: issue(text, salt=f"{text}\ud800"),
    "no salt to sign": lambda text: issue(text, salt=[]),
    "user not Unicode": lambda text: issue(text, user_id=f"{text}\ud800"),
    "user of wrong type": lambda text: issue(text, user_id=[text]),
    "permission of wrong type": lambda text: issue(text, scope=[text, [text]]),
    "scope of wrong type": lambda text: issue(text, scope=text),
    "issued_at": lambda text: issue(text, issued_at=text),
    "lifetime": lambda text: issue(text, lifetime=text),
    "jti": lambda text: issue(text, jti=[text]),
    "too long": lambda text: issue(text, user_id=text + "x" * 50_000),
}


@pytest.mark.parametrize(
    ("fails", "base"),
    [
        *(
            pytest.param(fails, joat.TokenError, id=name)
            for name, fails in REFUSALS.items()
        ),
        *(
            pytest.param(fails, (TypeError, ValueError), id=name)
            for name, fails in MISTAKES.items()
        ),
    ],
)
@settings(budget, max_examples=20)
@given(st.text(min_size=1), st.text(min_size=1))
def test_errors_tell_nothing(
    fails: Callable[[str], Any], base: Any, one: str, other: str
) -> None:
    """What an error holds is the same, whatever the texts in the token are."""
    with server():
        errors = []
        for text in one, other:
            with pytest.raises(base) as caught:
                fails(text)
            errors.append(caught.value)
    assert texts_of(errors[0]) == texts_of(errors[1])


# Time and memory for the longest input


def repeated(unit: str, before: str, after: str, length: int) -> bytes:
    """Return octets of about `length`: many units between what is there once."""
    times = (length - len(before) - len(after)) // max(len(unit.encode()), 1)
    return (before + unit * times + after).encode("utf-8", "surrogatepass")


@few
@given(
    unit=st.text(min_size=1, max_size=6)
    | st.text('[]{}",:\\u0d89e-. \t', min_size=1, max_size=6),
    before=st.sampled_from(("", '{"x":', '{"x":"', '{"x":[', '{"x":1e')),
    after=st.sampled_from(("", '"', '"}', "]}", "}")),
    place=st.sampled_from(("header", "payload", "token", "signature")),
)
@example(unit="[", before='{"x":', after="}", place="payload")
@example(unit='{"a":', before="", after="", place="payload")
@example(unit='"[', before='{"x":', after="}", place="payload")
@example(unit='\\"', before='{"x":"', after='"}', place="payload")
@example(unit="\\ud800", before='{"x":"', after='"}', place="header")
@example(unit="\\ud83d\\ude00", before='{"x":"', after='"}', place="header")
@example(unit="9", before='{"x":', after="}", place="payload")
@example(unit="9", before='{"x":1e', after="}", place="payload")
@example(unit="[],", before='{"x":[', after="0]}", place="payload")
@example(unit='"a":0,', before="{", after='"b":0}', place="header")
@example(unit=" ", before="", after="{}", place="payload")
@example(unit=".", before="", after="", place="token")
@example(unit=" ", before="Bearer", after="", place="token")
def test_no_input_takes_long(unit: str, before: str, after: str, place: str) -> None:
    octets = repeated(unit, before, after, 49_000)
    token = {
        "header": make_token(b"{}", octets),
        "payload": make_token(octets),
        "token": octets.decode("utf-8", "surrogatepass"),
        "signature": f"{ISSUED}{b64(octets)}"[: jws.MAX_LENGTH],
    }[place]
    assert len(token) <= jws.MAX_LENGTH
    with server():
        assert outcome(joat.authenticate, octets) in OF_AUTHORIZATION
        found = outcome(joat.verify_token, token)
        # Neither has the claims of an access token, and the last no right MAC.
        assert found in ("MalformedToken", "InvalidSignature")
        assert joat.parse_token(token) is None
        if found == "MalformedToken":
            assert outcome(joat.unverified_claims, token) in OF_SHAPE


@few
@given(st.integers(49_000, 49_050) | st.integers(0, 5_000_000))
def test_length(filler: int) -> None:
    """A good token is refused for its length alone, at once and without the hook."""
    token = make_token(claims_with(b'"x":"%s"' % (b"x" * filler)))
    too_long = len(token) > jws.MAX_LENGTH
    asked = []

    def hook(claims: dict[str, Any]) -> bytes:
        asked.append(claims)
        return SALT

    with server(hook):
        for text in token, token.encode():
            assert (outcome(joat.verify_token, text) == "MalformedToken") == too_long
            assert (joat.parse_token(text) is None) == too_long
    assert len(asked) == (0 if too_long else 4)
