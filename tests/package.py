"""Build the distributions, check them, and use one as the README says.

    python tests/package.py DIRECTORY

Both are built again from a copy of the source, and must be the same octets. The
README's first command then runs in the unpacked source distribution, in an empty
environment; the wheel is what the other environments of tox install and test.
DIRECTORY is for what is built and is emptied first.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import examples

ROOT = Path(__file__).parent.parent
EPOCH = 1407290972  # any time after 1980, where zip's begins


def run(*command, **options):
    """Run a command; return what it prints."""
    print("$", *command, flush=True)
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, **options
    )
    print(done.stdout, flush=True)
    return done.stdout


def build(source, directory):
    """Return the wheel and the source distribution of what is in `source`."""
    run(sys.executable, "-m", "build", "--outdir", directory, source)
    [wheel], [sdist] = directory.glob("*.whl"), directory.glob("*.tar.gz")
    return wheel, sdist


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

    with tarfile.open(sdist) as archive:
        archive.extractall(directory / "unpacked")
    [setup] = directory.glob("unpacked/*/setup.py")
    venv.create(directory / "empty", with_pip=True)
    path = f"{directory / 'empty' / 'bin'}:{os.environ['PATH']}"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first = examples.find(readme, "sh")[0]
    printed = run(
        *("bash", "-euo", "pipefail", "-c", first.code),
        cwd=setup.parent,
        env={**os.environ, "PATH": path},
    )
    # Behind what pip prints.
    assert first.output
    assert printed.endswith(f"\n{first.output}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
