"""What the library does while the server around it does wrong.

The salt generator blocks; the clock jumps; threads and processes issue and verify
at once while the salt generator is replaced. Nothing is lost and nothing shared.
"""

import multiprocessing
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from helpers import ARGUMENTS, CREDENTIALS, NOW, SALT, with_claims

import joat

OLD_SALT = b"fedcba9876543210fedcba9876543210"
WAIT = 60  # seconds, for what takes milliseconds on a machine that is not busy
THREADS = 8
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "40"))  # of each thread and process


def issue(client_id="client-marker"):
    arguments = {**ARGUMENTS, "client_id": client_id}
    return joat.TokenGenerator("unused").issue_token(**arguments)


def test_blocked_hook_blocks_nobody_else(asked, monkeypatch, clock):
    token, other = issue(), issue("other")
    entered, released = Event(), Event()

    def block_one_client(claims):
        if claims["aud"] != "other":
            entered.set()
            assert released.wait(WAIT)
        return SALT

    monkeypatch.setattr(joat, "salt_generator", block_one_client)
    with ThreadPoolExecutor(1) as pool:
        blocked = pool.submit(joat.parse_token, token)
        try:
            assert entered.wait(WAIT)
            assert issue("other") == other
            assert joat.parse_token(other) == {**CREDENTIALS, "client_id": "other"}
            assert not blocked.done()
        finally:
            released.set()
    assert blocked.result() == CREDENTIALS


@pytest.mark.parametrize("jump", [-100, 100])
def test_clock_is_read_once(asked, monkeypatch, jump):
    """All times of a token are judged at one moment, though the clock moves on."""
    token = with_claims(iat=NOW, nbf=NOW, exp=NOW + 1)
    reads = iter([NOW, NOW + jump, NOW, NOW + jump])
    monkeypatch.setattr("time.time", lambda: next(reads))
    assert joat.parse_token(token) == CREDENTIALS
    assert next(reads) == NOW + jump
    claims = joat.unverified_claims(issue())
    assert claims["exp"] - claims["iat"] == 3600


def test_clock_is_read_after_the_salt_is_found(clock, monkeypatch):
    def salt_generator(claims):
        clock(NOW + 60)
        return SALT

    monkeypatch.setattr(joat, "salt_generator", salt_generator)
    assert joat.parse_token(with_claims(exp=NOW + 60)) is None
    clock(NOW)
    assert joat.parse_token(with_claims(nbf=NOW + 60)) == CREDENTIALS


# Both verify what the other signs, so that no token is refused whichever is in
# place when. The salts are those of the client, so that a mix-up of claims is
# a wrong signature.
def newest_first(claims):
    return [SALT + claims["aud"].encode(), OLD_SALT + claims["aud"].encode()]


def oldest_first(claims):
    return newest_first(claims)[::-1]


def granted_to(name, number):
    return {
        "provider": "provider",
        "client_id": f"client of {name}",
        "user_id": f"{name}, {number}",
        "authorized_scope": [name, str(number)],
        "jti": number,
    }


def work(generator, name):
    """Issue and verify tokens, no two alike; return them."""
    tokens = []
    for number in range(ROUNDS):
        expected = granted_to(name, number)
        client, scope = expected["client_id"], expected["authorized_scope"]
        token = generator.issue_token(
            client_id=client, user_id=expected["user_id"], scope=scope, jti=number
        )
        assert joat.parse_token(token) == expected
        verified = joat.authenticate(f"Bearer {token}", client_id=client, scope=scope)
        assert verified == {**expected, "expires_at": verified["expires_at"]}
        with pytest.raises(joat.InvalidClaim):
            joat.verify_token(token, client_id="another client")
        with pytest.raises(joat.InvalidSignature):
            joat.verify_token(token[:-4] + "AAAA")
        tokens.append(token)
    return tokens


def verify_all(name, tokens):
    expected = [granted_to(name, number) for number in range(ROUNDS)]
    assert [joat.parse_token(token) for token in tokens] == expected


def test_threads(monkeypatch):
    """Let threads share a generator while this one replaces the salt generator."""
    names = [f"thread {number}" for number in range(THREADS)]
    monkeypatch.setattr(joat, "salt_generator", newest_first)
    shared = joat.TokenGenerator("provider")
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        # Each waits for all the others.
        start = Barrier(THREADS, timeout=WAIT).wait
        with ThreadPoolExecutor(THREADS, initializer=start) as pool:
            tasks = [pool.submit(work, shared, name) for name in names]
            while not all(task.done() for task in tasks):
                joat.salt_generator = oldest_first
                time.sleep(1e-4)
                joat.salt_generator = newest_first
    finally:
        sys.setswitchinterval(interval)
    for name, task in zip(names, tasks):
        verify_all(name, task.result())


def work_elsewhere(name, of_parent):
    """Do the same work in another process, with what the parent has issued."""
    joat.salt_generator = oldest_first
    verify_all("parent", of_parent)
    return work(joat.TokenGenerator("provider"), name)


@pytest.mark.parametrize(("method", "count"), [("fork", 4), ("spawn", 1)])
def test_processes(monkeypatch, method, count):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system starts no process by {method}")
    monkeypatch.setattr(joat, "salt_generator", newest_first)
    of_parent = work(joat.TokenGenerator("provider"), "parent")
    names = [f"process {number}" for number in range(count)]
    tasks = [(name, of_parent) for name in names]
    with multiprocessing.get_context(method).Pool(count) as pool:
        results = pool.starmap_async(work_elsewhere, tasks, chunksize=1)
        for name, tokens in zip(names, results.get(WAIT)):
            verify_all(name, tokens)
    # What they replaced is their own.
    assert joat.salt_generator is newest_first
