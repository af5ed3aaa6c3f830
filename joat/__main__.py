"""The command line: `joat`, or `python -m joat`."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
import warnings
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path

import joat
from joat import codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

# Seconds a unit, from the longest; a year is that of the Gregorian calendar.
_UNITS = (
    (31_556_952, "year"),
    (86_400, "day"),
    (3_600, "hour"),
    (60, "minute"),
    (1, "second"),
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # One line, without what argparse quotes or repeats from the arguments:
        # it may be a token, or a salt in the wrong place.
        told = re.sub(r""":? ['"].*|(?<=unrecognized arguments).*""", "", message)
        self.exit(2, f"{self.prog}: {told}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line with the arguments `argv`, or with those of the process.

    Returns the exit status: 0, or 1 if a token is refused. Raises `SystemExit`
    with the status 2 for wrong arguments, a missing salt among them.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except joat.TokenError as error:
        print(f"joat: {error}", file=sys.stderr)
        return 1
    except _UsageError as error:
        parser.error(str(error))


class _UsageError(Exception):
    pass


def _parser() -> _Parser:
    parser = _Parser(
        prog="joat",
        description="Issue and verify signed JWT OAuth 2.0 access tokens.",
        epilog="Example: joat verify --provider me --salt-file salts < token",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    issue = _add_command(
        commands,
        _issue,
        help="print a new token",
        epilog="Example: joat issue --provider me --client-id app --user-id 1234"
        ' --scope "profile read" --salt-file salts',
    )
    issue.add_argument("--provider", required=True, help="who issues the token")
    issue.add_argument("--client-id", required=True, help="whom it is issued to")
    issue.add_argument("--user-id", required=True, help="whose data it is for")
    issue.add_argument(
        "--scope", required=True, help="the permissions, separated by spaces"
    )
    issue.add_argument(
        "--lifetime",
        type=_seconds,
        metavar="SECONDS",
        default=joat.TokenGenerator.default_lifetime,
        help="how long the token is valid (default: 3600)",
    )
    issue.add_argument("--jti", help="a name for this one token")
    _add_salt_file(issue)

    verify = _add_command(
        commands,
        _verify,
        help="print what a valid token grants, as JSON, or why it is refused",
        epilog="Example: joat verify --provider me --salt-file salts < token",
    )
    _add_token(verify)
    verify.add_argument("--provider", help="the issuer to accept")
    verify.add_argument("--client-id", help="the client to accept")
    verify.add_argument(
        "--scope", help="the permissions that the token must have, separated by spaces"
    )
    verify.add_argument(
        "--leeway",
        type=_seconds,
        metavar="SECONDS",
        default=timedelta(),
        help="how far the clocks may differ (default: 0)",
    )
    _add_salt_file(verify)

    inspect = _add_command(
        commands,
        _inspect,
        help="show what a token says, without verifying it",
        epilog="Example: joat inspect < token",
    )
    _add_token(inspect)
    return parser


def _add_command(
    commands: argparse._SubParsersAction[_Parser],
    run: Callable[[argparse.Namespace], int],
    help: str,
    epilog: str,
) -> _Parser:
    command = commands.add_parser(
        run.__name__.strip("_"),
        help=help,
        description=f"{help[0].upper()}{help[1:]}.",
        epilog=epilog,
        allow_abbrev=False,
    )
    command.set_defaults(run=run)
    return command


def _add_token(command: _Parser) -> None:
    command.add_argument(
        "token", nargs="?", metavar="TOKEN", help="by default read from standard input"
    )


def _add_salt_file(command: _Parser) -> None:
    command.add_argument(
        "--salt-file",
        metavar="FILE",
        help="a file with one salt a line, the newest first; without it, the salt"
        " is taken from the environment variable JOAT_SALT",
    )


def _version() -> str:
    try:
        return f"joat {metadata.version('PyJOAT')}"
    except metadata.PackageNotFoundError:
        return "joat (not installed, run from its source)"


def _seconds(text: str) -> timedelta:
    try:
        return timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError("not a number of seconds") from None


def _issue(arguments: argparse.Namespace) -> int:
    salts = _salts(arguments)
    joat.salt_generator = lambda claims: salts
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            token = joat.TokenGenerator(arguments.provider).issue_token(
                client_id=arguments.client_id,
                user_id=arguments.user_id,
                scope=arguments.scope.split(),
                lifetime=arguments.lifetime,
                jti=arguments.jti,
            )
        except ValueError as error:
            raise _UsageError(str(error)) from None
    for warning in caught:
        print(f"joat: warning: {warning.message}", file=sys.stderr)
    print(token)
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    expected: dict[str, Any] = {"salt": _salts(arguments), "leeway": arguments.leeway}
    if arguments.leeway < timedelta():
        raise _UsageError("argument --leeway: less than zero")
    if arguments.provider is not None:
        expected["provider"] = arguments.provider
    if arguments.client_id is not None:
        expected["client_id"] = arguments.client_id
    if arguments.scope is not None:
        expected["scope"] = arguments.scope.split()
    print(json.dumps(joat.verify_token(_token(arguments), **expected)))
    return 0


def _inspect(arguments: argparse.Namespace) -> int:
    token = _token(arguments)
    claims = joat.unverified_claims(token)
    header = codec.parse_object(codec.b64decode(token.split(".")[0].encode()), "header")
    print("header")
    for name, value in header.items():
        print(f"  {json.dumps(name)}: {json.dumps(value)}")
    print("claims")
    for name, value in claims.items():
        told = f" ({_tell(name, value)})" if name in ("exp", "nbf", "iat") else ""
        print(f"  {json.dumps(name)}: {json.dumps(value)}{told}")
    print("Nothing was verified: anyone can write such a token.")
    return 0


def _token(arguments: argparse.Namespace) -> str:
    if arguments.token is not None:
        return str(arguments.token)
    try:
        return sys.stdin.read().strip()
    except UnicodeDecodeError:
        return ""


def _salts(arguments: argparse.Namespace) -> list[bytes]:
    if arguments.salt_file is not None:
        try:
            lines = Path(arguments.salt_file).read_bytes().splitlines()
        except OSError as error:
            raise _UsageError(
                f"the salt file cannot be read ({error.strerror})"
            ) from None
    else:
        lines = [os.fsencode(os.environ.get("JOAT_SALT", ""))]
    salts = [line for line in lines if line]
    if not salts:
        raise _UsageError("there is no salt, neither in JOAT_SALT nor by --salt-file")
    return salts


def _tell(name: str, seconds: float) -> str:
    ahead = int(seconds) - int(time.time())
    try:
        moment = datetime(1970, 1, 1) + timedelta(seconds=int(seconds))
        date = f"{moment:%Y-%m-%d %H:%M:%S} UTC, "
    except OverflowError:
        date = ""
    done, coming = {
        "exp": ("expired", "expires"),
        "nbf": ("began", "begins"),
        "iat": ("issued", "issued"),
    }[name]
    size, unit = next(
        (abs(ahead) // size, unit)
        for size, unit in _UNITS
        if abs(ahead) >= size or size == 1
    )
    amount = f"{size} {unit}{'' if size == 1 else 's'}"
    return f"{date}{coming} in {amount}" if ahead > 0 else f"{date}{done} {amount} ago"


if __name__ == "__main__":
    sys.exit(main())
