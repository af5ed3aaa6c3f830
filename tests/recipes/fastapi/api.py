"""A resource server that awaits the look-up of the salts.

`joat.salt_generator` cannot be async. So read the claims of the token, await its salts,
and pass them to `verify_token`.

For production, query your database in `find_salts`, put a server that speaks HTTPS in
front, and pass `openapi_url=None` to `FastAPI` if the description of the API is not for
everybody.
"""

from __future__ import annotations

import asyncio
import os
from typing import Annotated, Any

from fastapi import FastAPI, Request, Security
from fastapi.openapi.models import (
    OAuthFlowAuthorizationCode,
    OAuthFlowClientCredentials,
    OAuthFlows,
)
from fastapi.responses import JSONResponse
from fastapi.security import OAuth2, SecurityScopes

import joat

PROVIDER = "https://example.com"
SCOPES = {"profile": "Read the profile"}
SALTS = {"app": joat.parse_salts(os.environ["JOAT_SALT"])}

app = FastAPI(title="Profiles")

# For the OpenAPI document, which says how to get a token. It also reads the first
# Authorization header; `authorized` ignores that.
oauth2 = OAuth2(
    flows=OAuthFlows(
        clientCredentials=OAuthFlowClientCredentials(
            tokenUrl=f"{PROVIDER}/token", scopes=SCOPES
        ),
        authorizationCode=OAuthFlowAuthorizationCode(
            authorizationUrl=f"{PROVIDER}/authorize",
            tokenUrl=f"{PROVIDER}/token",
            scopes=SCOPES,
        ),
    ),
    auto_error=False,
)
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request has no token behind Bearer, or several tokens"},
    401: {"description": "The request has no valid token"},
    403: {"description": "The token lacks a permission"},
}


async def find_salts(claims: dict[str, Any]) -> list[bytes]:
    """Return the salts of a token's client, newest first; none for an unknown one.

    These claims are not verified yet. Use them as a key to the salts, never in a path,
    a URL or SQL text.
    """
    await asyncio.sleep(0.1)  # A query to your database instead.
    return SALTS.get(claims["aud"], [])


async def authorized(
    needed: SecurityScopes,
    request: Request,
    _: Annotated[str | None, Security(oauth2)],
) -> joat.Credentials:
    """Return what the request's token grants, if it has the scope of the route.

    Raises the `joat.TokenError` that `refuse` answers.
    """
    # `headers.get` would return the first of several headers, and a proxy may have
    # checked another one. joat refuses them if they are joined.
    authorization = ", ".join(request.headers.getlist("Authorization")) or None
    token = joat.bearer_token(authorization)
    # Crash reporters do not send a variable of this name.
    secret = await find_salts(joat.unverified_claims(token))
    return joat.verify_token(token, provider=PROVIDER, scope=needed.scopes, salt=secret)


@app.exception_handler(joat.TokenError)
async def refuse(request: Request, error: joat.TokenError) -> JSONResponse:
    """Return the answer of RFC 6750 section 3."""
    answer = {"error_description": error.description}
    if error.error:  # RFC 6750 section 3.1 has none for a missing token
        answer["error"] = error.error
    challenge = error.www_authenticate(realm="profile")
    return JSONResponse(answer, error.status, {"WWW-Authenticate": challenge})


@app.get("/profile", responses=REFUSALS)
@app.post("/profile", responses=REFUSALS)
async def profile(
    credentials: Annotated[joat.Credentials, Security(authorized, scopes=["profile"])],
) -> dict[str, str | int]:
    """Return whose token it is."""
    return {"user": credentials["user_id"]}
