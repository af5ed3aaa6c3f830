"""The recipes for where the salts live: what they keep, and what they refuse."""

import contextlib
import socket
import sqlite3
import stat
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location

import pytest
import recipes
import redis
import time_machine
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from helpers import make_token
from programs import python
from servers import OLDER_SALT, PATIENCE, PROVIDER, SALT, ask, issue_token

# Collected here, it puts this module's `server` through what all have to answer.
from test_resource_servers import test_answer  # noqa: F401

import joat

FOREIGN = "https://example.org"
APP = {"iss": PROVIDER, "aud": "app"}
MASTER, OLDER_MASTER = "ab" * 32, "cd" * 32
MASTERS = f"{MASTER}\n{OLDER_MASTER}\n"
FOLDER = recipes.FOLDERS / "stores"


@pytest.fixture
def load(monkeypatch):
    """Return a function that imports a module of the recipe afresh."""

    def load(name, **variables):
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        # For pytest to put it back: the module assigns it.
        monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)
        spec = spec_from_file_location(name, FOLDER / f"{name}.py")
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def redis_store(load, database, valkey):
    database.flushall()
    module = load("redis_store", REDIS_URL=valkey.connection_url)
    with module.store:
        module.rotate(PROVIDER, "app")
        yield module


@pytest.fixture
def sqlite(load, tmp_path):
    module = load("sqlite", SALTS_DB=str(tmp_path / "salts.db"))
    module.rotate(PROVIDER, "app")
    return module


@pytest.fixture
def master(load):
    module = load("master", JOAT_MASTERS=MASTERS)
    # It has a salt for every client, so that the tests of all stores can do as if.
    module.rotate = lambda provider, client_id: None
    return module


@pytest.fixture(params=["sqlite", "redis_store"])
def store(request):
    """Return each of the stores that rotate, with a salt for `app`."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["master", "sqlite", "redis_store"])
def any_store(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def pass_time():
    """Stop the clock, and return a function that sets it on by seconds."""
    with time_machine.travel(int(time.time()), tick=False) as clock:
        yield clock.shift


def accepts(*tokens):
    """Return whether each token verifies; if it does not, there is no salt for it."""
    accepted = []
    for token in tokens:
        try:
            accepted.append(joat.verify_token(token)["user_id"] == "user:zoe")
        except joat.InvalidSignature:
            accepted.append(False)
    return accepted


def forged(**claims):
    """Return a token by somebody without any salt."""
    usual = {**APP, "exp": 4e9, "iat": 0, "scp": [], "sub": "user:zoe"}
    return make_token({**usual, **claims}, salt=b"?" * 32)


# --- clients ---------------------------------------------------------------------

# What a stranger may write into a token, and what may be mistaken for another name.
STRANGE = [
    *("", "app' OR 'a'='a", "app\r\nGET joat:salts:app", "app\0", 'app"]', "*"),
    *("\N{PILE OF POO}\u202e\ufffe\x7f", "a" * 40_000, "\0" * 5_000),
    *(0, 2**63, -(2**100), 10**3999, 1, "1", "-1", -1, "\N{FULLWIDTH DIGIT ONE}"),
    *("app ", "App", "a\0b", "a\\u0000b"),
]
CLIENTS = [
    *((PROVIDER, name) for name in STRANGE),
    *((provider, "app") for provider in ("1", 1, f"{PROVIDER}/", "")),
    *[("a", 'b", "c'), ('a", "b', "c"), ("a, b", "c"), ("a", "b, c")],
    *[("a:b", "c"), ("a", "b:c"), ("app", "")],
]


def test_each_client_has_salts_of_its_own(any_store):
    found = list(any_store.find_salt(APP))
    for provider, client in CLIENTS:
        for name in ("aud", "iss", "jti"):
            assert accepts(forged(**{name: client})) == [False]
        any_store.rotate(provider, client)
        token = issue_token(provider=provider, client_id=client, jti="1")
        assert accepts(token) == [True]
        found += any_store.find_salt({"iss": provider, "aud": client})
    assert len(set(found)) == len(found)


# --- rotation --------------------------------------------------------------------


def test_salt_verifies_until_the_last_token_that_it_signed_has_expired(
    store, pass_time
):
    """Whatever a token says: its `exp` may be that of a thief."""
    quarter = (store.LIFETIME + store.MARGIN) / 4
    ten_years = timedelta(days=3650)
    tokens = []
    for _ in range(4):
        tokens.append(issue_token(lifetime=ten_years))
        store.rotate(PROVIDER, "app")
        pass_time(quarter)
    pass_time(-1)
    current = issue_token(lifetime=ten_years)
    salts = store.find_salt(APP)
    assert len(set(salts)) == 5
    for token, salt in zip([*tokens, current], reversed(salts)):
        assert joat.verify_token(token, salt=salt)

    pass_time(1)
    assert accepts(*tokens, current) == [False, True, True, True, True]
    pass_time(3 * quarter)
    assert accepts(*tokens, current) == [False, False, False, False, True]
    pass_time(3649 * 24 * 3600)
    assert accepts(current) == [True]


def test_next_rotation_deletes_what_has_ended(store, pass_time):
    period = store.LIFETIME + store.MARGIN
    store.rotate(PROVIDER, "app")
    pass_time(period)
    store.rotate(PROVIDER, "app")
    # At a time when a salt that was still there would not have ended.
    pass_time(-period)
    assert len(store.find_salt(APP)) == 2


def test_other_clients_keep_their_salts(store):
    others = [(PROVIDER, "other"), (PROVIDER, 1), (FOREIGN, "app")]
    for provider, client in others:
        store.rotate(provider, client)

    def salts_of_others():
        return [store.find_salt({"iss": iss, "aud": aud}) for iss, aud in others]

    before = salts_of_others()
    retired = issue_token()
    store.rotate(PROVIDER, "app")
    current = issue_token()
    store.forget(PROVIDER, "app")
    assert accepts(retired, current) == [False, False]
    for client in ("app", "", "ap", "1"):
        with pytest.raises(LookupError, match="this client has no salt"):
            store.forget(PROVIDER, client)
    with pytest.raises(ValueError, match="there is no salt for these claims"):
        issue_token()
    store.rotate(PROVIDER, "app")
    assert accepts(retired, current, issue_token()) == [False, False, True]
    assert salts_of_others() == before


def test_processes_that_rotate_at_once_leave_one_current_salt(
    store, valkey, tmp_path, pass_time, monkeypatch
):
    """And meanwhile every token is issued, and accepted."""
    # Of SQLite: on a slow disk, four who do nothing else lock it most of the time.
    monkeypatch.setattr(store, "TIMEOUT", PATIENCE, raising=False)
    code = f"""
from {store.__name__} import rotate
for _ in range(10):
    rotate("{PROVIDER}", "app")
"""
    variables = {
        "REDIS_URL": valkey.connection_url,
        "SALTS_DB": str(tmp_path / "salts.db"),
    }
    issued = []
    with ThreadPoolExecutor(4) as pool:
        rotators = [
            pool.submit(python, FOLDER, "-c", code, **variables) for _ in "1234"
        ]
        while not all(rotator.done() for rotator in rotators):
            issued.append(issue_token())
            assert all(accepts(*issued[-3:]))
    assert [rotator.result() for rotator in rotators] == [""] * 4
    assert issued
    assert all(accepts(*issued))
    assert len(set(store.find_salt(APP))) == 41
    pass_time(2 * (store.LIFETIME + store.MARGIN))
    assert len(store.find_salt(APP)) == 1


# --- one master secret -----------------------------------------------------------


def test_master_gives_each_client_its_own_hkdf_keys(master):
    """Newest first, which is the one that signs; and prints them as a JOAT_SALT."""
    info = b'["joat", "https://example.com", "app"]'
    keys = [
        HKDFExpand(SHA256(), 32, info).derive(bytes.fromhex(secret)).hex()
        for secret in (MASTER, OLDER_MASTER)
    ]
    assert master.find_salt(APP) == keys
    printed = python(FOLDER, "master.py", PROVIDER, "app", JOAT_MASTERS=MASTERS)
    assert printed == "".join(f"{key}\n" for key in keys)


@pytest.mark.parametrize(
    "masters",
    [
        *("", "\n\n", MASTER[:-1], MASTER[:-2], f"{MASTER}0", MASTER * 2),
        *(f"{MASTER} {OLDER_MASTER}", f"{MASTER}\n{OLDER_MASTER[:32]}"),
        *(f" {MASTER[:-1]}", f"{MASTER}\t", "g" * 64, MASTER.upper()),
        *("\N{FULLWIDTH DIGIT ONE}" * 64, "correct horse battery staple" * 3),
    ],
)
def test_master_refuses_what_is_no_master_secret(load, masters):
    with pytest.raises(ValueError, match="64 hexadecimal digits") as caught:
        load("master", JOAT_MASTERS=masters)
    for line in masters.split():
        assert line not in str(caught.value)


# --- SQLite ----------------------------------------------------------------------


def permissions(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_sqlite_makes_a_file_of_its_owner_from_the_first_moment(
    load, tmp_path, monkeypatch
):
    """SQLite opens it when it has these permissions, and its journal gets them."""
    path = tmp_path / "salts.db"
    before = []
    connect = sqlite3.connect

    def watched_connect(*arguments, **options):
        before.append(permissions(path))
        return connect(*arguments, **options)

    monkeypatch.setattr("sqlite3.connect", watched_connect)
    store = load("sqlite", SALTS_DB=str(path))
    assert before == [0o600]
    with store.connect() as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO salts (client, salt) VALUES ('', '')")
        files = {found.name: permissions(found) for found in tmp_path.iterdir()}
    assert files == {"salts.db": 0o600, "salts.db-journal": 0o600}


@pytest.mark.parametrize(
    ("mode", "other_user", "told"),
    [
        *((mode, 0, "chmod it to 600") for mode in (0o640, 0o604, 0o660, 0o601, 0o666)),
        # It would otherwise read the salts of a server that runs as root.
        (0o600, 1, "belongs to another user"),
    ],
)
def test_sqlite_refuses_a_file_of_others(
    sqlite, load, monkeypatch, mode, other_user, told
):
    sqlite.FILE.chmod(mode)
    user = sqlite.FILE.stat().st_uid + other_user
    monkeypatch.setattr("os.geteuid", lambda: user)
    with pytest.raises(PermissionError, match=told):
        load("sqlite")


def test_sqlite_file_can_be_made_by_several_processes_at_once(tmp_path):
    def start(client):
        code = f"import sqlite\nsqlite.rotate('me', {client})\n"
        code += f"print(len(sqlite.find_salt({{'iss': 'me', 'aud': {client}}})))"
        return python(FOLDER, "-c", code, SALTS_DB=str(tmp_path / "salts.db"))

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(start, range(6))) == ["1\n"] * 6


def test_sqlite_lets_a_request_wait_a_second_for_a_lock(sqlite):
    with sqlite.connect() as other:
        other.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            sqlite.find_salt(APP)
        assert 0.9 < time.monotonic() - begun < 3


@pytest.mark.parametrize(
    ("use", "arguments"),
    [("create", []), ("rotate", [PROVIDER, "app"]), ("forget", [PROVIDER, "app"])],
)
def test_sqlite_lets_all_else_wait_for_longer(sqlite, use, arguments):
    """A process that starts, and the administration, hold up nobody."""
    with sqlite.connect() as other, ThreadPoolExecutor(1) as pool:
        other.execute("BEGIN EXCLUSIVE")
        waiting = pool.submit(getattr(sqlite, use), *arguments)
        try:
            with pytest.raises(TimeoutError):
                waiting.result(1.5)
        finally:
            other.execute("ROLLBACK")
        waiting.result(PATIENCE)


def test_sqlite_makes_no_second_file(sqlite):
    """When the first has gone, nobody finds a salt in a new one."""
    sqlite.FILE.unlink()
    for use in (lambda: sqlite.find_salt(APP), lambda: sqlite.rotate(PROVIDER, "app")):
        with pytest.raises(sqlite3.OperationalError):
            use()
    assert not sqlite.FILE.exists()


# --- Redis -----------------------------------------------------------------------

# Each token's own jti is revoked, and none of the others with it.
NAMES = [
    *((PROVIDER, "app", jti) for jti in (1, "1", "null", "", "*", "a\0", "a", 2**100)),
    *((*names, "1") for names in CLIENTS),
]


def test_redis_revokes_one_token_after_the_other(redis_store):
    for provider, client in {name[:2] for name in NAMES}:
        redis_store.rotate(provider, client)
    tokens = [
        issue_token(provider=provider, client_id=client, jti=jti)
        for provider, client, jti in NAMES
    ]
    nameless = issue_token()
    for (provider, *_), token in zip(NAMES, tokens):
        assert accepts(token) == [True]
        redis_store.PROVIDER = provider
        redis_store.revoke(token)
        assert accepts(token) == [False]
    assert accepts(nameless) == [True]
    # The same words again are the same token.
    with pytest.raises(ValueError, match="there is no salt"):
        issue_token(jti="1")


def test_redis_revokes_only_what_is_valid_and_has_a_jti(redis_store, database):
    redis_store.rotate(FOREIGN, "app")
    foreign = issue_token(provider=FOREIGN, jti="1")
    revoked, nameless = issue_token(jti="2"), issue_token()
    redis_store.revoke(revoked)
    entries = database.dbsize()
    unknown = forged(jti="1"), forged(aud="nobody", jti="1")
    for token in ("garbage", foreign, revoked, *unknown):
        with pytest.raises(joat.TokenError):
            redis_store.revoke(token)
    with pytest.raises(ValueError, match="without a jti") as caught:
        redis_store.revoke(nameless)
    # No endpoint takes it for a token that is not valid anyway.
    assert not isinstance(caught.value, joat.TokenError)
    assert database.dbsize() == entries


def test_redis_keeps_a_revocation_as_long_as_a_leeway(redis_store, database, pass_time):
    token = issue_token(jti="1", lifetime=timedelta(seconds=30))
    pass_time(60)
    assert joat.verify_token(token, leeway=redis_store.MARGIN)
    redis_store.revoke(token)
    with pytest.raises(joat.InvalidSignature):
        joat.verify_token(token, leeway=redis_store.MARGIN)
    left = database.ttl(redis_store.key("revoked", PROVIDER, "app", "1"))
    longest = redis_store.LIFETIME + redis_store.MARGIN
    assert longest - PATIENCE < left <= longest


@pytest.mark.parametrize(
    "lifetimes",
    [
        pytest.param((60, 3600), id="the shorter of two"),
        pytest.param((3600, 60), id="the longer of two"),
        pytest.param((86_400, 60), id="one longer than the store knows of"),
    ],
)
def test_redis_revokes_every_token_with_the_jti(redis_store, pass_time, lifetimes):
    """Although there should be one: until the last of them has expired."""
    tokens = [
        issue_token(jti="1", lifetime=timedelta(seconds=each)) for each in lifetimes
    ]
    redis_store.revoke(tokens[0])
    key = redis_store.key("revoked", PROVIDER, "app", "1")
    left = redis_store.store.ttl(key)
    longest = max(*lifetimes, redis_store.LIFETIME) + redis_store.MARGIN
    assert longest - redis_store.MARGIN < left <= longest
    assert accepts(*tokens) == [False, False]


def test_redis_rotates_once_what_is_sent_twice(redis_store, monkeypatch, pass_time):
    """As after a time-out: the same salt is the new one, and has no end."""
    monkeypatch.setattr("secrets.token_hex", lambda size: SALT)
    redis_store.rotate(PROVIDER, "app")
    redis_store.rotate(PROVIDER, "app")
    pass_time(2 * (redis_store.LIFETIME + redis_store.MARGIN))
    assert redis_store.find_salt(APP) == [SALT.encode()]


def test_frames_of_a_failed_rotation_show_no_salt(redis_store, database, monkeypatch):
    """Redis may have stored it all the same."""
    monkeypatch.setattr("secrets.token_hex", lambda size: SALT)
    database.set(redis_store.key("salts", PROVIDER, "app"), "no sorted set")
    with pytest.raises(redis.ResponseError) as caught:
        redis_store.rotate(PROVIDER, "app")
    frames = [
        frame.f_locals for frame, _ in traceback.walk_tb(caught.value.__traceback__)
    ]
    variables = repr([f for f in frames if "monkeypatch" not in f])
    assert "ZADD" in variables
    assert SALT not in variables


# --- a resource server over Redis ------------------------------------------------


@pytest.fixture(scope="module")
def server(serve_recipe, valkey, database):
    """Start the recipe's server, with the salts of the other recipes' tests."""
    seed(database)
    line = "flask --app api run --port 8000 &"
    assert line in recipes.servers("Stores").splitlines()
    return serve_recipe("Stores", line, REDIS_URL=valkey.connection_url)


def seed(database):
    database.flushall()
    salts = {SALT: "+inf", OLDER_SALT: str(time.time() + 3600)}
    # Those of another provider are in the store, too, and its tokens are refused.
    for provider in (PROVIDER, FOREIGN):
        database.zadd(f'joat:salts:["{provider}", "app"]', salts)


@pytest.fixture
def profile(server, database):
    """Ask the server, with the salts as they were."""
    seed(database)
    return lambda token: ask(f"{server.url()}/profile", token=token)


@pytest.mark.parametrize(
    "instead",
    # The system takes connections for a listener that never answers them.
    [contextlib.nullcontext, socket.create_server],
)
def test_server_without_redis_lets_nobody_in(profile, valkey, tokens, instead):
    assert profile(tokens["good"]).status == 200
    address = valkey.host, valkey.port
    valkey.stop()
    try:
        with instead(address):
            for token in (tokens["good"], forged()):
                begun = time.monotonic()
                answer = profile(token)
                assert answer.status == 503
                assert answer.headers["Retry-After"] == "1"
                assert answer.json == {"error": "temporarily_unavailable"}
                assert time.monotonic() - begun < 3
            # What needs no salt to be refused is refused as ever.
            assert profile("garbage").status == 401
    finally:
        valkey.start()
    assert profile(tokens["good"]).status == 200


def test_errors_of_redis_tell_nothing(profile, server, redis_store, database):
    """Neither whose salts they are nor, since it may be stored later, the new one."""
    database.set(redis_store.key("salts", PROVIDER, "client-marker"), "no sorted set")
    claims = {"iss": PROVIDER, "aud": "client-marker", "jti": "jti-marker"}
    for use in (
        lambda: redis_store.find_salt(claims),
        lambda: redis_store.rotate(PROVIDER, "client-marker"),
    ):
        with pytest.raises(redis.ResponseError) as caught:
            use()
        assert "marker" not in str(caught.value)
        assert not any(len(word) > 40 for word in str(caught.value).split())
    assert profile(forged(**claims)).status == 503
    assert "marker" not in server.output
    assert "the store of the salts fails: ResponseError" in server.output
