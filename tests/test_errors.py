"""The errors, and the HTTP answers that they give."""

import pickle
from itertools import product

import pytest
from helpers import (
    CLAIMS,
    NOW,
    SALT,
    TOKEN,
    assert_tells_nothing,
    make_token,
    with_claims,
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


@pytest.mark.parametrize(
    ("error", "status", "code"), ERRORS, ids=[type(row[0]).__name__ for row in ERRORS]
)
def test_error(error, status, code):
    assert (type(error).status, type(error).error) == (status, code)
    assert vars(error).keys() <= {"description", "scope"}
    assert str(error) == error.description == SENTENCE
    own = f'error="{code}", error_description="{SENTENCE}"' if code else ""
    own += ', scope="a b"' if status == 403 else ""
    assert error.www_authenticate() == f"Bearer {own}".rstrip()
    challenge = f'Bearer realm="api", {own}'.rstrip(", ")
    assert error.www_authenticate("api") == challenge
    repickled = pickle.loads(pickle.dumps(error))
    assert type(repickled) is type(error)
    assert (repickled.args, vars(repickled)) == (error.args, vars(error))


def test_tree_is_flat_and_complete():
    classes = {joat.TokenError, *joat.TokenError.__subclasses__()}
    assert classes == {type(error) for error, _, _ in ERRORS}
    assert joat.TokenError.__bases__ == (ValueError,)
    assert joat.WeakSaltWarning.__bases__ == (UserWarning,)


def test_a_server_may_have_errors_of_its_own():
    class Silent(joat.ExpiredToken):
        error = None

    challenge = 'Bearer error_description="silent"'
    assert Silent("silent").www_authenticate() == challenge


# A text, as a parameter, and as a description or scope, where RFC 6750 wants it plain.
QUOTED = {
    "empty": ("", "", ""),
    "quote": ('a"b"', r"a\"b\"", "a?b?"),
    "backslash": ("a\\b\\", r"a\\b\\", "a?b?"),
    "backslash-and-quote": ('\\"', r"\\\"", "??"),
    "line-feed": ("a\r\nSet-Cookie: b", *["a??Set-Cookie: b"] * 2),
    "control": ("\0\t\x1b[31m\x7f\x85", *["???[31m??"] * 2),
    "not-ascii": ("\xe9\u2603\u2028\U0001f600\ud800", *["?????"] * 2),
    "all-printable": (" !#[]^~", *[" !#[]^~"] * 2),
}


@pytest.mark.parametrize(("text", "quoted", "plain"), QUOTED.values(), ids=QUOTED)
def test_quoting(text, quoted, plain):
    missing = joat.MissingToken("unused")
    assert missing.www_authenticate(text) == f'Bearer realm="{quoted}"'
    assert missing.www_authenticate(x=text) == f'Bearer x="{quoted}"'
    assert missing.www_authenticate(Scope=text) == f'Bearer Scope="{plain}"'
    challenge = joat.MalformedToken(text).www_authenticate()
    assert challenge == f'Bearer error="invalid_token", error_description="{plain}"'
    challenge = joat.InsufficientScope("unused", ["read", text]).www_authenticate()
    assert challenge.endswith(f'scope="read {plain}"')
    error = joat.TokenError("unused")
    error.error = text
    assert error.www_authenticate().startswith(f'Bearer error="{plain}", ')


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset])
def test_scope_that_is_needed(kind):
    # So many that no set of them is in order by chance.
    scope = joat.InsufficientScope("lacking", kind("hgfedcba")).scope
    assert scope == tuple("hgfedcba" if kind in (list, tuple) else "abcdefgh")
    for error in joat.InsufficientScope(""), joat.InsufficientScope("", kind()):
        assert error.scope == ()
        assert "scope=" not in error.www_authenticate()


MISSING = joat.MissingToken("unused")
LACKING = joat.InsufficientScope("lacking", ["write", "admin"])
OWN = 'error="insufficient_scope", error_description="lacking"'
THREE = {"scope": "b", "realm": "a", "x": "c"}
CHALLENGES = {
    "realm-first": (MISSING, THREE, 'realm="a", scope="b", x="c"'),
    "all-of-a-token": (MISSING, {"a!#$%&'*+-.^_`|~9Z": ""}, 'a!#$%&\'*+-.^_`|~9Z=""'),
    "before-its-own": (LACKING, {"x": "c"}, f'x="c", {OWN}, scope="write admin"'),
    "scope-replaced": (LACKING, {"scope": "write"}, f'scope="write", {OWN}'),
}


@pytest.mark.parametrize(
    ("error", "parameters", "challenge"), CHALLENGES.values(), ids=CHALLENGES
)
def test_challenge_with_parameters(error, parameters, challenge):
    assert error.www_authenticate(**parameters) == f"Bearer {challenge}"


NO_TEXTS = [["value-marker"], b"value-marker", 7, True]
# None is a value of the realm only.
NO_TEXTS = [*product(["realm", "scope", "x"], NO_TEXTS), ("scope", None)]


@pytest.mark.parametrize(("name", "value"), NO_TEXTS)
def test_parameters_are_texts(name, value):
    for error in MISSING, LACKING:
        with pytest.raises(TypeError, match=f"^{name} must be a str") as caught:
            error.www_authenticate(**{name: value})
        assert_tells_nothing(caught.value, "value-marker")


NO_TOKENS = ["", " ", "a b", "a=b", 'a"', "a,b", "a\r\nb", "a\n", "\xe9", "\u212a"]
NO_TOKENS += ["a/b", "a:b", "(a)"]
TWICE = [{"realm": "a", "REALM": "b"}, {"max_age": "1", "Max_Age": "2"}]
TWICE += [{name: "none"} for name in ("error", "error_description", "Error", "Scope")]
NAMES = [({name: ""}, "has a character that is not allowed") for name in NO_TOKENS]
NAMES += [(parameters, "is repeated") for parameters in TWICE]


@pytest.mark.parametrize(("parameters", "fault"), NAMES)
def test_names_are_tokens_of_rfc_9110_and_stand_once(parameters, fault):
    with pytest.raises(ValueError, match=f"^a parameter's name {fault}$"):
        LACKING.www_authenticate(**parameters)


def with_header(**members):
    return make_token(header={"alg": "HS256", **members})


NO_SEGMENTS = "the token is not three segments of base64url"
WRONG_CLAIM = "the token's {} claim is missing or of a wrong type"
TOKENS = [
    ("A" * 65_537, "the token is longer than 65536 characters"),
    ("a.b", NO_SEGMENTS),
    (f"{TOKEN}\xe9", NO_SEGMENTS),
    (f"{TOKEN}=", NO_SEGMENTS),
    (make_token(header=b"[]"), "the header of the token is not a JSON object"),
    (make_token(b"[]"), "the payload of the token is not a JSON object"),
    (with_header(alg="none"), "the token's algorithm is not HS256"),
    (with_header(crit=[]), "the token's header has critical extensions"),
    (with_header(typ="JWE"), "the token's type is neither JWT nor at+jwt"),
    *(
        (with_claims(**{name: None}), WRONG_CLAIM.format(name))
        for name in (*CLAIMS, "jti", "nbf")
    ),
    (make_token(salt=SALT[::-1]), "the token's signature does not match"),
    (with_claims(exp=NOW), "the token has expired"),
    (with_claims(nbf=NOW + 1), "the token is not valid yet"),
    (with_claims(iss="other"), "the token is from another provider"),
    (with_claims(aud="other"), "the token is for another client"),
    (with_claims(scp=["other"]), "the token lacks a permission"),
]
HEADERS = [
    (None, "there is no Authorization header"),
    ("Basic eDp4", "the Authorization header does not begin with Bearer and a space"),
    ("Bearer", "the Authorization header has no token"),
    ("Bearer a b", "the Authorization header has more than one token"),
    *((f"Bearer {token}", description) for token, description in TOKENS),
]


@pytest.mark.parametrize(
    ("authorization", "description"), HEADERS, ids=[row[1] for row in HEADERS]
)
def test_what_the_client_is_told(asked, clock, authorization, description):
    expected = {"provider": CLAIMS["iss"], "client_id": CLAIMS["aud"]}
    with pytest.raises(joat.TokenError) as caught:
        joat.authenticate(authorization, **expected, scope=CLAIMS["scp"])
    assert caught.value.description == description
