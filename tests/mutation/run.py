"""Mutation testing: change the library in one place after the other, and see whether
the tests notice.

    tox -e mutation                 all of joat/, some 30 minutes
    tox -e mutation -- salt jws     these modules only

The changes are those of mutmut, to functions, classes and the constants of a module,
and four of ours: each condition forced either way, each raise, return, del and mere
call left out, each loop skipped, each exception not caught. mutmut's own runner is not
used: it changes functions only, and calls them through another one, which the tests
of warnings and tracebacks see. Nor does it change the calls of len and isinstance
themselves.

A change that no test notices survives. The run fails for a survivor that is not in
equivalent.txt, which tells why it changes nothing that the library promises, and for
one that is there and does not survive. LEFT_OUT are not run: what draws at random or
takes long, what is about threads and processes, and the README's examples.
"""

import ast
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, namedtuple
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from difflib import unified_diff
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired

import libcst as cst
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
LIMIT = 120  # seconds for one file of tests
LISTED = Path(__file__).with_name("equivalent.txt")

Mutant = namedtuple("Mutant", "module name source")


def nothing_instead(node):
    """Leave out a statement; a text alone is a docstring."""
    if not isinstance(getattr(node, "value", None), cst.BaseString):
        yield cst.Pass()


def skip_loop(node):
    yield node.with_changes(iter=cst.Tuple(()))


def catch_nothing(node):
    space = cst.SimpleWhitespace(" ")
    yield node.with_changes(type=cst.Tuple(()), whitespace_after_except=space)


OPERATORS = [
    *mutation_operators,
    ((cst.If, cst.CompIf), operator_if_exp),
    ((cst.For, cst.CompFor), skip_loop),
    ((cst.Expr, cst.Raise, cst.Del, cst.Return), nothing_instead),
    (cst.ExceptHandler, catch_nothing),
]


def name_of(module, before, after):
    """Return where a mutant differs and how; line numbers would shift."""
    # A header of three lines, the last of which tells the first line that differs.
    _, _, where, *changes = unified_diff(before.splitlines(), after.splitlines(), n=0)
    line = int(re.search(r"\d+", where)[0])
    scope = [
        node.name
        for node in ast.walk(ast.parse(before))
        if isinstance(node, (ast.ClassDef, ast.FunctionDef))
        and node.lineno <= line <= node.end_lineno
    ]
    old, new = (
        " ".join(re.sub("  # .*", "", c[1:].strip()) for c in changes if c[0] == sign)
        for sign in "-+"
    )
    return f"{'.'.join([module, *scope])}: {old} ==> {new}"


def mutants_of(path):
    """Return all different mutants of a module that are Python."""
    source = path.read_text(encoding="utf-8")
    visitor = MutationVisitor(OPERATORS, IgnoredCode(set(), set(), set()))
    module = cst.MetadataWrapper(cst.parse_module(source)).visit(visitor)
    mutants, names = {source: None}, Counter()
    for mutation in visitor.mutations:
        old, new = mutation.original_node, mutation.mutated_node
        changed = deep_replace(module, old, new).code
        if changed in mutants:
            continue
        with suppress(SyntaxError):
            compile(changed, path.name, "exec", dont_inherit=True)
            name = name_of(path.stem, source, changed)
            names[name] += 1
            if names[name] > 1:
                name += f" ({names[name]})"
            mutants[changed] = Mutant(path.stem, name, changed)
    return [mutant for mutant in mutants.values() if mutant]


def outcome(mutant, directory):
    """Run the tests, those of the module first; return what became of the mutant."""
    first = FIRST.get(mutant.module, f"test_{mutant.module}")
    with tempfile.TemporaryDirectory(dir=directory) as place:
        package = shutil.copytree(directory / "joat", Path(place, "joat"))
        (package / f"{mutant.module}.py").write_text(mutant.source, "utf-8")
        # In the first place, for this process and for those that tests start.
        environment = {**os.environ, "PYTHONPATH": place}
        for path in sorted(TESTS, key=lambda path: path.stem != first):
            command = [sys.executable, "-m", "pytest", *OPTIONS, path]
            command.append(f"--override-ini=cache_dir={directory / 'cache'}")
            command.append(f"--basetemp={place}/tmp")
            silent = {"stdout": DEVNULL, "stderr": DEVNULL, "start_new_session": True}
            process = Popen(command, cwd=place, env=environment, **silent)
            try:
                if process.wait(LIMIT):
                    return "killed"
            except TimeoutExpired:
                return "timed out"
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # and what tests started
                process.wait()
    return "survived"


def main(chosen):
    begun = time.monotonic()
    paths = sorted((ROOT / "joat").glob("*.py"))
    paths = [path for path in paths if not chosen or path.stem in chosen]
    mutants = [mutant for path in paths for mutant in mutants_of(path)]
    modules = {path.stem for path in paths}
    # All other lines are reasons, and begin with a space.
    lines = LISTED.read_text(encoding="utf-8").splitlines()
    listed = {line for line in lines if re.split("[.:]", line)[0] in modules}
    with tempfile.TemporaryDirectory() as temporary:
        run = partial(outcome, directory=Path(temporary))
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "joat", Path(temporary, "joat"), ignore=ignored)
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        unchanged = (ROOT / "joat" / "salt.py").read_text("utf-8")
        if run(Mutant("salt", "", unchanged)) != "survived":
            sys.exit("the tests fail on the library as it is")

        print(len(mutants), "mutants")
        counts, survivors = Counter(), set()
        with ThreadPoolExecutor(PROCESSES) as pool:
            for mutant, result in zip(mutants, pool.map(run, mutants)):
                counts[result] += 1
                if result == "survived":
                    survivors.add(mutant.name)
                if result != "killed" and mutant.name not in listed:
                    print(f"{result}: {mutant.name}", flush=True)

    for name in sorted(listed - survivors):
        print("listed, but does not survive:", name)
    told = [f"{counts[name]} {name}" for name in ("killed", "survived", "timed out")]
    print(*told, f"{len(listed)} equivalent", sep=", ", end="; ")
    print(f"{time.monotonic() - begun:.0f} seconds")
    return int(survivors != listed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
