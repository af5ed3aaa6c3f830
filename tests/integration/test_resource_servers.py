"""Every resource server of the recipes, put through the same requests over HTTP."""

import re
import socket
from dataclasses import dataclass
from http.client import parse_headers
from urllib.parse import urlsplit

import pytest
import recipes
from servers import HOSTS, PATIENCE, ask
from werkzeug.datastructures import WWWAuthenticate

# But for those that need a Redis: test_stores.py and test_introspection.py.
REDIS = ("Stores", "Introspection")
RECIPES = [
    title
    for title in recipes.titles()
    if ":8000/profile" in recipes.section(title) and title not in REDIS
]

# What Firefox sends for a page.
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@dataclass
class Case:
    """A request, and what must be answered; {…} stands for a token by that name."""

    authorization: tuple[str, ...] = ()
    status: int = 200
    error: str | None = None
    # If the server itself may refuse the request before joat sees it, as well.
    other_statuses: tuple[int, ...] = ()
    user: str = "user:zoe"
    scope: str | None = None
    method: str = "GET"
    query: str = ""
    accept: str = "*/*"
    body: str = ""


def good(*authorization, **case):
    return Case(authorization, 200, **case)


def missing(*authorization, **case):
    return Case(authorization, 401, **case)


def malformed(*authorization):
    return Case(authorization, 400, "invalid_request")


def invalid(*authorization, **case):
    return Case(authorization, 401, "invalid_token", **case)


def insufficient(*authorization):
    return Case(authorization, 403, "insufficient_scope", scope="profile")


CASES = {
    "valid": good("Bearer {good}"),
    "valid, signed with the older salt": good("Bearer {of_older_salt}"),
    "valid, of a client itself": good("Bearer {of_client}", user="client:app"),
    "valid, a space behind": good("Bearer {good} "),
    "valid, a tab behind": good("Bearer {good}\t"),
    "valid, scheme in lower case": good("bearer {good}"),
    "valid, POST": good("Bearer {good}", method="POST"),
    "valid, POST of a form": good("Bearer {good}", method="POST", body="a=b"),
    "valid, from a browser": good("Bearer {good}", accept=BROWSER),
    "valid, a query that is no form": good("Bearer {good}", query='?a=%zz&b="&[1]&%'),
    "missing": missing(),
    "missing, a query that is no form": missing(query='?a=%zz&b="&[1]&%'),
    "missing, POST": missing(method="POST"),
    "missing, from a browser": missing(accept=BROWSER),
    "empty": missing(""),
    "Basic": missing("Basic YXBwOmFwcCdzIHNlY3JldA=="),
    "Digest": missing('Digest username="app"'),
    "token without scheme": missing("{good}"),
    "token in the URL": missing(query="?access_token={good}"),
    "token in the body": missing(method="POST", body="access_token={good}"),
    "empty Bearer": malformed("Bearer"),
    "empty Bearer, a space behind": malformed("Bearer "),
    "two tokens in one header": malformed("Bearer {good} {good}"),
    "two tokens in one header with a comma": malformed("Bearer {good}, Bearer {good}"),
    "two headers": malformed("Bearer {good}", "Bearer {good}"),
    "two headers, the first one good": malformed("Bearer {good}", "Bearer {expired}"),
    "two headers, the second one good": malformed("Bearer {expired}", "Bearer {good}"),
    "two headers for two users": malformed("Bearer {good}", "Bearer {of_bob}"),
    "two headers, the second one empty": Case(
        ("Bearer {good}", ""), 400, "invalid_request", other_statuses=(401,)
    ),
    "two headers, the first one empty": Case(
        ("", "Bearer {good}"), 401, other_statuses=(400,)
    ),
    "Bearer, then Basic": malformed("Bearer {good}", "Basic YXBwOg=="),
    # A server that gets them joined sees another scheme, as RFC 6750 has it.
    "Basic, then Bearer": Case(
        ("Basic YXBwOg==", "Bearer {good}"), 401, other_statuses=(400,)
    ),
    "expired": invalid("Bearer {expired}"),
    "tampered": invalid("Bearer {tampered}"),
    "wrong salt": invalid("Bearer {wrong_salt}"),
    "foreign provider": invalid("Bearer {foreign}"),
    "refresh token": invalid("Bearer {refresh}"),
    "garbage": invalid("Bearer garbage"),
    "not ASCII": invalid("Bearer zo\xeb"),
    "a NUL behind": invalid("Bearer {good}\0", other_statuses=(400,)),
    "garbage of 64 kB": invalid("Bearer " + 65_000 * "A", other_statuses=(400, 431)),
    "garbage, POST": invalid("Bearer garbage", method="POST"),
    "garbage, from a browser": invalid("Bearer garbage", accept=BROWSER),
    "too little scope": insufficient("Bearer {little_scope}"),
    "no scope": insufficient("Bearer {no_scope}"),
}


@pytest.fixture(scope="module", params=RECIPES)
def server(request, serve_recipe):
    return serve_recipe(request.param)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_answer(server, case, tokens):
    sent = [value.format_map(tokens) for value in case.authorization]
    query, body = case.query.format_map(tokens), case.body.format_map(tokens)
    headers = [("Accept", case.accept)]
    headers += [("Authorization", value) for value in sent]
    if body:
        headers.append(("Content-Type", "application/x-www-form-urlencoded"))
    answer = ask(f"{server.url()}/profile{query}", case.method, headers, body)

    if case.status == 200:
        assert answer.status == 200, answer
        assert answer.json == {"user": case.user}
        assert "WWW-Authenticate" not in answer.headers
        return
    assert "zoe" not in answer.text
    assert "bob" not in answer.text
    if answer.status in case.other_statuses:
        # The server's own words, in which aiohttp even repeats a malformed header.
        return
    assert answer.status == case.status, answer
    check_refusal(answer, case)
    assert_nothing_of(answer, [*sent, query, body])


# Django has a check of its own, which writes a traceback into the log.
NOT_DJANGO = [title for title in RECIPES if not title.startswith("Django")]


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
@pytest.mark.parametrize(
    ("token", "status"),
    [
        pytest.param("good", 200, id="a good token"),
        pytest.param(None, 401, id="no token"),
    ],
)
@pytest.mark.parametrize("server", NOT_DJANGO, indirect=True)
def test_host_that_is_none(server, tokens, token, status, host):
    """It is no fault of the server: RFC 9112 section 3.2."""
    url, headers = f"{server.url()}/profile", [("Host", host)]
    answer = ask(url, headers=headers, token=tokens.get(token))
    assert answer.status in (status, 400)


@pytest.mark.parametrize("token", ["good", "expired", None])
def test_no_body_behind_head(server, tokens, token):
    """Where the next answer begins if the connection is kept: RFC 9112 section 6.3."""
    address = urlsplit(server.url())
    lines = ["/profile HTTP/1.1", f"Host: {address.netloc}"]
    if token:
        lines.append(f"Authorization: Bearer {tokens[token]}")
    request = " " + "\r\n".join([*lines, "", ""])
    with (
        socket.create_connection((address.hostname, address.port), PATIENCE) as sock,
        sock.makefile("rb") as answers,
    ):
        sock.sendall(f"HEAD{request}".encode())
        version, status, _ = answers.readline().split(maxsplit=2)
        headers = parse_headers(answers)
        assert int(status) in ({"good": (200, 405)}.get(token, (401, 405)))
        if version == b"HTTP/1.0" or headers.get("Connection") == "close":
            assert answers.read() == b""
        else:
            sock.sendall(f"GET{request}".encode())
            version, *_ = answers.readline().split(maxsplit=1)
            assert version == b"HTTP/1.1"


def check_refusal(answer, case):
    """RFC 6750 section 3."""
    (challenge,) = answer.headers.get_all("WWW-Authenticate", [])
    told = WWWAuthenticate.from_header(challenge)
    assert told is not None
    assert told.type == "bearer"
    assert told.get("error") == case.error
    assert told.get("scope") == case.scope
    description = told.get("error_description")
    assert (description is None) == (case.error is None)
    # For a reader of the body: why, although the challenge of a request without
    # a token must not say it. There is no code for that, in the body either.
    if case.error is None:
        assert "error" not in answer.json
    assert answer.json.get("error", case.error) == case.error
    assert (description or "Authorization header") in answer.text


def assert_nothing_of(answer, sent):
    """Fail if the answer has a segment of a token that was sent."""
    answered = f"{answer.headers}\n{answer.text}"
    for value in sent:
        for segment in re.findall(r"[\w-]{20,}", value):
            assert segment not in answered
