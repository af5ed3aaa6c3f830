"""An MCP server whose tools are for those who bring an access token.

A request passes `Challenge` first, then the SDK. `Challenge` verifies the token, and
gives the answers that the SDK does not give exactly. It hands the result on to
`Verifier`, which the SDK asks about the same token. So each token is verified once, and
strangers are kept out even without `Challenge`.

For production, put the public URL in `RESOURCE` and its host in `streamable_http_app`
(`transport_security`, without which only a loopback host is answered), give this server
salts that no other resource server has, and put a server that speaks HTTPS in front.
"""

from __future__ import annotations

import os
from contextvars import ContextVar

from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.routes import build_resource_metadata_url
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import AnyHttpUrl
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

import joat

PROVIDER = "https://example.com"
RESOURCE = "http://127.0.0.1:8000/mcp"
METADATA = str(build_resource_metadata_url(AnyHttpUrl(RESOURCE)))
SCOPE = ["profile"]  # what every request needs
PUBLIC = "/.well-known/"  # has the metadata, for those without a token (RFC 9728)
SALTS = os.environ["JOAT_SALT"].strip().split("\n")


def find_salt(claims: dict[str, object]) -> list[str]:
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

    The SDK takes the first of two Authorization headers, has one answer for a missing,
    a malformed and an invalid token, and does not tell which scope is needed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and not scope["path"].startswith(PUBLIC):
            try:
                self.check(Headers(scope=scope).getlist("Authorization"))
            except joat.TokenError as error:
                await self.refusal(error)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def check(self, headers: list[str]) -> None:
        """Raise `joat.TokenError` unless the one header has a good token."""
        if len(headers) > 1:
            raise joat.InvalidRequest("there is more than one Authorization header")
        header = headers[0] if headers else None
        credentials = joat.authenticate(header, provider=PROVIDER, scope=SCOPE)
        verified.set({(header or "")[7:]: credentials})  # the token as the SDK takes it

    def refusal(self, error: joat.TokenError) -> JSONResponse:
        """Return the answer of RFC 6750 section 3 and RFC 9728 section 5.1."""
        answer = {"error_description": error.description}
        if error.error:  # RFC 6750 section 3.1 has none for a missing token
            answer["error"] = error.error
        challenge = error.www_authenticate(
            resource_metadata=METADATA, scope=" ".join(SCOPE)
        )
        return JSONResponse(answer, error.status, {"WWW-Authenticate": challenge})


server = MCPServer(
    "profiles",
    # Their notifications would go on after the token has expired.
    subscriptions=False,
    token_verifier=Verifier(),
    # Validated from text, since an AnyHttpUrl puts a slash behind the provider's host,
    # and clients compare the issuer character by character (RFC 8414 section 3.3).
    auth=AuthSettings.model_validate(
        {
            "issuer_url": PROVIDER,
            "resource_server_url": RESOURCE,
            "required_scopes": SCOPE,
            # A token of joat names no resource: the salts bind it to this server.
            "validate_token_resource": False,
        }
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
    caller("read")
    return ["An article"]


# Without sessions any number of processes can serve one client, and whatever is sent
# answers a request that had a token.
app = server.streamable_http_app(stateless_http=True, json_response=True)
app.add_middleware(Challenge)
