"""FastAPI: a look-up that takes a while, and what the OpenAPI document says."""

import asyncio
import random
import sys
import time
from contextlib import nullcontext

import httpx
import pytest
import recipes
from pydantic import PydanticUserError, TypeAdapter
from servers import PATIENCE, PROVIDER, SALT, ask, issue_token

import joat

REQUESTS = 200
LOOKUP = 0.1  # seconds that a look-up takes in the recipe


@pytest.fixture(scope="module")
def api(serve_recipe):
    return serve_recipe("FastAPI").url()


@pytest.mark.parametrize("client_id", ["other", 1, "", "APP"])
def test_client_without_salts(api, client_id):
    answer = ask(f"{api}/profile", token=issue_token(client_id=client_id))
    assert (answer.status, answer.json["error"]) == (401, "invalid_token")


def test_many_at_once(api):
    """Each answer is for the token of its own request; every tenth is forged."""
    tokens = [
        issue_token(user_id=number, salt=SALT if number % 10 else "f" * 32)
        for number in range(REQUESTS)
    ]

    async def get_all():
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(limits=limits, timeout=PATIENCE) as client:
            headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
            asked = (client.get(f"{api}/profile", headers=each) for each in headers)
            return await asyncio.gather(*asked)

    begin = time.monotonic()
    responses = asyncio.run(get_all())
    # Less than the look-ups alone take one after the other.
    assert time.monotonic() - begin < REQUESTS * LOOKUP
    for number, response in enumerate(responses):
        if number % 10:
            assert (response.status_code, response.json()) == (200, {"user": number})
        else:
            assert response.status_code == 401


def test_unknown_client_takes_as_long(api):
    """The look-up comes for both, and once; the benchmark times what joat itself does.

    The shortest of several is what no other program on the machine has delayed.
    """
    client_ids = ["app", "apq"] * 20
    random.shuffle(client_ids)
    times = {client_id: [] for client_id in client_ids}
    with httpx.Client(base_url=api, timeout=PATIENCE) as client:
        for client_id in client_ids:
            forged = issue_token(client_id=client_id, salt="f" * 32)
            headers = {"Authorization": f"Bearer {forged}"}
            begin = time.perf_counter()
            assert client.get("/profile", headers=headers).status_code == 401
            times[client_id].append(time.perf_counter() - begin)
    assert min(times["apq"]) == pytest.approx(min(times["app"]), rel=0.15)


@pytest.mark.parametrize("name", ["VerifiedCredentials", "Credentials"])
def test_response_of_credentials(name):
    """A response of that type: the index says which Python it needs."""
    assert f"`joat.{name}`" in recipes.section("FastAPI")
    needs_3_12 = sys.version_info < (3, 12)
    refused = pytest.raises(PydanticUserError, match="Python < 3")
    with refused if needs_3_12 else nullcontext():
        TypeAdapter(getattr(joat, name))


def test_document(api):
    """It names the flows, the scope and the refusals; the header is no parameter."""
    document = ask(f"{api}/openapi.json").json
    ((name, scheme),) = document["components"]["securitySchemes"].items()
    token_url, scopes = f"{PROVIDER}/token", {"profile": "Read the profile"}
    assert scheme["type"] == "oauth2"
    assert scheme["flows"] == {
        "clientCredentials": {"tokenUrl": token_url, "scopes": scopes},
        "authorizationCode": {
            "authorizationUrl": f"{PROVIDER}/authorize",
            "tokenUrl": token_url,
            "scopes": scopes,
        },
    }
    operations = document["paths"]["/profile"]
    assert operations.keys() == {"get", "post"}
    for operation in operations.values():
        assert operation["security"] == [{name: ["profile"]}]
        assert set(operation["responses"]) == {"200", "400", "401", "403"}
        assert "parameters" not in operation
    assert len({operation["operationId"] for operation in operations.values()}) == 2
