"""The command line: `joat`, or `python -m joat`."""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import time
from contextlib import redirect_stdout, suppress
from datetime import datetime, timedelta
from importlib import metadata
from io import StringIO
from typing import Any, NoReturn, Optional

import joat
from joat import codec

UNITS = {"year": 31_556_952, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
TIMES = {"exp": "expired expires", "nbf": "began begins", "iat": "issued issued"}
NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # Windows has neither this nor fifos
NOT_SALTS = ("#", "{", "-----BEGIN", "ssh-", "ecdsa-")
MAKE_ONE = 'python -c "import secrets; print(secrets.token_hex(32))"'
Text = Optional[str]


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # From a quotation mark on, argparse repeats an argument: maybe a token or salt.
        told = message.partition("'")[0].partition('"')[0].rstrip(" :")
        raise ValueError(f"{told}; see {self.prog} --help")


def main(argv: list[str] | None = None) -> NoReturn:
    """Run the command line with the arguments `argv`, or those of the process."""
    status, told = 130, ""
    try:
        # Collected, as argparse hides that it cannot write; it leaves after --help.
        with redirect_stdout(StringIO()) as output, suppress(SystemExit):
            run(argv)
        write(1, output.getvalue())
        status = 0
    except joat.TokenError as error:
        status, told = 1, f"joat: {error}\n"
    except ValueError as error:  # wrong arguments or salts
        status, told = 2, f"joat: {error}\n"
    except BrokenPipeError:
        status = 141  # as if SIGPIPE, which Python ignores, had ended the process
    except OSError as error:
        status, told = 3, f"joat: standard output cannot be written: {error.strerror}\n"
    except KeyboardInterrupt:
        # A shell ends its loop only for a process that dies of the signal itself.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    with suppress(OSError):
        write(2, told)
    sys.exit(status)


def write(descriptor: int, text: str) -> None:
    # Not by sys.stdout: unbuffered, it loses in silence what a full disk did not take;
    # buffered, it tries again when the interpreter ends; closed, it is None.
    with open(descriptor, "w", encoding="ascii", closefd=False) as file:
        file.write(text)


def read(source: str | int, name: str, most: int) -> bytes:
    try:
        with open(source, "rb", opener=lambda p, f: os.open(p, f | NO_WAIT)) as file:
            if NO_WAIT:  # It was for opening a fifo that nobody writes to.
                os.set_blocking(file.fileno(), True)
            return file.read(most)
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}") from None


def run(argv: list[str] | None) -> None:
    version = "joat"
    with suppress(metadata.PackageNotFoundError):  # in a zipapp
        version = f"joat {metadata.version('PyJOAT')}"
    parser = Parser("joat", epilog="joat COMMAND --help tells more", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=version)
    subs = parser.add_subparsers(metavar="COMMAND", required=True)
    options: Any = {"allow_abbrev": False, "argument_default": argparse.SUPPRESS}
    for command, does, example in (
        (issue, "print a new token", "--provider me --client-id app --user-id 1 ..."),
        (verify, "print what a valid token grants", "--provider me < token"),
        (inspect, "print what a token says, unverified", "< token"),
    ):
        example = f"example: %(prog)s {example}"
        sub = subs.add_parser(command.__name__, help=does, epilog=example, **options)
        sub.set_defaults(command=command)
        add, needed = sub.add_argument, command is issue
        if command is not inspect:
            add("--provider", required=needed, help="who issues the token")
            add("--client-id", required=needed, help="for which client")
            add("--scope", required=needed, type=str.split, help='such as "read write"')
            add("--salt-file", help="one salt a line, or else the variable JOAT_SALT")
        if command is issue:
            add("--user-id", required=True, help="for which user")
            add("--lifetime", type=seconds, help="in seconds (default: 3600)")
            add("--jti", help="a name for this token")
        else:
            add("token", nargs="?", help="(default: standard input)")
        if command is verify:
            add("--leeway", type=seconds, help="in seconds (default: 0)")
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        parser.error("unrecognized arguments")
    chosen = vars(arguments)
    chosen.pop("command")(**chosen)


def seconds(text: str) -> timedelta:
    with suppress(OverflowError):
        return timedelta(seconds=float(text))
    raise ValueError


def issue(provider: str, salt_file: Text = None, **claims: Any) -> None:
    salts = read_salts(salt_file)
    joat.salt_generator = lambda claims: salts
    print(joat.TokenGenerator(provider).issue_token(**claims))


def verify(token: Text = None, salt_file: Text = None, **expected: Any) -> None:
    if expected.get("scope") == []:
        raise ValueError("argument --scope: no permission; see joat verify --help")
    salts = read_salts(salt_file)
    print(json.dumps(joat.verify_token(read_token(token), salt=salts, **expected)))


def inspect(token: Text = None) -> None:
    octets = read_token(token)
    claims = joat.unverified_claims(octets)
    header = codec.parse_object(codec.b64decode(octets.partition(b".")[0]), "header")
    print("header")
    for name in header:
        print(f"  {json.dumps(name)}: {json.dumps(header[name])}")
    print("claims")
    for name, value in claims.items():
        told = f" ({tell(value, *TIMES[name].split())})" if name in TIMES else ""
        print(f"  {json.dumps(name)}: {json.dumps(value)}{told}")
    print("Nothing was verified: anyone can write such a token.")


def tell(moment: float, done: str, coming: str) -> str:
    ahead = math.ceil(moment) - int(time.time())
    unit = next((unit for unit in UNITS if abs(ahead) >= UNITS[unit]), "second")
    count = abs(ahead) // UNITS[unit]
    words = f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    date = ""
    with suppress(OverflowError):  # datetime has the years 1 to 9999
        date = f"{datetime(1970, 1, 1) + timedelta(seconds=int(moment))} UTC, "
    return f"{date}{coming} in {words}" if ahead > 0 else f"{date}{done} {words} ago"


def read_token(given: Text) -> bytes:
    if given is not None:
        return given.encode(errors="replace")
    most = codec.MAX_LENGTH + 1_000  # octets, with white space
    octets = read(0, "standard input", most)
    if len(octets) < most:  # or else there may be more, and this is too long
        octets = octets.removeprefix(b"\xef\xbb\xbf").strip()
    return octets


def read_salts(path: Text) -> list[bytes]:
    source, octets = "JOAT_SALT", os.fsencode(os.environ.get("JOAT_SALT", ""))
    if path is not None:
        source = "the salt file"
        octets = read(path, source, 2**20 + 1)
    if len(octets) > 2**20:
        raise ValueError(f"{source} is larger than 1 MiB")
    lines = [line.removesuffix(b"\r") for line in octets.split(b"\n")]
    for number, line in enumerate(lines, 1):
        text = line.decode(errors="surrogateescape")  # No surrogate is printable.
        for is_wrong, why in (
            (not text.isprintable(), "is not UTF-8, or has a BOM or control character"),
            (text != text.strip(), "begins or ends with white space"),
            (text.startswith(NOT_SALTS), "is a comment or the text of a key"),
            (0 < len(line) < 32, f"has fewer than 32 octets; make one by {MAKE_ONE}"),
        ):
            if is_wrong:
                raise ValueError(f"line {number} of {source} {why}")
    salts = [line for line in lines if line]
    if not salts:
        raise ValueError(f"there is no salt in {source}")
    return salts


if __name__ == "__main__":
    main()
