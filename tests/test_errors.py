"""The errors, and the HTTP answers that they give."""

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
ERRORS = [
    (joat.TokenError(SENTENCE), 401, "invalid_token"),
    (joat.MissingToken(SENTENCE), 401, None),
    (joat.InvalidRequest(SENTENCE), 400, "invalid_request"),
    (joat.MalformedToken(SENTENCE), 401, "invalid_token"),
    (joat.InvalidSignature(SENTENCE), 401, "invalid_token"),
    (joat.ExpiredToken(SENTENCE), 401, "invalid_token"),
    (joat.NotYetValid(SENTENCE), 401, "invalid_token"),
    (joat.InvalidClaim(SENTENCE), 401, "invalid_token"),
    (joat.InsufficientScope(SENTENCE, ["a", "b"]), 403, "insufficient_scope"),
]


@pytest.mark.parametrize(("error", "status", "code"), ERRORS)
def test_error(error, status, code):
    assert (type(error).status, type(error).error) == (status, code)
    assert vars(error).keys() <= {"description", "scope"}
    assert str(error) == error.description == SENTENCE
    own = f'error="{code}", error_description="{SENTENCE}"' if code else ""
    own += ', scope="a b"' if status == 403 else ""
    assert error.www_authenticate() == f"Bearer {own}".rstrip()
    assert error.www_authenticate(None) == error.www_authenticate()
    challenge = f'Bearer realm="api", {own}'.rstrip(", ")
    assert error.www_authenticate("api") == challenge
    assert error.www_authenticate(realm="api") == challenge
    repickled = pickle.loads(pickle.dumps(error))
    for copied in copy.copy(error), copy.deepcopy(error), repickled:
        assert copied is not error
        assert type(copied) is type(error)
        assert copied.args == error.args
        assert vars(copied) == vars(error)


def test_tree_is_flat_and_complete():
    classes = {joat.TokenError, *joat.TokenError.__subclasses__()}
    assert classes == {type(error) for error, _, _ in ERRORS}
    assert joat.TokenError.__bases__ == (ValueError,)
    assert joat.WeakSaltWarning.__bases__ == (UserWarning,)


def test_a_server_may_have_errors_of_its_own():
    class Revoked(joat.ExpiredToken):
        status = 403

    class Silent(joat.ExpiredToken):
        error = None

    revoked = 'Bearer error="invalid_token", error_description="revoked"'
    assert Revoked("revoked").www_authenticate() == revoked
    silent = 'Bearer error_description="silent"'
    assert Silent("silent").www_authenticate() == silent


QUOTED = {
    "empty": ("", '""'),
    "quote": ('a"b"', r'"a\"b\""'),
    "backslash": ("a\\b\\", r'"a\\b\\"'),
    "backslash-and-quote": ('\\"', r'"\\\""'),
    "closing-and-parameter": ('", error="none', r'"\", error=\"none"'),
    "line-feed": ("a\r\nSet-Cookie: b", '"a??Set-Cookie: b"'),
    "control": ("\0\t\x1b[31m\x7f\x85", '"???[31m??"'),
    "not-ascii": ("\xe9\u2603\u2028\U0001f600\ud800", '"?????"'),
    "all-printable": (" !#[]^~", '" !#[]^~"'),
}


@pytest.mark.parametrize(("text", "quoted"), QUOTED.values(), ids=QUOTED)
def test_quoting(text, quoted):
    missing = joat.MissingToken("unused")
    assert missing.www_authenticate(text) == f"Bearer realm={quoted}"
    assert missing.www_authenticate(scope=text) == f"Bearer scope={quoted}"
    challenge = joat.MalformedToken(text).www_authenticate()
    assert challenge == f'Bearer error="invalid_token", error_description={quoted}'
    challenge = joat.InsufficientScope("unused", ["read", text]).www_authenticate()
    assert challenge.endswith(f'scope="read {quoted[1:]}')


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset])
def test_scope_that_is_needed(kind):
    scope = joat.InsufficientScope("lacking", kind(["b", "a"])).scope
    assert scope == (("b", "a") if kind in (list, tuple) else ("a", "b"))
    for error in joat.InsufficientScope(""), joat.InsufficientScope("", kind()):
        assert error.scope == ()
        assert "scope=" not in error.www_authenticate()


@pytest.mark.parametrize("scope", ["admin", b"admin", None, {"admin": 1}, [b"admin"]])
def test_a_scope_is_several_texts(scope):
    with pytest.raises(TypeError, match=r"^scope must ") as caught:
        joat.InsufficientScope("lacking", scope)
    assert_tells_nothing(caught.value, "admin")


MISSING = joat.MissingToken("unused")
LACKING = joat.InsufficientScope("lacking", ["write", "admin"])
OWN = 'error="insufficient_scope", error_description="lacking"'
CHALLENGES = [
    (MISSING, {"scope": "b", "realm": "a", "x": "c"}, 'realm="a", scope="b", x="c"'),
    (MISSING, {"a!#$%&'*+-.^_`|~9Z": ""}, 'a!#$%&\'*+-.^_`|~9Z=""'),
    (LACKING, {"x": "c"}, f'x="c", {OWN}, scope="write admin"'),
    (LACKING, {"scope": "write"}, f'scope="write", {OWN}'),
]


@pytest.mark.parametrize(("error", "parameters", "challenge"), CHALLENGES)
def test_challenge_with_parameters(error, parameters, challenge):
    assert error.www_authenticate(**parameters) == f"Bearer {challenge}"


@pytest.mark.parametrize("value", [["value-marker"], b"value-marker", 7, True])
@pytest.mark.parametrize("name", ["realm", "scope", "resource_metadata"])
def test_parameters_are_texts(name, value):
    for error in MISSING, LACKING:
        with pytest.raises(TypeError, match=f"^{name} must be a str") as caught:
            error.www_authenticate(**{name: value})
        assert_tells_nothing(caught.value, "value-marker")


def test_none_is_no_value_but_of_the_realm():
    with pytest.raises(TypeError, match=r"^scope must be a str"):
        MISSING.www_authenticate(scope=None)


@pytest.mark.parametrize(
    "parameters",
    [
        *({name: "value"} for name in ["", " ", "a b", "a=b", 'a"', "a,b", "a\r\nb"]),
        *({name: "value"} for name in ["a\n", "\xe9", "\u212a", "a/b", "a:b", "(a)"]),
        *({"error": "none"}, {"error_description": "none"}, {"Error": "none"}),
        *({"realm": "a", "REALM": "b"}, {"max_age": "1", "Max_Age": "2"}),
    ],
    ids=repr,
)
def test_names_are_tokens_of_rfc_9110_and_stand_once(parameters):
    with pytest.raises(ValueError, match=r"^a .* name is no token, or stands twice$"):
        LACKING.www_authenticate(**parameters)


def with_header(**members):
    return make_token(header={"alg": "HS256", **members})


NO_SEGMENTS = "the token is not three segments of base64url"
NO_OBJECT = "the {} of the token is not a JSON object"
WRONG_CLAIM = "the token's {} claim is missing or of a wrong type"
# A token, and why it is refused.
TOKENS = {
    "too-long": ("A" * 65_537, "the token is longer than 65536 characters"),
    "two-segments": ("a.b", NO_SEGMENTS),
    "not-ascii": (f"{TOKEN}\xe9", NO_SEGMENTS),
    "not-base64url": (f"{TOKEN}=", NO_SEGMENTS),
    "header": (make_token(header=b"[]"), NO_OBJECT.format("header")),
    "payload": (make_token(b"[]"), NO_OBJECT.format("payload")),
    "alg": (with_header(alg="none"), "the token's algorithm is not HS256"),
    "crit": (with_header(crit=[]), "the token's header has critical extensions"),
    "typ": (with_header(typ="JWE"), "the token's type is neither JWT nor at+jwt"),
    **{
        f"claim-{name}": (with_claims(**{name: None}), WRONG_CLAIM.format(name))
        for name in (*CLAIMS, "jti", "nbf")
    },
    "no-claim": (make_token(without("sub")), WRONG_CLAIM.format("sub")),
    "forged": (make_token(salt=SALT[::-1]), "the token's signature does not match"),
    "exp": (with_claims(exp=NOW), "the token has expired"),
    "nbf": (with_claims(nbf=NOW + 1), "the token is not valid yet"),
    "iss": (with_claims(iss="other"), "the token is from another provider"),
    "aud": (with_claims(aud="other"), "the token is for another client"),
    "scp": (with_claims(scp=["other"]), "the token lacks a permission"),
}
OTHER_SCHEME = "the Authorization header is for another scheme"
HEADERS = {
    "no-header": (None, "there is no Authorization header"),
    "other-scheme": ("Basic eDp4", OTHER_SCHEME),
    "no-token": ("Bearer", "the Authorization header has no token"),
    "two-tokens": ("Bearer a b", "the Authorization header has more than one token"),
    **{name: (f"Bearer {token}", told) for name, (token, told) in TOKENS.items()},
}


@pytest.mark.parametrize(
    ("authorization", "description"), HEADERS.values(), ids=HEADERS
)
def test_what_the_client_is_told(asked, clock, authorization, description):
    expected = {"provider": CLAIMS["iss"], "client_id": CLAIMS["aud"]}
    with pytest.raises(joat.TokenError) as caught:
        joat.authenticate(authorization, **expected, scope=CLAIMS["scp"])
    assert caught.value.description == description


def test_what_is_told_of_no_text():
    with pytest.raises(joat.MalformedToken, match=r"^the token is not text$"):
        joat.unverified_claims(None)
