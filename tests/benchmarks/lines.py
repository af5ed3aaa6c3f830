"""What the table does not show: a line or a few on each question.

Every function returns the text to print.
"""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from hmac import digest
from multiprocessing import get_context
from statistics import median
from typing import TYPE_CHECKING

import floor
import hostile
import peers
from common import CLIENT, SECRET, USER, require
from measure import least, rounds_of

import joat

if TYPE_CHECKING:
    from collections.abc import Callable

_IMPORTS = {
    "nothing": "pass",
    "primitives": "import json, hmac, base64, datetime",
    "joat": "import joat",
    "PyJWT": "import jwt",
}
_LENGTHS = (200, 800, 3_200, 12_800, 51_200, hostile.LIMIT)
_SALTS = (1, 2, 4, 8)
_SECONDS = 0.5  # of one measurement of the throughput

_ours = peers.ours()  # sets joat.salt_generator, in each process of the last line too


def imports(rounds: int) -> str:
    # Isolated, so that the installed joat is imported, with its compiled files.
    runs = {
        name: (partial(subprocess.run, check=True), [sys.executable, "-Ic", code])
        for name, code in _IMPORTS.items()
    }
    times = rounds_of(runs, rounds, 1)

    def more(name: str, base: str) -> str:
        pairs = zip(times[name], times[base])
        return f"{median(one - other for one, other in pairs) / 1000:.1f}"

    # Of two in the same round: the machine may be now fast, now slow.
    return (
        f"import, ms, medians of {rounds} rounds: an empty interpreter"
        f" {median(times['nothing']) / 1000:.1f}; more for json, hmac, base64 and"
        f" datetime {more('primitives', 'nothing')}, joat {more('joat', 'nothing')},"
        f" PyJWT {more('PyJWT', 'nothing')}; joat over the four"
        f" {more('joat', 'primitives')}, PyJWT over the four"
        f" {more('PyJWT', 'primitives')}"
    )


def growth(rounds: int) -> str:
    generator = joat.TokenGenerator("me", CLIENT)
    calls = {}
    for length in _LENGTHS:
        issue = partial(generator.issue_token, user_id=USER, scope=_scope(length))
        token = issue()
        require(len(token) == length, f"a token of {length} characters")
        calls[length, "issue"] = (issue,)
        calls[length, "verify"] = (joat.parse_token, token)
    calls["over"] = (joat.parse_token, "A" * (hostile.LIMIT + 1))
    calls["far over"] = (joat.parse_token, "A" * hostile.MEGABYTE)
    times = least(calls, rounds, number=10)
    figures = "; ".join(
        f"{length:,}: {times[length, 'issue']:.1f} / {times[length, 'verify']:.1f}"
        for length in _LENGTHS
    )
    shortest = times[_LENGTHS[0], "verify"]
    slopes = ", ".join(
        f"{(times[length, 'verify'] - shortest) / (length - _LENGTHS[0]) * 1000:.1f}"
        for length in _LENGTHS[1:]
    )
    return (
        f"growth, issue / verify in µs by characters: {figures}\n"
        f"  verify, ns for each character beyond {_LENGTHS[0]}: {slopes}\n"
        f"  refusal of {hostile.LIMIT + 1:,} characters {times['over']:.2f} µs,"
        f" of {hostile.MEGABYTE:,} {times['far over']:.2f} µs"
    )


def rotation(rounds: int) -> str:
    token = _ours.issue()
    others = [bytes([i]) * len(SECRET) for i in range(max(_SALTS))]
    calls = {}
    for count in _SALTS:
        salts = [*others[: count - 1], SECRET]
        verify = partial(joat.verify_token, salt=salts)
        require(verify(token)["user_id"] == USER, "the last salt to fit")
        calls[count] = (verify, token)
    calls["HMAC"] = (digest, SECRET, token.rpartition(".")[0].encode(), "sha256")
    times = least(calls, rounds, number=200)
    figures = ", ".join(f"{count}: {times[count]:.1f}" for count in _SALTS)
    each = (times[_SALTS[-1]] - times[1]) / (_SALTS[-1] - 1)
    return (
        f"rotation, verify in µs by salts, the last one fitting: {figures}; each"
        f" further salt {each:.2f}, one hmac.digest {times['HMAC']:.2f}"
    )


def hostility(rounds: int) -> str:
    figures = []
    for name, tokens in hostile.tokens().items():
        for token in tokens:
            require(joat.parse_token(token) is None, "every hostile token refused")
        calls = {i: (joat.parse_token, token) for i, token in enumerate(tokens)}
        times = rounds_of(calls, rounds, number=1).values()
        costly = max(times, key=min)
        figures.append(f"{name} {min(costly) / 1000:.2f} / {max(costly) / 1000:.2f}")
    return (
        "hostile input at the size limit, ms for the worst of each kind, least /"
        f" most of {rounds} rounds:\n  " + "; ".join(figures)
    )


def processes(rounds: int) -> str:
    # The floor tells what the machine has to give: its processors may be busy.
    rates: dict[tuple[str, int], list[float]] = {
        (who, count): [] for who in ("joat", "floor") for count in (1, 2)
    }
    for _ in range(rounds):
        for count in (1, 2):
            with get_context("spawn").Pool(count) as pool:
                # All at once, when each has started and imported its modules.
                begin = time.time() + 0.8
                each = pool.map(_rates, [begin] * count, chunksize=1)
            for who, some in zip(("joat", "floor"), zip(*each)):
                rates[who, count].append(sum(some))

    def more(who: str) -> str:
        pairs = zip(rates[who, 2], rates[who, 1])
        return f"{median(two / one for two, one in pairs):.2f}"

    return (
        f"throughput, verifications a second, medians of {rounds} rounds: 1 process"
        f" {median(rates['joat', 1]):,.0f}, 2 processes"
        f" {median(rates['joat', 2]):,.0f}, {more('joat')} times as many (the floor:"
        f" {more('floor')} times)"
    )


def _rates(begin: float) -> tuple[float, float]:
    token = _ours.issue()
    return (
        _rate(_ours.verify, token, begin),
        _rate(floor.verify, token, begin + _SECONDS + 0.1),
    )


def _rate(verify: Callable[[str], object], token: str, begin: float) -> float:
    require(time.time() < begin, "a process to start within 0.8 seconds")
    time.sleep(begin - time.time())
    done = 0
    while (now := time.time()) < begin + _SECONDS:
        for _ in range(1000):
            verify(token)
        done += 1000
    return done / (now - begin)


def _scope(length: int) -> list[str]:
    generator = joat.TokenGenerator("me", CLIENT)
    shortest = len(generator.issue_token(user_id=USER, scope=[""]))
    # Four characters hold three bytes, and a permission, its quotes and comma
    # take eleven.
    count, rest = divmod((length - shortest) * 3 // 4, 11)
    return ["x" * rest, *["read:all"] * count]
