import gzip
import os
import re
import subprocess
import tarfile
import time
from contextlib import suppress
from pathlib import Path

from setuptools import setup
from setuptools.command.sdist import sdist

# What is built is as old as this says: https://reproducible-builds.org
NOW = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))


# What git tracks, for a source distribution that is built where there is no git.
PATTERNS = (
    *(".ci/run", ".gitattributes", ".gitignore", ".mypy.ini", ".ruff.toml"),
    *("LICENSE", "README.md", "setup.py", "tox.ini", "joat/*.py", "joat/py.typed"),
    *(".github/**/*.md", ".github/**/*.yml", "tests/fuzz/corpus/*/*"),
    *(f"tests/**/*.{suffix}" for suffix in ("dict", "go", "html", "java", "json")),
    *(f"tests/**/*.{suffix}" for suffix in ("md", "mjs", "php", "pl", "py", "rb")),
    "tests/mutation/equivalent.txt",
)


class SdistOfTrackedFiles(sdist):
    """A source distribution that can be tested and built again.

    It holds what git tracks, and nothing else that lies around. It is the same octets
    for the same files, SOURCE_DATE_EPOCH and zlib, whoever builds it and where.
    """

    def make_release_tree(self, base_dir, files):
        if os.path.exists(".git"):
            listed = subprocess.check_output(["git", "ls-files", "-z"])  # noqa: S607
            files = os.fsdecode(listed).rstrip("\0").split("\0")
        else:
            found = (file for name in PATTERNS for file in Path().glob(name))
            files = [str(file) for file in found if is_source(file)]
        super().make_release_tree(base_dir, files)

    def make_archive(self, base_name, *formats, base_dir, **owner):
        self.mkpath(self.dist_dir)
        path = f"{base_name}.tar.gz"
        file = gzip.GzipFile(path, "wb", mtime=NOW)
        with file, tarfile.open(fileobj=file, mode="w") as archive:
            archive.add(base_dir, filter=without_origin)
        return path


def is_source(file):
    """Tell whether a file is not in a folder that a tool made, such as .venv."""
    return not any(part[0] == "." or part == "node_modules" for part in file.parts[1:])


def without_origin(member):
    member.mtime = NOW
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.mode & 0o100 else 0o644
    return member


def read(name):
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


commands = {"sdist": SdistOfTrackedFiles}
with suppress(ImportError):  # Before setuptools 70.1, another package has it.
    from setuptools.command.bdist_wheel import bdist_wheel

    class WheelWithoutModes(bdist_wheel):
        """A wheel whose files have the same modes, whatever those of the source are."""

        def write_wheelfile(self, *args, **options):
            super().write_wheelfile(*args, **options)
            for path in Path(self.bdist_dir).rglob("*"):
                if path.is_file():
                    path.chmod(0o644)

    commands["bdist_wheel"] = WheelWithoutModes

setup(
    name="PyJOAT",
    version=re.search(r'^__version__ = "(.+)"$', read("joat/__init__.py"), re.M)[1],
    description="Issue and verify signed JWT OAuth 2.0 access tokens",
    long_description=read("README.md"),
    long_description_content_type="text/markdown",
    author="The PyJOAT authors",
    license="MIT",
    license_files=["LICENSE"],
    keywords="joat jwt json web token oauth access bearer",
    project_urls={
        "PyJOAT 1.1.1 (2014)": "https://github.com/rknLA/joat",
        "RFC 7519 (JSON Web Token)": "https://www.rfc-editor.org/rfc/rfc7519",
        "RFC 6750 (Bearer Token Usage)": "https://www.rfc-editor.org/rfc/rfc6750",
        "RFC 8725 (JWT Best Current Practices)": "https://www.rfc-editor.org/rfc/rfc8725",
    },
    packages=["joat"],
    package_data={"joat": ["py.typed"]},
    python_requires=">=3.9",
    entry_points={"console_scripts": ["joat = joat.__main__:main"]},
    cmdclass=commands,
    classifiers=[
        "Development Status :: 5 - Production/Stable",
        "Environment :: Web Environment",
        "Intended Audience :: Developers",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.9",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Programming Language :: Python :: 3.15",
        "Programming Language :: Python :: Free Threading :: 4 - Resilient",
        "Topic :: Internet :: WWW/HTTP",
        "Topic :: Security :: Cryptography",
        "Topic :: Software Development :: Libraries :: Python Modules",
        "Typing :: Typed",
    ],
)
