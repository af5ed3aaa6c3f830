"""The command line: `joat`, or `python -m joat`.

A run prints all of its output, or one line of error that holds no piece of its input.
"""

import json
import math
import os
import re
import signal
import sys
import time
from argparse import SUPPRESS, ArgumentParser
from contextlib import redirect_stdout, suppress
from datetime import datetime, timedelta
from functools import partial
from io import StringIO
from typing import Any, NoReturn, Optional, Union

import joat
from joat import json_object, jws

PROVIDER = "--provider https://example.com"
ISSUE = f"example: joat issue {PROVIDER} --client-id app --user-id zoe --scope read"
VERIFY = f"example: joat verify {PROVIDER} --scope read --salt-file salts < token"
INSPECT = "example: joat inspect < token"
BOM = b"\xef\xbb\xbf"
MAX_INPUT = jws.MAX_LENGTH + 1_000  # with room for white space
MAX_SALTS = 2**20 + 1  # one octet more than joat.parse_salts takes
NOT_ALONE = re.compile(rb"[\s\"']")
ALONE = "give the token alone, without Bearer, quotation marks or line breaks"


class Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # From a quotation mark on, argparse repeats an argument: maybe a token or salt.
        reason = message.partition("'")[0].partition('"')[0].rstrip(" :")
        raise ValueError(f"{reason}; see {self.prog} --help")


def main(argv: Optional[list[str]] = None) -> NoReturn:
    """Run the command line with the arguments `argv`, or those of the process."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Die of the signal itself, so that a shell loop stops as well.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    status, message = 0, ""
    try:
        # Written below, because argparse swallows errors. --help raises SystemExit.
        with redirect_stdout(StringIO()) as output, suppress(SystemExit):
            run(argv)
        write(1, output.getvalue())
    except ValueError as error:  # any but a TokenError is about the input
        status = 1 if isinstance(error, joat.TokenError) else 2
        message = f"joat: {error}\n"
    except BrokenPipeError:
        status = 141  # as if SIGPIPE, which Python ignores, had ended the process
    except OSError as error:
        status = 3
        message = f"joat: standard output cannot be written: {error.strerror}\n"
    with suppress(OSError):
        write(2, message)
    sys.exit(status)


def run(argv: Optional[list[str]]) -> None:
    parser = Parser("joat", epilog="joat COMMAND --help tells more", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=joat.__version__)
    subs = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    add = partial(subs.add_parser, allow_abbrev=False, argument_default=SUPPRESS)
    issuing = add("issue", help="make a token", epilog=ISSUE)
    verifying = add("verify", help="check a token", epilog=VERIFY)
    inspecting = add("inspect", help="show a token", epilog=INSPECT)
    for sub, needed in (issuing, True), (verifying, False):
        sub.add_argument("--provider", required=needed, help="who issues the token")
        sub.add_argument("--client-id", required=needed, help="for which client")
        sub.add_argument("--scope", required=needed, type=str.split, help="as in 'a b'")
        sub.add_argument("--salt-file", help="one salt a line (default: $JOAT_SALT)")
    issuing.add_argument("--user-id", required=True, help="for which user")
    issuing.add_argument("--lifetime", type=float, help="in seconds (default: 3600)")
    issuing.add_argument("--jti", help="a name for this token")
    verifying.add_argument("--leeway", type=float, help="in seconds (default: 0)")
    for sub in verifying, inspecting:
        sub.add_argument("token", nargs="?", help="(default: standard input)")
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:  # argparse's own error would repeat them
        parser.error("unrecognized arguments")
    chosen = vars(arguments)
    commands: Any = {"issue": issue, "verify": verify, "inspect": inspect}
    commands[chosen.pop("command")](**chosen)


def issue(salt_file: Any = None, lifetime: float = 3600.0, **given: Any) -> None:
    if not abs(lifetime) < 1e13:  # nor NaN; timedelta takes little more
        raise ValueError("argument --lifetime: out of range; see joat issue --help")
    given["lifetime"] = timedelta(seconds=lifetime)
    joat.salt_generator = lambda claims: read_salts(salt_file)
    print(joat.TokenGenerator(given["provider"]).issue_token(**given))


def verify(token: Any = None, salt_file: Any = None, **expected: Any) -> None:
    if expected.get("scope") == []:
        raise ValueError("argument --scope: no permission; see joat verify --help")
    secret = read_salts(salt_file)
    granted = joat.verify_token(read_token(token), salt=secret, **expected)
    print(json.dumps({k: v for k, v in granted.items() if k != "expires_at"}))


def inspect(token: Optional[str] = None) -> None:
    octets = read_token(token)
    claims = joat.unverified_claims(octets)
    header = json_object.parse(jws.b64decode(octets.partition(b".")[0]), "header")
    lines = [f"  {json.dumps(name)}: {json.dumps(header[name])}" for name in header]
    print("header", *lines, "claims", sep="\n")
    for name, value in claims.items():
        note = f" ({describe(value)})" if name in ("exp", "nbf", "iat") else ""
        print(f"  {json.dumps(name)}: {json.dumps(value)}{note}")
    print("Nothing was verified: anyone can write such a token.")


def describe(moment: Union[int, float]) -> str:
    ahead = math.ceil(moment) - int(time.time())  # a moment to come is never 0
    with suppress(OverflowError):
        date = datetime(1970, 1, 1) + timedelta(seconds=int(moment))
        span = timedelta(seconds=abs(ahead))
        return f"{date} UTC, in {span}" if ahead > 0 else f"{date} UTC, {span} ago"
    return "outside the years 1 to 9999"


def read_token(given: Optional[str]) -> bytes:
    if given is None:
        token = read(0, "standard input", MAX_INPUT)
        if len(token) < MAX_INPUT:  # else it was cut, and stays too long
            token = token.removeprefix(BOM).strip()
    else:
        token = given.encode(errors="replace")
    if len(token) <= jws.MAX_LENGTH and NOT_ALONE.search(token):  # else too long
        raise joat.MalformedToken(ALONE)
    return token


def read_salts(path: Optional[str]) -> list[bytes]:
    secret = os.fsencode(os.environ.get("JOAT_SALT", ""))
    if path is not None:
        secret = read(path, "the salt file", MAX_SALTS)
    if not secret.strip(b"\r\n"):
        raise ValueError("there is no salt: it comes from --salt-file or JOAT_SALT")
    return joat.parse_salts(secret)


def read(source: Union[str, int], name: str, limit: int) -> bytes:
    try:
        with open(source, "rb") as file:
            return file.read(limit)
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}") from None


def write(descriptor: int, text: str) -> None:
    # An unbuffered sys.stdout silently drops what a full disk did not take.
    with open(descriptor, "w", encoding="ascii", newline="\n", closefd=False) as file:
        file.write(text)


if __name__ == "__main__":
    main()
