"""Every token endpoint of the recipes: the client credentials grant, over HTTP."""

from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import pytest
import recipes
from authorization import ZOE
from oauthlib.oauth2 import BackendApplicationClient
from oauthlib.oauth2.rfc6749.errors import InvalidClientError, InvalidScopeError
from requests_oauthlib import OAuth2Session
from servers import HOSTS, PATIENCE, PROVIDER, SALT, ask, basic
from werkzeug.datastructures import WWWAuthenticate

import joat

# The headings of the recipes in the index whose server at port 9000 has a token
# endpoint at /token, for the client `app` with the scope `profile read`. But for the
# one that always wants a `resource`: test_introspection.py.
RECIPES = ["Flask", "Django", "Authlib", "oauthlib"]

APP = basic("app:app's secret")
ALL = "profile read"
GRANT = "grant_type=client_credentials"


@dataclass
class Case:
    """A request, and what must be answered: without a status, either of the two."""

    scope: str = ""
    errors: str = ""
    status: int | None = 200
    login: tuple[str, ...] = (APP,)
    body: str = GRANT
    content_type: str = "application/x-www-form-urlencoded"
    query: str = ""


def form(**fields):
    return urlencode({"grant_type": "client_credentials", **fields})


def granted(all_of, /, login=APP, **fields):
    return Case(all_of, login=(login,), body=form(**fields))


def stranger(*login):
    return Case("", "invalid_client", 401, login)


def refused(errors, body, **case):
    return Case("", errors, 400, body=body, **case)


def ignored_or_refused(errors, query="", **fields):
    """For something that must not change the token, if there is one."""
    return Case(ALL, errors, None, body=form(**fields), query=query)


def no_token(*logins):
    return Case("", BAD_LOGIN, None, logins)


def multipart(parameter=""):
    """For a form that a browser sends with files, which RFC 6749 does not know."""
    part = 'Content-Disposition: form-data; name="grant_type"'
    body = f"--B\r\n{part}\r\n\r\nclient_credentials\r\n--B--\r\n"
    content_type = f"multipart/form-data; boundary=B{parameter}"
    return Case(ALL, NO_GRANT, None, body=body, content_type=content_type)


NO_GRANT = "invalid_request unsupported_grant_type"
NO_PASSWORD = "unsupported_grant_type unauthorized_client"
OTHER_GRANT = "unsupported_grant_type unauthorized_client invalid_grant invalid_request"
BAD_LOGIN = "invalid_client invalid_request"
BAD_SCOPE = "invalid_scope invalid_request"
NO_TARGET = "invalid_target"  # RFC 8707 section 2
MULTIPART = (
    '--x\r\nContent-Disposition: form-data; name="grant_type"\r\n\r\n'
    "client_credentials\r\n"
    '--x\r\nContent-Disposition: form-data; name="resource"; filename="a"\r\n\r\n'
    "https://api.example\r\n--x--\r\n"
)
CASES = {
    "all that the client may": granted(ALL),
    "empty scope": granted(ALL, scope=""),
    "less scope": granted("read", scope="read"),
    "encoded login": granted(ALL, basic("%61pp:app%27s+secret")),
    "scheme in lower case": granted(ALL, APP.replace("Basic", "basic")),
    "a user in the form": granted(ALL, user="user:zoe"),
    "a sub in the form": granted(ALL, sub="user:zoe"),
    "a user_id in the form": granted(ALL, user_id="user:zoe"),
    "a username in the form": granted(ALL, username="user:zoe"),
    # oauthlib makes each parameter an attribute of its request.
    "a client in the form": granted(ALL, client="web"),
    "scopes in the form": granted(ALL, scopes="admin"),
    "claims in the form": granted(ALL, claims='{"sub": "user:zoe"}'),
    "a lifetime in the form": granted(ALL, expires_in="99999999"),
    "credentials in the form": granted(ALL, extra_credentials='{"access_token": "x"}'),
    "tokens in the form": granted(ALL, token="x", access_token="x", refresh_token="x"),
    "a scope twice in one": granted("read", scope="read read"),
    "no resource's name": granted(ALL, resource=""),
    "no client": stranger(),
    "no secret": stranger(basic("app:")),
    "wrong secret": stranger(basic("app:app's Secret")),
    "unknown client": stranger(basic("web:app's secret")),
    "a user's name": stranger(basic("user%3Azoe:app's secret")),
    "empty login": stranger(basic(":")),
    "nothing in the header": stranger("Basic"),
    "a login that is not base64": stranger("Basic ????"),
    "a login without a colon": stranger(basic("app")),
    "a login that is not UTF-8": stranger(basic("app:\xff")),
    "an octet beyond ASCII": stranger("Basic \xe9"),
    "UTF-8": stranger("Basic \xc3\xa9"),
    "an octet beyond ASCII behind the login": stranger(f"{APP}\xe9"),
    "an octet beyond ASCII in the scheme": stranger(APP.replace("a", "\xe4", 1)),
    "an octet beyond ASCII in Digest": stranger('Digest username="\xe9"'),
    # PBKDF2 and scrypt pad a secret with NULs.
    "a NUL behind the secret": stranger(basic("app:app's secret\0")),
    "NULs behind the secret": stranger(basic("app:app's secret" + 9 * "\0")),
    "an encoded NUL behind the secret": stranger(basic("app:app%27s+secret%00")),
    "a NUL behind a wrong secret": stranger(basic("app:wrong\0")),
    "a login with a NUL": stranger(basic("app\0:app's secret")),
    "Digest": stranger('Digest username="app", password="app\'s secret"'),
    "Bearer": stranger("Bearer app"),
    "a wrong login, then the right one": no_token(basic("app:wrong"), APP),
    "the right login, then a wrong one": no_token(APP, basic("app:wrong")),
    "the right login twice": no_token(APP, APP),
    "Bearer, then the login": no_token("Bearer app", APP),
    "the login, then Bearer": no_token(APP, "Bearer app"),
    "nothing in the header, then the login": no_token("Basic", APP),
    "an empty header, then the login": no_token("", APP),
    "the login, then an empty header": no_token(APP, ""),
    "no grant type": refused(NO_GRANT, ""),
    "grant type in the URL": refused(NO_GRANT, "", query=f"?{GRANT}"),
    "another grant type": refused("unsupported_grant_type", "grant_type=x"),
    "a password": refused(NO_PASSWORD, form(grant_type="password", **ZOE)),
    "an unknown code": refused(OTHER_GRANT, "grant_type=authorization_code&code=x"),
    "an unknown refresh token": refused(
        OTHER_GRANT, "grant_type=refresh_token&refresh_token=x"
    ),
    "more scope": refused("invalid_scope", form(scope="profile admin")),
    "other scope": refused("invalid_scope", form(scope="admin")),
    "scope in another case": refused("invalid_scope", form(scope="Profile")),
    # RFC 6749 section 3.3: only a space separates permissions.
    "a tab in the scope": refused(BAD_SCOPE, form(scope="profile\tread")),
    "a line feed in the scope": refused(BAD_SCOPE, form(scope="profile\nread")),
    "a no-break space in the scope": refused(
        BAD_SCOPE, form(scope="profile\N{NO-BREAK SPACE}read")
    ),
    "a no-break space behind the scope": refused(
        BAD_SCOPE, form(scope="profile\N{NO-BREAK SPACE}")
    ),
    "an unknown resource": refused(NO_TARGET, form(resource="https://api.example")),
    "a resource that is not a URL": refused(NO_TARGET, form(resource="http://[")),
    "two resources": refused(NO_TARGET, f"{GRANT}&resource=x&resource=y"),
    "an empty resource, then one": refused(NO_TARGET, f"{GRANT}&resource=&resource=x"),
    "a resource in the URL": refused(
        f"{NO_TARGET} invalid_request", GRANT, query="?resource=https://api.example"
    ),
    "a resource that is a file": refused(
        "invalid_request", MULTIPART, content_type="multipart/form-data; boundary=x"
    ),
    "an unknown parameter twice": refused("invalid_request", f"{GRANT}&a=1&a=2"),
    "scope twice": refused("invalid_request", f"{GRANT}&scope=read&scope=profile"),
    "grant type twice": refused("invalid_request", f"{GRANT}&{GRANT}"),
    "scope that is not UTF-8": refused(BAD_SCOPE, f"{GRANT}&scope=%ff"),
    "a body that is not a form": refused(NO_GRANT, '%zz&"&='),
    "JSON": refused(
        NO_GRANT,
        '{"grant_type": "client_credentials"}',
        content_type="application/json",
    ),
    "a form with files": multipart(),
    "a form with files in base64": multipart("; charset=base64"),
    "a form with files in no character set": multipart("; charset=x"),
    "a form with files in two character sets": multipart("; charset=utf-7; charset=x"),
    # The token is for the client that authenticated.
    "this client in the form": granted(ALL, client_id="app"),
    "no client's name in the form": granted(ALL, client_id=""),
    "a secret in the form": ignored_or_refused(BAD_LOGIN, client_secret="x"),
    "another client in the form": ignored_or_refused(BAD_LOGIN, client_id="web"),
    "client in another case": ignored_or_refused(BAD_LOGIN, client_id="APP"),
    "client with a space": ignored_or_refused(BAD_LOGIN, client_id="app "),
    "a user as the client": ignored_or_refused(BAD_LOGIN, client_id="user:zoe"),
    "a space as the scope": ignored_or_refused(BAD_SCOPE, scope=" "),
    "two spaces in the scope": ignored_or_refused(BAD_SCOPE, scope="profile  read"),
    "scope in the URL": ignored_or_refused("invalid_request", "?scope=read"),
    "client in the URL": ignored_or_refused("invalid_request", "?client_id=web"),
    "no hexadecimal digits in the URL": ignored_or_refused("invalid_request", "?a=%zz"),
    "brackets in the URL": ignored_or_refused("invalid_request", "?a=[1]"),
    "a quote in the URL": ignored_or_refused("invalid_request", '?a="'),
    "a percent sign in the URL": ignored_or_refused("invalid_request", "?%"),
}


# What the index says of production: the token endpoint once more, at port 8001.
GUNICORN = "gunicorn --no-control-socket --bind 127.0.0.1:8001"
DJANGO = '"django.core.wsgi:get_wsgi_application()"'


@pytest.fixture(scope="module", params=RECIPES)
def server(request, serve_recipe, quick_hashes):
    app = DJANGO if request.param == "Django" else "auth:app"
    script = f"{recipes.servers(request.param)}\n{GUNICORN} {app} &"
    variables = {"DJANGO_SETTINGS_MODULE": "auth_settings", **quick_hashes}
    return serve_recipe(request.param, script, **variables)


@pytest.fixture(scope="module")
def always():
    """Return the fields that the server wants in every form: usually no more."""
    return {}


def with_fields(body, fields):
    return "&".join(filter(None, [body, urlencode(fields)]))


def post(server, case, always):
    headers = [("Authorization", value) for value in case.login]
    headers.append(("Content-Type", case.content_type))
    body = with_fields(case.body, always)
    return ask(f"{server.url(9000)}/token{case.query}", "POST", headers, body)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_answer(server, case, always):
    answer = post(server, case, always)
    if case.scope and answer.status == 200:
        check_token(answer, case.scope)
    else:
        check_refusal(answer, case.errors.split())
    assert case.status in (answer.status, None)


def check_token(answer, scope):
    """RFC 6749 sections 4.4.3 and 5.1."""
    assert answer.status == 200, answer
    assert "no-store" in answer.headers["Cache-Control"]
    told = answer.json
    assert told["token_type"].lower() == "bearer"
    assert "refresh_token" not in told
    claims = joat.unverified_claims(told["access_token"])
    assert told["expires_in"] == claims["exp"] - claims["iat"] <= 3600
    assert told.get("scope", scope) == scope
    granted = joat.verify_token(
        told["access_token"], salt=SALT, provider=PROVIDER, client_id="app"
    )
    assert granted["user_id"] == "client:app"
    assert granted["authorized_scope"] == scope.split()


def check_refusal(answer, errors):
    """RFC 6749 section 5.2."""
    assert answer.status in (400, 401), answer
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.json["error"] in errors
    assert "access_token" not in answer.json
    challenges = answer.headers.get_all("WWW-Authenticate", [])
    assert len(challenges) == (answer.status == 401)
    for challenge in challenges:
        told = WWWAuthenticate.from_header(challenge)
        assert told.type == "basic"
        assert told.get("realm"), "RFC 7617 section 2 wants a realm"


def test_no_token_by_get(server, always):
    """RFC 6749 section 3.2: a client must use POST."""
    url = f"{server.url(9000)}/token?{with_fields(GRANT, always)}"
    answer = ask(url, headers=[("Authorization", APP)])
    assert 400 <= answer.status < 500
    assert "access_token" not in answer.text


# Django has a check of its own, which writes a traceback into the log.
NOT_DJANGO = [title for title in RECIPES if not title.startswith("Django")]


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
@pytest.mark.parametrize(
    ("login", "status"),
    [
        pytest.param(APP, 200, id="client"),
        pytest.param(basic("app:wrong"), 401, id="stranger"),
    ],
)
@pytest.mark.parametrize("server", NOT_DJANGO, indirect=True)
def test_host_that_is_none(server, always, login, status, host):
    """It is no fault of the server: RFC 9112 section 3.2."""
    headers = [("Host", host), ("Authorization", login)]
    headers.append(("Content-Type", Case.content_type))
    body = with_fields(GRANT, always)
    answer = ask(f"{server.url(9000)}/token", "POST", headers, body)
    assert answer.status in (status, 400)


# A megabyte of what would otherwise be ignored.
LARGE = {
    "a long value": f"{GRANT}&a={1_000_000 * 'a'}",
    "many parameters": GRANT + "".join(f"&a{n}=" for n in range(125_000)),
}


def send(url, body, headers):
    """Return the status and the text of the answer."""
    headers = {"Content-Type": Case.content_type, **headers}
    address, path = urlsplit(url)[1:3]
    with closing(HTTPConnection(address, timeout=PATIENCE)) as connection:
        # The server may answer and hang up before it has it all.
        with suppress(BrokenPipeError, ConnectionResetError):
            chunked = "Transfer-Encoding" in headers
            pieces = iter([body.encode()]) if chunked else body
            connection.request("POST", path, pieces, headers, encode_chunked=chunked)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE)
@pytest.mark.parametrize(
    ("login", "statuses"),
    [
        pytest.param(APP, (400, 413), id="client"),
        pytest.param(basic("app:wrong"), (400, 401, 413), id="stranger"),
    ],
)
def test_large_form(server, body, login, statuses, always):
    body = with_fields(body, always)
    status, text = send(f"{server.url(9000)}/token", body, {"Authorization": login})
    assert status in statuses
    assert "access_token" not in text


# Of some servers werkzeug reads as much of such a form as there may be, and no more.
CHUNKED = {
    "a short form": GRANT,
    "a resource behind all": f"{GRANT}&a={140_000 * 'a'}&resource=https://x.example/",
    **LARGE,
}


@pytest.mark.parametrize("body", CHUNKED.values(), ids=CHUNKED)
@pytest.mark.parametrize("coding", ["chunked", "Chunked"])
@pytest.mark.parametrize("port", [9000, 8001], ids=["index", "gunicorn"])
def test_form_without_a_length(server, port, coding, body, always):
    """Its end may be cut off, and with it a parameter."""
    body = "&".join(filter(None, [urlencode(always), body]))
    headers = {"Authorization": APP, "Transfer-Encoding": coding}
    status, text = send(f"{server.url(port)}/token", body, headers)
    assert status in (400, 411)
    assert "access_token" not in text


def test_every_stranger_costs_as_many_hashes(server, always):
    """Or the time of the answer tells which clients there are."""
    counts = []
    for name in ("wrong secret", "unknown client", "no secret", "a user's name"):
        before = server.output.count("one password hash")
        assert post(server, CASES[name], always).status == 401
        counts.append(server.output.count("one password hash") - before)
    assert counts[0] >= 1
    assert counts == 4 * counts[:1]


def test_client_library(server, always, monkeypatch):
    """It gets a token, which is good at the resource server, or a reason why not."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    session = OAuth2Session(client=BackendApplicationClient("app"))
    url, login = f"{server.url(9000)}/token", ("app", "app's secret")
    session.fetch_token(url, auth=login, scope=["profile"], **always)
    assert session.get(f"{server.url()}/profile").json() == {"user": "client:app"}
    with pytest.raises(InvalidClientError):
        session.fetch_token(url, auth=("app", "wrong"), **always)
    with pytest.raises(InvalidScopeError):
        session.fetch_token(url, auth=login, scope=["admin"], **always)
