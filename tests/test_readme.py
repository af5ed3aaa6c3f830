"""The examples of the README, run in their order in one namespace.

Not here: the two commands that install something, which tests/package.py and the
continuous integration run, and the server, which tests/integration runs.
"""

import os
import subprocess
import sys
from pathlib import Path

import examples
from sybil import Region, Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

import joat

README = Path(__file__).parent.parent / "README.md"


def shell_parser(document):
    """Find the blocks of commands, each with what it prints."""
    for block in examples.find(document.text, "sh"):
        yield Region(block.start, block.end, block, run_shell)


def run_shell(example):
    """Run a block with bash."""
    block = example.parsed
    scripts = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.code],
        cwd=example.namespace["directory"],
        env={**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == block.output


def test_examples(tmp_path, monkeypatch):
    monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)
    document = Sybil([PythonCodeBlockParser(), shell_parser]).parse(README)
    document.namespace["directory"] = tmp_path
    server = range(*map(document.text.index, ("## In a server", "## Issuing")))
    evaluated = [
        example
        for example in document.examples()
        if example.start not in server and "pip install" not in str(example.parsed)
    ]
    assert evaluated
    for example in evaluated:
        example.evaluate()
