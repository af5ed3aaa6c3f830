"""The benchmark: joat beside other libraries, on one Python or several.

    python tests/benchmarks [--rounds N] [--beside DIRECTORY] [PYTHON ...]

Each PYTHON is a further interpreter, of an environment with joat, such as
.tox/bench-py311/bin/python; all take turns, round by round. DIRECTORY is a checkout of
an earlier joat, with which each Python compares its own. The figures are medians of the
rounds. The benchmark marks a figure outside its bounds with "!", and ends with status 0
all the same.
"""

import argparse
import json
import os
import sys
from contextlib import ExitStack
from functools import partial
from math import inf
from pathlib import Path
from statistics import median
from subprocess import PIPE, Popen

import hostile
from worker import CLIENT, forms

WORKER = Path(__file__).with_name("worker.py")
STEPS = ("issue", "parse", "authenticate")
# The least and the most that one time may be, divided by another.
RATIOS = {
    **{f"{step} PyJOAT, bytes / {step} before, bytes": (-inf, 1.1) for step in STEPS},
    **{f"{step} PyJOAT / {step} before, bytes": (-inf, 1.12) for step in STEPS},
    "authenticate PyJWT / authenticate PyJOAT": (4.6, inf),
    "parse PyJWT / parse PyJOAT": (5.9, inf),
    "authenticate joserfc / authenticate PyJOAT": (3.0, inf),
    "authenticate PyJOAT / parse PyJOAT": (-inf, 1.35),
    "authenticate PyJOAT / authenticate oxyjwt": (-inf, 2.5),
    "issue PyJWT / issue PyJOAT": (3.5, inf),
}
WAYS = ("hook", "salt=")
CLOCK = [f"{way}/{other}" for way in WAYS for other in ("same", "None", "[]")]
UNBOUNDED = ("hook/same", "salt=/same", "json")  # the controls, and another's time


def main():
    parser = argparse.ArgumentParser(prog="python tests/benchmarks")
    parser.add_argument("--rounds", type=int, default=100, help="(default: 100)")
    parser.add_argument("--beside", metavar="DIRECTORY", help="an earlier joat")
    parser.add_argument("pythons", nargs="*", metavar="PYTHON")
    chosen = parser.parse_args()

    load = f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    pythons = [sys.executable, *chosen.pythons]
    columns = measure(pythons, chosen.rounds, chosen.beside)
    print(f"{load}, median of {chosen.rounds} rounds")
    for python, versions, _ in columns:
        told = (f"{name} {version or 'missing'}" for name, version in versions.items())
        print(f"{python}: {', '.join(told)}")
    libraries = ["before", "before, bytes", "PyJOAT, bytes", *columns[0][1]]
    salts = list(forms(b""))
    heads = ("µs", "/PyJOAT", "/bytes")
    for step in STEPS:
        print_table(columns, step, heads, libraries, partial(compare, step))
    print_table(columns, "one / other", ("ratio",), RATIOS, find_ratio, RATIOS.get)
    title = "a good token, by the form of its salt, / bytes"
    print_table(columns, title, WAYS, salts, compare_forms, form_bounds)
    title = "a forged token of a client with a salt, / with one like it, without any"
    print_table(columns, title, CLOCK, salts, find_clock, clock_bounds)
    title = "65,536 characters, in verifications: json.loads alone, joat how many more"
    heads = ("json", *hostile.ADDITIONS)
    fillings = hostile.FILLINGS
    print_table(columns, title, heads, fillings, find_hostile, lambda _: (-inf, 250))


def measure(pythons, rounds, beside):
    """Return the name, the libraries' versions and the calls' times of each Python."""
    more = [os.path.abspath(beside)] if beside else []
    with ExitStack() as stack:
        pipes = {"stdin": PIPE, "stdout": PIPE, "encoding": "utf-8"}
        workers = [
            stack.enter_context(Popen([python, WORKER, *more], **pipes))
            for python in pythons
        ]
        columns = [(*answer(worker), {}) for worker in workers]
        for _ in range(rounds):
            for worker, (_, _, times) in zip(workers, columns):
                print(file=worker.stdin, flush=True)
                for call, time in answer(worker).items():
                    times.setdefault(call, []).append(time)
    return [
        (name, versions, {call: median(each) for call, each in times.items()})
        for name, versions, times in columns
    ]


def answer(worker):
    line = worker.stdout.readline()
    if not line:
        sys.exit("a worker has ended")  # and said why
    return json.loads(line)


def print_table(columns, title, heads, labels, find, bounds=lambda label: None):
    """Print a row for each label: for each Python, the figures that are found."""
    room, width = max(map(len, labels)), 11 * max(2, len(heads))
    names = "".join(f"{name:>{width}}" for name, _, _ in columns)
    line = "".join(f"{head:>10} " for head in heads)
    print(f"\n{title}\n{'':{room}}{names}")
    print(" " * room + len(columns) * f"{line:>{width}}")
    for label in labels:
        row = f"{label:{room}}"
        least, most = bounds(label) or (-inf, inf)
        for name, _, times in columns:
            cells = ""
            try:
                for head, figure in zip(heads, find(times, label)):
                    free = head in UNBOUNDED or "PyPy" in name
                    mark = " " if free or least <= figure <= most else "!"
                    cells += f"{figure:10.2f}{mark}"
            except KeyError:  # This Python lacks the library, or that cannot do it.
                cells = "- "
            row += f"{cells:>{width}}"
        row += f"  at least {least}" if least > -inf else ""
        row += f"  at most {most}" if most < inf else ""
        print(row)


def compare(step, times, library):
    own, salts = times[f"{step} {library}"], ("PyJOAT", "PyJOAT, bytes")
    return own, *(own / times[f"{step} {salt}"] for salt in salts)


def find_ratio(times, label):
    one, other = label.split(" / ")
    return [times[one] / times[other]]


def compare_forms(times, form):
    return [times[f"{way} {form}"] / times[f"{way} bytes"] for way in WAYS]


def form_bounds(form):
    return -inf, (1.6 if form.startswith("two") else 1.1)


def find_clock(times, form):
    for head in CLOCK:
        way, other = head.split("/")
        yield times[f"{way} {CLIENT}, {form}"] / times[f"{way} {other}, {form}"]


def clock_bounds(form):
    if form.startswith("two"):  # How many salts there are shows.
        return None
    if form in ("bytearray", "memoryview", "not ASCII"):
        return 0.93, 1.07
    return 0.95, 1.05


def find_hostile(times, filling):
    keys = [f"{filling} {addition}" for addition in hostile.ADDITIONS]
    loads = [times[f"json.loads {key}"] for key in keys]
    more = (times[f"hostile {key}"] - load for key, load in zip(keys, loads))
    return [time / times["parse PyJOAT, bytes"] for time in (loads[0], *more)]


if __name__ == "__main__":
    main()
