"""What the library does while the server around it does wrong.

The salt generator blocks and issues tokens itself; clocks jump; threads and processes
issue and verify at once while the salt generator is replaced. Nothing is lost and
nothing shared.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import warnings
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest
from helpers import NOW, SALT, make_token

import joat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OLD_SALT = b"fedcba9876543210fedcba9876543210"
GRANTED = {
    "provider": "provider",
    "client_id": "client",
    "user_id": "user",
    "authorized_scope": ["read", "write"],
}
VERIFIED = {**GRANTED, "expires_at": NOW + 3600}
WAIT = 60  # seconds, for what takes milliseconds on a machine that is not busy


@contextmanager
def hook(function: Callable[[dict[str, Any]], Any]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joat, "salt_generator", function)
        yield


@pytest.fixture(autouse=True)
def _server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("time.time", lambda: float(NOW))
    with hook(lambda claims: SALT):
        yield


def issue(user_id: str = "user", client_id: str = "client") -> str:
    return joat.TokenGenerator("provider", client_id).issue_token(
        user_id=user_id, scope=["read", "write"]
    )


def authenticate(token: str) -> Any:
    return joat.authenticate(f"Bearer {token}")


# Each takes a valid token, and asks the salt generator.
ASKING = [
    pytest.param(lambda token: issue(), id="issue_token"),
    pytest.param(joat.parse_token, id="parse_token"),
    pytest.param(joat.verify_token, id="verify_token"),
    pytest.param(authenticate, id="authenticate"),
]
asking = pytest.mark.parametrize("ask", ASKING)


@asking
def test_blocked_hook_blocks_nobody_else(ask: Callable[[str], Any]) -> None:
    token, other = issue(), issue(client_id="other")
    entered, released = threading.Event(), threading.Event()
    results: SimpleQueue[Any] = SimpleQueue()

    def block_one_client(claims: dict[str, Any]) -> bytes:
        if claims["aud"] == "client":
            entered.set()
            assert released.wait(WAIT)
        return SALT

    with hook(block_one_client):
        blocked = threading.Thread(target=lambda: results.put(ask(token)))
        blocked.start()
        try:
            assert entered.wait(WAIT)
            assert issue(client_id="other") == other
            assert joat.parse_token(other) == {**GRANTED, "client_id": "other"}
            assert results.empty()
        finally:
            released.set()
            blocked.join(WAIT)
        assert results.get(timeout=WAIT) == ask(token)


def test_hook_may_issue_and_verify() -> None:
    """No lock is held, and no state kept, while the salt generator runs."""
    other = issue(client_id="other")

    def nested(claims: dict[str, Any]) -> bytes:
        if claims["aud"] == "client":
            assert issue(client_id="other") == other
            assert joat.parse_token(other) == {**GRANTED, "client_id": "other"}
        return SALT

    with hook(nested):
        assert joat.parse_token(issue()) == GRANTED


# Clocks jump


@pytest.mark.parametrize(
    ("now", "error"),
    [
        pytest.param(NOW - 86_400, None, id="a day back"),
        pytest.param(0, None, id="back to 1970"),
        pytest.param(-1e9, None, id="back before 1970"),
        pytest.param(NOW + 3599.999, None, id="to just before the end"),
        pytest.param(NOW + 3600, joat.ExpiredToken, id="to the end"),
        pytest.param(2**31, joat.ExpiredToken, id="to 2038"),
        pytest.param(1e18, joat.ExpiredToken, id="beyond all datetimes"),
    ],
)
def test_clock_jumps_after_issue(
    monkeypatch: pytest.MonkeyPatch, now: float, error: Any
) -> None:
    token = issue()
    monkeypatch.setattr("time.time", lambda: now)
    if error is None:
        assert joat.parse_token(token) == GRANTED
        assert joat.verify_token(token) == VERIFIED
    else:
        assert joat.parse_token(token) is None
        with pytest.raises(error):
            joat.verify_token(token)
    # A clock that jumps back makes nobody's token longer than it was issued for.
    monkeypatch.setattr("time.time", lambda: NOW + 3600)
    assert joat.parse_token(token) is None


@pytest.mark.parametrize("jump", [-100, 100], ids=["back", "forward"])
def test_clock_is_read_once(monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    """All times of a token are judged at one moment, though the clock moves on."""
    token = make_token(
        b'{"aud":"client","iss":"provider","sub":"user","scp":["read","write"],'
        b'"iat":%d,"nbf":%d,"exp":%d}' % (NOW, NOW, NOW + 1),
        b'{"alg":"HS256"}',
    )
    reads = iter([NOW, NOW + jump, NOW, NOW + jump])
    monkeypatch.setattr("time.time", lambda: next(reads))
    assert joat.parse_token(token) == GRANTED
    assert next(reads) == NOW + jump
    claims = joat.unverified_claims(issue())
    assert claims["exp"] - claims["iat"] == 3600


# Threads and processes

THREADS, PROCESSES, ROUNDS = 8, 4, 40


# Both verify what the other signs, so that no token is refused whichever is in
# place when. The salts are those of the client, so that a mix-up of claims is
# a wrong signature.
def _newest_first(claims: dict[str, Any]) -> list[bytes]:
    return [SALT + claims["aud"].encode(), OLD_SALT + claims["aud"].encode()]


def _oldest_first(claims: dict[str, Any]) -> list[bytes]:
    return _newest_first(claims)[::-1]


def granted_to(name: str, number: int) -> dict[str, Any]:
    return {
        "provider": "provider",
        "client_id": f"client of {name}",
        "user_id": f"{name}, {number}",
        "authorized_scope": [name, str(number)],
        "jti": number,
    }


def work(name: str) -> list[str]:
    """Issue and verify tokens, no two alike; return them."""
    tokens = []
    generator = joat.TokenGenerator("provider", f"client of {name}")
    for number in range(ROUNDS):
        expected = granted_to(name, number)
        token = generator.issue_token(
            user_id=expected["user_id"],
            scope=expected["authorized_scope"],
            jti=number,
        )
        assert joat.parse_token(token) == expected
        verified = joat.verify_token(token, client_id=expected["client_id"])
        assert verified == {**expected, "expires_at": verified["expires_at"]}
        with pytest.raises(joat.InvalidSignature):
            joat.verify_token(token[:-4] + "AAAA")
        tokens.append(token)
    return tokens


def work_in_threads(prefix: str) -> dict[str, list[str]]:
    """Let threads work while this one replaces the salt generator all the time."""
    names = [f"{prefix}{number}" for number in range(THREADS)]
    tokens: dict[str, list[str]] = {}
    start = threading.Barrier(THREADS + 1)

    def run(name: str) -> None:
        start.wait(WAIT)
        tokens[name] = work(name)

    threads = [threading.Thread(target=run, args=(name,)) for name in names]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        joat.salt_generator = _newest_first
        for thread in threads:
            thread.start()
        start.wait(WAIT)
        while any(thread.is_alive() for thread in threads):
            joat.salt_generator = _oldest_first
            threads[0].join(1e-4)
            joat.salt_generator = _newest_first
    finally:
        sys.setswitchinterval(interval)
        for thread in threads:
            thread.join(WAIT)
    # A thread that failed has left none, and pytest its exception as a warning.
    assert sorted(tokens) == names
    return tokens


def verify_all(tokens: dict[str, list[str]]) -> None:
    for name, issued in tokens.items():
        expected = [granted_to(name, number) for number in range(ROUNDS)]
        assert [joat.parse_token(token) for token in issued] == expected


def test_threads() -> None:
    tokens = work_in_threads("thread ")
    verify_all(tokens)
    assert len({token for issued in tokens.values() for token in issued}) == (
        THREADS * ROUNDS
    )


def test_each_call_asks_one_hook() -> None:
    """Replaced in the middle of a call, the salt generator is not asked again."""
    asked = []

    def first(claims: dict[str, Any]) -> bytes:
        joat.salt_generator = second
        asked.append("first")
        return SALT

    def second(claims: dict[str, Any]) -> bytes:
        asked.append("second")
        return OLD_SALT

    with hook(first):
        token = issue()
        assert joat.parse_token(token) is None
        assert asked == ["first", "second"]
        joat.salt_generator = first
        assert joat.parse_token(token) == GRANTED
        assert asked == ["first", "second", "first"]


def work_in_process(
    name: str,
    inherited: bool,
    ready: Any,
    connection: Any,
    of_parent: dict[str, list[str]],
) -> None:
    """Do the work of threads in another process, and send its tokens back."""
    warnings.simplefilter("error")
    if inherited:
        verify_all(of_parent)
    else:
        with pytest.raises(NotImplementedError):
            joat.parse_token("")
    ready.wait(WAIT)
    tokens = work_in_threads(name)
    verify_all(of_parent)
    connection.send(tokens)
    connection.close()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.undo()  # a new process has the real clock
    with hook(_newest_first):
        of_parent = {"parent": work("parent")}
        context = multiprocessing.get_context(method)
        ready = context.Barrier(PROCESSES)
        connections, processes = [], []
        tokens: dict[str, list[str]] = {}
        try:
            for number in range(PROCESSES):
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(
                    target=work_in_process,
                    args=(f"{number}.", method == "fork", ready, theirs, of_parent),
                )
                process.start()
                theirs.close()
                connections.append(ours)
                processes.append(process)
            for connection in connections:
                assert connection.poll(WAIT)
                tokens.update(connection.recv())
            for process in processes:
                process.join(WAIT)
        finally:
            # One that is left waits on its pipe, and the interpreter for it at exit.
            for process in processes:
                process.kill()
                process.join()
            for connection in connections:
                connection.close()
        assert [process.exitcode for process in processes] == [0] * PROCESSES
        # What they replaced is their own.
        assert joat.salt_generator is _newest_first
        assert len(tokens) == PROCESSES * THREADS
        verify_all({**of_parent, **tokens})


def test_fork_after_import() -> None:
    token = issue()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            inherited = issue()
            joat.salt_generator = lambda claims: OLD_SALT
            refused = joat.parse_token(token)
            os.write(writing, repr((inherited, refused, issue())).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with open(reading, "rb") as pipe:
        told = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    assert status == 0
    signed_by_old = joat.TokenGenerator("provider", "client").issue_token(
        user_id="user", scope=["read", "write"], salt=OLD_SALT
    )
    assert told == repr((token, None, signed_by_old))
    assert joat.parse_token(token) == GRANTED
