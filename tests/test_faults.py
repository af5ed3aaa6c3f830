"""What the library does while the server around it does wrong.

The salt generator blocks and issues tokens itself; the clock jumps; threads and
processes issue and verify at once while the salt generator is replaced. Nothing is
lost and nothing shared.
"""

import multiprocessing
import sys
import threading
from contextlib import contextmanager
from queue import SimpleQueue

import pytest
from helpers import NOW, SALT, make_token

import joat

OLD_SALT = b"fedcba9876543210fedcba9876543210"
GRANTED = {
    "provider": "provider",
    "client_id": "client",
    "user_id": "user",
    "authorized_scope": ["read", "write"],
}
OTHER_GRANTED = {**GRANTED, "client_id": "other"}
WAIT = 60  # seconds, for what takes milliseconds on a machine that is not busy
THREADS, ROUNDS = 8, 40


@contextmanager
def hook(function):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joat, "salt_generator", function)
        yield


def issue(client_id="client"):
    generator = joat.TokenGenerator("provider", client_id)
    return generator.issue_token(user_id="user", scope=["read", "write"])


# Each takes a valid token, and asks the salt generator.
ASKING = {
    "issue_token": lambda token: issue(),
    "parse_token": joat.parse_token,
    "verify_token": joat.verify_token,
    "authenticate": lambda token: joat.authenticate(f"Bearer {token}"),
}


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
def test_blocked_hook_blocks_nobody_else(asked, clock, ask):
    token, other = issue(), issue("other")
    entered, released = threading.Event(), threading.Event()
    results = SimpleQueue()

    def block_one_client(claims):
        if claims["aud"] == "client":
            entered.set()
            assert released.wait(WAIT)
        return SALT

    with hook(block_one_client):
        blocked = threading.Thread(target=lambda: results.put(ask(token)))
        blocked.start()
        try:
            assert entered.wait(WAIT)
            assert issue("other") == other
            assert joat.parse_token(other) == OTHER_GRANTED
            assert results.empty()
        finally:
            released.set()
            blocked.join(WAIT)
        assert results.get(timeout=WAIT) == ask(token)


def test_hook_may_issue_and_verify(asked, clock):
    """No lock is held, and no state kept, while the salt generator runs."""
    other = issue("other")

    def nested(claims):
        if claims["aud"] == "client":
            assert issue("other") == other
            assert joat.parse_token(other) == OTHER_GRANTED
        return SALT

    with hook(nested):
        assert joat.parse_token(issue()) == GRANTED


@pytest.mark.parametrize("jump", [-100, 100])
def test_clock_is_read_once(asked, monkeypatch, jump):
    """All times of a token are judged at one moment, though the clock moves on."""
    claims = {"aud": "client", "iss": "provider", "sub": "user"}
    times = {"iat": NOW, "nbf": NOW, "exp": NOW + 1}
    token = make_token({**claims, **times, "scp": ["read", "write"]})
    reads = iter([NOW, NOW + jump, NOW, NOW + jump])
    monkeypatch.setattr("time.time", lambda: next(reads))
    assert joat.parse_token(token) == GRANTED
    assert next(reads) == NOW + jump
    claims = joat.unverified_claims(issue())
    assert claims["exp"] - claims["iat"] == 3600


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


def work(name):
    """Issue and verify tokens, no two alike; return them."""
    tokens = []
    generator = joat.TokenGenerator("provider", f"client of {name}")
    for number in range(ROUNDS):
        expected = granted_to(name, number)
        user, scope = expected["user_id"], expected["authorized_scope"]
        token = generator.issue_token(user_id=user, scope=scope, jti=number)
        assert joat.parse_token(token) == expected
        verified = joat.verify_token(token, client_id=expected["client_id"])
        assert verified == {**expected, "expires_at": verified["expires_at"]}
        with pytest.raises(joat.InvalidSignature):
            joat.verify_token(token[:-4] + "AAAA")
        tokens.append(token)
    return tokens


def verify_all(name, tokens):
    expected = [granted_to(name, number) for number in range(ROUNDS)]
    assert [joat.parse_token(token) for token in tokens] == expected


def test_threads(monkeypatch):
    """Let threads work while this one replaces the salt generator all the time."""
    tokens = {}
    start = threading.Barrier(THREADS + 1)

    def run(name):
        start.wait(WAIT)
        tokens[name] = work(name)

    names = [f"thread {number}" for number in range(THREADS)]
    threads = [threading.Thread(target=run, args=(name,)) for name in names]
    monkeypatch.setattr(joat, "salt_generator", newest_first)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        start.wait(WAIT)
        while any(thread.is_alive() for thread in threads):
            joat.salt_generator = oldest_first
            threads[0].join(1e-4)
            joat.salt_generator = newest_first
    finally:
        sys.setswitchinterval(interval)
        for thread in threads:
            thread.join(WAIT)
    # A thread that failed has left none, and pytest its exception as a warning.
    assert sorted(tokens) == names
    for name in names:
        verify_all(name, tokens[name])


def work_elsewhere(name, inherited, of_parent):
    """Do the same work in another process, with what the parent has issued."""
    if inherited:
        verify_all("parent", of_parent)
    else:
        assert joat.salt_generator.__name__ == "unset"
    with hook(oldest_first):
        verify_all("parent", of_parent)
        return work(name)


@pytest.mark.parametrize(("method", "count"), [("fork", 4), ("spawn", 1)])
def test_processes(method, count):
    with hook(newest_first):
        of_parent = work("parent")
        names = [f"process {number}" for number in range(count)]
        tasks = [(name, method == "fork", of_parent) for name in names]
        with multiprocessing.get_context(method).Pool(count) as pool:
            results = pool.starmap_async(work_elsewhere, tasks, chunksize=1)
            for name, tokens in zip(names, results.get(WAIT)):
                verify_all(name, tokens)
        # What they replaced is their own.
        assert joat.salt_generator is newest_first
