"""The authorization server on Authlib: what goes beyond the batteries."""

import sqlite3
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from authorization import (
    APP,
    ASKED,
    VERIFIER,
    WEB,
    ZOE,
    authorize_url,
    hidden_fields,
    parameters,
    refused,
    send_form,
)
from servers import PATIENCE, PROVIDER, SALT

import joat


@pytest.fixture
def browser(authlib):
    return authlib.browser()


# --- the provider ----------------------------------------------------------------


@pytest.mark.parametrize(
    "provider",
    [
        "https://example.com",
        "https://auth.example.com:8443",
        "https://1.xn--bcher-kva.example",
        "https://a:65535",
        "http://127.0.0.1:9000",
        "http://localhost:9000",
    ],
)
def test_metadata(authlib_server, provider):
    """RFC 8414: made of the provider, whatever host and scheme a client names."""
    server = authlib_server(PROVIDER=provider)
    for host in ("127.0.0.1", "evil.example"):
        answer = server.browser().get(
            "/.well-known/oauth-authorization-server",
            headers={"Host": host, "X-Forwarded-Host": host},
        )
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json() == {
            "issuer": provider,
            "authorization_endpoint": f"{provider}/authorize",
            "token_endpoint": f"{provider}/token",
            "scopes_supported": ["profile", "read"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": [
                "authorization_code",
                "refresh_token",
                "client_credentials",
            ],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
    # The same text in each answer (RFC 9207), and in each token.
    told = server.allow()
    assert told["iss"] == provider
    token = server.exchange(told["code"]).json()["access_token"]
    assert joat.unverified_claims(token)["iss"] == provider
    assert server.allow(scope="admin")["iss"] == provider


def test_metadata_names_every_scope(authlib):
    """So that no client of the recipe has one that is missing there."""
    scopes = {
        scope for client in authlib.module.CLIENTS.values() for scope in client.scope
    }
    assert scopes == set(authlib.module.METADATA["scopes_supported"])


@pytest.mark.parametrize("module", ["auth", "api"])
@pytest.mark.parametrize(
    "provider",
    [
        pytest.param("", id="nothing"),
        pytest.param("example.com", id="no scheme"),
        pytest.param("My OAuth2 Provider", id="a name"),
        pytest.param("https://", id="no host"),
        pytest.param("https://example.com/", id="a slash"),
        pytest.param("https://example.com/auth", id="a path"),
        pytest.param("https://example.com?a=b", id="a query"),
        pytest.param("https://example.com#a", id="a fragment"),
        pytest.param("https://me@example.com", id="a user"),
        pytest.param("https://Example.com", id="upper case"),
        pytest.param("HTTPS://example.com", id="a scheme in upper case"),
        pytest.param("https://ex\xe4mple.com", id="not ASCII"),
        pytest.param("https://example.com:443", id="the usual port"),
        pytest.param("https://example.com:", id="no port"),
        pytest.param("https://example.com:08443", id="a port with a zero before"),
        pytest.param("https://example..com", id="an empty label"),
        pytest.param(" https://example.com", id="a space before"),
        pytest.param("https://example.com\n", id="a line feed behind"),
        pytest.param("http://example.com", id="HTTP"),
        pytest.param("http://127.0.0.1.example.com", id="HTTP, almost loopback"),
        pytest.param("ftp://example.com", id="another scheme"),
        pytest.param("https://example.com:65536", id="a port out of range"),
        pytest.param("https://127.1", id="half of an address"),
        pytest.param("https://0x7f.1", id="an address in hexadecimal"),
        pytest.param("https://1.2.3", id="three quarters of an address"),
        pytest.param("https://-a.com", id="a hyphen before a label"),
        pytest.param("https://a-.com", id="a hyphen behind a label"),
        pytest.param("https://a.com-", id="a hyphen behind the name"),
        pytest.param("http://[::1]:9000", id="HTTP, another loopback address"),
    ],
)
def test_provider_that_is_no_origin(load_authlib, module, provider):
    """Clients compare it as text, and would find no metadata, or not trust it."""
    with pytest.raises(ValueError, match=r"http on 127\.0\.0\.1 or localhost"):
        load_authlib(module, PROVIDER=provider)


# --- the form --------------------------------------------------------------------


def test_form_shows_who_asks_for_what(browser):
    page = browser.get(authorize_url()).text
    assert "app asks for: profile<" in page
    page = browser.get(authorize_url(scope=None)).text
    assert "app asks for: profile read<" in page


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_form_headers(browser, scheme):
    answer = browser.get(f"{scheme}://127.0.0.1{authorize_url()}")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    cookie = answer.headers["Set-Cookie"]
    assert "; HttpOnly" in cookie
    assert "; SameSite=Lax" in cookie
    assert cookie.startswith("__Host-") == (scheme == "https")
    assert ("; Secure" in cookie) == (scheme == "https")


def test_browser_forgets_the_form_that_is_allowed(browser):
    """RFC 9700 section 4.12."""
    answer = send_form(browser, browser.get(authorize_url()))
    assert answer.status_code == 303
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "zoe's Password"},
        {"password": ""},
        {"username": "bob"},
        {"username": "app"},
        {"username": ""},
        {"username": "zoe\0"},
    ],
    ids=str,
)
def test_form_not_signed_in(browser, count_hashes, fields):
    """One password is hashed, whoever it is, so that the time does not tell."""
    page = browser.get(authorize_url())
    count_hashes()
    answer = send_form(browser, page, **fields)
    assert answer.status_code == 403
    assert "is wrong" in answer.text
    assert "Location" not in answer.headers
    assert count_hashes() == 1


@pytest.mark.parametrize("sent", ["", "x", "%FF", "%00", None])
@pytest.mark.parametrize("cookie", [None, "", "zo\xeb", "right"])
def test_form_of_another_site(authlib, count_hashes, cookie, sent):
    """The password is not even looked at."""
    browser = authlib.app.test_client()
    if cookie == "right":
        browser.get(authorize_url())
    elif cookie is not None:
        browser.set_cookie("csrf", cookie)
    form = urlencode({"decision": "allow", **ZOE})
    count_hashes()
    answer = browser.post(
        authorize_url(),
        data=form if sent is None else f"{form}&csrf={sent}",
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 403
    assert "has expired" in answer.text
    assert count_hashes() == 0


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("zoe's password\0", id="a NUL behind"),
        pytest.param("zoe's password" + 50 * "\0", id="NULs up to HMAC's block"),
        pytest.param("\0zoe's password", id="a NUL before"),
        pytest.param("\0", id="nothing else"),
    ],
)
@pytest.mark.parametrize("username", ["zoe", "bob"])
def test_form_with_nuls(browser, count_hashes, username, password):
    """HMAC pads a password with NULs, so these would fit; none is even hashed."""
    page = browser.get(authorize_url())
    count_hashes()
    answer = send_form(browser, page, username=username, password=password)
    assert (answer.status_code, count_hashes()) == (403, 0)
    assert "is wrong" in answer.text


@pytest.mark.parametrize("nuls", ["\0", "%00", 50 * "\0"], ids=["one", "encoded", "50"])
@pytest.mark.parametrize("client", ["app", "other"])
def test_client_secret_with_nuls(authlib, count_hashes, client, nuls):
    """The same for the secret of a client, however the client writes the NUL."""
    form, login = {"grant_type": "client_credentials"}, (client, f"{APP[1]}{nuls}")
    refused(authlib.post(form, login), "invalid_client", 401)
    assert count_hashes() == 0


def test_form_of_another_browser(authlib, browser):
    other = hidden_fields(authlib.browser().get(authorize_url()).text)
    page = browser.get(authorize_url())
    assert hidden_fields(browser.get(authorize_url()).text) == hidden_fields(page.text)
    assert send_form(browser, page, **other).status_code == 403


# --- requests that Authlib fails at, or takes for others -------------------------


@pytest.mark.parametrize("name", sorted(ASKED))
def test_parameter_twice(browser, name):
    """RFC 6749 section 3.1."""
    again = {name: ASKED[name]}
    url = authorize_url()
    refused(browser.get(f"{url}&{urlencode(again)}"), "invalid_request")
    refused(browser.post(url, data=again), "invalid_request")


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": None},
        {"response_type": None},
        {"response_type": '"'},
        {"response_type": "zo\xeb"},
    ],
    ids=str,
)
def test_malformed_request(browser, changes):
    url = authorize_url(**changes)
    for answer in (browser.get(url), browser.post(url, data=ZOE)):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": " "}, "invalid_scope"),
    ],
)
def test_refused_at_the_client(authlib, changes, error):
    told = authlib.allow(**changes)
    assert (told["error"], told["iss"]) == (error, PROVIDER)
    assert "code" not in told


@pytest.mark.parametrize("query", ["\xff", "a=\xe9", "state=\xed\xa0\x80"])
@pytest.mark.parametrize("path", ["/authorize", "/token"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_any_query_is_answered(authlib, method, path, query):
    """Bytes that no client should send, but any may."""
    environ = {"QUERY_STRING": f"{urlencode(ASKED)}&{query}", "CONTENT_LENGTH": "0"}
    client = authlib.app.test_client()
    answer = client.open(path, method=method, environ_overrides=environ)
    assert answer.status_code == (405 if (method, path) == ("GET", "/token") else 400)


@pytest.mark.parametrize("path", [authorize_url(), "/token"])
def test_form_without_a_length(authlib, path):
    """Its end may be cut off, and with it a parameter."""
    environ = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    answer = authlib.app.test_client().post(
        path, data={"username": "zoe"}, environ_overrides=environ
    )
    assert (answer.status_code, answer.headers["Cache-Control"]) == (411, "no-store")


@pytest.mark.parametrize("host", ["", "a b", "[", "zo\xeb", "a:b", "public.example"])
@pytest.mark.parametrize("path", [authorize_url(), "/token"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_any_host_is_answered(authlib, method, path, host):
    environ = {"HTTP_HOST": host}
    client = authlib.app.test_client()
    answer = client.open(path, method=method, environ_overrides=environ)
    assert answer.status_code < 500


def test_insecure_transport(browser):
    answer = browser.get(f"http://public.example{authorize_url()}")
    refused(answer, "insecure_transport")


# --- codes and refresh tokens ----------------------------------------------------


@pytest.mark.parametrize(
    "changes", [{"redirect_uri": None}, {"code_verifier": VERIFIER[::-1]}], ids=str
)
def test_code_has_one_try(authlib, changes):
    code = authlib.code()
    refused(authlib.exchange(code, **changes), "invalid_grant")
    refused(authlib.exchange(code), "invalid_grant")


@pytest.mark.parametrize("later", [0, 7200])
def test_code_used_twice(authlib, traveller, later):
    """RFC 6749 section 4.1.2: what it gave is taken back, whenever it was."""
    code, another = authlib.code(), authlib.refresh_token()
    refresh_token = authlib.exchange(code).json()["refresh_token"]
    traveller.shift(later)
    authlib.allow()  # forgets what is old
    refused(authlib.exchange(code), "invalid_grant")
    refused(authlib.refresh(refresh_token), "invalid_grant")
    assert authlib.refresh(another).status_code == 200


def test_used_refresh_token_gives_another_client_no_power(authlib):
    used = authlib.refresh_token()
    following = authlib.refresh(used).json()["refresh_token"]
    refused(authlib.refresh(used, WEB), "invalid_grant")
    assert authlib.refresh(following).status_code == 200


@pytest.mark.parametrize(
    "scope",
    [
        pytest.param(" ", id="a space"),
        pytest.param("profile ", id="a space behind"),
        pytest.param(" profile", id="a space before"),
        pytest.param("profile  read", id="two spaces"),
        pytest.param("profile\tread", id="a tab"),
        pytest.param("profile\nread", id="a line feed"),
        pytest.param("profile\N{NO-BREAK SPACE}read", id="a no-break space"),
        pytest.param("profile admin", id="more scope"),
    ],
)
def test_refresh_with_a_wrong_scope(authlib, scope):
    """It is refused before the refresh token is used up."""
    refresh_token = authlib.refresh_token(scope="profile read")
    refused(authlib.refresh(refresh_token, scope=scope), "invalid_scope")
    assert authlib.refresh(refresh_token).json()["scope"] == "profile read"


def test_less_scope_is_for_one_refresh(authlib):
    """RFC 6749 section 6: the next refresh token is for as much as the first."""
    refresh_token = authlib.refresh_token(scope="profile read")
    less = authlib.refresh(refresh_token, scope="read").json()["refresh_token"]
    assert authlib.refresh(less).json()["scope"] == "profile read"


def test_scope_that_the_client_has_lost(authlib):
    refresh_token = authlib.refresh_token(scope="profile read")
    clients = authlib.module.CLIENTS
    clients["app"] = replace(clients["app"], scope=("profile",))
    refused(authlib.refresh(refresh_token), "invalid_scope")
    assert authlib.refresh(refresh_token, scope="profile").status_code == 200


def test_client_without_scope(authlib):
    clients = authlib.module.CLIENTS
    clients["app"] = replace(clients["app"], scope=())
    told = authlib.post({"grant_type": "client_credentials"}).json()
    assert joat.unverified_claims(told["access_token"])["scp"] == []


def test_client_without_the_grant_of_codes(authlib):
    """Its redirect URI alone gets no page, and the client no code."""
    clients = authlib.module.CLIENTS
    clients["app"] = replace(clients["app"], grant_types=("client_credentials",))
    answer = authlib.browser().get(authorize_url())
    assert "password" not in answer.text
    assert parameters(answer.headers["Location"])["error"] == "unauthorized_client"


def test_user_who_comes_back(authlib):
    """While the user is gone, a refresh is refused, and uses nothing up."""
    refresh_token = authlib.refresh_token()
    user = authlib.module.USERS.pop("zoe")
    refused(authlib.refresh(refresh_token), "invalid_grant")
    authlib.module.USERS["zoe"] = user
    assert authlib.refresh(refresh_token).status_code == 200


def test_scope_twice(authlib):
    """A token has each scope once, whatever was asked for."""
    told = authlib.tokens(scope="read read profile read")
    assert told["scope"] == "read profile"
    claims = joat.unverified_claims(told["access_token"])
    assert claims["scp"] == ["read", "profile"]


# --- resource servers (RFC 8707) -------------------------------------------------


MCP, OTHER = "http://127.0.0.1:8000/mcp", "https://other.example/mcp"
MCP_SALTS = ["the MCP server's newest salt 0123", "the MCP server's older salt 01234"]
OTHER_SALT = "the other server's salt 012345678"
RESOURCES = f"{MCP} {MCP_SALTS[0]}\n{OTHER} {OTHER_SALT}\n\n{MCP} {MCP_SALTS[1]}\n"

# Not a resource server's URL; they are compared as text.
UNKNOWN = [
    pytest.param("https://evil.example/mcp", id="another"),
    pytest.param(f"{MCP}/", id="a slash behind"),
    pytest.param(f"{MCP}?a=b", id="a query behind"),
    pytest.param(f"{MCP}#a", id="a fragment behind"),
    pytest.param(MCP.upper(), id="upper case"),
    pytest.param(f" {MCP}", id="a space before"),
    pytest.param(f"{MCP}/../mcp", id="a way around"),
    pytest.param("http://127.0.0.1:8000", id="the server without its path"),
    pytest.param("mcp", id="no URL"),
    pytest.param("http://[", id="almost a URL"),
    pytest.param("\0", id="a NUL"),
    pytest.param(f"{MCP} {OTHER}", id="two in one"),
]


@pytest.fixture
def resources(authlib_server):
    """The server with two resource servers that have their own salts."""
    return authlib_server(JOAT_RESOURCES=RESOURCES)


def good_at(answer):
    """Return where a token is good: the salts with which it verifies."""
    assert answer.status_code == 200, answer.text
    token, known = answer.json()["access_token"], [SALT, *MCP_SALTS, OTHER_SALT]
    good = []
    for salt in known:
        with suppress(joat.InvalidSignature):
            joat.verify_token(token, salt=salt, provider=PROVIDER)
            good.append(salt)
    return good


@pytest.mark.parametrize(
    ("asked", "salt"),
    [
        pytest.param(None, SALT, id="none"),
        pytest.param("", SALT, id="an empty one"),
        pytest.param(MCP, MCP_SALTS[0], id="one"),
        pytest.param(OTHER, OTHER_SALT, id="another"),
        pytest.param(["", MCP], MCP_SALTS[0], id="an empty one and one"),
    ],
)
def test_token_is_good_at_one_server(resources, asked, salt):
    """For each grant, and for each refresh token of a grant."""
    client = resources.post(
        {"grant_type": "client_credentials", "resource": asked or ""}
    )
    assert good_at(client) == [salt]
    answer = resources.exchange(resources.code(resource=asked))
    for _ in range(3):
        assert good_at(answer) == [salt]
        answer = resources.refresh(answer.json()["refresh_token"])


@pytest.mark.parametrize(
    ("granted", "salt"), [(None, SALT), (MCP, MCP_SALTS[0]), (OTHER, OTHER_SALT)]
)
@pytest.mark.parametrize("asked", ["the same", ""])
def test_token_request_may_name_the_same(resources, granted, salt, asked):
    asked = granted if asked == "the same" else asked
    answer = resources.exchange(resources.code(resource=granted), resource=asked)
    assert good_at(answer) == [salt]
    refresh_token = answer.json()["refresh_token"]
    assert good_at(resources.refresh(refresh_token, resource=asked)) == [salt]


def test_page_names_the_resource(resources):
    assert MCP in resources.browser().get(authorize_url(resource=MCP)).text
    assert "be used only at" not in resources.browser().get(authorize_url()).text


@pytest.mark.parametrize(
    "asked", [*UNKNOWN, pytest.param([MCP, MCP], id="the same twice")]
)
def test_wrong_resource_at_the_authorization_endpoint(resources, asked):
    """The user is not asked; the client hears why."""
    browser = resources.browser()
    url = authorize_url(resource=asked)
    for answer in (browser.get(url), browser.post(url, data=ZOE)):
        told = parameters(answer.headers["Location"])
        assert told["error"] == "invalid_target"
        assert (told["state"], told["iss"]) == ("abc", PROVIDER)
        assert "code" not in told


WRONG = [
    *(pytest.param(MCP, *param.values, id=f"one, {param.id}") for param in UNKNOWN),
    pytest.param(None, MCP, id="none, one added"),
    pytest.param("", MCP, id="an empty one, one added"),
    pytest.param(MCP, OTHER, id="one, changed"),
    pytest.param(MCP, [MCP, OTHER], id="one, a second"),
    pytest.param(MCP, [MCP, MCP], id="one, the same twice"),
]


@pytest.mark.parametrize(("granted", "asked"), WRONG)
def test_wrong_resource_uses_a_code_up(resources, granted, asked):
    code = resources.code(resource=granted)
    refused(resources.exchange(code, resource=asked), "invalid_target")
    refused(resources.exchange(code), "invalid_grant")


@pytest.mark.parametrize(("granted", "asked"), WRONG)
def test_wrong_resource_uses_no_refresh_token_up(resources, granted, asked):
    refresh_token = resources.refresh_token(resource=granted)
    refused(resources.refresh(refresh_token, resource=asked), "invalid_target")
    salt = MCP_SALTS[0] if granted else SALT
    assert good_at(resources.refresh(refresh_token)) == [salt]


@pytest.mark.parametrize("asked", [*UNKNOWN, pytest.param([MCP, OTHER], id="two")])
def test_wrong_resource_of_a_client_itself(resources, asked):
    form = {"grant_type": "client_credentials", "resource": asked}
    refused(resources.post(form), "invalid_target")


def test_stranger_does_not_learn_which_resources_there_are(resources):
    for asked in (MCP, "https://evil.example/mcp"):
        form = {"grant_type": "client_credentials", "resource": asked}
        refused(resources.post(form, ("app", "wrong")), "invalid_client", 401)


def test_resource_server_that_is_gone(resources):
    """Its tokens are not for the servers that share the other salts instead."""
    code = resources.code(resource=MCP)
    refresh_token = resources.refresh_token(resource=MCP)
    secret = resources.module.RESOURCES.pop(MCP)
    refused(resources.exchange(code), "invalid_target")
    refused(resources.refresh(refresh_token), "invalid_target")
    resources.module.RESOURCES[MCP] = secret
    assert resources.refresh(refresh_token).status_code == 200


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(f"{MCP} {SALT}", "salt of another server", id="the general salt"),
        pytest.param(
            f"{MCP} {OTHER_SALT}\n{OTHER} {OTHER_SALT}",
            "salt of another server",
            id="one salt for two",
        ),
        pytest.param(
            f"{RESOURCES}{OTHER} {MCP_SALTS[1]}",
            "salt of another server",
            id="an older salt for two",
        ),
        pytest.param(f"{RESOURCES}{MCP} short", "line 5", id="a short salt"),
        pytest.param(MCP, "line 1", id="no salt"),
        pytest.param(f"{MCP} ", "line 1", id="an empty salt"),
        pytest.param(OTHER_SALT, "line 1", id="no URL"),
        pytest.param(f"{OTHER_SALT[:33]} {MCP}", "line 1", id="the wrong way round"),
        pytest.param(f"\n{MCP}#a {OTHER_SALT}", "line 2", id="a URL with a fragment"),
        pytest.param(f"mcp {OTHER_SALT}", "line 1", id="a relative URL"),
    ],
)
def test_resource_servers_refused_at_start(load_authlib, text, message):
    with pytest.raises(ValueError, match=message) as error:
        load_authlib(JOAT_RESOURCES=text)
    for salt in (SALT, OTHER_SALT, *MCP_SALTS):
        assert salt not in str(error.value)


# --- what is kept ----------------------------------------------------------------


def test_file_is_the_owners(authlib):
    assert stat.S_IMODE(authlib.database.stat().st_mode) == 0o600


# Who only reads is in the way of what is to be kept at the end.
@pytest.mark.parametrize("lock", ["EXCLUSIVE", "IMMEDIATE", "DEFERRED"])
def test_request_waits_a_second_for_a_lock(authlib, lock):
    """Then it is refused, and what it brought is still good."""
    code, refresh_token = authlib.code(), authlib.refresh_token()
    with closing(sqlite3.connect(authlib.database, isolation_level=None)) as other:
        other.execute(f"BEGIN {lock}")
        other.execute("SELECT * FROM grants").fetchall()
        begun = time.monotonic()
        answers = [authlib.exchange(code), authlib.refresh(refresh_token)]
        # It asks for nothing that is locked.
        page = authlib.browser().get(authorize_url())
        answers.append(send_form(authlib.browser(page.cookies), page))
        assert 2.7 < time.monotonic() - begun < 9
        other.execute("ROLLBACK")
    for answer in answers:
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert answer.json() == {"error": "temporarily_unavailable"}
    assert authlib.exchange(code).status_code == 200
    assert authlib.refresh(refresh_token).status_code == 200


@pytest.mark.parametrize("kind", ["code", "refresh_token"])
def test_what_is_not_exchanged_stays_good(authlib, kind):
    """If the next token cannot be kept, the one before is not used up."""
    send = {"code": authlib.exchange, "refresh_token": authlib.refresh}[kind]
    token = getattr(authlib, kind)()
    with closing(sqlite3.connect(authlib.database)) as db:
        fail = "BEGIN DELETE FROM nowhere; END"
        db.execute(f"CREATE TRIGGER failure BEFORE INSERT ON tickets {fail}")
        assert send(token).status_code == 503
        db.execute("DROP TRIGGER failure")
    assert send(token).status_code == 200


def test_start_waits_longer_for_a_lock(authlib):
    """It holds up no request."""
    with (
        closing(sqlite3.connect(authlib.database, isolation_level=None)) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute("BEGIN EXCLUSIVE")
        waiting = pool.submit(authlib.module.grant_store.create)
        try:
            with pytest.raises(TimeoutError):
                waiting.result(1.5)
        finally:
            other.execute("ROLLBACK")
        waiting.result(PATIENCE)


def test_store_forgets(authlib, traveller):
    def count():
        with closing(sqlite3.connect(authlib.database)) as db:
            query = "SELECT count(*) FROM grants UNION ALL SELECT count(*) FROM tickets"
            return [count for (count,) in db.execute(query)]

    for _ in range(3):
        authlib.allow()
    assert count() == [3, 3]
    traveller.shift(timedelta(days=31))
    authlib.allow()
    assert count() == [1, 1]
