"""The command line: the status of each run, what it prints, and one line of error."""

import json
import os
import re
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
from helpers import CLAIMS, CREDENTIALS, NOW, SALT, TOKEN, make_token, with_claims

import joat
from joat.__main__ import main

OTHER_SALT = b"another salt, which is long enough for HS256"
SOURCE = Path(joat.__file__).parents[1]
ISSUE = ("issue", "--provider=issuer-marker", "--client-id=client-marker")
ISSUE += ("--user-id=user-marker", "--scope=profile-marker read-marker")
LASTING = with_claims(exp=4_000_000_000)
GRANTED = json.dumps(CREDENTIALS) + "\n"
PYTHON = (sys.executable, "-W", "error", "-m", "joat")
LONGER = b"joat: the token is longer than 65536 characters\n"
BOM = b"\xef\xbb\xbf"


def rows(names, table):
    return pytest.mark.parametrize(names, table.values(), ids=table)


@pytest.fixture
def run(monkeypatch, capfd, clock):
    """Return a function that runs the command line: status, output, error output."""
    monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)
    # As in a terminal: in the background, Python starts with SIGINT ignored.
    monkeypatch.setattr(signal, "getsignal", lambda number: signal.default_int_handler)
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    monkeypatch.setenv("JOAT_SALT", SALT.decode())

    def command(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(list(arguments))
        return (stop.value.code, *capfd.readouterr())

    return command


@pytest.fixture
def salts(tmp_path):
    return tmp_path / "salts-marker"


def need(path):
    if not Path(path).exists():
        pytest.skip(f"there is no {path}")


def process(*arguments, shell='exec "$@"', stdin=b"", **environment):
    """Return the same of a process that a shell starts, for its redirections."""
    need("/bin/sh")
    done = subprocess.run(
        ["/bin/sh", "-c", shell, "sh", *PYTHON, *arguments],
        env={"PYTHONPATH": str(SOURCE), "JOAT_SALT": SALT.decode(), **environment},
        input=stdin,
        capture_output=True,
        timeout=20,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def assert_one_line(result, status, reason):
    """Fail unless a run ended with this status and one line of error, for a reason."""
    assert result[:2] == (status, "")
    assert re.fullmatch(r"joat: [ -~]*\n", result[2])
    assert reason in result[2]
    assert "marker" not in result[2].lower()


ISSUED = {
    "usual": (ISSUE[1], {**CLAIMS, "iat": 1407290980, "exp": 1407294580}),
    "lifetime-fraction": ("--lifetime=1.9", {"exp": 1407290981}),
    "lifetime-longest": ("--lifetime=9999999999999", {"exp": 10001407290979}),
    "jti": ("--jti=jti-marker", {"jti": "jti-marker"}),
    "scope-empty": ("--scope=", {"scp": []}),
    "not-ascii": ("--user-id=\xe9\u2603", {"sub": "\xe9\u2603"}),
}


@rows(("argument", "claims"), ISSUED)
def test_issue(run, argument, claims):
    status, printed, errors = run(*ISSUE, argument)
    assert (status, errors, printed.count("\n")) == (0, "", 1)
    assert joat.verify_token(printed[:-1], salt=SALT)
    assert joat.unverified_claims(printed[:-1]).items() >= claims.items()


EXPECTED = {
    "nothing": [TOKEN],
    "names": [TOKEN, "--provider", "issuer-marker", "--client-id", "client-marker"],
    "scopes": [TOKEN, "--scope", " read-marker  profile-marker "],
    "leeway": [with_claims(exp=NOW - 30), "--leeway", "30.5"],
}


@rows("arguments", EXPECTED)
def test_verify(run, arguments):
    status, printed, errors = run("verify", *arguments)
    assert (status, errors, printed.count("\n")) == (0, "", 1)
    assert json.loads(printed) == CREDENTIALS


SALT_FILES = {
    "newest": SALT + b"\n" + OTHER_SALT + b"\n",
    "oldest": OTHER_SALT + b"\r\n" + SALT,
    "largest": SALT + b"\n" + (SALT * 2**15)[: 2**20 - 33],
}


@rows("octets", SALT_FILES)
def test_salt_file(run, salts, monkeypatch, octets):
    monkeypatch.delenv("JOAT_SALT")
    salts.write_bytes(octets)
    assert run("verify", f"--salt-file={salts}", TOKEN)[0] == 0
    issued = run(*ISSUE, f"--salt-file={salts}")[1].strip()
    assert joat.verify_token(issued, salt=octets.strip().splitlines()[0])


NO_SALT = "joat: there is no salt: it comes from --salt-file or JOAT_SALT\n"
# joat.parse_salts refuses these and many others: see test_salt.py.
REFUSED_SALTS = {
    "short": (SALT[:31], 'by python -c "import secrets; print(secrets.token_hex(32))"'),
    "comment": (SALT + b"\n\n# of the admin-marker\n" + SALT, "line 3 of the salts"),
    "not-utf-8": (SALT + b"\xff", "line 1 of the salts is not UTF-8"),
    "empty": (b"", NO_SALT),
    "empty-lines": (b"\r\n\n\n", NO_SALT),
    "too-large": (
        SALT + b"\n" + b"M" * (2**20 - 32),
        "the salts are larger than 1 MiB",
    ),
}


@rows("arguments", {"issue": ISSUE, "verify": ("verify", TOKEN)})
@rows(("octets", "reason"), REFUSED_SALTS)
def test_refused_salts(run, salts, monkeypatch, arguments, octets, reason):
    # That of the environment does not stand in for what is wrong in the file.
    salts.write_bytes(octets)
    result = run(*arguments, f"--salt-file={salts}")
    assert_one_line(result, 2, reason)
    assert SALT.decode()[:8] not in result[2]
    try:
        monkeypatch.setenv("JOAT_SALT", os.fsdecode(octets))
    except ValueError:  # No environment holds NULs; that of Windows only holds text.
        return
    assert run(*arguments) == result


ALONE = "the token alone, without Bearer, quotation marks or line breaks"
LIFETIME = "joat: argument --lifetime: out of range; see joat issue --help\n"
NO_FLOAT = "joat: argument --lifetime: invalid float value; see joat issue --help\n"
NO_SCOPE = "joat: argument --scope: no permission; see joat verify --help\n"
TOO_LONG = f"--jti={'marker' * 10_000}"
try:
    open("/").close()
except OSError as error:
    NO_FILE = f"the salt file cannot be read: {error.strerror}"
REFUSED = {
    "provider": (["verify", TOKEN, "--provider", "issuer"], 1, "another provider"),
    "client": (["verify", TOKEN, "--client-id", "client"], 1, "another client"),
    "scope": (["verify", TOKEN, "--scope", "read-marker x"], 1, "lacks a permission"),
    "expired": (["verify", with_claims(exp=NOW - 30), "--leeway=30"], 1, "expired"),
    "forged": (["verify", make_token(salt=OTHER_SALT)], 1, "signature"),
    "no-token": (["verify", ""], 1, "three segments"),
    "token-too-long": (["verify", TOKEN.ljust(65_537)], 1, "longer than 65536"),
    "longest-with-spaces": (["verify", TOKEN.ljust(65_536)], 1, ALONE),
    "bearer": (["verify", f"Bearer {TOKEN}"], 1, ALONE),
    "quotation-marks": (["verify", f'"{TOKEN}"'], 1, ALONE),
    "several-lines": (["inspect", TOKEN.replace(".", ".\n")], 1, ALONE),
    "surrogates": (["verify", "\udcff\ud800"], 1, "three segments"),
    "no-command": ([], 2, "required: COMMAND; see joat --help"),
    "unknown-command": (["marker"], 2, "COMMAND"),
    "unknown-option": (["verify", "--marker"], 2, "unrecognized arguments; see joat"),
    "salt-as-value": (["verify", "--salt=marker", TOKEN], 2, "unrecognized"),
    "abbreviated-option": (["verify", "--prov=marker"], 2, "unrecognized"),
    "abbreviated-help": (["--hel"], 2, "COMMAND"),
    "value-of-help": (["--help=marker"], 2, "ignored explicit argument; see joat"),
    "no-value": (["verify", "--provider"], 2, "expected one argument; see joat verify"),
    "nothing": (["issue"], 2, "--provider, --client-id, --scope, --user-id; see"),
    "lifetime-nan": ([*ISSUE, "--lifetime=nan"], 2, "--lifetime"),
    "lifetime-too-short": ([*ISSUE, "--lifetime=-1e300"], 2, "--lifetime"),
    "lifetime-too-long": ([*ISSUE, "--lifetime=1e13"], 2, LIFETIME),
    "lifetime-quoted": ([*ISSUE, "--lifetime=mark'er"], 2, NO_FLOAT),
    "leeway-word": (["verify", "--leeway=marker", TOKEN], 2, "--leeway"),
    "leeway-negative": (["verify", "--leeway=-1", "marker"], 2, "leeway"),
    "scope-without-permission": (["verify", "--scope= ", TOKEN], 2, NO_SCOPE),
    "surrogate": ([*ISSUE, "--jti=marker\udcff"], 2, "surrogate"),
    "too-long": ([*ISSUE, TOO_LONG], 2, "longer than 65536"),
    "no-file": (["verify", "a b", "--salt-file=/marker"], 2, "No such file"),
    "no-name": ([*ISSUE, "--salt-file="], 2, "cannot be read: No such file"),
    "directory": ([*ISSUE, "--salt-file=/"], 2, NO_FILE),
    "endless-file": ([*ISSUE, "--salt-file=/dev/zero"], 2, "larger than 1 MiB"),
}


@rows(("arguments", "status", "reason"), REFUSED)
def test_refused(run, arguments, status, reason):
    if "--salt-file=/dev/zero" in arguments:
        need("/dev/zero")
    assert_one_line(run(*arguments), status, reason)


def test_no_salt(run, monkeypatch):
    monkeypatch.delenv("JOAT_SALT")
    for arguments in ISSUE, ("verify", TOKEN):
        assert_one_line(run(*arguments), 2, NO_SALT)


def test_a_fifo_whose_writer_comes_late(salts):
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no fifos")
    os.mkfifo(salts)
    shell = '{ sleep 0.2; echo "$late" >"$salts"; } & exec "$@"'
    given = {"salts": str(salts), "late": SALT.decode(), "JOAT_SALT": ""}
    arguments = "verify", LASTING, f"--salt-file={salts}"
    assert process(*arguments, shell=shell, **given) == (0, GRANTED, "")


def test_inspect(run, monkeypatch):
    monkeypatch.delenv("JOAT_SALT")
    header = {"alg": "HS256", "kid": '"\x1b[31m"', "exp": "x"}
    token = make_token({**CLAIMS, "nbf": NOW, "x\x7f": [None, "\u202e"]}, header, b"x")
    status, printed, errors = run("inspect", token)
    assert (status, errors) == (0, "")
    assert printed.splitlines() == [
        "header",
        '  "alg": "HS256"',
        r'  "kid": "\"\u001b[31m\""',
        '  "exp": "x"',
        "claims",
        '  "aud": "client-marker"',
        '  "iss": "issuer-marker"',
        '  "exp": 1407294572 (2014-08-06 03:09:32 UTC, in 0:59:52)',
        '  "iat": 1407290972 (2014-08-06 02:09:32 UTC, 0:00:08 ago)',
        '  "scp": ["profile-marker", "read-marker"]',
        '  "sub": "user-marker"',
        '  "nbf": 1407290980 (2014-08-06 02:09:40 UTC, 0:00:00 ago)',
        r'  "x\u007f": [null, "\u202e"]',
        "Nothing was verified: anyone can write such a token.",
    ]


# A time of which it tells the date and how far off it is, as seen from NOW.
MOMENTS = {
    "days-ahead": (NOW + 100_000.5, "2014-08-07 05:56:20 UTC, in 1 day, 3:46:41"),
    "second-ahead": (NOW + 1, "2014-08-06 02:09:41 UTC, in 0:00:01"),
    "days-ago": (NOW - 172_801, "2014-08-04 02:09:39 UTC, 2 days, 0:00:01 ago"),
    "year-1": (-62_135_596_800, "0001-01-01 00:00:00 UTC, 735450 days, 2:09:40 ago"),
    "year-0": (-62_135_596_801, "outside the years 1 to 9999"),
    "year-10000": (253_402_300_800, "outside the years 1 to 9999"),
    "far": (10**300, "outside the years 1 to 9999"),
}


@rows(("moment", "told"), MOMENTS)
def test_inspect_tells_what_time_it_is(run, moment, told):
    assert f'"exp": {moment} ({told})\n' in run("inspect", with_claims(exp=moment))[1]


WHO = "--provider PROVIDER who issues the token --client-id CLIENT_ID for which client"
WHO += " --scope SCOPE as in 'a b' --salt-file SALT_FILE one salt a line (default:"
WHO += " $JOAT_SALT) --"
HELP = {
    "issue": f"make a token|{WHO}user-id USER_ID for which user --lifetime LIFETIME"
    " in seconds (default: 3600) --jti JTI a name for this token",
    "verify": f"check a token|{WHO}leeway LEEWAY in seconds (default: 0)",
    "inspect": "show a token|token (default: standard input)",
}


@pytest.mark.parametrize("command", HELP)
def test_help_and_its_example(run, monkeypatch, tmp_path, command):
    monkeypatch.setenv("COLUMNS", "100")  # or else the example has two lines
    helps = [run("--help"), run(command, "--help")]
    assert [told[::2] for told in helps] == [(0, ""), (0, "")]
    words = " ".join("".join(told[1] for told in helps).split())
    assert all(f" {text} " in words for text in HELP[command].split("|"))
    assert " joat COMMAND --help tells more usage: " in words
    example = helps[1][1].splitlines()[-1]
    assert example.startswith(f"example: joat {command} ")
    (tmp_path / "salts").write_bytes(SALT)
    token = with_claims(iss="https://example.com", scp=["read"], exp=4_000_000_000)
    (tmp_path / "token").write_bytes(token.encode())
    shell = 'joat() { "$python" -m joat "$@"; }; cd "$directory"; '
    shell += example[len("example: ") :]
    result = process(shell=shell, python=sys.executable, directory=str(tmp_path))
    assert result[::2] == (0, "")
    assert result[1]


def test_version(run):
    assert run("--version") == (0, f"{joat.__version__}\n", "")


STDIN = {
    "windows": (BOM + LASTING.encode() + b"\r\n", 0),
    "white-space": (b"\n \t" + LASTING.encode() + b" \n\n", 0),
    "too-much-white-space": (LASTING.encode().ljust(66_536), 1),
    "empty": (b"", 1),
    "not-utf-8": (b"\xff\xfe\x80", 1),
}


@rows(("stdin", "status"), STDIN)
def test_token_from_standard_input(stdin, status):
    result = process("verify", stdin=stdin)
    if status:
        assert_one_line(result, 1, "the token ")
    else:
        assert result == (0, GRANTED, "")


FULL = "standard output cannot be written: No space left"
CLOSED = "standard output cannot be written: Bad file"
# Without a reason there is no output at all.
FAULTS = {
    "no-input": ("verify", "<&-", 2, "standard input cannot be read: Bad file"),
    "no-input-to-read": ("inspect", "0>/dev/null", 2, "standard input cannot be read"),
    "endless-input": ("inspect", "</dev/zero", 1, "longer than 65536"),
    "no-output": ("issue", ">&-", 3, CLOSED),
    "no-output-for-help": ("--help", ">&-", 3, CLOSED),
    "no-output-to-write": ("issue", "1</dev/null", 3, CLOSED),
    "full": ("issue", ">/dev/full", 3, FULL),
    "full-for-help": ("--help", ">/dev/full", 3, FULL),
    "no-errors": ("issue", "2>&-", 0, None),
    "no-errors-refused": ("verify", "2>&-", 1, None),
    "full-errors": ("verify", "2>/dev/full", 1, None),
    "all-closed": ("issue", "<&- >&- 2>&-", 3, None),
}
if sys.implementation.name == "pypy":
    # It has opened a library of its own in the place of the missing input by then.
    del FAULTS["no-input"]


@rows(("command", "redirection", "status", "reason"), FAULTS)
def test_faults(command, redirection, status, reason):
    arguments = ISSUE if command == "issue" else (command,)
    for device in re.findall(r"/dev/\w+", redirection):
        need(device)
    shell = f'exec "$@" {redirection}'
    # Unbuffered, sys.stdout would lose in silence what cannot be written.
    result = process(*arguments, shell=shell, PYTHONUNBUFFERED="1")
    if status == 0:
        assert joat.verify_token(result[1].strip(), salt=SALT)
        assert result[::2] == (0, "")
    elif reason is None:
        assert result == (status, "", "")
    else:
        assert_one_line(result, status, reason)


def test_closed_pipe(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no fifos")
    os.mkfifo(tmp_path / "pipe")
    # Closed by its only reader before the program starts, however slow all are.
    shell = 'exec 3<>"$pipe" 4>"$pipe" 3<&-; exec "$@" >&4'
    result = process(*ISSUE, shell=shell, pipe=str(tmp_path / "pipe"))
    assert result == (141, "", "")


HANDLERS = {"ends": (signal.SIG_DFL, -signal.SIGINT), "ignored": (signal.SIG_IGN, 1)}
if sys.implementation.name == "pypy":
    del HANDLERS["ignored"]  # as it does not keep a signal ignored


@pytest.mark.skipif(not hasattr(os, "fork"), reason="preexec_fn needs fork")
@rows(("handler", "status"), HANDLERS)
def test_ctrl_c(handler, status):
    child = subprocess.Popen(
        [*PYTHON, "inspect"],
        env={"PYTHONPATH": str(SOURCE)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, handler),
    )
    # More than a pipe holds: once all of it is written, the program reads.
    child.stdin.write(b"." * 66_000)
    child.stdin.flush()
    child.send_signal(signal.SIGINT)
    errors = child.communicate(timeout=60)[1]
    assert (child.returncode, errors) == (status, LONGER if status == 1 else b"")


def test_what_is_done_in_processes_only(run, monkeypatch):
    # Once more in this process, where the coverage is measured.
    read = Mock(return_value=BOM + LASTING.encode() + b"\n")
    monkeypatch.setattr("joat.__main__.read", read)
    monkeypatch.setattr("sys.argv", ["joat", "verify", ""])
    monkeypatch.setattr(signal, "getsignal", lambda number: signal.SIG_IGN)
    monkeypatch.setattr(signal, "signal", None)  # who ignores Ctrl-C still does
    assert run("verify") == (0, GRANTED, "")
    read.assert_called_once_with(0, "standard input", 66_536)
    run("verify", "x", "--salt-file=y")
    read.assert_called_with("y", "the salt file", 1_048_577)
    read.return_value = b"." * 66_536
    assert_one_line(run("verify"), 1, "longer than 65536")
    read.return_value = BOM + LASTING.encode()
    for error, status in (BrokenPipeError(), 141), (OSError(28, "full"), 3):
        monkeypatch.setattr("joat.__main__.write", Mock(side_effect=[error, None]))
        assert run("verify")[0] == status
    monkeypatch.delitem(sys.modules, "joat.__main__")  # imported, which runpy warns of
    with pytest.raises(SystemExit, match="1"):
        runpy.run_module("joat", run_name="__main__", alter_sys=True)
