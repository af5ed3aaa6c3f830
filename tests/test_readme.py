"""The examples of the README, run in their order in one namespace.

Not here: the two commands that install something, which tests/package.py and the
continuous integration run, and the server, which tests/integration runs.
"""

import os
import subprocess
import sys
from pathlib import Path

from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

import joat

README = Path(__file__).parent.parent / "README.md"


def run_shell(example):
    """Run a block with bash; the lines that are comments are what it prints."""
    script = str(example.parsed)
    scripts = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=example.namespace["directory"],
        env={**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line[2:] for line in script.splitlines() if line.startswith("# ")]
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == told


def test_examples(tmp_path, monkeypatch):
    monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)
    parsers = [PythonCodeBlockParser(), CodeBlockParser("sh", run_shell)]
    document = Sybil(parsers).parse(README)
    document.namespace["directory"] = tmp_path
    server = range(*map(document.text.index, ("## In a server", "## Issuing")))
    examples = [
        example
        for example in document.examples()
        if example.start not in server and "pip install" not in str(example.parsed)
    ]
    assert examples
    for example in examples:
        example.evaluate()
