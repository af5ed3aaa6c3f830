"""Build the distributions, check them, and use them as the README says.

    python tests/package.py DIRECTORY

The wheel goes into an empty environment, which then runs the README's first
examples in Python; the README's first command runs in another, in the unpacked
source distribution. Before that, both are built again from a copy of the source, and
must be the same octets. DIRECTORY is for what is built and is emptied first.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
EPOCH = 1407290972  # any time after 1980, where zip's begins


def run(*command, cwd=ROOT, environment=None):
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


def blocks(language):
    """Return the README's code blocks in a language."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def build(source, directory):
    """Return the wheel and the source distribution of what is in `source`."""
    run(sys.executable, "-m", "build", "--outdir", directory, source)
    [wheel], [sdist] = directory.glob("*.whl"), directory.glob("*.tar.gz")
    return wheel, sdist


def unpack(sdist, directory):
    """Return the directory that the source distribution holds."""
    with tarfile.open(sdist) as archive:
        archive.extractall(directory)
    [setup] = directory.glob("*/setup.py")
    return setup.parent


def main(directory):
    """Do all of it; the first failure ends it with an error."""
    shutil.rmtree(directory, ignore_errors=True)
    os.environ["SOURCE_DATE_EPOCH"] = str(EPOCH)
    wheel, sdist = build(ROOT, directory)
    copy = directory / "copy"
    made = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "mutants")
    shutil.copytree(ROOT, copy, ignore=made)
    for first, second in zip((wheel, sdist), build(copy, copy)):
        assert first.name == second.name
        assert first.read_bytes() == second.read_bytes(), f"{first.name} differs"
    run("twine", "check", "--strict", wheel, sdist)
    run("check-wheel-contents", wheel)

    venv.create(directory / "wheel", with_pip=True)
    run("pip", "install", "--no-index", wheel, environment=directory / "wheel")
    _, issuing, verifying = blocks("python")[:3]
    (directory / "example.py").write_text(f'{issuing}\n__doc__ = r"""{verifying}"""\n')
    doctest = ("python", "-W", "error", "-m", "doctest", "-v", "example.py")
    told = run(*doctest, cwd=directory, environment=directory / "wheel")
    # Python 3.13 says so without "and 0 failed".
    assert "4 passed" in told
    assert "Test passed." in told

    venv.create(directory / "source", with_pip=True)
    command = blocks("sh")[0]
    told = run(
        *("bash", "-euo", "pipefail", "-c", command),
        cwd=unpack(sdist, directory / "unpacked"),
        environment=directory / "source",
    )
    expected = [line[2:] for line in command.splitlines() if line.startswith("# ")]
    assert told.splitlines()[-1:] == expected


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
