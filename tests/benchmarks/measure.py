"""Timing: many rounds, with everything that is compared taking its turn in each."""

from __future__ import annotations

import os
from contextlib import contextmanager, redirect_stdout
from timeit import Timer
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Key = TypeVar("Key")


def rounds_of(
    calls: dict[Key, tuple], rounds: int, number: int
) -> dict[Key, list[float]]:
    """Return the microseconds that each call took, one figure a round.

    A call is a function and its arguments. Each runs `number` times in a row in
    every round, so that a busy or slow spell of the machine meets them all; and
    half as often before that, unmeasured, so that the caches that the one before
    it has left are nobody's disadvantage: joat came out 3 % slower, after PyJWT,
    and the floor did not, after joat.
    """
    timers = {key: _timer(*call) for key, call in calls.items()}
    times: dict[Key, list[float]] = {key: [] for key in calls}
    with silence():
        for _ in range(rounds):
            for key, timer in timers.items():
                timer.timeit(number // 2)
                times[key].append(timer.timeit(number) / number * 1e6)
    return times


def least(calls: dict[Key, tuple], rounds: int, number: int) -> dict[Key, float]:
    """Return the least of the rounds for each call, in microseconds."""
    times = rounds_of(calls, rounds, number)
    return {key: min(figures) for key, figures in times.items()}


@contextmanager
def silence() -> Iterator[None]:
    """Keep what the peers print out of the report: webtoken 0.5.0 does."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        yield


def _timer(function: Callable[..., object], *arguments: object) -> Timer:
    # By name: a partial or a lambda would add 0.03 µs to each call.
    names = {f"argument{i}": argument for i, argument in enumerate(arguments)}
    return Timer(f"call({', '.join(names)})", globals={"call": function, **names})
