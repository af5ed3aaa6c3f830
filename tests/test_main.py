"""The command line."""

from __future__ import annotations

import io
import json
import os
import runpy
import subprocess
import sys
from importlib import metadata

import pytest
from conftest import (
    CLAIMS,
    CREDENTIALS,
    NOW,
    SALT,
    TOKEN,
    make_token,
    with_claims,
)

import joat
from joat.__main__ import main

OTHER_SALT = b"another salt, which is long enough for HS256"
ISSUE = (
    "issue",
    "--provider=issuer-marker",
    "--client-id=client-marker",
    "--user-id=user-marker",
    "--scope=profile-marker read-marker",
)


@pytest.fixture
def run(monkeypatch, capsys, clock):
    """Return a function that runs the command line: status, output, error output."""
    monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)
    monkeypatch.setenv("JOAT_SALT", SALT.decode())

    def command(*arguments, stdin=b""):
        stream = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
        monkeypatch.setattr("sys.stdin", stream)
        try:
            status = main(arguments)
        except SystemExit as stop:
            status = stop.code
        return (status, *capsys.readouterr())

    return command


@pytest.fixture
def salt_file(tmp_path):
    def write(octets):
        path = tmp_path / "salts"
        path.write_bytes(octets)
        return f"--salt-file={path}"

    return write


def verified(printed):
    """Return what a printed token grants, once it is known to be just a token."""
    token, end, rest = printed.partition("\n")
    assert (end, rest) == ("\n", "")
    return joat.verify_token(token, salt=SALT)


def test_issue(run):
    status, printed, errors = run(*ISSUE)
    assert (status, errors) == (0, "")
    assert verified(printed) == CREDENTIALS
    assert joat.unverified_claims(printed.strip()) == {
        **CLAIMS,
        "iat": 1407290980,
        "exp": 1407294580,
    }


ISSUED = {
    "lifetime": (["--lifetime=60"], {"exp": 1407291040}),
    "lifetime-fraction": (["--lifetime", "1.9"], {"exp": 1407290981}),
    "lifetime-zero": (["--lifetime=0"], {"exp": 1407290980}),
    "lifetime-negative": (["--lifetime=-5"], {"exp": 1407290975}),
    "jti": (["--jti", "jti-marker"], {"jti": "jti-marker"}),
    "jti-empty": (["--jti="], {"jti": ""}),
    "scope-empty": (["--scope="], {"scp": []}),
    "scope-spaces": (["--scope", "  a   b "], {"scp": ["a", "b"]}),
    "digits-are-text": (["--user-id", "1234"], {"sub": "1234"}),
    "not-ascii": (["--user-id", "\xe9\u2603"], {"sub": "\xe9\u2603"}),
}


@pytest.mark.parametrize(("arguments", "claims"), ISSUED.values(), ids=ISSUED)
def test_issue_with(run, arguments, claims):
    status, printed, errors = run(*ISSUE, *arguments)
    assert (status, errors) == (0, "")
    issued = joat.unverified_claims(printed.strip())
    assert {name: issued[name] for name in claims} == claims


def test_issue_with_the_newest_salt(run, salt_file):
    file = salt_file(SALT + b"\n" + OTHER_SALT + b"\n")
    status, printed, _ = run(*ISSUE, file)
    assert status == 0
    assert verified(printed) == CREDENTIALS


def test_issue_warns_of_a_weak_salt(run, monkeypatch):
    monkeypatch.setenv("JOAT_SALT", "weak-marker")
    status, printed, errors = run(*ISSUE)
    assert status == 0
    assert joat.verify_token(printed.strip(), salt="weak-marker") == CREDENTIALS
    assert errors.startswith("joat: warning: ")
    assert errors.count("\n") == 1
    assert "32 bytes" in errors
    assert "marker" not in errors


def test_verify(run):
    status, printed, errors = run("verify", TOKEN)
    assert (status, errors) == (0, "")
    assert json.loads(printed) == CREDENTIALS
    assert printed.count("\n") == 1


VERIFIED = {
    "provider": ["--provider", "issuer-marker"],
    "client": ["--client-id", "client-marker"],
    "scope": ["--scope", "read-marker"],
    "scopes": ["--scope", " read-marker  profile-marker "],
    "leeway": ["--leeway", "30"],
    "leeway-fraction": ["--leeway", "0.5"],
    "everything": [
        "--provider=issuer-marker",
        "--client-id=client-marker",
        "--scope=read-marker",
        "--leeway=0",
    ],
}


@pytest.mark.parametrize("arguments", VERIFIED.values(), ids=VERIFIED)
def test_verify_expecting(run, arguments):
    status, printed, _ = run("verify", *arguments, TOKEN)
    assert (status, json.loads(printed)) == (0, CREDENTIALS)


REFUSED = {
    "provider": (TOKEN, ["--provider", "issuer"], "another provider"),
    "provider-empty": (TOKEN, ["--provider="], "another provider"),
    "client": (TOKEN, ["--client-id", "client"], "another client"),
    "client-empty": (TOKEN, ["--client-id="], "another client"),
    "scope": (TOKEN, ["--scope", "read-marker other"], "lacks a permission"),
    "expired": (with_claims(exp=NOW - 30), [], "expired"),
    "expired-at-leeway": (with_claims(exp=NOW - 30), ["--leeway=30"], "expired"),
    "not-yet": (with_claims(nbf=NOW + 1), [], "not valid yet"),
    "forged": (make_token(salt=OTHER_SALT), [], "signature"),
    "garbage": ("garbage-marker", [], "three segments"),
    "empty": ("", [], "three segments"),
    "claim-missing": (make_token({}), [], "claim"),
    "not-utf-8": ("\udcff\udcfe", [], "three segments"),
}
by_refused = pytest.mark.parametrize(
    ("token", "arguments", "reason"), REFUSED.values(), ids=REFUSED
)


@by_refused
def test_verify_tells_why_not(run, token, arguments, reason):
    status, printed, errors = run("verify", *arguments, token)
    assert (status, printed) == (1, "")
    assert errors.startswith("joat: ")
    assert errors.count("\n") == 1
    assert reason in errors
    assert "marker" not in errors


def test_verify_with_leeway(run):
    status, printed, _ = run("verify", with_claims(exp=NOW - 30), "--leeway=31")
    assert (status, json.loads(printed)) == (0, CREDENTIALS)


STDIN = {
    "bare": TOKEN.encode(),
    "line": TOKEN.encode() + b"\n",
    "windows-line": TOKEN.encode() + b"\r\n",
    "white-space": b"\n \t" + TOKEN.encode() + b" \n\n",
}


@pytest.mark.parametrize("command", ["verify", "inspect"])
@pytest.mark.parametrize("stdin", STDIN.values(), ids=STDIN)
def test_token_from_standard_input(run, command, stdin):
    assert run(command, stdin=stdin) == run(command, TOKEN)
    assert run(command, stdin=stdin)[0] == 0


def test_argument_goes_before_standard_input(run):
    assert run("verify", TOKEN, stdin=b"garbage")[0] == 0


NO_TOKENS = {"empty": b"", "not-utf-8": b"\xff\xfe", "two": b"a.b.c d.e.f"}


@pytest.mark.parametrize("command", ["verify", "inspect"])
@pytest.mark.parametrize("stdin", NO_TOKENS.values(), ids=NO_TOKENS)
def test_no_token_on_standard_input(run, command, stdin):
    status, printed, errors = run(command, stdin=stdin)
    assert (status, printed) == (1, "")
    assert errors.startswith("joat: ")


SALT_FILES = {
    "one": SALT,
    "line": SALT + b"\n",
    "windows-line": SALT + b"\r\n",
    "newest": SALT + b"\n" + OTHER_SALT + b"\n",
    "oldest": OTHER_SALT + b"\n" + SALT + b"\n",
    "empty-lines": b"\n\n" + OTHER_SALT + b"\n\n" + SALT + b"\n\n",
    "not-utf-8": b"\xff\xfe\n" + SALT,
}


@pytest.mark.parametrize("octets", SALT_FILES.values(), ids=SALT_FILES)
def test_salt_file(run, salt_file, monkeypatch, octets):
    monkeypatch.delenv("JOAT_SALT")
    assert run("verify", salt_file(octets), TOKEN)[0] == 0


def test_salt_file_goes_before_the_environment(run, salt_file):
    status, _, errors = run("verify", salt_file(OTHER_SALT), TOKEN)
    assert status == 1
    assert "signature" in errors


def test_salt_from_the_environment_may_be_any_bytes(run, monkeypatch):
    octets = b"\xff\xfe" * 16
    monkeypatch.setenv("JOAT_SALT", os.fsdecode(octets))
    assert run("verify", make_token(salt=octets))[0] == 0


def assert_usage_error(result, reason):
    status, printed, errors = result
    assert (status, printed) == (2, "")
    assert errors.startswith("joat")
    assert errors.count("\n") == 1
    assert reason in errors
    assert "marker" not in errors.lower()


USAGE_ERRORS = {
    "no-command": ([], "COMMAND"),
    "unknown-command": (["marker"], "COMMAND"),
    "unknown-command-lines": (["mar\nmarker"], "COMMAND"),
    "command-in-upper-case": (["VERIFY-marker"], "COMMAND"),
    "unknown-option": (["verify", "--marker", TOKEN], "unrecognized"),
    "unknown-option-with-value": (["verify", "--marker=marker"], "unrecognized"),
    "salt-as-argument": (["verify", "--salt", "marker", TOKEN], "unrecognized"),
    "salt-as-value": (["verify", "--salt=marker", TOKEN], "unrecognized"),
    "abbreviated-option": (["verify", "--prov=marker"], "unrecognized"),
    "two-tokens": (["verify", TOKEN, "marker"], "unrecognized"),
    "two-lines": (["verify", TOKEN, "x\nmarker"], "unrecognized"),
    "two-lines-in-option": (["inspect", "x", "--y='\nmarker"], "unrecognized"),
    "three-lines": (["inspect", "x", "a\nb\rmarker\u2028"], "unrecognized"),
    "token-to-issue": ([*ISSUE, "marker"], "unrecognized"),
    "salt-file-to-inspect": (["inspect", "--salt-file=marker"], "unrecognized"),
    "value-of-version": (["--version=marker"], "ignored"),
    "no-value": (["verify", "--provider"], "--provider"),
    "no-provider": (ISSUE[:1] + ISSUE[2:], "--provider"),
    "no-client": (ISSUE[:2] + ISSUE[3:], "--client-id"),
    "no-user": (ISSUE[:3] + ISSUE[4:], "--user-id"),
    "no-scope": (ISSUE[:4], "--scope"),
    "nothing-to-issue": (["issue"], "--provider"),
    "lifetime-word": ([*ISSUE, "--lifetime=marker"], "--lifetime"),
    "lifetime-quoted": ([*ISSUE, "--lifetime='marker\""], "--lifetime"),
    "lifetime-lines": ([*ISSUE, "--lifetime=1\nmarker"], "--lifetime"),
    "lifetime-empty": ([*ISSUE, "--lifetime="], "--lifetime"),
    "lifetime-nan": ([*ISSUE, "--lifetime=nan"], "--lifetime"),
    "lifetime-infinite": ([*ISSUE, "--lifetime=inf"], "--lifetime"),
    "lifetime-too-long": ([*ISSUE, "--lifetime=1e300"], "--lifetime"),
    "leeway-word": (["verify", "--leeway=marker", TOKEN], "--leeway"),
    "leeway-nan": (["verify", "--leeway=nan", TOKEN], "--leeway"),
    "leeway-infinite": (["verify", "--leeway=inf", TOKEN], "--leeway"),
    "leeway-negative": (["verify", "--leeway=-1", TOKEN], "--leeway"),
    "leeway-negative-garbage": (["verify", "--leeway=-1", "marker"], "--leeway"),
    "no-salt-file": (["verify", "--salt-file=/marker/marker", TOKEN], "salt file"),
    "salt-file-empty-name": (["verify", "--salt-file=", TOKEN], "salt file"),
    "salt-file-for-no-file": ([*ISSUE, "--salt-file=/marker"], "salt file"),
    "surrogate": ([*ISSUE, "--jti=marker\udcff"], "surrogate"),
    "too-long": ([*ISSUE, f"--jti={'marker' * 10_000}"], "longer than 65536"),
}


@pytest.mark.parametrize(
    ("arguments", "reason"), USAGE_ERRORS.values(), ids=USAGE_ERRORS
)
def test_usage_errors(run, arguments, reason):
    assert_usage_error(run(*arguments), reason)


class Closed:
    """A standard input that was closed before the program began."""

    def read(self):
        raise OSError(9, "Bad file descriptor")


@pytest.mark.parametrize("stdin", [None, Closed()], ids=["none", "closed"])
def test_no_standard_input(capsys, monkeypatch, stdin):
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(SystemExit) as left:
        main(["inspect"])
    line = "joat inspect: there is no standard input to read; see joat inspect --help"
    assert (left.value.code, *capsys.readouterr()) == (2, "", f"{line}\n")


USAGE_LINES = {
    "unrecognized": (
        ["verify", "--marker", TOKEN],
        "joat: unrecognized arguments; see joat --help",
    ),
    "abbreviated": (
        ["--vers"],
        "joat: the following arguments are required: COMMAND; see joat --help",
    ),
    "lifetime": (
        [*ISSUE, "--lifetime=marker"],
        (
            "joat issue: argument --lifetime: not a number of seconds;"
            " see joat issue --help"
        ),
    ),
    "leeway": (
        ["verify", "--leeway=-1", TOKEN],
        "joat verify: argument --leeway: less than zero; see joat verify --help",
    ),
    "scope": (
        ["verify", "--scope= ", TOKEN],
        "joat verify: argument --scope: no permission; see joat verify --help",
    ),
    "salt-file": (
        ["verify", "--salt-file=/marker/marker", TOKEN],
        (
            "joat verify: the salt file cannot be read (No such file or directory);"
            " see joat verify --help"
        ),
    ),
    "no-salt": (
        ["verify", f"--salt-file={os.devnull}", TOKEN],
        "joat verify: there is no salt in the salt file; see joat verify --help",
    ),
}


@pytest.mark.parametrize(("arguments", "line"), USAGE_LINES.values(), ids=USAGE_LINES)
def test_usage_error_lines(run, arguments, line):
    assert run(*arguments) == (2, "", f"{line}\n")


NO_SALTS = {"empty": b"", "empty-line": b"\n", "empty-lines": b"\r\n\n\n"}


@pytest.mark.parametrize("arguments", [ISSUE, ("verify", TOKEN)], ids=lambda a: a[0])
@pytest.mark.parametrize("octets", NO_SALTS.values(), ids=NO_SALTS)
def test_a_salt_file_without_salt(run, salt_file, arguments, octets):
    # That of the environment does not stand in for it.
    assert_usage_error(run(*arguments, salt_file(octets)), "no salt")


@pytest.mark.parametrize("arguments", [ISSUE, ("verify", TOKEN)], ids=lambda a: a[0])
def test_a_missing_salt(run, monkeypatch, arguments):
    command = f"joat {arguments[0]}"
    line = f"{command}: there is no salt in JOAT_SALT; see {command} --help\n"
    monkeypatch.setenv("JOAT_SALT", "")
    assert run(*arguments) == (2, "", line)
    monkeypatch.delenv("JOAT_SALT")
    assert run(*arguments) == (2, "", line)


def test_inspect(run, monkeypatch):
    monkeypatch.delenv("JOAT_SALT")
    header = {"alg": "HS256", "kid": '"\x1b[31m"'}
    token = make_token({**CLAIMS, "nbf": NOW, "x": [None, "\u2603"]}, header)
    assert run("inspect", token) == (
        0,
        (
            "header\n"
            '  "alg": "HS256"\n'
            r'  "kid": "\"\u001b[31m\""'
            "\nclaims\n"
            '  "aud": "client-marker"\n'
            '  "iss": "issuer-marker"\n'
            '  "exp": 1407294572 (2014-08-06 03:09:32 UTC, expires in 59 minutes)\n'
            '  "iat": 1407290972 (2014-08-06 02:09:32 UTC, issued 8 seconds ago)\n'
            '  "scp": ["profile-marker", "read-marker"]\n'
            '  "sub": "user-marker"\n'
            '  "nbf": 1407290980.0 (2014-08-06 02:09:40 UTC, began 0 seconds ago)\n'
            '  "x": [null, "\\u2603"]\n'
            "Nothing was verified: anyone can write such a token.\n"
        ),
        "",
    )


def test_inspect_needs_no_good_signature(run):
    shown = run("inspect", TOKEN)
    assert shown[0] == 0
    assert run("inspect", make_token(salt=b"x")) == shown


@pytest.mark.parametrize(
    "token",
    ["garbage-marker", "", make_token({}), make_token(header={"alg": "none"})],
    ids=["garbage", "empty", "no-claims", "no-algorithm"],
)
def test_inspect_tells_what_is_no_token(run, token):
    status, printed, errors = run("inspect", token)
    assert (status, printed) == (1, "")
    assert errors.startswith("joat: the ")
    assert "marker" not in errors


YEAR = 31_556_952
# A claim, its distance from now in seconds, and what is said of it.
SPANS = {
    "exp-year": ("exp", -YEAR, "expired 1 year ago"),
    "exp-12-years": ("exp", -12 * YEAR - 9, "expired 12 years ago"),
    "exp-days-before-year": ("exp", 1 - YEAR, "expired 365 days ago"),
    "exp-second": ("exp", -1, "expired 1 second ago"),
    "exp-59-seconds": ("exp", -59, "expired 59 seconds ago"),
    "exp-minute": ("exp", -60, "expired 1 minute ago"),
    "exp-in-a-second": ("exp", 1, "expires in 1 second"),
    "exp-59-minutes": ("exp", 3599, "expires in 59 minutes"),
    "exp-hour": ("exp", 3600, "expires in 1 hour"),
    "exp-23-hours": ("exp", 86_399, "expires in 23 hours"),
    "exp-day": ("exp", 86_400, "expires in 1 day"),
    "nbf-ahead": ("nbf", 7200, "begins in 2 hours"),
    "nbf-behind": ("nbf", -7200, "began 2 hours ago"),
    "iat-ahead": ("iat", 2 * YEAR, "issued in 2 years"),
    "iat-behind": ("iat", -2, "issued 2 seconds ago"),
}


@pytest.mark.parametrize(("name", "ahead", "told"), SPANS.values(), ids=SPANS)
def test_inspect_tells_how_far_the_times_are(run, name, ahead, told):
    status, printed, _ = run("inspect", with_claims(**{name: int(NOW) + ahead}))
    [line] = [line for line in printed.split("\n") if f'"{name}"' in line]
    assert (status, line.endswith(f" UTC, {told})")) == (0, True)


# The years 0 and 10000, which datetime does not have.
BEYOND = {"before": -62167219201, "after": 253402300800, "far": 10**300}


@pytest.mark.parametrize("seconds", BEYOND.values(), ids=BEYOND)
def test_inspect_tells_times_beyond_the_calendar(run, seconds):
    status, printed, _ = run("inspect", with_claims(exp=seconds))
    assert status == 0
    assert f'"exp": {seconds} (expire' in printed
    assert f"{abs(seconds - int(NOW)) // YEAR} years" in printed


HELP = {
    "main": (
        ["--help"],
        """
        usage: joat [-h] [--version] COMMAND ...

        Issue and verify signed JWT OAuth 2.0 access tokens.

        positional arguments:
          COMMAND
            issue     print a new token
            verify    print what a valid token grants, as JSON, or why it is refused
            inspect   show what a token says, without verifying it

        options:
          -h, --help  show this help message and exit
          --version   show program's version number and exit

        Example: joat verify --provider me --salt-file salts < token
        """,
    ),
    "issue": (
        ["issue", "--help"],
        """
        usage: joat issue [-h] --provider PROVIDER --client-id CLIENT_ID --scope SCOPE
                          [--salt-file FILE] --user-id USER_ID [--jti JTI]
                          [--lifetime SECONDS]

        print a new token

        options:
          -h, --help            show this help message and exit
          --provider PROVIDER   who issues the token
          --client-id CLIENT_ID
                                for which client
          --scope SCOPE         the permissions, separated by spaces
          --salt-file FILE      one salt a line, the newest first (default: the
                                environment variable JOAT_SALT)
          --user-id USER_ID     for which user
          --jti JTI             a name for this token
          --lifetime SECONDS    how long it is valid (default: 3600)

        Example: joat issue --provider me --client-id app --user-id 1 --scope "a b"
        --salt-file salts
        """,
    ),
    "verify": (
        ["verify", "-h"],
        """
        usage: joat verify [-h] [--provider PROVIDER] [--client-id CLIENT_ID]
                           [--scope SCOPE] [--salt-file FILE] [--leeway SECONDS]
                           [TOKEN]

        print what a valid token grants, as JSON, or why it is refused

        positional arguments:
          TOKEN                 (default: standard input)

        options:
          -h, --help            show this help message and exit
          --provider PROVIDER   who issues the token
          --client-id CLIENT_ID
                                for which client
          --scope SCOPE         the permissions, separated by spaces
          --salt-file FILE      one salt a line, the newest first (default: the
                                environment variable JOAT_SALT)
          --leeway SECONDS      how far the issuer's clock may be off (default: 0)

        Example: joat verify --provider me --scope read --salt-file salts < token
        """,
    ),
    "inspect": (
        ["inspect", "-h"],
        """
        usage: joat inspect [-h] [TOKEN]

        show what a token says, without verifying it

        positional arguments:
          TOKEN       (default: standard input)

        options:
          -h, --help  show this help message and exit

        Example: joat inspect < token
        """,
    ),
}


@pytest.mark.parametrize(("arguments", "told"), HELP.values(), ids=HELP)
def test_help(run, monkeypatch, arguments, told):
    monkeypatch.setenv("NO_COLOR", "1")
    status, printed, errors = run(*arguments)
    assert (status, errors) == (0, "")
    # Where lines break differs between versions of Python, and what 3.9 calls options.
    printed = printed.replace("optional arguments:", "options:")
    assert printed.split() == told.split()


def test_version(run, monkeypatch):
    assert run("--version") == (0, f"joat {metadata.version('PyJOAT')}\n", "")

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert run("--version") == (0, "joat, run from its source\n", "")


def test_run_as_module(monkeypatch, capsys, clock):
    monkeypatch.setattr("sys.argv", ["joat", "inspect", "garbage"])
    # Imported above, which runpy warns of.
    monkeypatch.delitem(sys.modules, "joat.__main__")
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module("joat", run_name="__main__")
    assert stopped.value.code == 1
    assert "three segments" in capsys.readouterr().err


def process(*arguments, salt=None, stdin=""):
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    environment.pop("JOAT_SALT", None)
    if salt is not None:
        environment["JOAT_SALT"] = salt
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-m", "joat", *arguments],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.returncode, ran.stdout, ran.stderr


def test_processes_issue_and_verify():
    status, token, errors = process(*ISSUE, salt=SALT.decode())
    assert (status, errors) == (0, "")
    status, printed, errors = process("verify", salt=SALT.decode(), stdin=token)
    assert (status, json.loads(printed), errors) == (0, CREDENTIALS, "")
    status, printed, errors = process("verify", token.strip(), salt="other")
    assert (status, printed) == (1, "")
    assert errors == "joat: the token's signature does not match\n"


def test_process_warns_of_a_weak_salt_although_warnings_are_errors():
    status, token, errors = process(*ISSUE, salt="weak")
    assert (status, token.count(".")) == (0, 2)
    assert errors.startswith("joat: warning: ")


def test_process_without_salt():
    assert_usage_error(process("verify", TOKEN), "no salt")


def test_installed_command():
    [entry] = [
        entry
        for entry in metadata.distribution("PyJOAT").entry_points
        if entry.group == "console_scripts"
    ]
    assert (entry.name, entry.load()) == ("joat", sys.modules["joat.__main__"].main)
