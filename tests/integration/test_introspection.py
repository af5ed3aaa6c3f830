"""The introspection recipe: one server verifies, and no other holds a salt."""

import hashlib
import json
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location
from urllib.parse import urlencode

import pytest
import recipes
import test_token_endpoints as token_battery
from servers import (
    OLDER_SALT,
    SALT,
    ask,
    basic,
    good_and_bad_tokens,
)

# Collected here, they put this module's `server` through what all have to answer.
from test_resource_servers import test_answer, test_no_body_behind_head  # noqa: F401
from test_token_endpoints import (  # noqa: F401
    test_client_library,
    test_large_form,
    test_no_token_by_get,
)

import joat

FOLDER = recipes.FOLDERS / "introspection"
PROFILE, MAIL = "https://profile.example.com", "https://mail.example.com"
FORM = "application/x-www-form-urlencoded"
LONGEST = 65_536  # characters, of a token
ENDPOINTS = ["token", "introspect", "revoke"]
INACTIVE = {"active": False}


@pytest.fixture
def load(monkeypatch):
    """Return a function that imports a module of the recipe afresh."""
    # For pytest to put it back: the module assigns it.
    monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)

    def load(name, **variables):
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        spec = spec_from_file_location(name, FOLDER / f"{name}.py")
        module = module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


# --- the batteries ---------------------------------------------------------------


@pytest.fixture(scope="module")
def server(serve_recipe, valkey, database):
    """Start both servers, with the salts and the login of the other recipes' tests."""
    database.flushall()
    secret_hash = hashlib.sha256(b"app's secret").hexdigest()
    app = {"name": "app", "secret_hash": secret_hash, "scope": ["profile", "read"]}
    app["resource_servers"] = ["profile"]
    api = {"name": "profile", "secret_hash": secret_hash}
    salts = {SALT: "+inf", OLDER_SALT: str(time.time() + 3600)}
    entries = "joat:introspection:"
    database.set(f'{entries}client:["app"]', json.dumps(app))
    database.set(f'{entries}resource server:["profile"]', json.dumps(api))
    database.zadd(f'{entries}salts:["profile"]', salts)
    for name, url in {"profile": PROFILE, "mail": MAIL}.items():
        database.set(f'{entries}resource:["{url}"]', name)
    lines = [
        "export INTROSPECTION_URL=http://127.0.0.1:9000/introspect",
        "flask --app server run --port 9000 &",
        "flask --app api run --port 8000 &",
    ]
    assert set(lines) <= set(recipes.servers("Introspection").splitlines())
    return serve_recipe(
        "Introspection",
        "\n".join(lines),
        REDIS_URL=valkey.connection_url,
        RESOURCE_SERVER="profile",
        RESOURCE_SERVER_SECRET="app's secret",
    )


@pytest.fixture(scope="module")
def tokens():
    return good_and_bad_tokens(jti="profile.1")


@pytest.fixture(scope="module")
def always():
    return {"resource": PROFILE}


REFUSED_RESOURCES = {
    "no resource's name": {"resource": ""},
    "no resource": {},
    "a resource that the client may not ask for": {"resource": MAIL},
    "a resource server's name": {"resource": "profile"},
    "a resource in upper case": {"resource": PROFILE.upper()},
    "a resource with a slash": {"resource": f"{PROFILE}/"},
    "a known resource twice": [("resource", PROFILE), ("resource", PROFILE)],
    "a known resource, then another": [("resource", PROFILE), ("resource", MAIL)],
}
TOKEN_CASES = {
    **token_battery.CASES,
    # Here no token is good everywhere: a row of the battery that is another one.
    **{
        name: token_battery.refused(
            "invalid_target", f"{token_battery.GRANT}&{urlencode(fields)}"
        )
        for name, fields in REFUSED_RESOURCES.items()
    },
}


@pytest.mark.parametrize("case", TOKEN_CASES.values(), ids=TOKEN_CASES)
def test_token_endpoint(server, case, always, request):
    names_none = request.node.callspec.id == "no resource"
    fields = {} if names_none or "resource=" in case.body else always
    token_battery.test_answer(server, case, fields)


def test_longest_token(server):
    token = "a" * LONGEST
    headers = [("Authorization", basic("profile:app's secret")), ("Content-Type", FORM)]
    url = f"{server.url(9000)}/introspect"
    answer = ask(url, "POST", headers, f"token={token}")
    assert (answer.status, answer.json) == (200, INACTIVE)
