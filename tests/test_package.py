"""The package as a whole: its names, and what it needs."""

import importlib
import inspect
import re
import shutil
import subprocess
import sys
import typing
from importlib import metadata
from pathlib import Path

import pytest
from helpers import TOKEN

import joat

ROOT = Path(__file__).parent.parent
PACKAGE = Path(joat.__file__).parent
NAMES = sorted(path.stem for path in PACKAGE.glob("*.py"))
MODULES = ["joat" if name == "__init__" else f"joat.{name}" for name in NAMES]
# The three that are no classes or functions of ours have no docstrings.
DESCRIBED = sorted({*joat.__all__} - {"Salt", "SaltGenerator", "salt_generator"})

needs_docstrings = pytest.mark.skipif(
    sys.flags.optimize > 1, reason="Python drops docstrings with -OO"
)


def test_public_names():
    modules = {name for name, value in vars(joat).items() if inspect.ismodule(value)}
    names = {name for name in vars(joat) if not name.startswith("_")}
    assert names - modules == {*joat.__all__}


@needs_docstrings
def test_public_names_and_modules_are_described():
    for name in DESCRIBED:
        assert inspect.getdoc(getattr(joat, name)), name
    for module in MODULES:
        assert importlib.import_module(module).__doc__, module


def test_annotations_resolve():
    for public in (getattr(joat, name) for name in DESCRIBED):
        typing.get_type_hints(public)
        for method in filter(inspect.isfunction, vars(public).values()):
            typing.get_type_hints(method)


@needs_docstrings
def test_credentials_describe_their_keys():
    keys = {"provider", "client_id", "user_id", "authorized_scope", "jti"}
    for kind, own in (
        (joat.Credentials, keys),
        (joat.VerifiedCredentials, {"expires_at"}),
    ):
        assert all(f"`{key}`" in kind.__doc__ for key in own)
        assert typing.get_type_hints(kind).keys() == keys | own
        assert kind.__optional_keys__ == {"jti"}


def test_metadata():
    assert (PACKAGE / "py.typed").read_bytes() == b""
    distribution = metadata.distribution("PyJOAT")
    assert distribution.version == joat.__version__
    assert distribution.requires is None
    assert distribution.metadata["Requires-Python"] == ">=3.9"


@pytest.mark.parametrize("options", [(), ("-OO",)], ids=["plain", "OO"])
def test_needs_nothing_else_nor_assertions_and_docstrings(tmp_path, options):
    shutil.copytree(PACKAGE, tmp_path / "joat")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    code += f"import {', '.join(MODULES)}; print(joat.unverified_claims({TOKEN!r}))"
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", *options, "-c", code],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"{joat.unverified_claims(TOKEN)}\n"


def test_continuous_integration_runs_documented_commands():
    """Each job runs a command of a README, for an environment that tox has."""
    ci, tox, *readmes = (
        (ROOT / name).read_text(encoding="utf-8")
        for name in (
            ".github/workflows/ci.yml",
            "tox.ini",
            "README.md",
            "tests/README.md",
        )
    )
    commands = {line for readme in readmes for line in readme.splitlines()}
    assert {*re.findall("run: (.+)", ci)} <= commands
    chosen = re.findall(r"tox: ([\w-]+) ", ci)
    assert len(chosen) == ci.count("- { os: ")
    for name in chosen:
        assert f"[testenv:{name}]" in tox or re.fullmatch(r"py(py)?3\d+t?", name)
