"""Build the distributions, check them, and use one as the README says.

    python tests/package.py DIRECTORY

Both are left in DIRECTORY, which is emptied first. They are built again from a copy of
the source with other modes and with files that are no part of it, and once more from
the unpacked source distribution, which has no git: the octets must be the same. The
README's first commands then run in the unpacked source distribution, and the unit tests
in the environment that these make; the wheel is what the other environments of tox
install and test.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import examples

ROOT = Path(__file__).parent.parent
GENERATED = {"PKG-INFO", "setup.cfg"}  # what setuptools adds
PLANTED = (
    ".env",
    "tests/node_modules/index.mjs",
    "tests/recipes/flask/.venv/secret.py",
    "tests/recipes/stores/salts.db",
)


def run(*command, **options):
    """Run a command; return what it prints."""
    print("$", *command, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, **options)
    print(done.stdout, flush=True)
    done.check_returncode()
    return done.stdout


def build(source, directory, *what):
    """Return the wheel and the source distribution of what is in `source`.

    The wheel is made from the source distribution; from `source` if `what` names both.
    """
    run(sys.executable, "-m", "build", "--no-isolation", "-o", directory, *what, source)
    [wheel], [sdist] = directory.glob("*.whl"), directory.glob("*.tar.gz")
    return wheel, sdist


def unpack(sdist, directory):
    """Return the folder of the source distribution, unpacked."""
    with tarfile.open(sdist) as archive:
        archive.extractall(directory)
    return directory / sdist.name[: -len(".tar.gz")]


def files_of(folder):
    return {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
    }


def plant(source):
    """Add files that are no part of the source, and take others' permissions away."""
    for name in PLANTED:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(b"secret")
    for path in source.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)


def main(directory, work):
    """Do all of it; the first failure ends it with an error."""
    shutil.rmtree(directory, ignore_errors=True)
    has_git = (ROOT / ".git").exists()
    if has_git:
        # What is built of a commit is as old as the commit.
        epoch = run("git", "log", "-1", "--format=%ct", cwd=ROOT).strip()
        os.environ["SOURCE_DATE_EPOCH"] = epoch
    os.environ.setdefault("SOURCE_DATE_EPOCH", str(int(time.time())))
    built = build(ROOT, directory)
    run("twine", "check", "--strict", *built)
    run("check-wheel-contents", built[0])
    unpacked = unpack(built[1], work / "unpacked")
    if has_git:
        tracked = {*run("git", "ls-files", cwd=ROOT).splitlines()}
        assert files_of(unpacked) == tracked | GENERATED
    else:
        print("There is no git here: its list of files was not compared.")

    os.umask(0o077)
    ignored = shutil.ignore_patterns(".tox", ".venv", "__pycache__", "dist")
    checkout = shutil.copytree(ROOT, work / "checkout", ignore=ignored)
    for source in checkout, unpack(built[1], work / "without-git"):
        plant(source)
        again = build(source, work / source.name, "--sdist", "--wheel")
        for first, second in zip(built, again):
            assert first.name == second.name
            assert first.read_bytes() == second.read_bytes(), f"{first.name} differs"

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first = examples.find(readme, "sh")[0]
    printed = run("bash", "-euo", "pipefail", "-c", first.code, cwd=unpacked)
    # Behind what pip prints.
    assert first.output
    assert printed.endswith(f"\n{first.output}")
    tests = ". .venv/bin/activate && pip install hypothesis pytest && pytest"
    run("sh", "-c", tests, cwd=unpacked)


if __name__ == "__main__":
    with TemporaryDirectory() as work:
        main(Path(sys.argv[1]).resolve(), Path(work))
