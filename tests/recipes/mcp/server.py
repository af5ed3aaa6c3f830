"""An MCP server whose tools are for those who bring an access token.

A request passes `Challenge` first, then the SDK. `Challenge` verifies the token, and
gives the answers that the SDK does not give exactly. It hands the result on to
`Verifier`, which the SDK asks about the same token. So each token is verified once, and
strangers are kept out even without `Challenge`.

The authorization server signs the tokens for this server with salts that no other one
has. So this server refuses tokens for other servers, and other servers can't forge
tokens for this one.

For production, put the origin of the authorization server into the environment as
`PROVIDER` and this server's public URL as `RESOURCE`. Put a server that speaks HTTPS in
front, which passes the Host header on.
"""

from __future__ import annotations

import os
import re
from contextvars import ContextVar
from urllib.parse import urlsplit

from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.routes import (
    build_resource_metadata_url,
    create_protected_resource_routes,
)
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.auth import ProtectedResourceMetadata
from mcp.shared.inbound import decode_header_value
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

import joat

PROVIDER = os.environ.get("PROVIDER", "https://example.com")
RESOURCE = os.environ.get("RESOURCE", "http://127.0.0.1:8000/mcp")
# Clients compare both as text, after their parser has written them anew. So they are
# written here as a parser writes them: lower case, a name, because parsers rewrite
# numbers, no slash at the end, no usual port. Plain HTTP is for the loopback interface
# only.
ORIGIN = (
    r"(https://((?!-)[a-z0-9-]+(?<!-)\.)*[a-z][a-z0-9-]*(?<!-)"
    r"|http://(localhost|127\.0\.0\.1))"
    r"(:(?!(80|443)(/|$))[1-9][0-9]{0,4})?"
)
if not re.fullmatch(ORIGIN, PROVIDER):
    raise ValueError(
        "PROVIDER must be an origin: https with a host name,"
        " or http on 127.0.0.1 or localhost"
    )
# JavaScript puts a slash behind a host, so the resource has a path.
if not re.fullmatch(rf"{ORIGIN}(/[A-Za-z0-9_-][A-Za-z0-9._~-]*)+", RESOURCE):
    raise ValueError("RESOURCE must be a URL with a path: https://example.com/mcp")

SCOPE = ["profile"]  # what every request needs
TOOL_SCOPE = {"articles": ["read"]}  # what a tool needs besides, by the tool's name
SALTS = joat.parse_salts(os.environ["JOAT_SALT"])

# What a client reads to find the authorization server (RFC 9728), and where it is.
METADATA = ProtectedResourceMetadata.model_validate(
    {
        "resource": RESOURCE,
        "authorization_servers": [PROVIDER],
        "scopes_supported": sorted(set(SCOPE).union(*TOOL_SCOPE.values())),
    }
)
# The SDK's parser has the last word.
if str(METADATA.authorization_servers[0]) != PROVIDER:
    raise ValueError("PROVIDER must be an origin that a parser does not change")
if str(METADATA.resource) != RESOURCE:
    raise ValueError("RESOURCE must be a URL that a parser does not change")
METADATA_URL = str(build_resource_metadata_url(METADATA.resource))
PUBLIC = "/.well-known/"  # the paths for those without a token


def find_salt(claims: dict[str, object]) -> list[bytes]:
    """Return the salts that may have signed a token for this server, newest first."""
    return SALTS


joat.salt_generator = find_salt
# What `Challenge` has found out in this request: the token, and what it grants.
verified: ContextVar[dict[str, joat.VerifiedCredentials]] = ContextVar("verified")


class Verifier(TokenVerifier):
    """Tells the SDK whose a token is."""

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return what a token grants, or None for one that is refused."""
        try:
            # If `Challenge` is not there, verify the token as a header again, because
            # the SDK leaves white space around it. The SDK compares the scope: see
            # `required_scopes` below.
            credentials = verified.get({}).get(token) or joat.authenticate(
                f"Bearer {token}", provider=PROVIDER
            )
        except joat.TokenError:
            return None
        return AccessToken(
            token=token,
            # The SDK knows identifiers as text only, and `exp` as an integer only.
            client_id=str(credentials["client_id"]),
            subject=str(credentials["user_id"]),
            scopes=credentials["authorized_scope"],
            expires_at=int(credentials["expires_at"]),
            # The SDK keeps a session to the client, subject and `iss` that began it.
            claims={"iss": credentials["provider"]},
        )


class Challenge:
    """Refuse bad requests in front of the SDK, with the answers of RFC 6750.

    The SDK by itself
    - takes the first of two Authorization headers;
    - has one answer for a missing, a malformed and an invalid token;
    - does not say which scope a client should ask for;
    - has no 403 for a tool that needs more scope, so no client would ask for more.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and not scope["path"].startswith(PUBLIC):
            try:
                self.check(scope)
            except joat.TokenError as error:
                await self.refusal(error)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def check(self, scope: Scope) -> None:
        """Raise `joat.TokenError` unless the one header has a good token."""
        # The SDK takes the first of several headers, and a proxy may have checked
        # another one. joat refuses them if they are joined.
        authorization = ", ".join(Headers(scope=scope).getlist("Authorization"))
        credentials = joat.authenticate(
            authorization or None, provider=PROVIDER, scope=self.needed_scope(scope)
        )
        # The token as the SDK takes it.
        verified.set({authorization[7:]: credentials})

    def needed_scope(self, scope: Scope) -> list[str]:
        """Return what the request needs, as far as its headers name a tool.

        A client of the MCP specification of 2026-07-28 names it, and the SDK refuses a
        false name. An older client does not, and nobody checks the name if it does. So
        each tool looks at the scope as well.
        """
        headers = Headers(scope=scope)
        if headers.get("Mcp-Method") != "tools/call":
            return SCOPE
        tool = decode_header_value(headers.get("Mcp-Name"))
        return SCOPE + TOOL_SCOPE.get(tool or "", [])

    def refusal(self, error: joat.TokenError) -> JSONResponse:
        """Return the answer of RFC 6750 section 3 and RFC 9728 section 5.1."""
        answer = {"error_description": error.description}
        if error.error:  # RFC 6750 section 3.1 has none for a missing token
            answer["error"] = error.error
        parameters = {"resource_metadata": METADATA_URL}
        # If the token has too little scope, the error names all that is needed.
        if not isinstance(error, joat.InsufficientScope):
            parameters["scope"] = " ".join(SCOPE)
        challenge = error.www_authenticate(**parameters)
        return JSONResponse(answer, error.status, {"WWW-Authenticate": challenge})


server = MCPServer(
    "profiles",
    # Their notifications would go on after the token has expired.
    subscriptions=False,
    token_verifier=Verifier(),
    auth=AuthSettings(
        issuer_url=METADATA.authorization_servers[0],
        required_scopes=SCOPE,
        # With a URL here the SDK would publish metadata without the tools' scopes, and
        # look for the resource in each token. The salts bind a token to this server.
        resource_server_url=None,
    ),
)


def caller(*scope: str) -> AccessToken:
    """Return whose token the running tool's request has, with all of `scope` in it."""
    token = get_access_token()
    if token is None or not set(scope) <= set(token.scopes):
        raise ToolError(f"this tool needs the scope {' '.join(scope)}")
    return token


@server.tool()
def whoami() -> str:
    """Tell whose token it is."""
    return str(caller().subject)


@server.tool()
def articles() -> list[str]:
    """List the articles, for those who may read them."""
    caller(*TOOL_SCOPE["articles"])
    return ["An article"]


public_url = urlsplit(RESOURCE)
app = server.streamable_http_app(
    streamable_http_path=public_url.path,
    # Web sites that a browser on this machine visits must not reach the server by a
    # name of their own (DNS rebinding).
    transport_security=TransportSecuritySettings(
        allowed_hosts=[public_url.netloc],
        allowed_origins=[f"{public_url.scheme}://{public_url.netloc}"],
    ),
    # Without sessions any number of processes can serve one client, and whatever is
    # sent answers a request that had a token.
    stateless_http=True,
    json_response=True,
)
app.routes.extend(
    create_protected_resource_routes(
        METADATA.resource, METADATA.authorization_servers, METADATA.scopes_supported
    )
)
# A redirect would lead to the host that the request names.
app.router.redirect_slashes = False
app.add_middleware(Challenge)
