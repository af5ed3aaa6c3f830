"""MCP: the SDK's own client, the table of all resource servers, and the metadata."""

import asyncio
import json
import runpy
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from unittest.mock import AsyncMock

import httpx2
import pytest
import recipes
from helpers import make_token
from mcp import Client, MCPError
from mcp.client.auth import TokenStorage
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthToken, ProtectedResourceMetadata
from servers import PATIENCE, PROVIDER, SALT, ask, issue_token
from test_resource_servers import CASES, assert_nothing_of, check_refusal
from werkzeug.datastructures import WWWAuthenticate

import joat

# The SDK's client speaks both: with a handshake, and the version without one.
every_mode = pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])


def serve(serve_recipe, replaced="", by="", **variables):
    """Serve the recipe's MCP server by itself, maybe with a part replaced."""
    text = (recipes.folder("MCP") / "server.py").read_text(encoding="utf-8")
    assert replaced in text
    files = {"server.py": text.replace(replaced, by)} if replaced else {}
    return serve_recipe("MCP", "uvicorn server:app --port 8000 &\n", files, **variables)


@pytest.fixture(scope="module")
def url(serve_recipe):
    return f"{serve(serve_recipe).url()}/mcp"


@pytest.fixture(scope="module")
def url_of_the_sdk_alone(serve_recipe):
    return f"{serve(serve_recipe, 'app.add_middleware(Challenge)').url()}/mcp"


@pytest.fixture(scope="module")
def url_with_sessions(serve_recipe):
    return f"{serve(serve_recipe, '    stateless_http=True,').url()}/mcp"


def post(url, *authorization, tool="whoami", headers=(), meta=None):
    """Call a tool with these Authorization headers and without the SDK."""
    headers = [
        ("Accept", "application/json, text/event-stream"),
        ("Content-Type", "application/json"),
        *(("Authorization", value) for value in authorization),
        *headers,
    ]
    params = {"name": tool, "_meta": meta} if meta else {"name": tool}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return ask(url, "POST", headers, json.dumps(call))


def result(answer):
    """Return whether the tool ended with an error, and what it said."""
    assert answer.status == 200, answer
    assert "WWW-Authenticate" not in answer.headers
    told = answer.json["result"]
    return told["isError"], told["content"][0]["text"]


@asynccontextmanager
async def connect(url, mode, token=None, **arguments):
    """Yield the SDK's client, and its HTTP client."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    arguments |= {"headers": headers, "timeout": PATIENCE}
    async with httpx2.AsyncClient(**arguments) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client, http


async def call(client, tool="whoami"):
    """Return whether the tool ended with an error, and what it said."""
    told = await client.call_tool(tool)
    return told.is_error, told.content[0].text


def table():
    """Yield each case that is not about what /profile takes beside the token."""
    for server in ("url", "url_of_the_sdk_alone"):
        for name, case in CASES.items():
            # The SDK alone looks at the first of two headers only.
            headers = len(case.authorization) if server != "url" else 1
            if case.method == "GET" and case.accept == "*/*" and headers < 2:
                yield pytest.param(server, case, id=f"{server}, {name}")


@pytest.mark.parametrize(("server", "case"), list(table()))
def test_answer(server, case, tokens, request):
    """The middleware makes answers exact; the SDK keeps strangers out without it."""
    url = request.getfixturevalue(server)
    sent = [value.format_map(tokens) for value in case.authorization]
    answer = post(url + case.query.format_map(tokens), *sent)
    if case.status == 200:
        assert result(answer) == (False, case.user)
        return
    assert "zoe" not in answer.text
    assert_nothing_of(answer, sent)
    if answer.status in case.other_statuses:
        return
    if server != "url":
        # It has one answer for all that brings no good token.
        assert answer.status == (401 if case.status == 400 else case.status)
    else:
        assert answer.status == case.status, answer
        # Each challenge names the scope, as the MCP specification has it.
        check_refusal(answer, replace(case, scope="profile"))


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "PUT"])
@pytest.mark.parametrize("path", ["", "/", "/nothing", "?a=b"])
def test_nothing_without_a_token(url, method, path):
    answer = ask(url + path, method)
    assert answer.status == 401
    assert answer.json == {"error_description": "there is no Authorization header"}


@pytest.mark.parametrize("authorization", [[], ["Bearer garbage"], ["Bearer a", "b"]])
def test_metadata(url, authorization):
    """For everybody, and of the very server (RFC 9728 section 3.3)."""
    headers = [("Authorization", value) for value in authorization]
    # RFC 9728 section 3.1
    address = url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
    answer = ask(address, headers=headers)
    assert answer.status == 200
    assert answer.json == {
        "resource": url,
        # As `iss` has it, without a slash behind: RFC 8414 section 3.3.
        "authorization_servers": [PROVIDER],
        "scopes_supported": ["profile", "read"],
        "bearer_methods_supported": ["header"],
    }
    ProtectedResourceMetadata.model_validate(answer.json)


def test_no_redirect_to_the_host_of_a_request(url, tokens):
    well_known = url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp/")
    headers = [("Host", "evil.example"), ("Authorization", f"Bearer {tokens['good']}")]
    for address in (well_known, f"{url}/"):
        answer = ask(address, headers=headers)
        assert answer.status == 404
        assert "Location" not in answer.headers


@every_mode
@pytest.mark.parametrize("kind", [None, "expired", "little_scope"])
def test_client_gets_itself_a_token(url, tokens, kind, mode):
    """From the challenge over the metadata to a token with the scope that it names."""
    asked = []

    def provider(request):
        """Be the authorization server."""
        asked.append(request.url.path)
        if request.url.path == "/.well-known/oauth-authorization-server":
            metadata = {
                "issuer": PROVIDER,
                "authorization_endpoint": f"{PROVIDER}/authorize",
                "token_endpoint": f"{PROVIDER}/token",
                "response_types_supported": ["code"],
                "grant_types_supported": ["client_credentials"],
            }
            return httpx2.Response(200, json=metadata)
        assert request.url.path == "/token"
        form = httpx2.QueryParams(request.content.decode())
        assert form["resource"] == url
        token = issue_token(user_id="client:app", scope=form["scope"].split())
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
        return httpx2.Response(200, json=answer)

    held = AsyncMock(TokenStorage)
    held.get_tokens.return_value = kind and OAuthToken(access_token=tokens[kind])
    held.get_client_info.return_value = None
    auth = ClientCredentialsOAuthProvider(url, held, "app", "secret", issuer=PROVIDER)
    mounts = {PROVIDER: httpx2.MockTransport(provider)}

    async def use():
        async with connect(url, mode, auth=auth, mounts=mounts) as (client, _):
            assert await call(client) == (False, "client:app")

    asyncio.run(use())
    assert asked == ["/.well-known/oauth-authorization-server", "/token"]


@every_mode
def test_each_call_is_its_callers(url, mode):
    users = [f"user:{number}" for number in range(20)]

    async def ask_who(user):
        async with connect(url, mode, issue_token(user_id=user)) as (client, _):
            return await call(client)

    async def ask_all():
        return await asyncio.gather(*map(ask_who, users))

    assert asyncio.run(ask_all()) == [(False, user) for user in users]


def test_no_subscription_outlives_its_token(url, tokens):
    async def use():
        async with connect(url, "2026-07-28", tokens["good"]) as (client, _):
            with pytest.raises(MCPError, match="Method not found"):
                async with client.listen(tools_list_changed=True):
                    pass

    asyncio.run(use())


def test_scope_of_one_tool(url, tokens):
    assert result(post(url, f"Bearer {tokens['good']}", tool="articles"))[0] is False
    token = issue_token(scope=["profile"])
    assert result(post(url, f"Bearer {token}")) == (False, "user:zoe")
    failed, told = result(post(url, f"Bearer {token}", tool="articles"))
    assert failed
    assert told.endswith("this tool needs the scope read")


MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
CALL = ("Mcp-Method", "tools/call")
# What the headers say of a call of `articles`, and what a token without the scope for
# it gets. Since 2026-07-28 the SDK refuses a false name; before, it means nothing.
NAMED = {
    "the tool": ([CALL, ("Mcp-Name", "articles")], 403, 403),
    "the tool in base64": ([CALL, ("Mcp-Name", "=?base64?YXJ0aWNsZXM=?=")], 403, 403),
    "the tool, then another": (
        [CALL, ("Mcp-Name", "articles"), ("Mcp-Name", "whoami")],
        403,
        403,
    ),
    "another tool": ([CALL, ("Mcp-Name", "whoami")], 400, "tool"),
    "another tool, then the tool": (
        [CALL, ("Mcp-Name", "whoami"), ("Mcp-Name", "articles")],
        400,
        "tool",
    ),
    "a tool that there is not": ([CALL, ("Mcp-Name", "nothing")], 400, "tool"),
    "the tool in upper case": ([CALL, ("Mcp-Name", "ARTICLES")], 400, "tool"),
    "no base64": ([CALL, ("Mcp-Name", "=?base64?*?=")], 400, "tool"),
    "an empty name": ([CALL, ("Mcp-Name", "")], 400, "tool"),
    "no name": ([CALL], 400, "tool"),
    "another method": (
        [("Mcp-Method", "tools/list"), ("Mcp-Name", "articles")],
        400,
        "tool",
    ),
    "no method": ([("Mcp-Name", "articles")], 400, "tool"),
    "nothing": ([], 400, "tool"),
}


@every_mode
@pytest.mark.parametrize(("headers", "modern", "legacy"), NAMED.values(), ids=NAMED)
def test_scope_of_a_tool_that_headers_name(url, mode, headers, modern, legacy):
    meta, expected = None, legacy
    if mode != "legacy":
        headers = [("Mcp-Protocol-Version", mode), *headers]
        meta, expected = MODERN, modern
    token = issue_token(scope=["profile"])
    answer = post(url, f"Bearer {token}", tool="articles", headers=headers, meta=meta)
    assert "An article" not in answer.text
    if expected == "tool":
        assert result(answer)[0] is True
        return
    assert answer.status == expected, answer
    if expected == 403:
        # All that the call needs, so that the client can ask for it (RFC 6750).
        challenge = WWWAuthenticate.from_header(answer.headers["WWW-Authenticate"])
        assert challenge["error"] == answer.json["error"] == "insufficient_scope"
        assert challenge["scope"] == "profile read"
        assert challenge["resource_metadata"].endswith("/oauth-protected-resource/mcp")


def test_true_name_and_all_scope(url, tokens):
    headers = [("Mcp-Protocol-Version", "2026-07-28"), CALL, ("Mcp-Name", "articles")]
    bearer = f"Bearer {tokens['good']}"
    answer = post(url, bearer, tool="articles", headers=headers, meta=MODERN)
    assert result(answer) == (False, "An article")


@pytest.mark.parametrize(
    "removed",
    [
        pytest.param("", id="the recipe"),
        pytest.param("app.add_middleware(Challenge)", id="the SDK alone"),
    ],
)
def test_each_token_is_verified_once(serve_recipe, tokens, removed):
    text = (recipes.folder("MCP") / "server.py").read_text(encoding="utf-8")
    counted = text.replace(
        "    return SALTS", "    print('a look-up')\n    return SALTS"
    )
    assert removed in counted != text
    files = {"server.py": counted.replace(removed, "") if removed else counted}
    script = "uvicorn server:app --port 8000 &\n"
    server = serve_recipe("MCP", script, files)
    for number in range(1, 4):
        answer = post(f"{server.url()}/mcp", f"Bearer {tokens['good']}")
        assert result(answer) == (False, "user:zoe")
        assert server.output.count("a look-up") == number


# --- where it is -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "path"),
    [
        pytest.param("mcp.example:8443", "/v1/tools", id="a port and a longer path"),
        pytest.param("mcp.example", "/mcp", id="the usual port"),
    ],
)
def test_public_url(serve_recipe, host, path):
    """Behind a proxy: the URLs are made of the public one, not of the Host header."""
    provider = "https://auth.example"
    token = issue_token(provider=provider)
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    call["params"] = {"name": "whoami"}
    headers = {"Authorization": f"Bearer {token}"}
    headers["Accept"] = "application/json, text/event-stream"
    server = serve(serve_recipe, RESOURCE=f"https://{host}{path}", PROVIDER=provider)
    metadata = f"/.well-known/oauth-protected-resource{path}"
    with httpx2.Client(base_url=server.url(), timeout=PATIENCE) as http:
        for named in (host, "evil.example"):
            http.headers["Host"] = http.headers["X-Forwarded-Host"] = named
            told = http.get(metadata).json()
            assert told["resource"] == f"https://{host}{path}"
            assert told["authorization_servers"] == [provider]
            challenge = http.post(path).headers["WWW-Authenticate"]
            assert f'resource_metadata="https://{host}{metadata}"' in challenge

            answer = http.post(path, json=call, headers=headers)
            # DNS rebinding
            if named == "evil.example":
                assert (answer.status_code, answer.text) == (421, "Invalid Host header")
            else:
                assert answer.status_code == 200
            foreign = {**headers, "Origin": "https://evil.example"}
            answer = http.post(path, json=call, headers=foreign)
            assert answer.status_code in (403, 421)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("PROVIDER", "", id="no provider"),
        pytest.param("PROVIDER", "https://example.com/", id="a provider with a slash"),
        pytest.param("PROVIDER", "https://example.com/a", id="a provider with a path"),
        pytest.param("PROVIDER", "https://Example.com", id="a provider in upper case"),
        pytest.param("PROVIDER", "https://example.com:443", id="the usual port"),
        pytest.param("PROVIDER", "http://example.com", id="a provider of HTTP"),
        pytest.param("PROVIDER", "My OAuth2 Provider", id="a provider's name"),
        pytest.param("PROVIDER", "https://127.1", id="a short address"),
        pytest.param("RESOURCE", "", id="no resource"),
        pytest.param("RESOURCE", "https://example.com/mcp/", id="a slash behind"),
        pytest.param("RESOURCE", "https://example.com", id="no path"),
        pytest.param("RESOURCE", "https://example.com/", id="nothing but a slash"),
        pytest.param("RESOURCE", "https://example.com//mcp", id="two slashes"),
        pytest.param("RESOURCE", "https://example.com/a/../mcp", id="a way around"),
        pytest.param("RESOURCE", "https://example.com/mcp?a=b", id="a query"),
        pytest.param("RESOURCE", "https://example.com/mcp#a", id="a fragment"),
        pytest.param("RESOURCE", "https://example.com/m%63p", id="an escape"),
        pytest.param("RESOURCE", "https://Example.com/mcp", id="upper case"),
        pytest.param("RESOURCE", "https://example.com:443/mcp", id="port of HTTPS"),
        pytest.param("RESOURCE", "http://127.0.0.1:80/mcp", id="port of HTTP"),
        pytest.param("RESOURCE", "http://example.com/mcp", id="HTTP"),
        pytest.param("RESOURCE", "/mcp", id="a path"),
        pytest.param("RESOURCE", "https://1.2.3/mcp", id="a resource's short address"),
    ],
)
def test_url_refused_at_start(monkeypatch, variable, value):
    """Clients compare it as text, with what their parser makes of it."""
    monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)
    monkeypatch.setenv("JOAT_SALT", SALT)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=f"{variable} must be"):
        runpy.run_path(str(recipes.folder("MCP") / "server.py"))


@pytest.mark.parametrize(
    "changes",
    [{"aud": 1}, {"exp": time.time() + 3600.5}, {"exp": 1e300}, {"exp": 10**1000}],
    ids=["integer identifiers", "half a second", "large float", "large integer"],
)
def test_what_the_token_of_the_sdk_can_not_hold(url, changes):
    """It knows identifiers as text alone, and no fractions of a second."""
    claims = {"aud": "app", "iss": PROVIDER, "exp": time.time() + 3600, "iat": 0}
    claims |= {"scp": ["profile"], "sub": 2}
    answer = post(url, f"Bearer {make_token({**claims, **changes})}")
    assert result(answer) == (False, "2")


@pytest.mark.parametrize(
    ("client", "user"),
    [("app", "user:bob"), ("other", "user:zoe"), ("user:zoe", "app")],
)
def test_session_is_of_who_began_it(url_with_sessions, client, user):
    """And each of its requests has only the scope of its own token."""
    responses = []

    async def keep(response):
        responses.append(response)

    async def use():
        hooks = {"response": [keep]}
        session = connect(url_with_sessions, "legacy", issue_token(), event_hooks=hooks)
        async with session as (mcp, http):
            assert not (await call(mcp, "articles"))[0]

            http.headers["Authorization"] = f"Bearer {issue_token(scope=['profile'])}"
            assert (await call(mcp, "articles"))[0]

            other = issue_token(client_id=client, user_id=user)
            http.headers["Authorization"] = f"Bearer {other}"
            with pytest.raises(MCPError):
                await call(mcp)
            assert responses[-1].status_code == 404

            http.headers["Authorization"] = f"Bearer {issue_token()}"
            assert await call(mcp) == (False, "user:zoe")

    asyncio.run(use())
    assert any("Mcp-Session-Id" in response.headers for response in responses)
