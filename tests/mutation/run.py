"""Mutation testing: change the library in one place after the other, and see whether
the tests notice.

    tox -e mutation                 all of joat/, some 15 minutes
    tox -e mutation -- salt jws     these modules only

The changes are those of mutmut, to functions, classes and the constants of a module,
and four of ours: each condition forced either way, each raise, return, del and mere
call left out, each loop skipped, each exception not caught. mutmut's own runner is not
used: it changes functions only, and calls them through another one, which the tests
of warnings and tracebacks see. What stands there for type checkers only is not
changed; nor, by mutmut, are the calls of len and isinstance themselves.

A change that no test notices survives. The run fails for a survivor that is not in
equivalent.txt, which tells why it changes nothing that the library promises, and for
one that is there and does not survive.

Some tests are not run, so that what they alone would notice survives:
test_differential.py and test_properties.py, which draw at random and take long;
test_faults.py, which is about threads and processes; and test_readme.py.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import libcst as cst
import pytest
from mutmut.mutation.file_mutation import MutationVisitor, deep_replace
from mutmut.mutation.mutators import mutation_operators, operator_if_exp
from mutmut.mutation.pragma_handling import IgnoredCode

ROOT = Path(__file__).parents[2]
LEFT_OUT = {"test_differential", "test_properties", "test_faults", "test_readme"}
# These start processes; most changes are noticed before.
SLOW = {"test_json_object", "test_main", "test_package"}
TESTS = sorted(
    (p for p in (ROOT / "tests").glob("test_*.py") if p.stem not in LEFT_OUT),
    key=lambda path: (path.stem in SLOW, path.stem),
)
FIRST = {"__init__": "test_package", "__main__": "test_main"}
# The test that failed last comes first: it may well notice the next change too.
OPTIONS = ["-x", "-q", "--ff", "--tb=no", "-c", str(ROOT / "tox.ini")]
PROCESSES = 2
LIMIT = 120  # seconds for all tests on one mutant
LISTED = Path(__file__).with_name("equivalent.txt")


class Mutant(NamedTuple):
    module: str
    name: str
    source: str


def nothing_instead(node):
    """Leave out a statement; a text alone is a docstring."""
    if not isinstance(getattr(node, "value", None), cst.BaseString):
        yield cst.Pass()


def skip_loop(node):
    yield node.with_changes(iter=cst.Tuple(()))


def catch_nothing(node):
    yield node.with_changes(
        type=cst.Tuple(()), whitespace_after_except=cst.SimpleWhitespace(" ")
    )


OPERATORS = [
    *mutation_operators,
    ((cst.If, cst.CompIf), operator_if_exp),
    ((cst.For, cst.CompFor), skip_loop),
    ((cst.Expr, cst.Raise, cst.Del, cst.Return), nothing_instead),
    (cst.ExceptHandler, catch_nothing),
]


def is_for_type_checkers(node):
    return isinstance(node, cst.Name) and node.value == "TYPE_CHECKING"


class Visitor(MutationVisitor):
    """mutmut's, which leaves out annotations; this one, all for type checkers."""

    def on_visit(self, node):
        if isinstance(node, cst.If) and is_for_type_checkers(node.test):
            if node.orelse:
                node.orelse.visit(self)
            return False
        if isinstance(node, cst.Assign) and is_for_type_checkers(
            node.targets[0].target
        ):
            return False
        return super().on_visit(node)


def scope_of(lines, number):
    """Return the names of the classes and functions around a line, with dots."""
    scope, depth = [], len(lines[number]) - len(lines[number].lstrip())
    for line in reversed(lines[: number + 1]):
        here = len(line) - len(line.lstrip())
        found = re.match(r"\s*(?:class|def) (\w+)", line)
        if found and (here < depth or line is lines[number]):
            scope.insert(0, found[1])
            depth = here
    return ".".join(scope)


def name_of(module, before, after):
    """Return where a mutant differs and how; line numbers would shift."""
    start = end = 0
    while before[start] == after[start]:
        start += 1
    shorter = min(len(before), len(after))
    while before[end - 1] == after[end - 1] and start - end < shorter:
        end -= 1
    scope = f"{module}.{scope_of(before, start)}".rstrip(".")
    old, new = (
        " ".join(
            re.sub("  # .*", "", line.strip())
            for line in lines[start : len(lines) + end]
        )
        for lines in (before, after)
    )
    return f"{scope}: {old} ==> {new}"


def mutants_of(path):
    """Return all different mutants of a module that are Python."""
    source = path.read_text(encoding="utf-8")
    visitor = Visitor(OPERATORS, IgnoredCode(set(), set(), set()))
    module = cst.MetadataWrapper(cst.parse_module(source)).visit(visitor)
    mutants, seen, names = [], {source}, Counter()
    for mutation in visitor.mutations:
        nodes = mutation.original_node, mutation.mutated_node
        changed = deep_replace(module, *nodes).code
        if changed in seen:
            continue
        seen.add(changed)
        try:
            compile(changed, path.name, "exec", dont_inherit=True)
        except SyntaxError:
            continue
        name = name_of(path.stem, source.splitlines(), changed.splitlines())
        names[name] += 1
        if names[name] > 1:
            name += f" ({names[name]})"
        mutants.append(Mutant(path.stem, name, changed))
    return mutants


def tests_for(module):
    """Return the test files, those of the module first."""
    first = FIRST.get(module, f"test_{module}")
    return sorted(TESTS, key=lambda path: path.stem != first)


def start(mutant, directory):
    """Run the tests on a mutant in a new process; its exit status says if they pass."""
    package = directory / "joat"
    shutil.copytree(directory.parent / "joat", package)
    (package / f"{mutant.module}.py").write_text(mutant.source, encoding="utf-8")
    process = os.fork()
    if process:
        return process
    try:
        os.setsid()
        signal.alarm(LIMIT)
        with open(directory / "log", "w") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        # In the first place, for this process and for those that tests start.
        os.chdir(directory)
        sys.path.insert(0, str(directory))
        os.environ["PYTHONPATH"] = str(directory)
        places = [
            f"--basetemp={directory / 'tmp'}",
            f"--override-ini=cache_dir={directory.parent / 'cache'}",
        ]
        for path in tests_for(mutant.module):
            if pytest.main([*OPTIONS, *places, str(path)]):
                os._exit(1)
        os._exit(0)
    finally:
        os._exit(1)


def outcomes(mutants, directory):
    """Yield each mutant with what became of it: killed, survived or timed out."""
    waiting, running = list(enumerate(mutants))[::-1], {}
    while waiting or running:
        while waiting and len(running) < PROCESSES:
            number, mutant = waiting.pop()
            place = directory / str(number)
            running[start(mutant, place)] = mutant, place
        process, status = os.wait()
        mutant, place = running.pop(process)
        with suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)  # what the tests have started
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
            yield mutant, "timed out"
        else:
            yield mutant, "killed" if status else "survived"
        shutil.rmtree(place)


def equivalents():
    """Return the mutants that are listed; a reason stands, indented, below its own."""
    lines = LISTED.read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith(("#", " "))}


def main(modules):
    begun = time.monotonic()
    paths = [
        path
        for path in sorted((ROOT / "joat").glob("*.py"))
        if not modules or path.stem in modules
    ]
    mutants = [mutant for path in paths for mutant in mutants_of(path)]
    listed = {
        name
        for name in equivalents()
        if name.partition(".")[0].partition(":")[0] in {path.stem for path in paths}
    }
    with tempfile.TemporaryDirectory() as temporary:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "joat", Path(temporary, "joat"), ignore=ignored)
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        with redirect_stdout(StringIO()):
            pytest.main([temporary])  # It loads what each process needs.
        unchanged = Mutant("salt", "", (ROOT / "joat" / "salt.py").read_text())
        [(_, outcome)] = outcomes([unchanged], Path(temporary))
        if outcome != "survived":
            sys.exit("the tests fail on the library as it is")

        counts, survivors = Counter(), set()
        print(len(mutants), "mutants")
        for mutant, outcome in outcomes(mutants, Path(temporary)):
            counts[outcome] += 1
            if outcome == "survived":
                survivors.add(mutant.name)
            if outcome != "killed" and mutant.name not in listed:
                print(f"{outcome}: {mutant.name}", flush=True)

    for name in sorted(listed - survivors):
        print("listed, but does not survive:", name)
    told = ", ".join(
        f"{counts[outcome]} {outcome}"
        for outcome in ("killed", "survived", "timed out")
    )
    print(f"{told}; {len(listed)} equivalent, {time.monotonic() - begun:.0f} seconds")
    return int(survivors != listed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
