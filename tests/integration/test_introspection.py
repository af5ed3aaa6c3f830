"""The introspection recipe: one server verifies, and no other holds a salt."""

import gzip
import hashlib
import json
import logging
import math
import socket
import sys
import threading
import time
import traceback
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import module_from_spec, spec_from_file_location
from types import SimpleNamespace
from urllib.parse import parse_qs, urlencode

import pytest
import recipes
import redis
import test_token_endpoints as token_battery
from helpers import make_token
from servers import (
    OLDER_SALT,
    PROVIDER,
    SALT,
    ask,
    basic,
    good_and_bad_tokens,
    issue_token,
)

# Collected here, they put this module's `server` through what all have to answer.
from test_resource_servers import test_answer, test_no_body_behind_head  # noqa: F401
from test_token_endpoints import (  # noqa: F401
    test_client_library,
    test_form_without_a_length,
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
    lines.append(f"{token_battery.GUNICORN} server:app &")
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


@pytest.mark.parametrize("length", [1, 140_000], ids=["short", "long"])
@pytest.mark.parametrize("port", [9000, 8001], ids=["index", "gunicorn"])
@pytest.mark.parametrize(
    ("path", "name"), [("introspect", "profile"), ("revoke", "app")]
)
def test_token_without_a_length(server, path, name, port, length):
    headers = {"Authorization": basic(f"{name}:app's secret")}
    headers["Transfer-Encoding"] = "chunked"
    body = f"token=x&a={length * 'a'}&token=y"
    status, _ = token_battery.send(f"{server.url(port)}/{path}", body, headers)
    assert status == 411


# --- the authorization server ----------------------------------------------------


@dataclass
class AuthorizationServer:
    """The server in this process, and what its registry says of it."""

    registry: object
    client: object
    secrets: dict = field(default_factory=dict)

    def login(self, kind, name):
        return basic(f"{name}:{self.secrets[kind, name]}")

    def post(self, path, login=None, form=()):
        headers = {"Authorization": login} if login else {}
        body = form if isinstance(form, str) else urlencode(form)
        answer = self.client.post(
            f"/{path}", data=body, content_type=FORM, headers=headers
        )
        assert answer.headers["Cache-Control"] == "no-store"
        return answer

    def issue(self, client="app", resource=PROFILE):
        form = {"grant_type": "client_credentials", "resource": resource}
        answer = self.post("token", self.login("client", client), form)
        assert answer.status_code == 200, answer.text
        return answer.json["access_token"]

    def introspect(self, token, name="profile"):
        login = self.login("resource server", name)
        answer = self.post("introspect", login, {"token": token})
        assert answer.status_code == 200, answer.text
        assert "WWW-Authenticate" not in answer.headers
        return answer.json

    def is_active(self, token, name="profile"):
        answer = self.introspect(token, name)
        assert answer["active"] or answer == INACTIVE
        return answer["active"]

    def revoke(self, token, client="app"):
        answer = self.post("revoke", self.login("client", client), {"token": token})
        assert (answer.status_code, answer.text) == (200, "")

    def sign(self, name="profile", **claims):
        salts = self.registry.find_salts(name)
        usual = {"jti": f"{name}.1", "salt": salts, "lifetime": timedelta(minutes=5)}
        return issue_token(**{**usual, **claims})


@pytest.fixture
def registry(load, valkey):
    # Another database than that of the servers above.
    registry = load("registry", REDIS_URL=f"{valkey.connection_url}/1")
    with registry.store:
        registry.store.flushdb()
        yield registry


@pytest.fixture
def provider(registry, load):
    """A resource server and a client are named alike, twice."""
    secrets = {}
    for name, url in {"profile": PROFILE, "mail": MAIL, "app": "https://a.b"}.items():
        secrets["resource server", name] = registry.register_resource_server(name, url)
    for name in ("app", "web", "profile"):
        secrets["client", name] = registry.register_client(
            name, scope=["profile", "read"], resource_servers=["profile", "mail"]
        )
    app = load("server").app
    return AuthorizationServer(registry, app.test_client(), secrets)


def test_answer_about_an_active_token(provider):
    token = provider.issue()
    claims = joat.unverified_claims(token)
    assert claims["jti"].startswith("profile.")
    assert provider.introspect(token) == {
        "active": True,
        "client_id": "app",
        "sub": "client:app",
        "scope": "profile read",
        "exp": claims["exp"],
        "iat": claims["iat"],
        "iss": PROVIDER,
        "jti": claims["jti"],
    }
    assert claims["exp"] - claims["iat"] == provider.registry.LIFETIME


def test_token_is_good_at_one_resource_server(provider):
    for resource, name, other in [
        (PROFILE, "profile", "mail"),
        (MAIL, "mail", "profile"),
    ]:
        token = provider.issue(resource=resource)
        assert provider.is_active(token, name)
        assert not provider.is_active(token, other)
        assert not provider.is_active(token, "app")


def test_jti_is_never_given_twice(provider):
    names = {joat.unverified_claims(provider.issue())["jti"] for _ in range(20)}
    assert len(names) == 20


def unsigned(provider):
    header, payload, _ = provider.issue().split(".")
    return f"{header}.{payload}."


def revoked(provider):
    token = provider.issue()
    provider.revoke(token)
    return token


INACTIVE_TOKENS = {
    "garbage": lambda provider: "garbage",
    "a NUL": lambda provider: "\0",
    "a NUL behind": lambda provider: provider.issue() + "\0",
    "not ASCII": lambda provider: "zo\xeb",
    "the longest": lambda provider: "a" * LONGEST,
    "unsigned": unsigned,
    "none as the algorithm": lambda provider: make_token(
        joat.unverified_claims(provider.issue()), {"alg": "none"}
    ),
    "forged": lambda provider: provider.sign(salt="?" * 32),
    "signed with another server's salt": lambda provider: provider.sign(
        salt=provider.registry.find_salts("mail")
    ),
    "for another server": lambda provider: provider.issue(resource=MAIL),
    "expired": lambda provider: provider.sign(lifetime=timedelta(seconds=-1)),
    "of another provider": lambda provider: provider.sign(provider="https://x.y"),
    "no jti": lambda provider: provider.sign(jti=None),
    "a jti of another server": lambda provider: provider.sign(jti="mail.1"),
    "a jti without a dot": lambda provider: provider.sign(jti="profile"),
    "a jti that is a number": lambda provider: provider.sign(jti=1),
    "a jti that only begins like it": lambda provider: provider.sign(jti="profile2.1"),
    "a jti with one more dot": lambda provider: provider.sign(jti="profile.x.1"),
    "revoked": revoked,
}


@pytest.mark.parametrize("make", INACTIVE_TOKENS.values(), ids=INACTIVE_TOKENS)
def test_inactive(provider, make):
    token = make(provider)
    assert provider.introspect(token) == INACTIVE
    # Which tells a client no more.
    provider.revoke(token)


NO_LOGIN = {
    "no login": lambda secret, name: None,
    "Bearer": lambda secret, name: f"Bearer {secret}",
    "no secret": lambda secret, name: basic(f"{name}:"),
    "wrong secret": lambda secret, name: basic(f"{name}:{secret[:-1]}"),
    "its SHA-256": lambda secret, name: basic(
        f"{name}:{hashlib.sha256(secret.encode()).hexdigest()}"
    ),
    "unknown name": lambda secret, name: basic(f"nobody:{secret}"),
    "no name": lambda secret, name: basic(f":{secret}"),
    "a NUL behind the secret": lambda secret, name: basic(f"{name}:{secret}\0"),
    "an encoded NUL behind the secret": lambda secret, name: basic(
        f"{name}:{secret}%00"
    ),
    "a NUL behind the name": lambda secret, name: basic(f"{name}\0:{secret}"),
    "an encoded NUL behind the name": lambda secret, name: basic(f"{name}%00:{secret}"),
    "encoded twice": lambda secret, name: basic(f"%25{ord(name[0]):x}:{secret}"),
    "no base64": lambda secret, name: "Basic ????",
    "an octet beyond ASCII": lambda secret, name: "Basic \xe9",
    "an octet beyond ASCII behind the login": lambda secret, name: (
        basic(f"{name}:{secret}") + "\xe9"
    ),
    # As a WSGI server joins two headers.
    "the login twice": lambda secret, name: ",".join(2 * [basic(f"{name}:{secret}")]),
    "the login, then a wrong one": lambda secret, name: ",".join(
        [basic(f"{name}:{secret}"), basic("nobody:wrong")]
    ),
    "a wrong login, then the login": lambda secret, name: ",".join(
        [basic("nobody:wrong"), basic(f"{name}:{secret}")]
    ),
}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("make", NO_LOGIN.values(), ids=NO_LOGIN)
def test_refused_login(provider, endpoint, make):
    kind = "resource server" if endpoint == "introspect" else "client"
    login = make(provider.secrets[kind, "profile"], "profile")
    check_refused_login(provider, endpoint, login)


def check_refused_login(provider, endpoint, login):
    form = {"grant_type": "client_credentials", "resource": PROFILE, "token": "x"}
    answer = provider.post(endpoint, login, form)
    assert (answer.status_code, answer.json) == (401, {"error": "invalid_client"})
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="tokens"'


def test_clients_and_resource_servers_of_one_name(provider):
    """A login is good for one kind, and no client gets the salts of its namesake."""
    for name in ("profile", "app"):
        client = provider.login("client", name)
        resource_server = provider.login("resource server", name)
        check_refused_login(provider, "introspect", client)
        for endpoint in ("token", "revoke"):
            check_refused_login(provider, endpoint, resource_server)
    # The client `app` may not ask for the resource server `app`.
    form = {"grant_type": "client_credentials", "resource": "https://a.b"}
    answer = provider.post("token", provider.login("client", "app"), form)
    assert (answer.status_code, answer.json) == (400, {"error": "invalid_target"})
    # Nor does the server `app` see what its namesake was issued.
    assert not provider.is_active(provider.issue("app"), "app")


@pytest.mark.parametrize("name", ["a b", "a:b", "z\xf6e", "a%20b", "a+b", "a\nb"])
def test_encoded_login(provider, name):
    """RFC 6749 section 2.3.1."""
    secret = provider.registry.register_resource_server(name, f"https://{name[0]}.y")
    login = urlencode({name: secret}).replace("=", ":")
    token = provider.sign(name)
    answer = provider.post("introspect", basic(login), {"token": token})
    assert (answer.status_code, answer.json["active"]) == (200, True)


def test_secrets_are_compared_in_constant_time(provider, monkeypatch):
    """And as often for an unknown name, or the time tells which ones exist."""
    compared = []

    def compare_digest(one, other):
        compared.append(one)
        return False

    stub = SimpleNamespace(compare_digest=compare_digest)
    monkeypatch.setattr(provider.registry, "hmac", stub)
    for name in ("profile", "nobody"):
        check_refused_login(provider, "introspect", basic(f"{name}:x"))
    assert compared == 2 * [hashlib.sha256(b"x").hexdigest()]


@pytest.mark.parametrize("endpoint", ["introspect", "revoke"])
@pytest.mark.parametrize(
    ("query", "form"),
    [
        pytest.param("", "", id="missing"),
        pytest.param("", "token=", id="empty"),
        pytest.param("", "token={0}&token={0}", id="twice"),
        pytest.param("", "token={0}&token=", id="twice, the second one empty"),
        pytest.param("", "Token={0}", id="another name"),
        pytest.param("?token={0}", "", id="in the URL"),
    ],
)
def test_no_token_in_the_form(provider, endpoint, query, form):
    token = provider.issue()
    kind = "resource server" if endpoint == "introspect" else "client"
    login = provider.login(kind, "profile")
    path = endpoint + query.format(token)
    answer = provider.post(path, login, form.format(token))
    assert (answer.status_code, answer.json) == (400, {"error": "invalid_request"})
    assert provider.is_active(token)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_no_question_by_get(provider, endpoint):
    answer = provider.client.get(f"/{endpoint}")
    assert answer.status_code == 405
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("silent", [True, False], ids=["silent", "gone"])
def test_redis_does_not_answer(load, endpoint, silent, caplog):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        if not silent:
            listener.close()
        registry = load("registry", REDIS_URL=f"redis://127.0.0.1:{port}")
        provider = AuthorizationServer(registry, load("server").app.test_client())
        begun = time.monotonic()
        answer = provider.post(endpoint, basic("name-marker:secret-marker"))
        assert time.monotonic() - begun < 2.5
    assert answer.status_code == 503
    assert answer.json == {"error": "temporarily_unavailable"}
    assert answer.headers["Retry-After"] == "1"
    assert "the registry fails" in caplog.text
    assert "marker" not in caplog.text


# --- revocation ------------------------------------------------------------------


def test_client_revokes_its_own_token(provider):
    token, other = provider.issue(), provider.issue()
    of_mail = provider.issue(resource=MAIL)
    provider.revoke(token)
    provider.revoke(token)
    assert not provider.is_active(token)
    assert provider.is_active(other)
    provider.revoke(of_mail)
    assert not provider.is_active(of_mail, "mail")


def test_token_of_another_client_stays_active(provider):
    token = provider.issue("app")
    provider.revoke(token, "web")
    assert provider.is_active(token)


def test_forged_token_revokes_nothing(provider):
    token = provider.issue()
    jti = joat.unverified_claims(token)["jti"]
    provider.revoke(provider.sign(jti=jti, salt="?" * 32))
    # Nor one that another resource server's salt signed.
    provider.revoke(provider.sign(jti=jti, salt=provider.registry.find_salts("mail")))
    assert provider.is_active(token)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(30, 600, id="the shorter of two"),
        pytest.param(600, 30, id="the longer of two"),
        pytest.param(7200, 30, id="one longer than the server issues"),
    ],
)
def test_refusal_lasts_as_long_as_any_token_with_the_jti(provider, first, second):
    tokens = [
        provider.sign(lifetime=timedelta(seconds=seconds))
        for seconds in (first, second)
    ]
    provider.revoke(tokens[0])
    assert [provider.is_active(token) for token in tokens] == [False, False]
    registry = provider.registry
    left = registry.store.ttl(registry.key("revoked", "profile", "profile.1"))
    longest = max(first, second, registry.LIFETIME) + registry.MARGIN
    assert longest - registry.MARGIN < left <= longest


def test_revocation_holds_while_the_clock_is_behind_that_of_redis(
    provider, monkeypatch
):
    registry = provider.registry
    token = provider.sign(lifetime=timedelta(seconds=30))
    behind = SimpleNamespace(time=lambda: time.time() - 100_000)
    monkeypatch.setattr(registry, "time", behind)
    provider.revoke(token)
    assert not provider.is_active(token)


# --- the registry ----------------------------------------------------------------


def test_rotate_leaves_older_tokens_good_until_they_expire(provider, monkeypatch):
    registry = provider.registry
    token = provider.issue()
    long = provider.sign(lifetime=timedelta(days=1))
    (salt,) = registry.find_salts("profile")
    registry.rotate("profile")
    assert registry.find_salts("profile")[1:] == [salt]
    assert provider.is_active(token)
    assert provider.is_active(provider.issue())
    later = time.time() + registry.LIFETIME + registry.MARGIN + 1
    monkeypatch.setattr(registry, "time", SimpleNamespace(time=lambda: later))
    assert salt not in registry.find_salts("profile")
    assert not provider.is_active(long)
    assert len(registry.find_salts("mail")) == 1


def test_rotate_that_is_sent_twice(registry, monkeypatch):
    monkeypatch.setattr("secrets.token_hex", lambda size: SALT)
    registry.rotate("profile")
    registry.rotate("profile")
    later = SimpleNamespace(time=lambda: time.time() + 86_400)
    monkeypatch.setattr(registry, "time", later)
    assert registry.find_salts("profile") == [SALT.encode()]


def test_frames_of_a_failed_rotation_show_no_salt(registry, monkeypatch):
    """Redis may have stored it all the same."""
    monkeypatch.setattr("secrets.token_hex", lambda size: SALT)
    registry.store.set(registry.key("salts", "profile"), "no sorted set")
    with pytest.raises(redis.ResponseError) as caught:
        registry.rotate("profile")
    frames = [
        frame.f_locals for frame, _ in traceback.walk_tb(caught.value.__traceback__)
    ]
    variables = repr([f for f in frames if "monkeypatch" not in f])
    assert "ZADD" in variables
    assert SALT not in variables


def test_salts_that_were_forgotten(provider):
    """No token is good, none is issued, and nothing breaks."""
    token = provider.issue()
    provider.registry.forget("salts", "profile")
    assert provider.introspect(token) == INACTIVE
    provider.revoke(token)
    form = {"grant_type": "client_credentials", "resource": PROFILE}
    answer = provider.post("token", provider.login("client", "app"), form)
    assert (answer.status_code, answer.json) == (400, {"error": "invalid_target"})
    provider.registry.rotate("profile")
    assert not provider.is_active(token)
    assert provider.is_active(provider.issue())


def test_redis_holds_no_secret(provider):
    store = provider.registry.store
    values = store.keys()
    assert {store.type(name) for name in values} == {b"string", b"zset"}
    for name in [*values]:
        if store.type(name) == b"string":
            values.append(store.get(name))
        else:
            values += store.zrange(name, 0, -1)
    everything = b"\n".join(values).decode()
    for secret in provider.secrets.values():
        assert secret not in everything
        assert hashlib.sha256(secret.encode()).hexdigest() in everything
    assert len(set(provider.secrets.values())) == len(provider.secrets)
    assert all(len(secret) == 64 for secret in provider.secrets.values())


def test_register_again_replaces_the_secret_and_nothing_else(provider):
    registry = provider.registry
    token = provider.issue()
    former = provider.login("resource server", "profile")
    provider.secrets["resource server", "profile"] = registry.register_resource_server(
        "profile", "https://profile.example.org"
    )
    check_refused_login(provider, "introspect", former)
    assert provider.is_active(token)
    assert provider.is_active(provider.issue(resource=PROFILE))
    assert provider.is_active(provider.issue(resource="https://profile.example.org"))


def client(registry, name="new", scope=("read",), resource_servers=("profile",)):
    registry.register_client(name, scope, resource_servers)


MISTAKES = {
    "server without a name": lambda r: r.register_resource_server("", "https://n.ew"),
    "server with a NUL": lambda r: r.register_resource_server("a\0", "https://n.ew"),
    "a URL without a scheme": lambda r: r.register_resource_server("new", "n.ew"),
    "a URL without a host": lambda r: r.register_resource_server("new", "https:///x"),
    "a URL with a fragment": lambda r: r.register_resource_server("new", f"{MAIL}#"),
    "another server's URL": lambda r: r.register_resource_server("new", PROFILE),
    "client without a name": lambda r: client(r, name=""),
    "client with a NUL": lambda r: client(r, name="a\0"),
    "scope that is one str": lambda r: client(r, scope="read"),
    "no scope": lambda r: client(r, scope=[]),
    "a permission with a space": lambda r: client(r, scope=["profile read"]),
    "an empty permission": lambda r: client(r, scope=["read", ""]),
    "a permission with a quote": lambda r: client(r, scope=['"read"']),
    "servers that are one str": lambda r: client(r, resource_servers="profile"),
    "an unknown server": lambda r: client(r, resource_servers=["profile", "no"]),
    "to forget an unknown client": lambda r: r.forget("client", "mail"),
    "to forget an unknown kind": lambda r: r.forget("clients", "app"),
}


@pytest.mark.parametrize("make", MISTAKES.values(), ids=MISTAKES)
def test_mistake_writes_nothing(provider, make):
    def entries():
        return sorted(provider.registry.store.keys())

    before = entries()
    with pytest.raises((ValueError, LookupError)):
        make(provider.registry)
    assert entries() == before


def test_forgotten_client_has_no_login(provider):
    provider.registry.forget("client", "app")
    check_refused_login(provider, "token", provider.login("client", "app"))


# --- the resource server, whose authorization server does what a test says ----------


class Questions(BaseHTTPRequestHandler):
    """Answers each question as the next of the server's `answers` says."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        sent = {"path": self.path, "headers": self.headers, "body": body.decode()}
        self.server.asked.append({**sent, "client": self.client_address})
        answer = self.server.answers.pop(0)
        self.close_connection = answer is None
        if answer is None:
            return
        status, headers, text = answer(self.server) if callable(answer) else answer
        pieces = text if isinstance(text, list) else [text]
        pieces = [p if isinstance(p, bytes) else p.encode() for p in pieces]
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(sum(map(len, pieces))))
        self.end_headers()
        for piece in pieces:
            with suppress(ConnectionError):  # the client may have had enough
                self.wfile.write(piece)
            if len(pieces) > 1:
                self.server.released.wait(0.2)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *arguments):
        """Keep the tests' output free of it."""


@contextmanager
def listening():
    with ThreadingHTTPServer(("127.0.0.1", 0), Questions) as listener:
        listener.answers, listener.asked = [], []
        listener.released = threading.Event()
        thread = threading.Thread(target=listener.serve_forever, args=[0.01])
        thread.start()
        try:
            yield listener
        finally:
            listener.released.set()
            listener.shutdown()
            thread.join()


@pytest.fixture
def listener():
    with listening() as listener:
        yield listener


@pytest.fixture
def clock(api, monkeypatch):
    """Two clocks that stand still until a test sets them."""
    clock = SimpleNamespace(now=time.time(), running=1000.0)
    clock.time = lambda: clock.now
    clock.monotonic = lambda: clock.running
    monkeypatch.setattr(api, "time", clock)
    return clock


@pytest.fixture
def api(load, listener):
    api = load(
        "api",
        INTROSPECTION_URL=f"http://127.0.0.1:{listener.server_port}/introspect",
        RESOURCE_SERVER="pro file",
        RESOURCE_SERVER_SECRET="secret:+%",
    )
    yield api
    # The fake server's threads end when its connections do.
    api.http.clear()


@pytest.fixture
def profile(api):
    def ask(token):
        headers = {"Authorization": f"Bearer {token}"}
        return api.app.test_client().get("/profile", headers=headers)

    return ask


def active(**members):
    usual = {"active": True, "sub": "user:zoe", "scope": "profile read"}
    usual |= {"iss": PROVIDER, "exp": int(time.time()) + 600}
    changed = {**usual, **members}
    kept = {name: value for name, value in changed.items() if value is not ...}
    return 200, {}, json.dumps(kept)


NOT_ACTIVE = 200, {}, json.dumps(INACTIVE)


def test_question(listener, profile):
    """Once, with the login, and the token where nobody logs it."""
    token = issue_token()
    listener.answers = [active()]
    answer = profile(token)
    assert (answer.status_code, answer.json) == (200, {"user": "user:zoe"})
    (asked,) = listener.asked
    assert asked["path"] == "/introspect"
    assert parse_qs(asked["body"]) == {"token": [token]}
    assert asked["headers"]["Authorization"] == basic("pro+file:secret%3A%2B%25")
    assert asked["headers"]["Content-Type"] == FORM


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("garbage", id="garbage"),
        pytest.param("a" * LONGEST, id="the longest"),
        pytest.param("a.b.c", id="three segments"),
        pytest.param(make_token(b"{}"), id="no claims"),
    ],
)
def test_malformed_token_asks_nobody(listener, profile, token):
    answer = profile(token)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert listener.asked == []


def test_longest_token_that_is_good(provider, listener, profile):
    """Neither server has a limit below it, which would make the answer a 503."""
    payload = joat.unverified_claims(provider.sign(user_id=""))
    octets = len(json.dumps(payload, separators=(",", ":")))
    # 49,091 octets, the header and the signature are the longest token.
    token = provider.sign(user_id="a" * (49_091 - octets))
    assert len(token) == LONGEST

    def introspect(server):
        return 200, {}, json.dumps(provider.introspect(token))

    listener.answers = [introspect]
    answer = profile(token)
    assert answer.status_code == 200
    assert len(answer.json["user"]) > 48_000


def test_inactive_token(listener, profile):
    listener.answers = [NOT_ACTIVE]
    answer = profile(issue_token())
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "before", [pytest.param(0, id="new"), pytest.param(1, id="kept")]
)
def test_closed_connection_is_tried_once_more(listener, profile, before):
    # Made now, not when the tests are collected: they are good for ten minutes.
    answers = before * [active()] + [None, active()]
    listener.answers = [*answers]
    for _ in range(len(answers) - 1):
        assert profile(issue_token(jti=str(time.monotonic()))).status_code == 200
    assert len(listener.asked) == len(answers)


def test_connection_is_kept(listener, profile):
    listener.answers = [NOT_ACTIVE] * 3
    for _ in range(3):
        profile(issue_token())
    assert len({asked["client"] for asked in listener.asked}) == 1


def late(server):
    """Answer when the test is over."""
    assert server.released.wait(30)
    return NOT_ACTIVE


def redirect(status):
    return status, {"Location": "/other"}, "{}"


# What is no answer of RFC 7662, and how often it is asked for.
FAULTS = {
    "closed twice": ([None, None], 2),
    "no answer in time": ([late], 1),
    "redirect 301": ([redirect(301), active()], 1),
    "redirect 302": ([redirect(302), active()], 1),
    "redirect 303": ([redirect(303), active()], 1),
    "redirect 307": ([redirect(307), active()], 1),
    "redirect 308": ([redirect(308), active()], 1),
    "wrong login": ([(401, {"WWW-Authenticate": "Basic"}, "{}")], 1),
    "refused request": ([(400, {}, '{"error": "invalid_request"}')], 1),
    "refused request with an answer": ([(400, {}, active()[2])], 1),
    "too large": ([(413, {}, "{}")], 1),
    "an error": ([(500, {}, "{}")], 1),
    "unavailable": ([(503, {"Retry-After": "9"}, "{}")], 1),
    "created": ([(201, {}, active()[2])], 1),
    "no content": ([(204, {}, "")], 1),
    "empty": ([(200, {}, "")], 1),
    "no JSON": ([(200, {}, "<html>active</html>")], 1),
    "JSON that is too deep": ([(200, {}, "[" * 200_000)], 1),
    "no object": ([(200, {}, "[true]")], 1),
    "null": ([(200, {}, "null")], 1),
    "no active": ([(200, {}, "{}")], 1),
    "active is a string": ([active(active="true")], 1),
    "active is a number": ([active(active=1)], 1),
    "active is null": ([active(active=None)], 1),
    "another provider": ([active(iss="https://example.org")], 1),
    "no provider": ([active(iss=...)], 1),
    "no sub": ([active(sub=...)], 1),
    "sub is a number": ([active(sub=5)], 1),
    "no scope": ([active(scope=...)], 1),
    "scope is a list": ([active(scope=["profile"])], 1),
    "no exp": ([active(exp=...)], 1),
    "exp is a string": ([active(exp="4000000000")], 1),
    "exp is a bool": ([active(exp=True)], 1),
    "exp is not a number": ([active(exp=math.nan)], 1),
    "exp is infinite": ([active(exp=math.inf)], 1),
    "drop by drop": ([(200, {}, [*" " * 200, active()[2]])], 1),
    "too long": ([(200, {}, active()[2] + " " * 300_000)], 1),
    "compressed, although nobody asked": (
        [(200, {"Content-Encoding": "gzip"}, gzip.compress(active()[2].encode()))],
        1,
    ),
}


@pytest.mark.parametrize(("answers", "questions"), FAULTS.values(), ids=FAULTS)
def test_fault_of_the_authorization_server(
    listener, api, profile, caplog, answers, questions
):
    """It is never the token's, and does not stay."""
    caplog.set_level(logging.DEBUG)
    token = issue_token()
    listener.answers = [*answers]
    begun = time.monotonic()
    answer = profile(token)
    assert time.monotonic() - begun < 10
    check_unavailable(answer, caplog, token)
    assert len(listener.asked) == questions
    assert {asked["path"] for asked in listener.asked} == {"/introspect"}
    listener.answers = [active()]
    assert profile(token).status_code == 200


def check_unavailable(answer, caplog, token):
    assert answer.status_code == 503
    assert answer.json == {"error": "temporarily_unavailable"}
    assert answer.headers["Retry-After"] == "1"
    assert "WWW-Authenticate" not in answer.headers
    assert "the introspection endpoint fails" in caplog.text
    for segment in token.split("."):
        assert segment not in caplog.text + answer.text


def test_nobody_listens(listener, api, profile, caplog):
    listener.server_close()
    token = issue_token()
    check_unavailable(profile(token), caplog, token)


@pytest.mark.parametrize(
    "url", ["http://auth.example.com/introspect", "//x/introspect", "ftp://x", ""]
)
def test_start_without_https(load, url):
    with pytest.raises(ValueError, match="https://"):
        load(
            "api", INTROSPECTION_URL=url, RESOURCE_SERVER="", RESOURCE_SERVER_SECRET=""
        )


# --- the resource server's cache -------------------------------------------------


def test_active_answers_are_cached_for_a_time(listener, api, profile, clock):
    token = issue_token()
    listener.answers = [active(), active()]
    for passed, questions in [(0, 1), (4.9, 1), (5, 2), (9.9, 2)]:
        clock.running = 1000.0 + passed
        assert profile(token).status_code == 200
        assert len(listener.asked) == questions
    assert api.CACHE_TIME == 5


def test_inactive_answers_are_not_cached(listener, api, profile, clock):
    token = issue_token()
    listener.answers = [NOT_ACTIVE, NOT_ACTIVE, active()]
    assert [profile(token).status_code for _ in range(3)] == [401, 401, 200]
    assert len(api.cache._answers) == 1


def test_cache_ends_with_the_token(listener, profile, clock):
    token = issue_token()
    listener.answers = [active(exp=clock.now + 2), NOT_ACTIVE]
    assert profile(token).status_code == 200
    clock.now += 1.9
    assert profile(token).status_code == 200
    clock.now += 0.1
    assert profile(token).status_code == 401
    assert len(listener.asked) == 2


def test_clock_that_is_set_back_lengthens_nothing(listener, profile, clock):
    token = issue_token()
    listener.answers = [active(), NOT_ACTIVE]
    assert profile(token).status_code == 200
    clock.now -= 3600
    clock.running += 5
    assert profile(token).status_code == 401


def test_time_is_counted_from_before_the_question(listener, profile, clock):
    """The token may be revoked as soon as the answer is on its way."""

    def slow(server):
        clock.running += 1.5
        return active()

    token = issue_token()
    listener.answers = [slow, NOT_ACTIVE]
    assert profile(token).status_code == 200
    clock.running += 4
    assert profile(token).status_code == 401


def test_full_cache_drops_the_oldest(api, clock, monkeypatch):
    asked = []

    def ask(token):
        asked.append(token)
        return json.loads(active()[2])

    monkeypatch.setattr(api, "ask", ask)
    for number in range(10_001):
        api.introspect(str(number))
    assert len(asked) == 10_001
    assert len(api.cache._answers) == api.CACHE_SIZE == 10_000
    for number in (1, 2, 10_000):
        api.introspect(str(number))
    assert len(asked) == 10_001
    api.introspect("0")
    assert asked[10_001:] == ["0"]
    assert len(api.cache._answers) == 10_000
    # An answer that is renewed pushes out no other.
    clock.running += 5
    api.introspect("0")
    assert len(api.cache._answers) == 10_000


def test_scope_is_checked_behind_the_cache(listener, profile, clock):
    token = issue_token()
    listener.answers = [active(scope="read")]
    for _ in range(3):
        answer = profile(token)
        assert answer.status_code == 403
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert len(listener.asked) == 1


@pytest.mark.parametrize("scope", ["", "profiles", "read\tprofile", "PROFILE"])
def test_scope_that_is_not_enough(listener, profile, scope):
    listener.answers = [active(scope=scope)]
    assert profile(issue_token()).status_code == 403


def test_cache_is_per_token_and_holds_none(listener, api, profile, clock):
    tokens = [issue_token(), issue_token(user_id="user:bob")]
    listener.answers = [active(), active(sub="user:bob")]
    for _ in range(2):
        users = [profile(token).json["user"] for token in tokens]
        assert users == ["user:zoe", "user:bob"]
    names = [hashlib.sha256(token.encode()).digest() for token in tokens]
    assert [*api.cache._answers] == names
    for token in tokens:
        for segment in token.split("."):
            assert segment not in repr(api.cache._answers)


def test_revoked_token_is_refused_after_the_cache_time(
    provider, api, profile, listener, clock
):
    """Both servers: what one revokes, the other refuses."""
    token = provider.issue()

    def introspect(server):
        return 200, {}, json.dumps(provider.introspect(token))

    listener.answers = [introspect, introspect]
    assert profile(token).status_code == 200
    provider.revoke(token)
    assert profile(token).status_code == 200
    clock.running += api.CACHE_TIME
    assert profile(token).status_code == 401
