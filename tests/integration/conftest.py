"""Servers in processes of their own, and the requests that each must answer."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx
import pytest
from werkzeug.datastructures import WWWAuthenticate

import joat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

PATIENCE = 30  # seconds, for a machine that does much else
PROVIDER = "https://example.com"
SALT = "0123456789abcdef0123456789abcdef"


@dataclass
class Server:
    command: list[str]
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait(self) -> None:
        """Return as soon as the server takes connections."""
        deadline = time.monotonic() + PATIENCE
        while not self._takes_connections():
            assert self.process.poll() is None, f"it ended: {self}"
            assert time.monotonic() < deadline, f"it does not answer: {self}"
            time.sleep(0.05)

    def stop(self) -> None:
        """End the process; fail if it had ended or printed what it should not."""
        ended = self.process.poll() is not None
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
        assert not ended, f"it ended by itself: {self}"
        assert "Traceback (most recent call last)" not in self.output, str(self)
        assert "Warning:" not in self.output, str(self)

    def _takes_connections(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def __str__(self) -> str:
        return f"{shlex.join(self.command)}\n{self.output}"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start a command in a directory, and return its server once it answers.

    The command is what one types in a shell, with `{port}` for its port if it
    has an option for that; the environment names the port too, and the salt.
    Without a directory it runs in `tmp_path`. Every server is stopped after the
    test, which fails if one had ended by itself or printed a traceback or a
    warning.
    """
    with _servers(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def serve_module(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Server]]:
    """Start a command as `serve` does, for all tests of a module."""
    with _servers(tmp_path_factory.mktemp("servers")) as start:
        yield start


@contextmanager
def _servers(default: Path) -> Iterator[Callable[..., Server]]:
    def start(command: str, directory: Path = default, **env: str) -> Server:
        port = _free_port()
        log = default / f"server-{port}-{time.monotonic_ns()}.log"
        arguments = [word.replace("{port}", str(port)) for word in shlex.split(command)]
        variables = {
            **os.environ,
            # The scripts of this environment's packages, and its python.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
            "PYTHONUNBUFFERED": "1",
            "JOAT_SALT": SALT,
            **dict.fromkeys(("PORT", "FLASK_RUN_PORT", "UVICORN_PORT"), str(port)),
            **env,
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                arguments,
                cwd=directory,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        server = Server(arguments, process, port, log)
        servers.callback(server.stop)
        server.wait()
        return server

    with ExitStack() as servers:
        yield start


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """A client that waits as long as a busy machine may need."""
    with httpx.Client(timeout=PATIENCE) as client:
        yield client


def _free_port() -> int:
    """Return a loopback port on which nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def issue(**claims: Any) -> str:
    """Return a token that lets zoe's client see her profile, or as the claims say."""
    defaults = {
        "client_id": "app",
        "user_id": "zoe",
        "scope": ["profile", "read"],
        "salt": SALT,
    }
    return joat.TokenGenerator(PROVIDER).issue_token(**{**defaults, **claims})


@pytest.fixture(name="issue")
def _issue(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setattr(joat, "salt_generator", lambda claims: SALT)
    return issue


@dataclass
class Attempt:
    """A request for zoe's profile, and how a resource server must answer it."""

    authorization: str | None
    status: int
    error: str | None = None
    scope: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        return (
            {} if self.authorization is None else {"Authorization": self.authorization}
        )

    def check(self, response: Any) -> None:
        """Compare with a response of requests or of httpx."""
        assert response.status_code == self.status, response.text
        assert ("zoe" in response.text) == (self.status == 200)
        told = WWWAuthenticate.from_header(response.headers.get("WWW-Authenticate"))
        if self.status == 200:
            assert told is None
        else:
            assert told.type == "bearer"
            assert told.get("error") == self.error
            assert told.get("scope") == self.scope


def _tampered() -> str:
    header, _, signature = issue(user_id="bob").split(".")
    return ".".join([header, issue().split(".")[1], signature])


def _expired() -> str:
    return issue(issued_at=datetime.now(timezone.utc) - timedelta(hours=2))


@pytest.fixture(
    params=[
        pytest.param((lambda: f"Bearer {issue()}", 200), id="valid"),
        pytest.param((lambda: f"bearer {issue()}", 200), id="scheme-in-lowercase"),
        pytest.param((lambda: None, 401), id="missing"),
        pytest.param((lambda: "Basic YXBwOg==", 401), id="other-scheme"),
        pytest.param((lambda: "Bearer", 400, "invalid_request"), id="no-token"),
        pytest.param(
            (lambda: f"Bearer {issue()} {issue()}", 400, "invalid_request"),
            id="two-tokens",
        ),
        pytest.param((lambda: "Bearer a.b.c", 401, "invalid_token"), id="no-jwt"),
        pytest.param(
            (lambda: f"Bearer {_expired()}", 401, "invalid_token"), id="expired"
        ),
        pytest.param(
            (lambda: f"Bearer {_tampered()}", 401, "invalid_token"), id="tampered"
        ),
        pytest.param(
            (lambda: f"Bearer {issue(salt=SALT[::-1])}", 401, "invalid_token"),
            id="wrong-salt",
        ),
        pytest.param(
            (lambda: f"Bearer {issue(provider='other')}", 401, "invalid_token"),
            id="wrong-provider",
        ),
        pytest.param(
            (
                lambda: f"Bearer {issue(scope=['read'])}",
                403,
                "insufficient_scope",
                "profile",
            ),
            id="too-little-scope",
        ),
    ]
)
def attempt(request: pytest.FixtureRequest, issue: Callable[..., str]) -> Attempt:
    """One of the requests above, for each of which the test runs."""
    authorization, *answer = request.param
    return Attempt(authorization(), *answer)
