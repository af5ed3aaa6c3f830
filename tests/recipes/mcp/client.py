"""A client of the MCP server that logs in by OAuth and calls tools.

The SDK finds the authorization server, asks for tokens, refreshes them, and asks for
more scope when a tool needs it. It leaves two things to an application: to know the
client that is registered (`Storage`), and to send the user to a page (`Browser`).

For production, keep each user's tokens for each MCP server where you keep secrets. Open
the user's own browser instead of filling in the form, and let it come back to a page of
yours at the redirect URI.
"""

from __future__ import annotations

import asyncio
import html
import os
import re
import sys
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import (
    OAuthClientProvider,
    OAuthFlowError,
    OAuthRegistrationError,
    TokenStorage,
)
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl

PROVIDER = os.environ.get("PROVIDER", "https://example.com")
RESOURCE = os.environ.get("RESOURCE", "http://127.0.0.1:8000/mcp")


class Storage(TokenStorage):
    """The client as it is registered, and the tokens for one MCP server, in memory."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        """Return the tokens that the SDK has got last."""
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep tokens."""
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull:
        """Return the client, and the one server that may see its secret."""
        return OAuthClientInformationFull(
            client_id="app",
            client_secret="app's secret",
            # Without it the SDK sends no secret.
            token_endpoint_auth_method="client_secret_basic",
            # Without it the SDK sends the secret to any server that an MCP server
            # names.
            issuer=PROVIDER,
        )

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Refuse to become a client of another authorization server."""
        raise OAuthRegistrationError("the MCP server names another provider")


class Browser:
    """A user and a browser, as far as a program can stand in for both."""

    def __init__(self) -> None:
        self.came_back_with: dict[str, str] = {}

    async def open(self, url: str) -> None:
        """Sign in and allow what the page says, as zoe does."""
        # A user looks at the address before typing a password; so does this.
        if not url.startswith(f"{PROVIDER}/authorize?"):
            raise OAuthFlowError("the MCP server sends the user to a foreign page")
        # An MCP server can make the SDK ask for a token for the server above it, or
        # for no `resource` at all, and would get a token that is good elsewhere.
        if parse_qs(urlsplit(url).query).get("resource") != [RESOURCE]:
            raise OAuthFlowError("the token would be for another server")
        async with httpx2.AsyncClient(timeout=30) as browser:
            answer = await browser.get(url)
            if not answer.has_redirect_location:
                answer.raise_for_status()
                print("zoe allows:", dict(parse_qsl(urlsplit(url).query))["scope"])
                answer = await browser.post(url, data=filled_in(answer.text))
        # Either the user or the authorization server refuses, or there is a code.
        location = urlsplit(answer.headers["Location"])
        self.came_back_with = dict(parse_qsl(location.query))

    async def come_back(self) -> AuthorizationCodeResult:
        """Return what the browser brought to the redirect URI."""
        query = self.came_back_with
        # The result has no field for an error.
        if "error" in query:
            raise OAuthFlowError(query["error"])
        return AuthorizationCodeResult(
            code=query["code"], state=query.get("state"), iss=query.get("iss")
        )


def filled_in(page: str) -> dict[str, str]:
    """Return the form of a page with its hidden fields, the name and the password."""
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    fields = {name: html.unescape(value) for name, value in hidden}
    user = {"username": "zoe", "password": "zoe's password", "decision": "allow"}
    return fields | user


def login(storage: Storage, browser: Browser) -> OAuthClientProvider:
    """Return what adds a token to each request, and gets one if it needs to."""
    return OAuthClientProvider(
        RESOURCE,
        # The scope is missing here: the MCP server says which is needed.
        OAuthClientMetadata(redirect_uris=[AnyUrl("https://app.example/callback")]),
        storage,
        redirect_handler=browser.open,
        callback_handler=browser.come_back,
    )


async def main(*tools: str) -> None:
    """Call tools, and print what they answer."""
    auth = login(Storage(), Browser())
    async with httpx2.AsyncClient(auth=auth, timeout=30) as http:
        # An empty request, for the user to log in. The SDK waits ten seconds for its
        # first answer, then takes the server for an older one: no tool that needs more
        # scope could be called.
        await http.post(RESOURCE)
        async with Client(streamable_http_client(RESOURCE, http_client=http)) as client:
            for tool in tools:
                result = await client.call_tool(tool)
                for content in result.content:
                    if content.type == "text":
                        print(content.text)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
