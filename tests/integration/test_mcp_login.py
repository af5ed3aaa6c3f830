"""MCP: the SDK's own client logs in, with `authlib/` as the authorization server."""

import asyncio
import json
import sys
from base64 import b64encode
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from importlib.util import module_from_spec, spec_from_file_location
from types import SimpleNamespace
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

import httpx
import httpx2
import pytest
import recipes
import time_machine
from authorization import APP, ZOE
from mcp import Client, MCPError
from mcp.client.auth import OAuthFlowError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthToken
from servers import PATIENCE, ask, free_port

import joat

# Two MCP servers and a plain API, each with salts of its own.
SALTS = {
    "api": "the salt of the plain API 0123456",
    "first": "the salt of the first MCP server",
    "second": "the salt of the second MCP server",
}
SERVERS = """
export PROVIDER=http://127.0.0.1:9000
export JOAT_RESOURCES="http://127.0.0.1:8000/mcp $FIRST
http://127.0.0.1:8001/mcp $SECOND"
JOAT_SALT=$API flask --app ../authlib/auth run --port 9000 &
JOAT_SALT=$API flask --app ../authlib/api run --port 8002 &
export JOAT_RESOURCES=
JOAT_SALT=$FIRST RESOURCE=http://127.0.0.1:8000/mcp uvicorn server:app --port 8000 &
JOAT_SALT=$SECOND RESOURCE=http://127.0.0.1:8001/mcp uvicorn server:app --port 8001 &
"""
HOSTILE = "http://hostile.example"
# After it the SDK takes a server for an older one.
WAIT_OF_THE_SDK = "mcp.client.session.DISCOVER_TIMEOUT_SECONDS"


@pytest.fixture(scope="module")
def served(serve_recipe, quick_hashes):
    secrets = {name.upper(): salt for name, salt in SALTS.items()}
    return serve_recipe("MCP", SERVERS, **secrets, **quick_hashes)


@pytest.fixture
def load_client(served, monkeypatch):
    """Load the recipe's client for an MCP server."""

    def load(resource, provider=None):
        monkeypatch.setenv("PROVIDER", provider or served.url(9000))
        monkeypatch.setenv("RESOURCE", resource)
        monkeypatch.setattr(WAIT_OF_THE_SDK, PATIENCE)
        path = recipes.folder("MCP") / "client.py"
        spec = spec_from_file_location("mcp_client", path)
        module = module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def client(served, load_client):
    return load_client(f"{served.url()}/mcp")


@asynccontextmanager
async def session(module, mode="auto", tokens=None):
    """Yield the SDK's client, and what went over the wire for it."""
    seen = SimpleNamespace(requests=[], pages=[], storage=module.Storage())
    seen.storage.tokens = tokens

    class Browser(module.Browser):
        async def open(self, url):
            seen.pages.append(dict(parse_qsl(urlsplit(url).query)))
            await super().open(url)

    async def note(response):
        seen.requests.append(response)

    auth = module.login(seen.storage, Browser())
    hooks = {"response": [note]}
    async with httpx2.AsyncClient(
        auth=auth, timeout=PATIENCE, event_hooks=hooks
    ) as http:
        transport = streamable_http_client(module.RESOURCE, http_client=http)
        async with Client(transport, mode=mode) as mcp:
            yield mcp, seen


async def call(mcp, tool):
    """Return whether the tool ended with an error, and what it said."""
    told = await mcp.call_tool(tool)
    return told.is_error, told.content[0].text


def line(response):
    """Return what a request was and how it was answered."""
    return f"{response.request.method} {response.url.path} {response.status_code}"


def token_requests(seen):
    """Return the forms that went to the token endpoint."""
    return [
        dict(parse_qsl(response.request.content.decode()))
        for response in seen.requests
        if response.url.path == "/token"
    ]


# --- the flow --------------------------------------------------------------------


def test_login(client, served):
    """From a 401 to the answer of the tool, as the specification has it."""

    async def use():
        async with session(client) as (mcp, seen):
            assert await call(mcp, "whoami") == (False, "user:zoe")
            return seen

    seen = asyncio.run(use())
    assert [line(response) for response in seen.requests[:5]] == [
        "POST /mcp 401",
        "GET /.well-known/oauth-protected-resource/mcp 200",  # RFC 9728
        "GET /.well-known/oauth-authorization-server 200",  # RFC 8414
        "POST /token 200",
        "POST /mcp 200",
    ]
    assert {line(response) for response in seen.requests[5:]} == {"POST /mcp 200"}
    (page,) = seen.pages
    assert page["scope"] == "profile"
    assert page["resource"] == client.RESOURCE
    assert page["code_challenge_method"] == "S256"
    (form,) = token_requests(seen)
    assert form["grant_type"] == "authorization_code"
    assert form["resource"] == client.RESOURCE
    assert "client_secret" not in form
    assert seen.storage.tokens.scope == "profile"


def test_refresh(client):
    """When the token has expired for the client: no login, for the same resource."""

    async def use():
        async with session(client) as (mcp, seen):
            await call(mcp, "whoami")
            first = seen.storage.tokens
            later = datetime.now(timezone.utc) + timedelta(minutes=11)
            with time_machine.travel(later):
                assert await call(mcp, "whoami") == (False, "user:zoe")
            return seen, first

    seen, first = asyncio.run(use())
    assert len(seen.pages) == 1
    _, form = token_requests(seen)
    assert form["grant_type"] == "refresh_token"
    assert form["resource"] == client.RESOURCE
    assert form["refresh_token"] == first.refresh_token
    assert seen.storage.tokens.access_token != first.access_token
    assert seen.storage.tokens.refresh_token != first.refresh_token
    salt = SALTS["first"]
    joat.verify_token(seen.storage.tokens.access_token, salt=salt, scope=["profile"])


def test_step_up(client):
    """A tool needs more scope: 403, a second login for all of it, the call again."""

    async def use():
        async with session(client) as (mcp, seen):
            await call(mcp, "whoami")
            before = len(seen.requests)
            assert await call(mcp, "articles") == (False, "An article")
            assert await call(mcp, "whoami") == (False, "user:zoe")
            return seen, seen.requests[before:]

    seen, requests = asyncio.run(use())
    calls = [line(response) for response in requests]
    assert calls[:3] == ["POST /mcp 403", "POST /token 200", "POST /mcp 200"]
    challenge = requests[0].headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="profile read"' in challenge
    assert [page["scope"] for page in seen.pages] == ["profile", "profile read"]
    assert {page["resource"] for page in seen.pages} == {client.RESOURCE}


def test_step_up_after_a_slow_login(client, monkeypatch, capsys):
    """A user takes longer than the SDK waits for an answer to its first request."""
    opened = client.Browser.open

    async def open_slowly(self, url):
        await asyncio.sleep(0.1)
        await opened(self, url)
        monkeypatch.setattr(WAIT_OF_THE_SDK, PATIENCE)

    monkeypatch.setattr(client.Browser, "open", open_slowly)
    monkeypatch.setattr(WAIT_OF_THE_SDK, 0.01)
    asyncio.run(client.main("whoami", "articles"))
    assert capsys.readouterr().out.splitlines() == [
        "zoe allows: profile",
        "user:zoe",
        "zoe allows: profile read",
        "An article",
    ]


def test_older_client_gets_no_step_up(client):
    """It does not name the tool in a header, so the tool itself refuses."""

    async def use():
        async with session(client, "legacy") as (mcp, seen):
            assert await call(mcp, "whoami") == (False, "user:zoe")
            failed, told = await call(mcp, "articles")
            assert failed
            assert "this tool needs the scope read" in told
            return seen

    assert len(asyncio.run(use()).pages) == 1


def test_restart(client):
    """The SDK does not store when a token expires: after a 401 the user logs in."""

    async def use():
        async with session(client) as (mcp, before):
            await call(mcp, "whoami")
        # After more than ten minutes, in another process.
        tokens = joat.TokenGenerator(client.PROVIDER, "app")
        two_hours_ago = datetime.now(timezone.utc) - timedelta(hours=2)
        expired = tokens.issue_token(
            user_id="user:zoe",
            scope=["profile"],
            issued_at=two_hours_ago,
            salt=SALTS["first"],
        )
        stored = before.storage.tokens.model_copy(update={"access_token": expired})
        async with session(client, tokens=stored) as (mcp, after):
            assert await call(mcp, "whoami") == (False, "user:zoe")
            return after

    seen = asyncio.run(use())
    assert len(seen.pages) == 1
    assert [form["grant_type"] for form in token_requests(seen)] == [
        "authorization_code"
    ]


class Proxy(httpx2.AsyncBaseTransport):
    """What speaks HTTPS in front of a server, without the encryption."""

    def __init__(self, url):
        self.url, self.transport = url, httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request):
        headers = [*request.headers.multi_items(), ("X-Forwarded-Proto", "https")]
        return await self.transport.handle_async_request(
            httpx2.Request(
                request.method,
                f"{self.url}{request.url.raw_path.decode()}",
                headers=headers,
                content=await request.aread(),
            )
        )

    async def aclose(self):
        await self.transport.aclose()


def test_login_behind_proxies(serve_recipe, load_client, quick_hashes, monkeypatch):
    """Each server has its public name, and none sees HTTPS itself."""
    provider, resource = "https://auth.example", "https://mcp.example/mcp"
    program = """
import sys
from werkzeug.middleware.proxy_fix import ProxyFix
sys.path.insert(0, "../authlib")
from auth import app
app.wsgi_app = ProxyFix(app.wsgi_app)
"""
    script = """
export JOAT_RESOURCES="$RESOURCE $FIRST"
JOAT_SALT=$API flask --app behind_proxy run --port 9000 &
JOAT_SALT=$FIRST uvicorn server:app --port 8000 &
"""
    server = serve_recipe(
        "MCP",
        script,
        {"behind_proxy.py": program},
        **{name.upper(): salt for name, salt in SALTS.items()},
        **quick_hashes,
        PROVIDER=provider,
        RESOURCE=resource,
    )
    client = load_client(resource, provider)
    servers = {provider: server.url(9000), "https://mcp.example": server.url()}
    connect = httpx2.AsyncClient

    def connect_to_proxies(**arguments):
        mounts = {public: Proxy(url) for public, url in servers.items()}
        return connect(mounts=mounts, **arguments)

    monkeypatch.setattr(httpx2, "AsyncClient", connect_to_proxies)

    async def use():
        async with session(client) as (mcp, seen):
            assert await call(mcp, "whoami") == (False, "user:zoe")
            assert await call(mcp, "articles") == (False, "An article")
            return seen

    seen = asyncio.run(use())
    assert [page["resource"] for page in seen.pages] == 2 * [resource]
    asked = {f"{each.url.scheme}://{each.url.host}" for each in seen.requests}
    assert asked == set(servers)


# --- messages that say little ----------------------------------------------------


def deny(client, monkeypatch):
    filled_in = client.filled_in

    def denied(page):
        return filled_in(page) | {"decision": "deny"}

    monkeypatch.setattr(client, "filled_in", denied)


def another_issuer(client, monkeypatch):
    monkeypatch.setattr(client, "PROVIDER", "https://example.com")


def no_client(client, monkeypatch):
    async def nothing(self):
        return None

    monkeypatch.setattr(client.Storage, "get_client_info", nothing)


def unknown_client(client, monkeypatch):
    stored = client.Storage.get_client_info

    async def unknown(self):
        return (await stored(self)).model_copy(update={"client_id": "unknown"})

    monkeypatch.setattr(client.Storage, "get_client_info", unknown)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        pytest.param(deny, OAuthFlowError, "access_denied", id="the user denies"),
        pytest.param(
            another_issuer,
            OAuthFlowError,
            "Registration failed: 401",
            id="another issuer",
        ),
        pytest.param(
            no_client, OAuthFlowError, "Registration failed: 401", id="no stored client"
        ),
        # The authorization server shows that to the user.
        pytest.param(
            unknown_client, httpx2.HTTPStatusError, "400", id="unknown client"
        ),
    ],
)
def test_login_that_fails(client, monkeypatch, change, error, message):
    change(client, monkeypatch)

    async def use():
        auth = client.login(client.Storage(), client.Browser())
        async with httpx2.AsyncClient(auth=auth, timeout=PATIENCE) as http:
            await http.post(client.RESOURCE)

    with pytest.raises(error, match=message):
        asyncio.run(use())


def test_step_up_that_is_denied(client, monkeypatch):
    """The reason is in a group of exceptions, which ends the whole session."""

    async def use():
        async with session(client) as (mcp, _):
            await call(mcp, "whoami")
            deny(client, monkeypatch)
            await call(mcp, "articles")

    reason = pytest.RaisesExc(OAuthFlowError, match="access_denied")
    with pytest.RaisesGroup(reason):
        asyncio.run(use())


def test_step_up_that_gives_too_little(client, monkeypatch):
    """An MCPError that names no scope; the session goes on."""
    opened = client.Browser.open

    async def open_for_less(self, url):
        await opened(self, url.replace("scope=profile+read", "scope=profile"))

    monkeypatch.setattr(client.Browser, "open", open_for_less)

    async def use():
        async with session(client) as (mcp, _):
            with pytest.raises(MCPError) as error:
                await call(mcp, "articles")
            assert await call(mcp, "whoami") == (False, "user:zoe")
            return str(error.value)

    assert asyncio.run(use()) == "Server returned an error response"


# --- where a token is good -------------------------------------------------------


@pytest.fixture(scope="module")
def issued(served):
    """A token for each server, from the token endpoint."""
    urls = {
        "api": "",
        "first": f"{served.url()}/mcp",
        "second": f"{served.url(8001)}/mcp",
    }

    def issue(resource):
        form = {"grant_type": "client_credentials", "resource": resource}
        answer = httpx.post(
            f"{served.url(9000)}/token", data=form, auth=APP, timeout=PATIENCE
        )
        return answer.json()["access_token"]

    return {name: issue(url) for name, url in urls.items()}


@pytest.mark.parametrize("server", SALTS)
@pytest.mark.parametrize("token", SALTS)
def test_token_is_good_at_one_server(served, issued, token, server):
    if server == "api":
        answer = ask(f"{served.url(8002)}/profile", token=issued[token])
    else:
        url = served.url({"first": 8000, "second": 8001}[server])
        call = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "whoami"},
        }
        headers = [
            ("Accept", "application/json, text/event-stream"),
            ("Content-Type", "application/json"),
        ]
        body = json.dumps(call)
        answer = ask(f"{url}/mcp", "POST", headers, body, token=issued[token])
    if token == server:
        assert answer.status == 200, answer
        assert "client:app" in answer.text
    else:
        assert answer.status == 401, answer
        assert answer.json["error"] == "invalid_token"


# --- a hostile MCP server --------------------------------------------------------


class HostileServer:
    """An MCP server that wants the secrets of its clients, and notes what it gets.

    Its metadata names the authorization `servers` and the `resource`. As such a server
    it calls itself by the `issuer`. Without servers or issuer there is no metadata.
    """

    def __init__(self, servers=(HOSTILE,), resource=f"{HOSTILE}/mcp", issuer=HOSTILE):
        self.servers, self.resource, self.issuer = servers, resource, issuer
        self.registers = self.steps_up = False
        self.noted = []

    def __call__(self, request):
        self.noted.append(request)
        path = request.url.path
        if path == "/mcp":
            challenge = f'Bearer resource_metadata="{HOSTILE}/.well-known/prm"'
            if self.steps_up:
                challenge += ', error="insufficient_scope", scope="profile read"'
            status = 403 if self.steps_up else 401
            headers = {"WWW-Authenticate": challenge}
            return httpx2.Response(status, headers=headers)
        if path == "/.well-known/prm" and self.servers:
            answer = {"resource": self.resource, "authorization_servers": self.servers}
            return httpx2.Response(200, json=answer)
        if path == "/.well-known/oauth-authorization-server" and self.issuer:
            answer = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{HOSTILE}/authorize",
                "token_endpoint": f"{HOSTILE}/token",
                "registration_endpoint": f"{HOSTILE}/register",
                "response_types_supported": ["code"],
            }
            return httpx2.Response(200, json=answer)
        if path == "/register" and self.registers:
            answer = {"client_id": "app", "redirect_uris": ["https://app.example"]}
            return httpx2.Response(201, json=answer)
        if path == "/token":
            answer = {"access_token": "x", "token_type": "Bearer"}
            return httpx2.Response(200, json=answer)
        return httpx2.Response(404)


FOREIGN = "Registration failed: 404"
HOSTILE_SERVERS = {
    "names itself": ({}, FOREIGN),
    "names itself, and registers clients": (
        {"registers": True},
        ("another provider", "foreign page"),
    ),
    "names itself, which claims to be the provider": (
        {"issuer": "PROVIDER"},
        "issuer mismatch",
    ),
    "names itself, without metadata of its own": ({"issuer": ""}, FOREIGN),
    "names itself, then the provider": ({"servers": [HOSTILE, "PROVIDER"]}, FOREIGN),
    "names no server": ({"servers": []}, FOREIGN),
    "names no server, and registers clients": (
        {"servers": [], "registers": True},
        ("another provider", "foreign page"),
    ),
    "wants more scope": ({"steps_up": True}, FOREIGN),
    "names a path of the provider": ({"servers": ["PROVIDER/x"]}, FOREIGN),
    "names the provider with a slash": (
        {"servers": ["PROVIDER/"]},
        "issuer mismatch",
    ),
    "names the provider": ({"servers": ["PROVIDER"]}, "invalid_target"),
    "names the provider, and another MCP server": (
        {"servers": ["PROVIDER"], "resource": "SERVER/mcp"},
        "does not match expected",
    ),
}


@pytest.mark.parametrize("tokens", ["no tokens", "tokens"])
@pytest.mark.parametrize(
    ("changes", "message"), HOSTILE_SERVERS.values(), ids=HOSTILE_SERVERS
)
def test_no_secret_leaves(load_client, served, changes, message, tokens):
    """Whatever an MCP server says, the secrets go to the provider alone."""
    client = load_client(f"{HOSTILE}/mcp")

    def with_urls(value):
        if isinstance(value, list):
            return [with_urls(each) for each in value]
        if isinstance(value, str):
            value = value.replace("PROVIDER", served.url(9000))
            return value.replace("SERVER", served.url())
        return value

    # The SDK remembers a client that was refused to be stored.
    messages = message if isinstance(message, tuple) else (message, message)
    hostile = HostileServer()
    for name, value in changes.items():
        assert hasattr(hostile, name)
        setattr(hostile, name, with_urls(value))
    storage = client.Storage()
    if tokens == "tokens":
        # The access token is for this server; the other one is not.
        storage.tokens = OAuthToken(access_token="for it", refresh_token="refresh-it")

    async def use():
        auth = client.login(storage, client.Browser())
        mounts = {HOSTILE: httpx2.MockTransport(hostile)}
        async with httpx2.AsyncClient(
            auth=auth, mounts=mounts, timeout=PATIENCE
        ) as http:
            # An application may well try again.
            for message in messages:
                with pytest.raises(OAuthFlowError, match=message):
                    await http.post(client.RESOURCE)

    asyncio.run(use())
    assert hostile.noted
    secrets = [APP[1], ZOE["password"], "refresh-it"]
    secrets += [quote(secret) for secret in secrets]
    secrets += [quote_plus(secret) for secret in secrets]
    secrets += [b64encode(f"{APP[0]}:{secret}".encode()).decode() for secret in secrets]
    for request in hostile.noted:
        sent = f"{request.url} {request.headers!r} {request.content.decode()}"
        authorization = request.headers.get("Authorization", "Bearer for it")
        assert authorization == "Bearer for it"
        for secret in secrets:
            assert secret not in sent


class Neighbor(httpx2.AsyncBaseTransport):
    """A hostile MCP server that has one path of another server's origin."""

    def __init__(self, url, metadata, noted):
        self.url, self.metadata, self.noted = url, metadata, noted
        self.others = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request):
        if not str(request.url).startswith(self.url):
            return await self.others.handle_async_request(request)
        self.noted.append(request)
        if request.url.path.endswith("/metadata"):
            return httpx2.Response(200, json=self.metadata)
        if self.metadata:
            challenge = f'Bearer resource_metadata="{self.url}/metadata"'
            return httpx2.Response(401, headers={"WWW-Authenticate": challenge})
        call = json.loads(await request.aread() or "{}")
        answer = {"jsonrpc": "2.0", "id": call.get("id")}
        if call.get("method") == "server/discover":
            answer["error"] = {"code": -32601, "message": "Method not found"}
        elif call.get("method") == "initialize":
            answer["result"] = {
                "protocolVersion": "2025-03-26",
                "capabilities": {},
                "serverInfo": {"name": "hostile", "version": "1"},
            }
        else:
            return httpx2.Response(401)
        return httpx2.Response(200, json=answer)

    async def aclose(self):
        await self.others.aclose()


def old_version(served):
    """A version whose clients do not send `resource`; the API's tokens have none."""
    return f"{served.url(9000)}/hostile", None


def path_below(served):
    """Metadata for a path above, which the SDK takes, against RFC 9728 section 3.3."""
    metadata = {
        "resource": f"{served.url()}/mcp",
        "authorization_servers": [served.url(9000)],
    }
    return f"{served.url()}/mcp/hostile", metadata


@pytest.mark.parametrize(
    "neighbor",
    [
        pytest.param(old_version, id="an old version, at the provider's origin"),
        pytest.param(path_below, id="a path below another MCP server"),
    ],
)
def test_no_token_for_another_server(load_client, served, monkeypatch, neighbor):
    """It ends before the user is asked."""
    url, metadata = neighbor(served)
    client = load_client(url)
    noted, pages = [], []
    filled_in = client.filled_in

    def note(page):
        pages.append(page)
        return filled_in(page)

    monkeypatch.setattr(client, "filled_in", note)
    connect = httpx2.AsyncClient

    def connect_to_neighbor(**arguments):
        return connect(transport=Neighbor(url, metadata, noted), **arguments)

    monkeypatch.setattr(httpx2, "AsyncClient", connect_to_neighbor)
    with pytest.raises(OAuthFlowError, match="the token would be for another server"):
        asyncio.run(client.main("whoami"))
    assert not pages
    assert noted
    assert not any("Authorization" in request.headers for request in noted)


@pytest.mark.parametrize("down", ["RESOURCE", "PROVIDER"])
def test_server_that_is_not_up(serve_recipe, load_client, down):
    """The message of the index."""
    message = "All connection attempts failed"
    assert f"| `{message}` |" in recipes.section("MCP")
    nowhere = f"http://127.0.0.1:{free_port()}"
    resource = f"{nowhere}/mcp"
    if down == "PROVIDER":
        script = "uvicorn server:app --port 8000 &\n"
        resource = serve_recipe("MCP", script, PROVIDER=nowhere).url() + "/mcp"
    client = load_client(resource, nowhere)
    with pytest.raises(httpx2.ConnectError, match=message):
        asyncio.run(client.main("whoami"))


def test_issuer_of_the_stored_client_is_needed(load_client, monkeypatch):
    """Without it the SDK does send the secret to a server that names itself."""
    client = load_client(f"{HOSTILE}/mcp")
    stored = client.Storage.get_client_info

    async def without_issuer(self):
        return (await stored(self)).model_copy(update={"issuer": None})

    class Browser:
        """A user who does not look at the address."""

        async def open(self, url):
            self.state = dict(parse_qsl(urlsplit(url).query))["state"]

        async def come_back(self):
            return AuthorizationCodeResult(code="x", state=self.state)

    monkeypatch.setattr(client.Storage, "get_client_info", without_issuer)
    hostile = HostileServer()

    async def use():
        auth = client.login(client.Storage(), Browser())
        mounts = {HOSTILE: httpx2.MockTransport(hostile)}
        async with httpx2.AsyncClient(auth=auth, mounts=mounts) as http:
            await http.post(client.RESOURCE)

    asyncio.run(use())
    (request,) = (each for each in hostile.noted if each.url.path == "/token")
    assert request.headers["Authorization"].startswith("Basic ")
