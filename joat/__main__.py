"""The command line: `joat`, or `python -m joat`."""

import argparse
import json
import math
import os
import signal
import sys
import time
from contextlib import redirect_stdout, suppress
from datetime import datetime, timedelta
from io import StringIO
from typing import Any, NoReturn, Optional, Union

import joat
from joat import json_object, jws

ISSUE = "example: joat issue --provider me --client-id app --user-id 1 --scope 'a b'"
VERIFY = "example: joat verify --provider me --scope a --salt-file salts < token"
INSPECT = "example: joat inspect < token"
BOM = b"\xef\xbb\xbf"
MAX_INPUT = jws.MAX_LENGTH + 1_000  # with white space; more stays too long a token
MAKE_ONE = 'python -c "import secrets; print(secrets.token_hex(32))"'
NOT_SALTS = ("#", "{", "----", "ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-")  # {: a JWK
NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # Windows has neither this nor fifos
UNITS = {"year": 31_556_952, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
TIMES = {"exp": "expired expires", "nbf": "began begins", "iat": "issued issued"}


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # From a quotation mark on, argparse repeats an argument: maybe a token or salt.
        told = message.partition("'")[0].partition('"')[0].rstrip(" :")
        raise ValueError(f"{told}; see {self.prog} --help")


def main(argv: Optional[list[str]] = None) -> NoReturn:
    """Run the command line with the arguments `argv`, or those of the process."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # so that a shell's loop ends
    status, told = 0, ""
    try:
        # Collected, as argparse hides that it cannot write; it leaves after --help.
        with redirect_stdout(StringIO()) as output, suppress(SystemExit):
            run(argv)
        write(1, output.getvalue())
    except ValueError as error:  # if no TokenError, it is for arguments or salts
        status = 1 if isinstance(error, joat.TokenError) else 2
        told = f"joat: {error}\n"
    except BrokenPipeError:
        status = 141  # as if SIGPIPE, which Python ignores, had ended the process
    except OSError as error:
        status, told = 3, f"joat: standard output cannot be written: {error.strerror}\n"
    with suppress(OSError):
        write(2, told)
    sys.exit(status)


def run(argv: Optional[list[str]]) -> None:
    parser = Parser("joat", epilog="joat COMMAND --help tells more", allow_abbrev=False)
    subs = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    same: Any = {"allow_abbrev": False, "argument_default": argparse.SUPPRESS}
    issuing = subs.add_parser("issue", help="make a token", epilog=ISSUE, **same)
    verifying = subs.add_parser("verify", help="check a token", epilog=VERIFY, **same)
    inspecting = subs.add_parser("inspect", help="show a token", epilog=INSPECT, **same)
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
    if unknown:
        parser.error("unrecognized arguments")
    chosen = vars(arguments)
    commands: Any = {"issue": issue, "verify": verify, "inspect": inspect}
    commands[chosen.pop("command")](**chosen)


def issue(salt_file: Any = None, lifetime: float = 3600, **claims: Any) -> None:
    if not abs(lifetime) < 1e13:  # for timedelta; so is nan
        raise ValueError("argument --lifetime: too long; see joat issue --help")
    claims["lifetime"] = timedelta(seconds=lifetime)
    joat.salt_generator = lambda claims: read_salts(salt_file)
    print(joat.TokenGenerator(claims["provider"]).issue_token(**claims))


def verify(token: Any = None, salt_file: Any = None, **expected: Any) -> None:
    if expected.get("scope") == []:
        raise ValueError("argument --scope: no permission; see joat verify --help")
    salts = read_salts(salt_file)
    granted = joat.verify_token(read_token(token), salt=salts, **expected)
    print(json.dumps({k: v for k, v in granted.items() if k != "expires_at"}))


def inspect(token: Optional[str] = None) -> None:
    octets = read_token(token)
    claims = joat.unverified_claims(octets)
    header = json_object.parse(jws.b64decode(octets.partition(b".")[0]), "header")
    lines = [f"  {json.dumps(name)}: {json.dumps(header[name])}" for name in header]
    print("header", *lines, "claims", sep="\n")
    for name, value in claims.items():
        told = f" ({tell(value, *TIMES[name].split())})" if name in TIMES else ""
        print(f"  {json.dumps(name)}: {json.dumps(value)}{told}")
    print("Nothing was verified: anyone can write such a token.")


def tell(moment: float, done: str, coming: str) -> str:
    ahead = math.ceil(moment) - int(time.time())
    unit = next((unit for unit in UNITS if abs(ahead) >= UNITS[unit]), "second")
    count = abs(ahead) // UNITS[unit]
    words = f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    told = f"{coming} in {words}" if ahead > 0 else f"{done} {words} ago"
    with suppress(OverflowError):  # datetime has the years 1 to 9999
        told = f"{datetime(1970, 1, 1) + timedelta(seconds=int(moment))} UTC, {told}"
    return told


def read_token(given: Optional[str]) -> bytes:
    if given is not None:
        return given.encode(errors="replace")
    octets = read(0, "standard input", MAX_INPUT)
    return octets if len(octets) == MAX_INPUT else octets.removeprefix(BOM).strip()


def read_salts(path: Optional[str]) -> list[bytes]:
    octets = os.fsencode(os.environ.get("JOAT_SALT", ""))
    if path is not None:
        octets = read(path, "the salt file", 2**20 + 1)
    if len(octets) > 2**20:
        raise ValueError("the salts are larger than 1 MiB")
    if not octets.strip(b"\r\n"):
        raise ValueError("there is no salt: it comes from --salt-file or JOAT_SALT")
    lines = octets.replace(b"\r\n", b"\n").split(b"\n")
    for number, line in enumerate(lines, 1):
        text = line.decode(errors="surrogateescape")  # no surrogate is printable
        for is_wrong, why in (
            (not text.isprintable(), "is not UTF-8, or has a BOM or control character"),
            (text != text.strip(), "begins or ends with white space"),
            (text.startswith(NOT_SALTS), "is a comment or the text of a key"),
            (0 < len(line) < 32, f"has fewer than 32 octets; make one by {MAKE_ONE}"),
        ):
            if is_wrong:
                raise ValueError(f"line {number} of the salts {why}")
    return [line for line in lines if line]


def read(source: Union[str, int], name: str, most: int) -> bytes:
    try:
        with open(source, "rb", opener=lambda p, f: os.open(p, f | NO_WAIT)) as file:
            if NO_WAIT:  # It was for opening a fifo that nobody writes to.
                os.set_blocking(file.fileno(), True)
            return file.read(most)
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}") from None


def write(descriptor: int, text: str) -> None:
    # Unbuffered, sys.stdout loses in silence what a full disk has not taken.
    with open(descriptor, "w", encoding="ascii", closefd=False) as file:
        file.write(text)


if __name__ == "__main__":
    main()
