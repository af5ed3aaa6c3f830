"""Build the distributions, check them, and use them as the README says.

    python tests/package.py DIRECTORY

The wheel goes into an empty environment, which then runs the README's first
examples in Python; the README's first command runs in another, in the unpacked
source distribution. DIRECTORY is for what is built and is emptied first.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run(*command: str | Path, cwd: Path = ROOT, environment: Path | None = None) -> str:
    """Run a command, in an environment if one is given; return what it prints."""
    path = os.environ["PATH"]
    print("$", *command, flush=True)
    done = subprocess.run(
        command,
        cwd=cwd,
        env={
            **os.environ,
            "PATH": f"{environment / 'bin'}:{path}" if environment else path,
        },
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    print(done.stdout, flush=True)
    return done.stdout


def blocks(language: str) -> list[str]:
    """Return the README's code blocks in a language."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def main(directory: Path) -> None:
    """Do all of it; the first failure ends it with an error."""
    shutil.rmtree(directory, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", directory)
    [wheel], [sdist] = directory.glob("*.whl"), directory.glob("*.tar.gz")
    run("twine", "check", "--strict", wheel, sdist)
    run("check-wheel-contents", wheel)

    venv.create(directory / "wheel", with_pip=True)
    run("pip", "install", "--no-index", wheel, environment=directory / "wheel")
    issuing, parsing = blocks("python")[:2]
    (directory / "example.py").write_text(f'{issuing}\n__doc__ = r"""{parsing}"""\n')
    doctest = ("python", "-W", "error", "-m", "doctest", "-v", "example.py")
    told = run(*doctest, cwd=directory, environment=directory / "wheel")
    # Python 3.13 says so without "and 0 failed".
    assert "2 passed" in told
    assert "Test passed." in told

    venv.create(directory / "source", with_pip=True)
    with tarfile.open(sdist) as archive:
        archive.extractall(directory)
    [source] = directory.glob("*/setup.py")
    command = blocks("sh")[0]
    told = run(
        *("bash", "-euo", "pipefail", "-c", command),
        cwd=source.parent,
        environment=directory / "source",
    )
    expected = [line[2:] for line in command.splitlines() if line.startswith("# ")]
    assert told.splitlines()[-1:] == expected


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
