"""The benchmark: joat beside other libraries, on one Python or several.

    python tests/benchmarks [--rounds N] [PYTHON ...]

Each PYTHON is a further interpreter, of an environment with joat, such as
.tox/bench-py311/bin/python; all take turns, round by round. The figures are the least
of the rounds. It reports, and asserts nothing about time.
"""

import argparse
import json
import os
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from subprocess import PIPE, Popen

import hostile
from worker import LENGTHS

WORKER = Path(__file__).with_name("worker.py")


def main():
    parser = argparse.ArgumentParser(prog="python tests/benchmarks")
    parser.add_argument("--rounds", type=int, default=100, help="(default: 100)")
    parser.add_argument("pythons", nargs="*", metavar="PYTHON")
    chosen = parser.parse_args()

    load = f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    columns = measure([sys.executable, *chosen.pythons], chosen.rounds)
    print(f"{load}, least of {chosen.rounds} rounds")
    for python, versions, _ in columns:
        told = (f"{name} {version or 'missing'}" for name, version in versions.items())
        print(f"{python}: {', '.join(told)}")

    show = partial(print_table, columns)
    libraries = ["PyJOAT, str salt", *columns[0][1]]
    heads = ("µs", "/PyJOAT", "/parse")
    for step in "issue", "parse", "authenticate":
        show(step, heads, libraries, partial(compare, step))
    show(
        "the clock: known and unknown client, forged, by characters; good and revoked"
        " jti, forged; first and last of three salts, valid",
        ("µs", "other", "more"),
        [*(f"client, {length}" for length in LENGTHS), "jti", "salts"],
        find_pair,
    )
    title = "65,536 characters, in verifications: json.loads alone, joat how many more"
    show(title, ("json", *hostile.ADDITIONS), hostile.FILLINGS, find_hostile)


def measure(pythons, rounds):
    """Return the name, the libraries' versions and the calls' times of each Python."""
    with ExitStack() as stack:
        pipes = {"stdin": PIPE, "stdout": PIPE, "encoding": "utf-8"}
        workers = [
            stack.enter_context(Popen([python, WORKER], **pipes)) for python in pythons
        ]
        columns = [(*answer(worker), {}) for worker in workers]
        for _ in range(rounds):
            for worker, (_, _, least) in zip(workers, columns):
                print(file=worker.stdin, flush=True)
                for call, time in answer(worker).items():
                    least[call] = min(time, least.get(call, time))
    return columns


def answer(worker):
    line = worker.stdout.readline()
    if not line:
        sys.exit("a worker has ended")  # and said why
    return json.loads(line)


def print_table(columns, title, heads, labels, find):
    """Print a row for each label: for each Python, the figures that are found."""
    width = 9 * len(heads) + 2
    print(f"\n{title}\n{'':16}" + "".join(f"{name:>{width}}" for name, _, _ in columns))
    print(" " * 16 + len(columns) * ("  " + "".join(f"{head:>9}" for head in heads)))
    for label in labels:
        row = f"{label:16}"
        for _, _, times in columns:
            try:
                cells = "".join(f"{figure:9.2f}" for figure in find(times, label))
            except KeyError:  # This Python lacks the library, or that cannot do it.
                cells = "-"
            row += f"{cells:>{width}}"
        print(row)


def compare(step, times, library):
    own = times[f"{step} {library}"]
    others = f"{step} PyJOAT", f"parse {library}"
    return own, *(own / times[other] for other in others)


def find_pair(times, key):
    one, other = times[f"{key}, one"], times[f"{key}, other"]
    return one, other, other - one


def find_hostile(times, filling):
    keys = [f"{filling} {addition}" for addition in hostile.ADDITIONS]
    loads = [times[f"json.loads {key}"] for key in keys]
    more = (times[f"hostile {key}"] - load for key, load in zip(keys, loads))
    return [time / times["parse PyJOAT"] for time in (loads[0], *more)]


if __name__ == "__main__":
    main()
