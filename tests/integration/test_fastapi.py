"""FastAPI on uvicorn, with a lookup of the salt that takes a while."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest
import recipes
from authlib.integrations.httpx_client import AsyncOAuth2Client
from conftest import PATIENCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

REQUESTS = 200
LOOKUP = 0.1  # seconds that a lookup takes in the recipe


@pytest.fixture(scope="module")
def api(
    serve_module: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> str:
    directory = tmp_path_factory.mktemp("recipe")
    recipes.write("FastAPI", directory)
    return str(serve_module(recipes.commands("FastAPI")[-1], directory).url)


def test_answers(http: httpx.Client, api: str, attempt: Any) -> None:
    attempt.check(http.get(f"{api}/profile", headers=attempt.headers))


def test_unknown_client(
    http: httpx.Client, api: str, issue: Callable[..., str]
) -> None:
    headers = {"Authorization": f"Bearer {issue(client_id='other')}"}
    response = http.get(f"{api}/profile", headers=headers)
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_many_at_once(api: str, issue: Callable[..., str]) -> None:
    """Each answer is for the token of its own request; every tenth is forged."""
    forged = {"salt": "f" * 32}
    tokens = [
        issue(user_id=number, **({} if number % 10 else forged))
        for number in range(REQUESTS)
    ]

    async def get_all() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(limits=limits, timeout=PATIENCE) as client:
            return await asyncio.gather(
                *(
                    client.get(
                        f"{api}/profile", headers={"Authorization": f"Bearer {token}"}
                    )
                    for token in tokens
                )
            )

    begin = time.monotonic()
    responses = asyncio.run(get_all())
    # Less than the lookups alone take one after the other.
    assert time.monotonic() - begin < REQUESTS * LOOKUP
    for number, response in enumerate(responses):
        if number % 10:
            assert (response.status_code, response.json()) == (200, {"user": number})
        else:
            assert response.status_code == 401


def test_openapi(http: httpx.Client, api: str) -> None:
    description = http.get(f"{api}/openapi.json").json()
    ((name, details),) = description["components"]["securitySchemes"].items()
    assert details["type"] == "oauth2"
    assert details["flows"]["password"] == {
        "tokenUrl": "https://example.com/token",
        "scopes": {"profile": "Read the profile"},
    }
    assert description["paths"]["/profile"]["get"]["security"] == [{name: ["profile"]}]


def test_authlib_client(serve: Callable[..., Any], tmp_path: Path, api: str) -> None:
    """The client gets its token from the Flask recipe, whose salt is the same."""
    for title in ("Flask: a token endpoint", "Flask: passwords and refresh tokens"):
        recipes.write(title, tmp_path)
        command = recipes.commands(title)[-1]
    auth = serve(command).url

    async def use() -> None:
        async with AsyncOAuth2Client(
            "app", "app's secret", token_endpoint=f"{auth}/token", timeout=PATIENCE
        ) as client:
            await client.fetch_token(username="zoe", password="zoe's password")
            response = await client.get(f"{api}/profile")
            assert response.json() == {"user": "zoe"}

            # As if its hour were over: the client renews it before the request.
            client.token["expires_at"] = 0
            response = await client.get(f"{api}/profile")
            assert response.json() == {"user": "zoe"}
            assert client.token["expires_at"] > time.time()

    asyncio.run(use())
