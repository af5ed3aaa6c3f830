"""The errors, and the HTTP answers that they give."""

from __future__ import annotations

import copy
import pickle

import pytest
from helpers import (
    CLAIMS,
    NOW,
    SALT,
    TOKEN,
    assert_tells_nothing,
    make_token,
    with_claims,
    without,
)

import joat

SENTENCE = "the token is not to our liking"
ERRORS = {
    "TokenError": (joat.TokenError(SENTENCE), 401, "invalid_token"),
    "MissingToken": (joat.MissingToken(SENTENCE), 401, None),
    "InvalidRequest": (joat.InvalidRequest(SENTENCE), 400, "invalid_request"),
    "MalformedToken": (joat.MalformedToken(SENTENCE), 401, "invalid_token"),
    "InvalidSignature": (joat.InvalidSignature(SENTENCE), 401, "invalid_token"),
    "ExpiredToken": (joat.ExpiredToken(SENTENCE), 401, "invalid_token"),
    "NotYetValid": (joat.NotYetValid(SENTENCE), 401, "invalid_token"),
    "InvalidClaim": (joat.InvalidClaim(SENTENCE), 401, "invalid_token"),
    "InsufficientScope": (
        joat.InsufficientScope(SENTENCE, ["write", "admin"]),
        403,
        "insufficient_scope",
    ),
}
by_error = pytest.mark.parametrize(
    ("error", "status", "code"), ERRORS.values(), ids=ERRORS
)


@by_error
def test_status_and_code(error, status, code):
    assert (error.status, error.error) == (status, code)
    assert (type(error).status, type(error).error) == (status, code)
    assert "status" not in vars(error)
    assert "error" not in vars(error)


@by_error
def test_description(error, status, code):
    assert error.description == SENTENCE
    assert str(error) == SENTENCE
    assert isinstance(error, joat.TokenError)
    assert isinstance(error, ValueError)


def test_tree_is_flat_and_complete():
    assert {cls.__name__ for cls in joat.TokenError.__subclasses__()} == set(ERRORS) - {
        "TokenError"
    }
    assert joat.TokenError.__bases__ == (ValueError,)
    assert joat.WeakSaltWarning.__bases__ == (UserWarning,)


@by_error
def test_www_authenticate(error, status, code):
    parameters = {
        "MissingToken": "",
        "InsufficientScope": (
            f' error="{code}", error_description="{SENTENCE}", scope="write admin"'
        ),
    }.get(type(error).__name__, f' error="{code}", error_description="{SENTENCE}"')
    assert error.www_authenticate() == f"Bearer{parameters}"
    assert error.www_authenticate(None) == f"Bearer{parameters}"
    separator = "," if parameters else ""
    expected = f'Bearer realm="api"{separator}{parameters}'
    assert error.www_authenticate("api") == expected
    assert error.www_authenticate(realm="api") == expected


QUOTED = {
    "plain": ("my api", '"my api"'),
    "empty": ("", '""'),
    "quote": ('a"b', r'"a\"b"'),
    "quote-at-end": ('a"', r'"a\""'),
    "backslash": ("a\\b", r'"a\\b"'),
    "backslash-at-end": ("a\\", r'"a\\"'),
    "backslash-and-quote": ('\\"', r'"\\\""'),
    "closing-and-parameter": ('", error="none', r'"\", error=\"none"'),
    "line-feed": ("a\nb", '"a?b"'),
    "carriage-return": ("a\r\nSet-Cookie: b", '"a??Set-Cookie: b"'),
    "nul": ("a\0b", '"a?b"'),
    "tab": ("a\tb", '"a?b"'),
    "delete": ("a\x7fb", '"a?b"'),
    "escape": ("\x1b[31m", '"?[31m"'),
    "next-line": ("a\x85b", '"a?b"'),
    "line-separator": ("a\u2028b", '"a?b"'),
    "not-ascii": ("\xe9\u2603", '"??"'),
    "lone-surrogate": ("\ud800", '"?"'),
    "emoji": ("\U0001f600", '"?"'),
    "all-printable": (" !#[]^~", '" !#[]^~"'),
}
by_text = pytest.mark.parametrize(("text", "quoted"), QUOTED.values(), ids=QUOTED)


@by_text
def test_realm_is_quoted(text, quoted):
    assert (
        joat.MissingToken("unused").www_authenticate(text) == f"Bearer realm={quoted}"
    )


@by_text
def test_description_is_quoted(text, quoted):
    header = joat.MalformedToken(text).www_authenticate()
    assert header == f'Bearer error="invalid_token", error_description={quoted}'


@by_text
def test_scope_is_quoted(text, quoted):
    error = joat.InsufficientScope("unused", ["read", text])
    assert error.www_authenticate().endswith(f'scope="read {quoted[1:]}')


SCOPES = {
    "left-out": ((), ()),
    "empty": (([],), ()),
    "list": ((["b", "a"],), ("b", "a")),
    "tuple": ((("b", "a"),), ("b", "a")),
    "set": (({"b", "a"},), ("a", "b")),
    "frozenset": ((frozenset("ba"),), ("a", "b")),
}


@pytest.mark.parametrize(("arguments", "scope"), SCOPES.values(), ids=SCOPES)
def test_scope_that_is_needed(arguments, scope):
    error = joat.InsufficientScope("lacking", *arguments)
    assert error.scope == scope
    assert ("scope=" in error.www_authenticate()) == bool(scope)


NO_SCOPES = {
    "str": "admin",
    "bytes": b"admin",
    "None": None,
    "integer": 7,
    "generator": (text for text in ["admin"]),
    "dict": {"admin": 1},
    "list-of-bytes": [b"admin"],
    "list-of-list": [["admin"]],
    "None-in-set": {"admin", None},
}


@pytest.mark.parametrize("scope", NO_SCOPES.values(), ids=NO_SCOPES)
def test_a_scope_is_several_texts(scope):
    with pytest.raises(TypeError, match=r"^scope must ") as caught:
        joat.InsufficientScope("lacking", scope)
    assert_tells_nothing(caught.value, "admin")


# The error, further parameters, and the challenge.
METADATA = "https://api.example/.well-known/oauth-protected-resource"
LACKING = joat.InsufficientScope("lacking", ["write", "admin"])
OWN = 'error="insufficient_scope", error_description="lacking"'
CHALLENGES = {
    "resource-metadata": (
        joat.MissingToken("unused"),
        {"resource_metadata": METADATA},
        f'Bearer resource_metadata="{METADATA}"',
    ),
    "after-realm-in-order": (
        joat.MissingToken("unused"),
        {"scope": "b a", "realm": "api", "resource_metadata": METADATA},
        f'Bearer realm="api", scope="b a", resource_metadata="{METADATA}"',
    ),
    "before-the-errors-own": (
        joat.ExpiredToken("late"),
        {"scope": "read"},
        'Bearer scope="read", error="invalid_token", error_description="late"',
    ),
    "own-scope": (
        LACKING,
        {"resource_metadata": METADATA},
        f'Bearer resource_metadata="{METADATA}", {OWN}, scope="write admin"',
    ),
    "another-scope": (
        LACKING,
        {"scope": "write"},
        'Bearer scope="write", error="insufficient_scope", error_description="lacking"',
    ),
    "all-of-a-name": (
        joat.MissingToken("unused"),
        {"a!#$%&'*+-.^_`|~9Z": ""},
        'Bearer a!#$%&\'*+-.^_`|~9Z=""',
    ),
}


@pytest.mark.parametrize(
    ("error", "parameters", "challenge"), CHALLENGES.values(), ids=CHALLENGES
)
def test_challenge_with_parameters(error, parameters, challenge):
    assert error.www_authenticate(**parameters) == challenge


@by_text
def test_parameters_are_quoted(text, quoted):
    challenge = joat.MissingToken("unused").www_authenticate(scope=text)
    assert challenge == f"Bearer scope={quoted}"


WRONG_VALUES = {
    "list": ["value-marker\r\n"],
    "bytes": b"value-marker",
    "integer": 7,
    "true": True,
}


@pytest.mark.parametrize("value", WRONG_VALUES.values(), ids=WRONG_VALUES)
@pytest.mark.parametrize("name", ["realm", "scope", "resource_metadata"])
@by_error
def test_parameters_are_texts(error, status, code, name, value):
    with pytest.raises(TypeError, match=f"^{name} must be a str") as caught:
        error.www_authenticate(**{name: value})
    assert_tells_nothing(caught.value, "value-marker")


def test_none_is_no_value_but_of_the_realm():
    with pytest.raises(TypeError, match=r"^scope must be a str"):
        joat.MissingToken("unused").www_authenticate(scope=None)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        "a=b",
        'a"',
        "a,b",
        "a\r\nb",
        "a\n",
        "\xe9",
        "a/b",
        "a:b",
        "a;",
        "(a)",
    ],
    ids=repr,
)
def test_parameters_have_names_of_rfc_9110(name):
    with pytest.raises(ValueError, match="name"):
        joat.MissingToken("unused").www_authenticate(**{name: "value"})


@pytest.mark.parametrize(
    "parameters",
    [
        {"error": "none"},
        {"error_description": "none"},
        {"Error": "none"},
        {"realm": "a", "REALM": "b"},
        {"max_age": "1", "Max_Age": "2"},
    ],
    ids=repr,
)
def test_no_parameter_stands_twice(parameters):
    with pytest.raises(ValueError, match="twice"):
        LACKING.www_authenticate(**parameters)


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda error: pickle.loads(pickle.dumps(error)),
}


@by_error
@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
def test_copies_are_complete(error, status, code, duplicate):
    copied = duplicate(error)
    assert copied is not error
    assert type(copied) is type(error)
    assert copied.args == error.args
    assert vars(copied) == vars(error)
    assert copied.status == status
    assert copied.www_authenticate("api") == error.www_authenticate("api")


def test_a_server_may_have_errors_of_its_own():
    class Revoked(joat.TokenError):
        status = 403

    error = Revoked("the token was revoked")
    assert error.status == 403
    assert error.www_authenticate() == (
        'Bearer error="invalid_token", error_description="the token was revoked"'
    )


# The value of an Authorization header, what is expected, and why it is refused.
DESCRIPTIONS = {
    "no-header": (None, {}, "there is no Authorization header"),
    "other-scheme": (
        "Basic eDp4",
        {},
        "the Authorization header is not for the Bearer scheme",
    ),
    "no-token": ("Bearer", {}, "the Authorization header has no token"),
    "two-tokens": (
        "Bearer a b",
        {},
        "the Authorization header has more than one token",
    ),
    "too-long": (
        f"Bearer {'A' * 65_537}",
        {},
        "the token is longer than 65536 characters",
    ),
    "two-segments": ("Bearer a.b", {}, "the token is not three segments of base64url"),
    "not-ascii": (
        f"Bearer {TOKEN}\xe9",
        {},
        "the token is not three segments of base64url",
    ),
    "not-base64url": (
        f"Bearer {TOKEN}=",
        {},
        "the token is not three segments of base64url",
    ),
    "header": (
        f"Bearer {make_token(header=b'[]')}",
        {},
        "the header of the token is not a JSON object",
    ),
    "payload": (
        f"Bearer {make_token(b'[]')}",
        {},
        "the payload of the token is not a JSON object",
    ),
    "alg": (
        f"Bearer {make_token(header={'alg': 'none'})}",
        {},
        "the token's algorithm is not HS256",
    ),
    "crit": (
        f"Bearer {make_token(header={'alg': 'HS256', 'crit': []})}",
        {},
        "the token's header has critical extensions",
    ),
    "typ": (
        f"Bearer {make_token(header={'alg': 'HS256', 'typ': 'JWE'})}",
        {},
        "the token's type is neither JWT nor at+jwt",
    ),
    **{
        f"claim-{name}": (
            f"Bearer {make_token({**CLAIMS, name: None})}",
            {},
            f"the token's {name} claim is missing or of a wrong type",
        )
        for name in (*CLAIMS, "jti", "nbf")
    },
    **{
        f"no-{name}": (
            f"Bearer {make_token(without(name))}",
            {},
            f"the token's {name} claim is missing or of a wrong type",
        )
        for name in CLAIMS
    },
    "permission": (
        f"Bearer {with_claims(scp=[1])}",
        {},
        "the token's scp claim is missing or of a wrong type",
    ),
    "signature": (
        f"Bearer {make_token(salt=SALT[::-1])}",
        {},
        "the token's signature does not match",
    ),
    "exp": (f"Bearer {with_claims(exp=NOW)}", {}, "the token has expired"),
    "nbf": (f"Bearer {with_claims(nbf=NOW + 1)}", {}, "the token is not valid yet"),
    "provider": (
        f"Bearer {TOKEN}",
        {"provider": "other"},
        "the token is from another provider",
    ),
    "client": (
        f"Bearer {TOKEN}",
        {"client_id": "other"},
        "the token is for another client",
    ),
    "scope": (f"Bearer {TOKEN}", {"scope": ["other"]}, "the token lacks a permission"),
}


@pytest.mark.parametrize(
    ("authorization", "expected", "description"),
    DESCRIPTIONS.values(),
    ids=DESCRIPTIONS,
)
@pytest.mark.usefixtures("asked", "clock")
def test_what_the_client_is_told(authorization, expected, description):
    with pytest.raises(joat.TokenError) as caught:
        joat.authenticate(authorization, **expected)
    assert caught.value.description == description


def test_what_is_told_of_no_text():
    with pytest.raises(joat.MalformedToken, match=r"^the token is not text$"):
        joat.unverified_claims(None)
