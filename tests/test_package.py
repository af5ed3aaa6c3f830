"""The package as a whole: its names, and what importing it does."""

import importlib
import inspect
import pydoc
import shutil
import subprocess
import sys
import typing
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest
from helpers import TOKEN

import joat

PACKAGE = Path(joat.__file__).parent
NAMES = sorted(path.stem for path in PACKAGE.glob("*.py"))
MODULES = ["joat" if name == "__init__" else f"joat.{name}" for name in NAMES]
# The three that are no classes or functions of ours have no docstrings.
DESCRIBED = sorted({*joat.__all__} - {"Salt", "SaltGenerator", "salt_generator"})


def test_public_names():
    assert joat.__all__ == sorted(joat.__all__)
    names = {
        name
        for name, value in vars(joat).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert names == {*joat.__all__, "unset"}
    exec("from joat import *", {})


def test_public_names_and_modules_are_described():
    for name in DESCRIBED:
        assert inspect.getdoc(getattr(joat, name)), name
    for module in MODULES:
        assert importlib.import_module(module).__doc__, module


def functions_of(place):
    """Return the functions and methods of a module or class that joat defines."""
    return [
        function
        for name, function in inspect.getmembers(place, inspect.isfunction)
        # Python 3.14 makes some that tell annotations; on PyPy object has some, too.
        if name not in ("__annotate__", "__annotate_func__")
        and (function.__module__ or "").startswith("joat.")
    ]


def test_annotations_resolve():
    for module in map(importlib.import_module, MODULES):
        for function in functions_of(module):
            parameters = inspect.signature(function).parameters
            assert typing.get_type_hints(function).keys() == {*parameters, "return"}
    for name in DESCRIBED:
        public = getattr(joat, name)
        assert typing.get_type_hints(public) is not None
        for method in functions_of(public) if inspect.isclass(public) else ():
            assert "return" in typing.get_type_hints(method)


def test_credentials_show_their_keys():
    keys = {"provider", "client_id", "user_id", "authorized_scope", "jti"}
    shown = pydoc.render_doc(joat.Credentials)
    assert all(f"`{key}`" in shown for key in keys)
    assert typing.get_type_hints(joat.Credentials).keys() == keys
    assert joat.Credentials.__optional_keys__ == {"jti"}
    assert "`expires_at`" in pydoc.render_doc(joat.VerifiedCredentials)
    hints = typing.get_type_hints(joat.VerifiedCredentials)
    assert hints.keys() == keys | {"expires_at"}


def test_is_typed():
    assert (PACKAGE / "py.typed").read_bytes() == b""


def test_metadata():
    distribution = metadata.distribution("PyJOAT")
    assert distribution.version == "2.0.0"
    assert distribution.requires is None
    assert distribution.metadata["Requires-Python"] == ">=3.9"


@pytest.fixture
def python(tmp_path):
    """Return a function that runs code with nothing but the standard library and us."""
    shutil.copytree(PACKAGE, tmp_path / "joat")

    def run(code, *options):
        path = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        ran = subprocess.run(
            [sys.executable, "-I", "-S", "-W", "error", *options, "-c", path + code],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        return ran.stdout

    return run


@pytest.mark.parametrize("options", [(), ("-OO",)], ids=repr)
def test_needs_nothing_else_nor_assertions_and_docstrings(python, options):
    code = f"import {', '.join(MODULES)}; print(joat.unverified_claims({TOKEN!r}))"
    assert python(code, *options) == f"{joat.unverified_claims(TOKEN)}\n"


def test_import_has_no_side_effects(python):
    code = """if True:
        import json, logging, os, random, signal, threading, warnings

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
    assert python(code) == "True\n"


def test_reload_keeps_the_classes(monkeypatch):
    monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)
    before = [getattr(joat, name) for name in DESCRIBED]
    assert importlib.reload(joat) is joat
    assert [getattr(joat, name) for name in DESCRIBED] == before
