"""The command line: `joat`, or `python -m joat`."""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn, Optional

import joat
from joat import json_object, jws

# In seconds, from the longest; a year is that of the Gregorian calendar.
_UNITS = {"year": 31_556_952, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
_TIMES = {
    "exp": ("expired", "expires"),
    "nbf": ("began", "begins"),
    "iat": ("issued", "issued"),
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # One line, without what argparse quotes or repeats from the arguments:
        # it may be a token, or a salt in the wrong place.
        told = re.sub(r"""(?s):? ['"].*|(?<=unrecognized arguments).*""", "", message)
        self.exit(2, f"{self.prog}: {told}; see {self.prog} --help\n")


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command line with the arguments `argv`, or with those of the process.

    Returns the exit status: 0, or 1 if a token is refused. Raises `SystemExit`
    with the status 2 for wrong arguments, a missing salt among them.
    """
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except joat.TokenError as error:
        print(f"joat: {error}", file=sys.stderr)
        return 1
    except _UsageError as error:
        arguments.fail(str(error))
    return 0


class _UsageError(Exception):
    """What is wrong with the arguments, or with the salts."""


def _parser() -> _Parser:
    parser = _Parser(
        prog="joat",
        description="Issue and verify signed JWT OAuth 2.0 access tokens.",
        epilog="Example: joat verify --provider me --salt-file salts < token",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(
        run: Callable[[argparse.Namespace], None], does: str, example: str
    ) -> _Parser:
        name = run.__name__.strip("_")
        epilog = f"Example: joat {name} {example}"
        command = commands.add_parser(
            name, help=does, description=does, epilog=epilog, allow_abbrev=False
        )
        command.set_defaults(run=run, fail=command.error)
        return command

    issue = add(
        _issue,
        "print a new token",
        '--provider me --client-id app --user-id 1 --scope "a b" --salt-file salts',
    )
    verify = add(
        _verify,
        "print what a valid token grants, as JSON, or why it is refused",
        "--provider me --scope read --salt-file salts < token",
    )
    inspect = add(_inspect, "show what a token says, without verifying it", "< token")

    for command, needed in (issue, True), (verify, False):
        command.add_argument("--provider", required=needed, help="who issues the token")
        command.add_argument("--client-id", required=needed, help="for which client")
        command.add_argument(
            "--scope", required=needed, help="the permissions, separated by spaces"
        )
        command.add_argument(
            "--salt-file",
            metavar="FILE",
            help="one salt a line, the newest first (default: the environment variable"
            " JOAT_SALT)",
        )
    issue.add_argument("--user-id", required=True, help="for which user")
    issue.add_argument("--jti", help="a name for this token")
    issue.add_argument(
        "--lifetime",
        metavar="SECONDS",
        type=_seconds,
        default=joat.TokenGenerator.default_lifetime,
        help="how long it is valid (default: 3600)",
    )
    verify.add_argument(
        "--leeway",
        metavar="SECONDS",
        type=_seconds,
        default=timedelta(),
        help="how far the issuer's clock may be off (default: 0)",
    )
    for command in verify, inspect:
        command.add_argument(
            "token", metavar="TOKEN", nargs="?", help="(default: standard input)"
        )
    return parser


def _version() -> str:
    try:
        return f"joat {metadata.version('PyJOAT')}"
    except metadata.PackageNotFoundError:
        return "joat, run from its source"


def _seconds(text: str) -> timedelta:
    try:
        return timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError("not a number of seconds") from None


def _issue(arguments: argparse.Namespace) -> None:
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


def _verify(arguments: argparse.Namespace) -> None:
    expected: dict[str, Any] = {"salt": _salts(arguments), "leeway": arguments.leeway}
    if arguments.leeway < timedelta():
        raise _UsageError("argument --leeway: less than zero")
    if arguments.provider is not None:
        expected["provider"] = arguments.provider
    if arguments.client_id is not None:
        expected["client_id"] = arguments.client_id
    if arguments.scope is not None:
        expected["scope"] = arguments.scope.split()
        if not expected["scope"]:
            raise _UsageError("argument --scope: no permission")
    granted: dict[str, Any] = {**joat.verify_token(_token(arguments), **expected)}
    del granted["expires_at"]
    print(json.dumps(granted))


def _inspect(arguments: argparse.Namespace) -> None:
    token = _token(arguments)
    claims = joat.unverified_claims(token)
    header = json_object.parse(jws.b64decode(token.split(".")[0].encode()), "header")
    lines = ["header"]
    lines += [f"  {json.dumps(name)}: {json.dumps(header[name])}" for name in header]
    lines += ["claims"]
    for name, value in claims.items():
        told = f" ({_tell(name, value)})" if name in _TIMES else ""
        lines.append(f"  {json.dumps(name)}: {json.dumps(value)}{told}")
    print(*lines, "Nothing was verified: anyone can write such a token.", sep="\n")


def _token(arguments: argparse.Namespace) -> str:
    if arguments.token is not None:
        return str(arguments.token)
    try:
        return sys.stdin.read().strip()
    except UnicodeDecodeError:
        return ""
    except (AttributeError, OSError):  # AttributeError: sys.stdin is None
        raise _UsageError("there is no standard input to read") from None


def _salts(arguments: argparse.Namespace) -> list[bytes]:
    if arguments.salt_file is None:
        source, text = "JOAT_SALT", os.fsencode(os.environ.get("JOAT_SALT", ""))
    else:
        try:
            source, text = "the salt file", Path(arguments.salt_file).read_bytes()
        except OSError as error:
            reason = f"the salt file cannot be read ({error.strerror})"
            raise _UsageError(reason) from None
    salts = [line for line in text.splitlines() if line]
    if not salts:
        raise _UsageError(f"there is no salt in {source}")
    return salts


def _tell(name: str, seconds: float) -> str:
    ahead = math.ceil(seconds) - int(time.time())
    try:
        moment = datetime(1970, 1, 1) + timedelta(seconds=int(seconds))
        date = f"{moment} UTC, "
    except OverflowError:
        date = ""
    done, coming = _TIMES[name]
    size, unit = next(
        (abs(ahead) // size, unit)
        for unit, size in _UNITS.items()
        if abs(ahead) >= size or size == 1
    )
    amount = f"{size} {unit}{'' if size == 1 else 's'}"
    return f"{date}{coming} in {amount}" if ahead > 0 else f"{date}{done} {amount} ago"


if __name__ == "__main__":
    sys.exit(main())
