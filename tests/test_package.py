"""The package as a whole: its names, and what importing it does."""

from __future__ import annotations

import importlib
import inspect
import pydoc
import shutil
import subprocess
import sys
import typing
from importlib import metadata
from pathlib import Path

import pytest
from helpers import TOKEN

import joat

PACKAGE = Path(joat.__file__).parent
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py"))
PUBLIC = {
    "Credentials",
    "ExpiredToken",
    "InsufficientScope",
    "InvalidClaim",
    "InvalidRequest",
    "InvalidSignature",
    "MalformedToken",
    "MissingToken",
    "NotYetValid",
    "Salt",
    "SaltGenerator",
    "TokenError",
    "TokenGenerator",
    "VerifiedCredentials",
    "WeakSaltWarning",
    "authenticate",
    "bearer_token",
    "parse_token",
    "salt_generator",
    "timestamp",
    "unverified_claims",
    "verify_token",
}


def test_public_names():
    assert set(joat.__all__) == PUBLIC
    assert joat.__all__ == sorted(joat.__all__)
    starred = {}
    exec("from joat import *", starred)
    assert set(starred) >= PUBLIC


ALIASES = {"Salt", "SaltGenerator"}


@pytest.mark.parametrize("name", sorted(PUBLIC - ALIASES - {"salt_generator"}))
def test_public_names_are_described(name):
    assert inspect.getdoc(getattr(joat, name))


FUNCTIONS = {
    f"{function.__module__}.{name}": function
    for module in MODULES
    for name, function in inspect.getmembers(
        importlib.import_module(f"joat.{module}"), inspect.isfunction
    )
    # Python 3.14 makes functions of its own that tell the annotations of a class.
    if function.__module__.startswith("joat.") and name != "__annotate__"
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_annotations_of_functions_resolve(function):
    names = set(inspect.signature(function).parameters)
    assert set(typing.get_type_hints(function)) == names | {"return"}


@pytest.mark.parametrize("name", sorted(PUBLIC - ALIASES - {"salt_generator"}))
def test_annotations_of_classes_and_their_methods_resolve(name):
    public = getattr(joat, name)
    if inspect.isclass(public):
        assert typing.get_type_hints(public) is not None
        methods = dict(inspect.getmembers(public, inspect.isfunction))
        for method in methods.keys() - {"__annotate__", "__annotate_func__"}:
            # On PyPy those of object are functions, too.
            if methods[method].__module__.startswith("joat."):
                assert "return" in typing.get_type_hints(methods[method])


def test_credentials_show_their_keys():
    shown = pydoc.render_doc(joat.Credentials)
    keys = {"provider", "client_id", "user_id", "authorized_scope", "jti"}
    assert all(f"`{key}`" in shown for key in keys)
    assert set(typing.get_type_hints(joat.Credentials)) == keys
    assert "`expires_at`" in pydoc.render_doc(joat.VerifiedCredentials)
    assert set(typing.get_type_hints(joat.VerifiedCredentials)) == keys | {"expires_at"}


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_described(module):
    name = "joat" if module == "__init__" else f"joat.{module}"
    assert importlib.import_module(name).__doc__


def test_is_typed():
    assert (PACKAGE / "py.typed").read_bytes() == b""


def test_metadata():
    distribution = metadata.distribution("PyJOAT")
    assert distribution.version == "2.0.0"
    assert distribution.requires is None
    assert distribution.metadata["Requires-Python"] == ">=3.9"


def python(code, *options, directory):
    """Run code that finds nothing but the standard library and `directory`."""
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", *options, "-c", code],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stderr == ""
    assert ran.returncode == 0
    return ran.stdout


@pytest.fixture
def alone(tmp_path):
    """Copy the package to a directory that holds nothing else."""
    shutil.copytree(PACKAGE, tmp_path / "joat")
    return tmp_path


def test_imports_the_standard_library_only(alone):
    names = ["joat" if name == "__init__" else f"joat.{name}" for name in MODULES]
    code = (
        f"import importlib, sys; sys.path.insert(0, {str(alone)!r})\n"
        f"for name in {names!r}:\n"
        "    print(importlib.import_module(name).__name__)"
    )
    assert python(code, directory=alone).split() == names


def test_works_without_assertions_and_docstrings(alone):
    code = (
        f"import sys; sys.path.insert(0, {str(alone)!r}); import joat\n"
        f"print(joat.unverified_claims({TOKEN!r})['sub'])"
    )
    assert python(code, "-OO", directory=alone) == "user-marker\n"


def test_import_has_no_side_effects(alone):
    code = f"""if True:
        import json, logging, os, random, signal, sys, threading, warnings
        sys.path.insert(0, {str(alone)!r})

        def state():
            return (
                list(warnings.filters),
                dict(os.environ),
                os.getcwd(),
                sys.path[:],
                sys.getrecursionlimit(),
                [signal.getsignal(number) for number in signal.valid_signals()],
                threading.enumerate(),
                logging.root.handlers[:],
                list(logging.root.manager.loggerDict),
                random.getstate(),
                (sys.excepthook, sys.displayhook, sys.meta_path[:]),
            )

        before = state()
        import joat
        print(state() == before)
    """
    assert python(code, directory=alone) == "True\n"


def test_reload_keeps_the_classes(monkeypatch):
    monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)
    before = {name: getattr(joat, name) for name in PUBLIC - {"salt_generator"}}
    assert importlib.reload(joat) is joat
    assert {name: getattr(joat, name) for name in before} == before
