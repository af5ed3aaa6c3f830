"""FastAPI: a look-up that takes a while, and what the OpenAPI document says."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest
from servers import PATIENCE, ask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from servers import Server

REQUESTS = 200
LOOKUP = 0.1  # seconds that a look-up takes in the recipe


@pytest.fixture(scope="module")
def api(serve_recipe: Callable[..., Server]) -> str:
    return serve_recipe("FastAPI").url()


@pytest.fixture(scope="module")
def document(api: str) -> Any:
    return ask(f"{api}/openapi.json").json


@pytest.mark.parametrize("client_id", ["other", 1, "", "APP"])
def test_client_without_salts(
    api: str, issue: Callable[..., str], client_id: str | int
) -> None:
    header = ("Authorization", f"Bearer {issue(client_id=client_id)}")
    answer = ask(f"{api}/profile", headers=[header])
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_many_at_once(api: str, issue: Callable[..., str]) -> None:
    """Each answer is for the token of its own request; every tenth is forged."""
    tokens = [
        issue(user_id=f"user:{number}", **({} if number % 10 else {"salt": 32 * "f"}))
        for number in range(REQUESTS)
    ]

    async def get_all() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(limits=limits, timeout=PATIENCE) as client:

            def get(token: str) -> Any:
                headers = {"Authorization": f"Bearer {token}"}
                return client.get(f"{api}/profile", headers=headers)

            return await asyncio.gather(*map(get, tokens))

    begin = time.monotonic()
    responses = asyncio.run(get_all())
    # Less than the look-ups alone take one after the other.
    assert time.monotonic() - begin < REQUESTS * LOOKUP
    for number, response in enumerate(responses):
        if number % 10:
            assert response.status_code == 200
            assert response.json() == {"user": f"user:{number}"}
        else:
            assert response.status_code == 401
            assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_document_names_the_flows(document: Any) -> None:
    (scheme,) = document["components"]["securitySchemes"].values()
    scopes = {"profile": "Read the profile"}
    assert scheme == {
        "type": "oauth2",
        "flows": {
            "clientCredentials": {
                "tokenUrl": "https://example.com/token",
                "scopes": scopes,
            },
            "authorizationCode": {
                "authorizationUrl": "https://example.com/authorize",
                "tokenUrl": "https://example.com/token",
                "scopes": scopes,
            },
        },
    }


@pytest.mark.parametrize("method", ["get", "post"])
def test_document_names_the_scope_and_the_refusals(document: Any, method: str) -> None:
    (scheme,) = document["components"]["securitySchemes"]
    operation = document["paths"]["/profile"][method]
    assert operation["security"] == [{scheme: ["profile"]}]
    assert set(operation["responses"]) == {"200", "400", "401", "403"}
    # The Authorization header is the scheme's affair, no parameter.
    assert "parameters" not in operation


def test_operations_differ(document: Any) -> None:
    operations = document["paths"]["/profile"].values()
    assert len({operation["operationId"] for operation in operations}) == 2
