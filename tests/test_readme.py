"""The examples of the README, run in their order in one namespace.

Not here: the two commands that install something, which tests/package.py and the
continuous integration run, and the server, which tests/integration runs.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import examples
import pytest
from sybil import Region, Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

import joat

README = Path(__file__).parent.parent / "README.md"
BASH = shutil.which("bash")


def has_bash():
    """Tell whether bash runs: that of Windows is there before any system for it is."""
    command = [BASH, "-c", "exit 7"]
    return BASH and subprocess.run(command, capture_output=True).returncode == 7


def shell_parser(document):
    """Find the blocks of commands, each with what it prints."""
    for block in examples.find(document.text, "sh"):
        yield Region(block.start, block.end, block, run_shell)


def run_shell(example):
    """Run a block with bash."""
    block = example.parsed
    scripts = Path(sys.executable).parent
    done = subprocess.run(
        [BASH, "-euo", "pipefail", "-c", block.code],
        cwd=example.namespace["directory"],
        env={**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == block.output


def run_examples(parser, directory):
    document = Sybil([parser]).parse(README)
    document.namespace["directory"] = directory
    server = range(*map(document.text.index, ("## In a server", "## Issuing")))
    evaluated = [
        example
        for example in document.examples()
        if example.start not in server and "pip install" not in str(example.parsed)
    ]
    assert evaluated
    for example in evaluated:
        example.evaluate()


def test_python_examples(tmp_path, monkeypatch):
    monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)
    run_examples(PythonCodeBlockParser(), tmp_path)


@pytest.mark.skipif(not has_bash(), reason="there is no bash")
def test_shell_examples(tmp_path):
    run_examples(shell_parser, tmp_path)
