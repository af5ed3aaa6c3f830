"""Timing: many rounds, with everything that is compared taking its turn in each."""

import os
from contextlib import contextmanager, redirect_stdout
from timeit import Timer


def rounds_of(calls, rounds, number):
    """Return the microseconds that each call took, one figure a round.

    A call is a function and its arguments. Each runs `number` times in a row in
    every round, so that a busy or slow spell of the machine meets them all; and
    half as often before that, unmeasured, so that the caches that the one before
    it has left are nobody's disadvantage: joat came out 3 % slower, after PyJWT,
    and the floor did not, after joat.
    """
    timers = {key: _timer(*call) for key, call in calls.items()}
    times = {key: [] for key in calls}
    with silence():
        for _ in range(rounds):
            for key, timer in timers.items():
                timer.timeit(number // 2)
                times[key].append(timer.timeit(number) / number * 1e6)
    return times


def least(calls, rounds, number):
    """Return the least of the rounds for each call, in microseconds."""
    times = rounds_of(calls, rounds, number)
    return {key: min(figures) for key, figures in times.items()}


@contextmanager
def silence():
    """Keep what the peers print out of the report: webtoken 0.5.0 does."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        yield


def _timer(function, *arguments):
    # By name: a partial or a lambda would add 0.03 µs to each call.
    names = {f"argument{i}": argument for i, argument in enumerate(arguments)}
    return Timer(f"call({', '.join(names)})", globals={"call": function, **names})
