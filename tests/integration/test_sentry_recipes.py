"""What the real sentry-sdk sends, on real servers, when a recipe's look-up fails."""

from base64 import b64encode
from urllib.parse import urlencode

import pytest
import recipes
from authorization import APP, CALLBACK, VERIFIER
from servers import SALT, ask, basic, issue_token, servers

DEFAULTS = ""
# Frameworks and reporters have variables with other names, which the index warns of.
WITHOUT_VARIABLES = 'include_local_variables=False, max_request_body_size="never"'

# The module that a server runs in place of the recipe's own, with a line of a case.
REPORTED = """
import json
import joat
import sentry_sdk

def keep(event, hint):
    with open("events", "a") as events:
        print(json.dumps(event), file=events)

# It sends nothing, because `keep` returns None.
sentry_sdk.init(dsn="http://public@127.0.0.1/1", before_send=keep, {options})

def fail(*arguments, **named):
    raise LookupError("the database is down")

class Failing(dict):
    get = fail

import {module} as recipe
app = recipe.app
{failure}

def app_of_aiohttp(arguments):
    return app
"""
FLASK = "flask --app reported run --port 8000"
UVICORN = "uvicorn reported:app --port 8000"
WAITRESS = "waitress-serve --listen=127.0.0.1:8000 reported:app"
AIOHTTP = "python -m aiohttp.web -H 127.0.0.1 -P 8000 reported:app_of_aiohttp"
HOOK = "joat.salt_generator = fail"


@pytest.fixture
def report(tmp_path):
    """Return a function that returns all that is sent about a request."""

    def report(title, module, failure, start, options, path, login, form=None):
        directory = recipes.copy(title, tmp_path / "recipe")
        program = REPORTED.format(module=module, failure=failure, options=options)
        (directory / "reported.py").write_text(program, encoding="utf-8")
        headers = [("Authorization", login)]
        if form:
            headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        # All is written when the server has stopped.
        with servers(tmp_path) as serve:
            # The log of the server holds the traceback, which is meant to be there.
            script = f"{start} 2> errors &\n"
            server = serve(script, directory, REDIS_URL="redis://127.0.0.1:1")
            method, body = ("POST", urlencode(form)) if form else ("GET", "")
            answer = ask(f"{server.url()}{path}", method, headers, body)
        assert answer.status == 500
        sent = (directory / "events").read_text(encoding="utf-8")
        assert "the database is down" in sent
        return sent

    return report


@pytest.mark.parametrize(
    ("title", "module", "failure", "start", "options"),
    [
        pytest.param("Flask", "api", HOOK, FLASK, DEFAULTS, id="Flask"),
        pytest.param("Authlib", "api", HOOK, FLASK, DEFAULTS, id="Authlib"),
        pytest.param("oauthlib", "api", HOOK, FLASK, DEFAULTS, id="oauthlib"),
        pytest.param("aiohttp", "app", HOOK, AIOHTTP, DEFAULTS, id="aiohttp"),
        pytest.param("WSGI", "app", HOOK, WAITRESS, DEFAULTS, id="WSGI"),
        pytest.param(
            "Stores",
            "api",
            "recipe.redis.Redis.zrange = fail",
            FLASK,
            DEFAULTS,
            id="Stores",
        ),
        pytest.param(
            "FastAPI",
            "api",
            "recipe.find_salts = fail",
            UVICORN,
            WITHOUT_VARIABLES,
            id="FastAPI",
        ),
        pytest.param(
            "Starlette", "app", HOOK, UVICORN, WITHOUT_VARIABLES, id="Starlette"
        ),
        pytest.param("MCP", "server", HOOK, UVICORN, WITHOUT_VARIABLES, id="MCP"),
    ],
)
def test_resource_server(report, title, module, failure, start, options):
    token = issue_token()
    path = "/mcp" if title == "MCP" else "/profile"
    sent = report(title, module, failure, start, options, path, f"Bearer {token}")
    for secret in (token.split(".")[2], SALT):
        assert secret not in sent


CLIENTS = "recipe.CLIENTS = Failing()"
GRANTS = "recipe.grant_store.sqlite3.connect = fail"
ALONE = {"grant_type": "client_credentials"}
CODE = {
    "grant_type": "authorization_code",
    "code": "this-code-is-secret",
    "code_verifier": VERIFIER,
    "redirect_uri": CALLBACK,
}
REFRESH = {"grant_type": "refresh_token", "refresh_token": "this-one-is-secret"}


@pytest.mark.parametrize(
    ("title", "module", "failure", "options", "form"),
    [
        pytest.param("Flask", "auth", CLIENTS, DEFAULTS, ALONE, id="Flask"),
        pytest.param("oauthlib", "auth", CLIENTS, DEFAULTS, ALONE, id="oauthlib"),
        pytest.param("Authlib", "auth", CLIENTS, DEFAULTS, ALONE, id="Authlib"),
        pytest.param(
            "Introspection",
            "server",
            "recipe.registry.store.get = fail",
            DEFAULTS,
            ALONE,
            id="Introspection",
        ),
        pytest.param(
            "Authlib", "auth", GRANTS, WITHOUT_VARIABLES, CODE, id="Authlib, code"
        ),
        pytest.param(
            "Authlib", "auth", GRANTS, WITHOUT_VARIABLES, REFRESH, id="Authlib, refresh"
        ),
    ],
)
def test_authorization_server(report, title, module, failure, options, form):
    login = basic(":".join(APP))
    sent = report(title, module, failure, FLASK, options, "/token", login, form)
    secrets = [APP[1], b64encode(":".join(APP).encode()).decode(), SALT]
    secrets += [
        form[name] for name in form if name not in ("grant_type", "redirect_uri")
    ]
    for secret in secrets:
        assert secret not in sent


def test_index_names_the_options():
    for option in WITHOUT_VARIABLES.split(", "):
        assert f"`{option}`" in recipes.section("What holds for all of them")
