"""MCP: the SDK's own client, the table of all resource servers, and the metadata."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

import httpx2
import jwt
import pytest
import recipes
from conftest import PROVIDER
from mcp import Client, MCPError
from mcp.client.auth import TokenStorage
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
)
from mcp.client.auth.utils import (
    extract_resource_metadata_from_www_auth,
    extract_scope_from_www_auth,
)
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthToken, ProtectedResourceMetadata
from servers import OLDER_SALT, PATIENCE, SALT, ask
from test_resource_servers import (
    CASES,
    Case,
    assert_nothing_of,
    check_refusal,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from servers import Answer, Server

# The SDK's client speaks both: with a handshake, and the version without one.
MODES = ["legacy", "2026-07-28"]


@pytest.fixture(scope="module")
def url(serve_recipe: Callable[..., Server]) -> str:
    return f"{serve_recipe('MCP').url()}/mcp"


def post(url: str, *authorization: str, tool: str = "whoami") -> Answer:
    """Call a tool with these Authorization headers and without the SDK."""
    headers = [
        ("Accept", "application/json, text/event-stream"),
        ("Content-Type", "application/json"),
        *(("Authorization", value) for value in authorization),
    ]
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool}}
    return ask(url, "POST", headers, json.dumps(call))


def result(answer: Answer) -> tuple[bool, str]:
    """Return whether the tool ended with an error, and what it said."""
    assert answer.status == 200, answer
    assert "WWW-Authenticate" not in answer.headers
    told = answer.json["result"]
    return told["isError"], told["content"][0]["text"]


async def call(url: str, mode: str, tool: str, http: httpx2.AsyncClient) -> Any:
    transport = streamable_http_client(url, http_client=http)
    async with Client(transport, mode=mode) as client:
        return await client.call_tool(tool)


def client_with(token: str | None, responses: list[httpx2.Response]) -> Any:
    """Return the HTTP client of an SDK's client, which keeps all answers it gets."""

    async def keep(response: httpx2.Response) -> None:
        responses.append(response)

    return httpx2.AsyncClient(
        headers={} if token is None else {"Authorization": f"Bearer {token}"},
        event_hooks={"response": [keep]},
        timeout=PATIENCE,
    )


# Those that are not about what /profile takes beside the token.
TABLE = {
    name: case
    for name, case in CASES.items()
    if case.method == "GET" and case.accept == "*/*"
}


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE.keys())
def test_answer(url: str, case: Case, tokens: dict[str, str]) -> None:
    sent = [value.format_map(tokens) for value in case.authorization]
    answer = post(url + case.query.format_map(tokens), *sent)
    if case.status == 200:
        assert result(answer) == (False, case.user)
        return
    assert "zoe" not in answer.text
    assert_nothing_of(answer, sent)
    if answer.status in case.other_statuses:
        return
    assert answer.status == case.status, answer
    # Each challenge names the scope, as the MCP specification has it.
    check_refusal(answer, replace(case, scope="profile"))


@pytest.fixture(scope="module")
def serve_without(
    serve_module: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Serve the recipe without a part of its program, and return the URL."""

    def start(part: str) -> str:
        directory = recipes.copy("MCP", tmp_path_factory.mktemp("recipe"))
        program = directory / "server.py"
        text = program.read_text(encoding="utf-8")
        assert text.count(part) == 1
        program.write_text(text.replace(part, ""), encoding="utf-8")
        return f"{serve_module(recipes.servers('MCP'), directory).url()}/mcp"

    return start


@pytest.fixture(scope="module")
def url_of_the_sdk_alone(serve_without: Callable[[str], str]) -> str:
    return serve_without("app.add_middleware(Challenge)")


@pytest.mark.parametrize(
    "case",
    [case for case in TABLE.values() if len(case.authorization) < 2],
    ids=[name for name, case in TABLE.items() if len(case.authorization) < 2],
)
def test_answer_of_the_sdk_alone(
    url_of_the_sdk_alone: str, case: Case, tokens: dict[str, str]
) -> None:
    """The middleware makes answers exact; the verifier keeps strangers out."""
    sent = [value.format_map(tokens) for value in case.authorization]
    answer = post(url_of_the_sdk_alone + case.query.format_map(tokens), *sent)
    if case.status == 200:
        assert result(answer) == (False, case.user)
    else:
        # It has one answer for all that brings no good token.
        status = 401 if case.status == 400 else case.status
        assert answer.status == status or answer.status in case.other_statuses
        assert "zoe" not in answer.text
        assert_nothing_of(answer, sent)


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "PUT"])
@pytest.mark.parametrize("path", ["", "/", "/nothing", "?a=b"])
def test_nothing_without_a_token(url: str, method: str, path: str) -> None:
    answer = ask(url + path, method)
    assert answer.status == 401
    assert answer.json["error"] == "missing_token"


@pytest.mark.parametrize("mode", MODES)
def test_client(url: str, tokens: dict[str, str], mode: str) -> None:
    async def use() -> None:
        async with client_with(tokens["good"], []) as http:
            told = await call(url, mode, "whoami", http)
            assert (told.is_error, told.content[0].text) == (False, "user:zoe")
            told = await call(url, mode, "articles", http)
            assert (told.is_error, told.content[0].text) == (False, "An article")

    asyncio.run(use())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (None, 401),
        ("expired", 401),
        ("foreign", 401),
        ("wrong_salt", 401),
        ("little_scope", 403),
    ],
)
def test_client_refused(
    url: str, tokens: dict[str, str], kind: str | None, status: int, mode: str
) -> None:
    """And what the client reads in the challenge leads to the metadata."""
    responses: list[httpx2.Response] = []

    async def use() -> None:
        async with client_with(kind and tokens[kind], responses) as http:
            await call(url, mode, "whoami", http)

    with pytest.RaisesGroup(MCPError, flatten_subgroups=True):
        asyncio.run(use())
    assert {response.status_code for response in responses} == {status}
    for response in responses:
        metadata_url = extract_resource_metadata_from_www_auth(response)
        assert metadata_url == metadata_address(url)
        assert extract_scope_from_www_auth(response) == "profile"


def metadata_address(url: str) -> str:
    """RFC 9728 section 3.1."""
    return url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")


@pytest.mark.parametrize("authorization", [[], ["Bearer garbage"], ["Bearer a", "b"]])
def test_metadata(url: str, authorization: list[str]) -> None:
    """For everybody, and of the very server (RFC 9728 section 3.3)."""
    headers = [("Authorization", value) for value in authorization]
    answer = ask(metadata_address(url), headers=headers)
    assert answer.status == 200
    assert answer.json == {
        "resource": url,
        # As `iss` has it, without a slash behind: RFC 8414 section 3.3.
        "authorization_servers": [PROVIDER],
        "scopes_supported": ["profile"],
        "bearer_methods_supported": ["header"],
    }
    ProtectedResourceMetadata.model_validate(answer.json)


class Storage(TokenStorage):
    def __init__(self, token: OAuthToken | None) -> None:
        self.token = token

    async def get_tokens(self) -> OAuthToken | None:
        return self.token

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.token = tokens

    async def get_client_info(self) -> None:
        return None

    async def set_client_info(self, client_info: Any) -> None:
        raise AssertionError("the client is registered already")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", [None, "expired", "little_scope"])
def test_client_gets_itself_a_token(
    url: str,
    tokens: dict[str, str],
    issue: Callable[..., str],
    kind: str | None,
    mode: str,
) -> None:
    """From the challenge over the metadata to a token with the scope that it names."""
    asked: list[str] = []

    def provider(request: httpx2.Request) -> httpx2.Response:
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
        token = issue(user_id="client:app", scope=form["scope"].split())
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
        return httpx2.Response(200, json=answer)

    held = OAuthToken(access_token=tokens[kind]) if kind else None
    auth = ClientCredentialsOAuthProvider(
        url, Storage(held), "app", "app's secret", issuer=PROVIDER
    )

    async def use() -> None:
        async with httpx2.AsyncClient(
            auth=auth,
            timeout=PATIENCE,
            mounts={PROVIDER: httpx2.MockTransport(provider)},
        ) as http:
            told = await call(url, mode, "whoami", http)
            assert (told.is_error, told.content[0].text) == (False, "client:app")

    asyncio.run(use())
    assert asked == ["/.well-known/oauth-authorization-server", "/token"]


@pytest.mark.parametrize("mode", MODES)
def test_each_call_is_its_callers(
    url: str, issue: Callable[..., str], mode: str
) -> None:
    users = [f"user:{number}" for number in range(20)]

    async def ask_who(user: str) -> str:
        async with client_with(issue(user_id=user), []) as http:
            told = await call(url, mode, "whoami", http)
            return str(told.content[0].text)

    async def ask_all() -> list[str]:
        return await asyncio.gather(*map(ask_who, users))

    assert asyncio.run(ask_all()) == users


def test_no_subscription_outlives_its_token(url: str, tokens: dict[str, str]) -> None:
    async def use() -> None:
        async with client_with(tokens["good"], []) as http:
            transport = streamable_http_client(url, http_client=http)
            async with Client(transport, mode=MODES[-1]) as client:
                with pytest.raises(MCPError, match="Method not found"):
                    async with client.listen(tools_list_changed=True):
                        pass

    asyncio.run(use())


def test_scope_of_one_tool(url: str, issue: Callable[..., str]) -> None:
    token = issue(scope=["profile"])
    assert result(post(url, f"Bearer {token}")) == (False, "user:zoe")
    failed, told = result(post(url, f"Bearer {token}", tool="articles"))
    assert failed
    assert told.endswith("this tool needs the scope read")


def test_salt_of_another_server(
    serve_recipe: Callable[..., Server], issue: Callable[..., str]
) -> None:
    """Of two servers with a salt each, none takes a token for the other one."""
    url = f"{serve_recipe('MCP', JOAT_SALT=OLDER_SALT).url()}/mcp"
    assert post(url, f"Bearer {issue()}").status == 401
    answer = post(url, f"Bearer {issue(salt=OLDER_SALT)}")
    assert result(answer) == (False, "user:zoe")


def test_integer_identifiers(url: str, issue: Callable[..., str]) -> None:
    """The SDK's AccessToken has none."""
    answer = post(url, f"Bearer {issue(client_id=1, user_id=2)}")
    assert result(answer) == (False, "2")


@pytest.mark.parametrize("expires", [time.time() + 3600.5, 1e300, 10**1000])
def test_any_expiry(url: str, expires: float) -> None:
    """The SDK's AccessToken has no fractions of a second."""
    claims = {
        "aud": "app",
        "iss": PROVIDER,
        "exp": expires,
        "iat": 0,
        "scp": ["profile"],
        "sub": "user:zoe",
    }
    # Not by jwt.encode, which wants a date of the calendar.
    token = jwt.PyJWS().encode(json.dumps(claims).encode(), SALT, "HS256")
    assert result(post(url, f"Bearer {token}")) == (False, "user:zoe")


@pytest.fixture(scope="module")
def url_with_sessions(serve_without: Callable[[str], str]) -> str:
    return serve_without("stateless_http=True, ")


@pytest.mark.parametrize(
    "other",
    [
        {"user_id": "user:bob"},
        {"client_id": "other"},
        {"client_id": "user:zoe", "user_id": "app"},
    ],
    ids=["user", "client", "both"],
)
def test_session_is_of_who_began_it(
    url_with_sessions: str, issue: Callable[..., str], other: dict[str, str]
) -> None:
    """And each of its requests has only the scope of its own token."""
    responses: list[httpx2.Response] = []

    async def use() -> None:
        async with client_with(issue(), responses) as http:
            transport = streamable_http_client(url_with_sessions, http_client=http)
            async with Client(transport, mode="legacy") as client:
                told = await client.call_tool("articles")
                assert not told.is_error

                http.headers["Authorization"] = f"Bearer {issue(scope=['profile'])}"
                told = await client.call_tool("articles")
                assert told.is_error

                http.headers["Authorization"] = f"Bearer {issue(**other)}"
                with pytest.raises(MCPError):
                    await client.call_tool("whoami")
                assert responses[-1].status_code == 404

                http.headers["Authorization"] = f"Bearer {issue()}"
                told = await client.call_tool("whoami")
                assert told.content[0].text == "user:zoe"

    asyncio.run(use())
    assert any("Mcp-Session-Id" in response.headers for response in responses)
