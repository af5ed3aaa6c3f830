"""The command line, as its users have it: processes, their status and one line."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import zipapp
from importlib import metadata
from pathlib import Path

import pytest
from conftest import CLAIMS, CREDENTIALS, NOW, SALT, TOKEN, make_token, with_claims

import joat
from joat.__main__ import main, read_salts

OTHER_SALT = b"another salt, which is long enough for HS256"
SOURCE = Path(joat.__file__).parents[1]
ISSUE = (
    "issue",
    "--provider=issuer-marker",
    "--client-id=client-marker",
    "--user-id=user-marker",
    "--scope=profile-marker read-marker",
)
LASTING = with_claims(exp=4_000_000_000)
VERIFY = ("verify", LASTING)
needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")


@pytest.fixture
def run(monkeypatch, capfd, clock):
    """Return a function that runs the command line: status, output, error output."""
    monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)
    monkeypatch.setenv("JOAT_SALT", SALT.decode())

    def command(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(list(arguments))
        return (stop.value.code, *capfd.readouterr())

    return command


@pytest.fixture
def salt_file(tmp_path):
    def write(octets):
        path = tmp_path / "salts-marker"
        path.write_bytes(octets)
        return f"--salt-file={path}"

    return write


def process(*arguments, shell='exec "$@"', stdin=b"", salt=SALT, **environment):
    """Return status, output and error output of a process, redirected by a shell."""
    if salt is not None:
        environment["JOAT_SALT"] = os.fsdecode(salt)
    done = subprocess.run(
        ["sh", "-c", shell, "sh", sys.executable, "-m", "joat", *arguments],
        env={"PYTHONPATH": str(SOURCE), "PYTHONWARNINGS": "error", **environment},
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def assert_one_line(result, status, reason):
    """Fail unless the result is a status and one line that gives the reason."""
    assert result[:2] == (status, "")
    assert re.fullmatch(r"joat: [ -~]*\n", result[2])
    assert reason in result[2]
    assert "marker" not in result[2].lower()


def test_issue(run):
    status, printed, errors = run(*ISSUE)
    token, end, rest = printed.partition("\n")
    assert (status, errors, end, rest) == (0, "", "\n", "")
    assert joat.verify_token(token, salt=SALT).items() >= CREDENTIALS.items()
    times = {"iat": 1407290980, "exp": 1407294580}
    assert joat.unverified_claims(token) == {**CLAIMS, **times}


ISSUED = {
    "lifetime": ("--lifetime=60", {"exp": 1407291040}),
    "lifetime-fraction": ("--lifetime=1.9", {"exp": 1407290981}),
    "lifetime-zero": ("--lifetime=0", {"exp": 1407290980}),
    "lifetime-negative": ("--lifetime=-5", {"exp": 1407290975}),
    "jti": ("--jti=jti-marker", {"jti": "jti-marker"}),
    "jti-empty": ("--jti=", {"jti": ""}),
    "scope-empty": ("--scope=", {"scp": []}),
    "scope-spaces": ("--scope=  a   b ", {"scp": ["a", "b"]}),
    "digits-are-text": ("--user-id=1234", {"sub": "1234"}),
    "not-ascii": ("--user-id=\xe9\u2603", {"sub": "\xe9\u2603"}),
}


@pytest.mark.parametrize(("argument", "claims"), ISSUED.values(), ids=ISSUED)
def test_issue_with(run, argument, claims):
    status, printed, errors = run(*ISSUE, argument)
    assert (status, errors) == (0, "")
    assert joat.unverified_claims(printed.strip()).items() >= claims.items()


VERIFIED = {
    "nothing": [],
    "provider": ["--provider", "issuer-marker"],
    "client": ["--client-id", "client-marker"],
    "scope": ["--scope", "read-marker"],
    "scopes": ["--scope", " read-marker  profile-marker "],
    "leeway": ["--leeway", "0.5"],
}


@pytest.mark.parametrize("arguments", VERIFIED.values(), ids=VERIFIED)
def test_verify(run, arguments):
    status, printed, errors = run("verify", *arguments, TOKEN)
    assert (status, errors, printed.count("\n")) == (0, "", 1)
    assert json.loads(printed) == joat.verify_token(TOKEN, salt=SALT)


REFUSED = {
    "provider": (TOKEN, ["--provider", "issuer"], "another provider"),
    "provider-empty": (TOKEN, ["--provider="], "another provider"),
    "client": (TOKEN, ["--client-id", "client"], "another client"),
    "scope": (TOKEN, ["--scope", "read-marker other"], "lacks a permission"),
    "expired": (with_claims(exp=NOW - 30), [], "expired"),
    "expired-at-leeway": (with_claims(exp=NOW - 30), ["--leeway=30"], "expired"),
    "not-yet": (with_claims(nbf=NOW + 1), [], "not valid yet"),
    "forged": (make_token(salt=OTHER_SALT), [], "signature"),
    "garbage": ("garbage-marker", [], "three segments"),
    "empty": ("", [], "three segments"),
    "claim-missing": (make_token({}), [], "claim"),
    "surrogates": ("\udcff\ud800", [], "three segments"),
    "not-ascii": ("\xe9.marker.", [], "three segments"),
}


@pytest.mark.parametrize(
    ("token", "arguments", "reason"), REFUSED.values(), ids=REFUSED
)
def test_verify_tells_why_not(run, token, arguments, reason):
    assert_one_line(run("verify", *arguments, token), 1, reason)


def test_verify_with_leeway(run):
    assert run("verify", with_claims(exp=NOW - 30), "--leeway=31")[0] == 0


SALT_FILES = {
    "one": SALT,
    "line": SALT + b"\n",
    "windows-line": SALT + b"\r\n",
    "newest": SALT + b"\n" + OTHER_SALT + b"\n",
    "oldest": OTHER_SALT + b"\r\n" + SALT,
    "empty-lines": b"\n\r\n" + OTHER_SALT + b"\n\n" + SALT + b"\n\n",
    "largest": SALT + b"\n" + b"M" * (2**20 - 33),
}


@pytest.mark.parametrize("octets", SALT_FILES.values(), ids=SALT_FILES)
def test_salt_file(run, salt_file, monkeypatch, octets):
    monkeypatch.delenv("JOAT_SALT")
    assert run("verify", salt_file(octets), TOKEN)[0] == 0


def test_issue_with_the_newest_salt_of_the_file(run, salt_file):
    printed = run(*ISSUE, salt_file(b"\n" + OTHER_SALT + b"\n" + SALT))[1]
    assert joat.verify_token(printed.strip(), salt=OTHER_SALT)


UTF16_BOM = b"\xff\xfe"
REFUSED_SALTS = {
    "powershell": (UTF16_BOM + f"{SALT.decode()}\r\n".encode("utf-16-le"), "line 1"),
    "utf-16": (SALT.decode().encode("utf-16-be"), "control"),
    "two-spaces": (SALT + b"\n  \n", "line 2 of the salt file begins or ends"),
    "base64-wraps": (b"M" * 76 + b"\nTw==\n", "line 2 of the salt file has fewer"),
    "random-bytes": (b"\x80" * 31 + b"\n" + b"\x91", "line 1"),
    "random-bytes-of-text": (b"M" * 30 + b"\n" + b"M", "fewer than 32 octets"),
    "comment": (b"# newest first\n" + SALT, "comment"),
    "long-comment": (b"\n# newest first, by the admin-marker\n" + SALT, "line 2"),
    "short": (SALT[:31], "secrets.token_hex(32)"),
    "one-octet": (SALT + b"\r\n\r\nx\r\n", "line 3"),
    "not-utf-8": (SALT + b"\xff", "UTF-8"),
    "surrogate": (SALT + b"\xed\xa0\x80", "UTF-8"),
    "byte-order-mark": (b"\xef\xbb\xbf" + SALT, "BOM"),
    "nul": (SALT + b"\0", "control character"),
    "escape": (SALT + b"\x1b[2J" + SALT, "control character"),
    "tab": (SALT + b"\t" + SALT, "control character"),
    "carriage-return": (SALT + b"\r" + SALT, "control character"),
    "two-carriage-returns": (SALT + b"\r\r\n", "control character"),
    "form-feed": (SALT + b"\x0c" + SALT, "control character"),
    "next-line": (SALT + "\x85".encode() + SALT, "control character"),
    "line-separator": (SALT + "\u2028".encode() + SALT, "control character"),
    "right-to-left": (SALT + "\u202e".encode(), "control character"),
    "space-before": (b" " + SALT, "white space"),
    "space-behind": (SALT + b" \n", "white space"),
    "pem": (b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n", "key"),
    "pem-long": (b"-----BEGIN OPENSSH PRIVATE KEY-----", "key"),
    "ssh": (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI marker", "key"),
    "ecdsa": (b"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzd", "key"),
    "json-web-key": (b'{"kty":"RSA","e":"AQAB","n":"marker"}', "key"),
    "empty": (b"", "no salt"),
    "empty-lines": (b"\r\n\n\n", "no salt"),
    "too-large": (SALT * 2**15 + b"\n", "larger than 1 MiB"),
}
by_refused_salts = pytest.mark.parametrize(
    ("octets", "reason"), REFUSED_SALTS.values(), ids=REFUSED_SALTS
)


@by_refused_salts
@pytest.mark.parametrize("arguments", [ISSUE, VERIFY], ids=["issue", "verify"])
def test_refused_salt_files(run, salt_file, arguments, octets, reason):
    result = run(*arguments, salt_file(octets))
    assert_one_line(result, 2, reason)
    assert octets.decode("latin-1")[:8] not in result[2] or not octets


@by_refused_salts
@pytest.mark.parametrize("arguments", [ISSUE, VERIFY], ids=["issue", "verify"])
def test_refused_salts_of_the_environment(run, monkeypatch, arguments, octets, reason):
    if b"\0" in octets or len(octets) > 100_000:
        reason, octets = "no salt", b""  # no environment can hold these
    monkeypatch.setenv("JOAT_SALT", os.fsdecode(octets))
    reason = reason.replace("the salt file", "JOAT_SALT")
    assert_one_line(run(*arguments), 2, reason)


@pytest.mark.parametrize("arguments", [ISSUE, VERIFY], ids=["issue", "verify"])
def test_no_salt_in_the_environment(run, monkeypatch, salt_file, arguments):
    # That of the environment does not stand in for an empty file.
    assert_one_line(run(*arguments, salt_file(b"")), 2, "no salt in the salt file")
    monkeypatch.delenv("JOAT_SALT")
    assert_one_line(run(*arguments), 2, "no salt in JOAT_SALT")


def test_salt_file_goes_before_the_environment(run, salt_file):
    assert_one_line(run("verify", salt_file(OTHER_SALT), TOKEN), 1, "signature")


def test_lines_are_those_of_str_splitlines(monkeypatch):
    for point in [*range(1, 0x800), *range(0x2000, 0x2100), 0x3000, 0xFEFF]:
        text = f"{SALT.decode()}{chr(point)}{SALT.decode()}"
        monkeypatch.setenv("JOAT_SALT", text)
        try:
            salts = read_salts(None)
        except ValueError:
            continue
        assert [salt.decode() for salt in salts] == text.splitlines()


UNREADABLE = {
    "missing": "/marker/marker",
    "empty-name": "",
    "too-long-name": "marker" * 1000,
    "directory": "/",
}


@pytest.mark.parametrize("path", UNREADABLE.values(), ids=UNREADABLE)
def test_a_salt_file_that_cannot_be_read(run, path):
    result = run(*ISSUE, f"--salt-file={path}")
    assert_one_line(result, 2, "the salt file cannot be read: ")


def test_pipes_and_devices_as_salt_files(run, tmp_path):
    zero = run("verify", TOKEN, "--salt-file=/dev/zero")
    assert_one_line(zero, 2, "larger than 1 MiB")
    os.mkfifo(tmp_path / "fifo")
    fifo = run("verify", TOKEN, f"--salt-file={tmp_path / 'fifo'}")
    assert_one_line(fifo, 2, "no salt in the salt file")


def test_a_salt_file_from_a_slow_program():
    shell = '{ sleep 0.2; echo "$JOAT_SALT"; } | "$@" --salt-file /dev/stdin'
    assert process(*VERIFY, shell=shell)[0] == 0


def test_salts_without_non_blocking_files(run, salt_file, monkeypatch):
    monkeypatch.setattr("joat.__main__.NO_WAIT", 0)
    assert run("verify", salt_file(SALT), TOKEN)[0] == 0


USAGE_ERRORS = {
    "no-command": ([], "COMMAND"),
    "unknown-command": (["marker"], "COMMAND"),
    "unknown-command-lines": (["mar\nmarker"], "COMMAND"),
    "unknown-option": (["verify", "--marker", TOKEN], "unrecognized"),
    "salt-as-argument": (["verify", "--salt", "marker", TOKEN], "unrecognized"),
    "salt-as-value": (["verify", "--salt=marker", TOKEN], "unrecognized"),
    "abbreviated-option": (["verify", "--prov=marker"], "unrecognized"),
    "two-tokens": (["verify", TOKEN, "marker"], "unrecognized"),
    "two-lines": (["inspect", "x", "--y='\nmarker"], "unrecognized"),
    "token-to-issue": ([*ISSUE, "marker"], "unrecognized"),
    "salt-file-to-inspect": (["inspect", "--salt-file=marker"], "unrecognized"),
    "value-of-help": (["--help=marker"], "ignored"),
    "no-value": (["verify", "--provider"], "--provider"),
    "no-provider": (ISSUE[:1] + ISSUE[2:], "--provider"),
    "no-client": (ISSUE[:2] + ISSUE[3:], "--client-id"),
    "no-user": (ISSUE[:3] + ISSUE[4:], "--user-id"),
    "no-scope": (ISSUE[:4], "--scope"),
    "lifetime-word": ([*ISSUE, "--lifetime=marker"], "--lifetime: invalid seconds"),
    "lifetime-quoted": ([*ISSUE, "--lifetime='marker\""], "--lifetime"),
    "lifetime-nan": ([*ISSUE, "--lifetime=nan"], "--lifetime"),
    "lifetime-infinite": ([*ISSUE, "--lifetime=inf"], "--lifetime"),
    "lifetime-too-long": ([*ISSUE, "--lifetime=1e300"], "--lifetime"),
    "leeway-word": (["verify", "--leeway=marker", TOKEN], "--leeway"),
    "leeway-negative": (["verify", "--leeway=-1", "marker"], "leeway"),
    "scope-without-permission": (["verify", "--scope= ", TOKEN], "--scope"),
    "surrogate": ([*ISSUE, "--jti=marker\udcff"], "surrogate"),
    "too-long": ([*ISSUE, f"--jti={'marker' * 10_000}"], "longer than 65536"),
}


@pytest.mark.parametrize(
    ("arguments", "reason"), USAGE_ERRORS.values(), ids=USAGE_ERRORS
)
def test_usage_errors(run, arguments, reason):
    assert_one_line(run(*arguments), 2, reason)


def test_usage_errors_name_the_command_that_helps(run):
    told = "joat: unrecognized arguments; see joat --help\n"
    assert run("verify", "--marker") == (2, "", told)
    told = "joat: argument --leeway: expected one argument; see joat verify --help\n"
    assert run("verify", "--leeway") == (2, "", told)


def test_inspect(run, monkeypatch):
    monkeypatch.delenv("JOAT_SALT")
    header = {"alg": "HS256", "kid": '"\x1b[31m"', "exp": "x"}
    token = make_token({**CLAIMS, "nbf": NOW, "x\x7f": [None, "\u202e"]}, header)
    assert run("inspect", token) == (
        0,
        "header\n"
        '  "alg": "HS256"\n'
        r'  "kid": "\"\u001b[31m\""'
        '\n  "exp": "x"\n'
        "claims\n"
        '  "aud": "client-marker"\n'
        '  "iss": "issuer-marker"\n'
        '  "exp": 1407294572 (2014-08-06 03:09:32 UTC, expires in 59 minutes)\n'
        '  "iat": 1407290972 (2014-08-06 02:09:32 UTC, issued 8 seconds ago)\n'
        '  "scp": ["profile-marker", "read-marker"]\n'
        '  "sub": "user-marker"\n'
        '  "nbf": 1407290980.0 (2014-08-06 02:09:40 UTC, began 0 seconds ago)\n'
        '  "x\\u007f": [null, "\\u202e"]\n'
        "Nothing was verified: anyone can write such a token.\n",
        "",
    )


@pytest.mark.parametrize("token", ["garbage-marker", "", make_token({})])
def test_inspect_tells_what_is_no_token(run, token):
    assert_one_line(run("inspect", token), 1, "joat: the ")


YEAR = 31_556_952
SPANS = {
    "year": ("exp", -YEAR, "expired 1 year ago"),
    "12-years": ("exp", -12 * YEAR - 9, "expired 12 years ago"),
    "days-before-year": ("exp", 1 - YEAR, "expired 365 days ago"),
    "59-seconds": ("exp", -59, "expired 59 seconds ago"),
    "minute": ("exp", -60, "expired 1 minute ago"),
    "in-a-second": ("exp", 1, "expires in 1 second"),
    "in-an-hour": ("exp", 3600, "expires in 1 hour"),
    "in-a-day": ("exp", 86_400, "expires in 1 day"),
    "in-a-fraction": ("exp", 0.5, "expires in 1 second"),
    "begins": ("nbf", 7200, "begins in 2 hours"),
    "began": ("nbf", -7200, "began 2 hours ago"),
    "issued-ahead": ("iat", 2 * YEAR, "issued in 2 years"),
}


@pytest.mark.parametrize(("name", "ahead", "told"), SPANS.values(), ids=SPANS)
def test_inspect_tells_how_far_the_times_are(run, name, ahead, told):
    printed = run("inspect", with_claims(**{name: NOW + ahead}))[1]
    assert f" UTC, {told})\n" in printed


# The years 0 and 10000, which datetime does not have.
@pytest.mark.parametrize("seconds", [-62167219201, 253402300800, 10**300])
def test_inspect_tells_times_beyond_the_calendar(run, seconds):
    status, printed, _ = run("inspect", with_claims(exp=seconds))
    assert status == 0
    assert f'"exp": {seconds} (expire' in printed
    assert f"{abs(seconds - int(NOW)) // YEAR} years" in printed


HELP = {
    "joat": (["--help"], ["issue", "verify", "inspect"]),
    "issue": (["issue", "--help"], ["joat issue --provider", "--lifetime", "--jti"]),
    "verify": (["verify", "-h"], ["joat verify --provider", "--leeway", "[token]"]),
    "inspect": (["inspect", "-h"], ["joat inspect < token"]),
}


@pytest.mark.parametrize(("arguments", "told"), HELP.values(), ids=HELP)
def test_help(run, arguments, told):
    status, printed, errors = run(*arguments)
    assert (status, errors) == (0, "")
    assert all(text in printed for text in told)


def test_installed_command():
    setup = (SOURCE / "setup.py").read_text(encoding="utf-8")
    assert '"console_scripts": ["joat = joat.__main__:main"]' in setup


BOM = b"\xef\xbb\xbf"
STDIN = {
    "bare": (LASTING.encode(), 0),
    "windows-line": (BOM + LASTING.encode() + b"\r\n", 0),
    "white-space": (b"\n \t" + LASTING.encode() + b" \n\n", 0),
    "much-white-space": (LASTING.encode().ljust(66_535), 0),
    "too-much-white-space": (LASTING.encode().ljust(66_536), 1),
    "empty": (b"", 1),
    "not-utf-8": (b"\xff\xfe\x80", 1),
    "two": (b"a.b.c d.e.f", 1),
    "more": (LASTING.encode().ljust(70_000) + b"marker", 1),
}


@pytest.mark.parametrize(("stdin", "status"), STDIN.values(), ids=STDIN)
def test_token_from_standard_input(stdin, status):
    result = process("verify", stdin=stdin)
    if status:
        assert_one_line(result, 1, "the token ")
    else:
        assert result == (
            0,
            json.dumps(joat.verify_token(LASTING, salt=SALT)) + "\n",
            "",
        )


FAULTS = {
    "no-input": ("verify", 'exec "$@" <&-', 2, "standard input cannot be read"),
    "output-as-input": ("inspect", 'exec "$@" 0>/dev/null', 2, "standard input"),
    "endless-input": ("inspect", 'exec "$@" </dev/zero', 1, "longer than 65536"),
    "no-output": (ISSUE, 'exec "$@" >&-', 3, "standard output"),
    "no-output-help": ("--help", 'exec "$@" >&-', 3, "standard output"),
    "no-output-refused": ("verify", 'exec "$@" >&-', 1, "three segments"),
    "no-output-usage": ("marker", 'exec "$@" >&-', 2, "COMMAND"),
    "no-input-no-output": ("verify", 'exec "$@" <&- >&-', 2, "standard input"),
    "read-only-output": (ISSUE, 'exec "$@" 1</dev/null', 3, "standard output"),
    "full": (ISSUE, 'exec "$@" >/dev/full', 3, os.strerror(errno.ENOSPC)),
    "full-help": ("--help", 'exec "$@" >/dev/full', 3, os.strerror(errno.ENOSPC)),
    "pipe": (ISSUE, '(sleep 0.3; "$@"; echo $? >&2) | :', 141, ""),
    "pipe-help": ("--help", '(sleep 0.3; "$@"; echo $? >&2) | :', 141, ""),
    "no-errors-refused": ("verify", 'exec "$@" 2>&-', 1, None),
    "no-errors-usage": ("marker", 'exec "$@" 2>&-', 2, None),
    "full-errors": ("verify", 'exec "$@" 2>/dev/full', 1, None),
    "full-errors-usage": ("marker", 'exec "$@" 2>/dev/full', 2, None),
    "full-output-no-errors": (ISSUE, 'exec "$@" >/dev/full 2>&-', 3, None),
    "nothing-open": (ISSUE, 'exec "$@" <&- >&- 2>&-', 3, None),
}


@needs_full
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize(
    ("arguments", "shell", "status", "told"), FAULTS.values(), ids=FAULTS
)
def test_faults(arguments, shell, status, told, unbuffered):
    arguments = (arguments,) if isinstance(arguments, str) else arguments
    result = process(*arguments, shell=shell, PYTHONUNBUFFERED=unbuffered)
    if told is None:
        assert result == (status, "", "")
    elif status == 141:
        assert result == (0, "", "141\n")
    else:
        assert_one_line(result, status, told)


def test_issue_with_standard_error_closed():
    for unbuffered in "", "1":
        result = process(*ISSUE, shell='exec "$@" 2>&-', PYTHONUNBUFFERED=unbuffered)
        assert result[::2] == (0, "")
        assert joat.verify_token(result[1].strip(), salt=SALT)


def test_ctrl_c_ends_the_loop_of_a_shell(tmp_path):
    # The shell's own trap shows that it saw a child die of the signal.
    child = subprocess.Popen(
        [sys.executable, "-m", "joat", "inspect"],
        env={"PYTHONPATH": str(SOURCE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    # Once its buffer is empty, the token was read and more is waited for.
    child.stdin.write(b"x" * 66_000)
    child.stdin.flush()
    child.send_signal(signal.SIGINT)
    assert child.communicate(timeout=60) == (b"", b"")
    assert child.returncode == -signal.SIGINT


def test_ctrl_c_where_its_signal_does_not_kill(run, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    sent = []
    monkeypatch.setattr(joat, "unverified_claims", interrupt)
    monkeypatch.setattr(signal, "signal", lambda *given: sent.append(given))
    monkeypatch.setattr(signal, "raise_signal", sent.append)
    assert run("inspect", TOKEN) == (130, "", "")
    assert sent == [(signal.SIGINT, signal.SIG_DFL), signal.SIGINT]


def test_zipapp(tmp_path):
    zipapp.create_archive(
        SOURCE,
        tmp_path / "joat.pyz",
        main="joat.__main__:main",
        filter=lambda path: path.parts[0] == "joat" and path.suffix == ".py",
    )
    shell = 'shift 3; exec "$0" "$@"'.replace("$0", sys.executable)
    shell = shell.replace("exec", "").replace('"$@"', f'{tmp_path / "joat.pyz"} "$@"')
    assert_one_line(process("verify", "marker", shell=shell), 1, "three segments")
    assert_one_line(process("marker", shell=shell), 2, "COMMAND")
    assert process(*VERIFY, shell=shell)[::2] == (0, "")
