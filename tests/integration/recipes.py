"""The recipes of tests/recipes: their folders, and what the index says of each."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

FOLDERS = Path(__file__).parents[1] / "recipes"
INDEX = FOLDERS / "README.md"
# Sections of the index that are no recipe.
OTHER = ("To try them", "Moving from PyJWT")

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_FOLDER = re.compile(r"\s*^Folder: `(\w+)/`\.", re.MULTILINE)
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def titles() -> list[str]:
    """Return the headings of the recipes."""
    index = INDEX.read_text(encoding="utf-8")
    return [title for title in _HEADING.findall(index) if title not in OTHER]


def section(title: str, document: Path = INDEX) -> str:
    """Return what stands under a `##` heading of a document."""
    _, *parts = _HEADING.split(document.read_text(encoding="utf-8"))
    return dict(zip(parts[::2], parts[1::2]))[title]


def folder(title: str) -> Path:
    """Return the folder that the first line of a recipe's section names."""
    named = _FOLDER.match(section(title))
    assert named, f"the section {title!r} does not begin with its folder"
    return FOLDERS / named[1]


def blocks(section: str) -> list[str]:
    """Return the blocks of shell commands of a section's text."""
    return _SHELL.findall(section)


def shell(title: str) -> list[str]:
    """Return the blocks of shell commands of a recipe's section."""
    return blocks(section(title))


def servers(title: str) -> str:
    """Return the block that starts the servers of a recipe: a line each, with &."""
    blocks = [block for block in shell(title) if " &\n" in block]
    assert len(blocks) == 1, f"the section {title!r} has {len(blocks)} such blocks"
    return blocks[0]


def expected_output(block: str) -> str:
    """Return what a block of commands says that they print: its lines with `# `."""
    lines = block.splitlines(keepends=True)
    return "".join(line[2:] for line in lines if line.startswith("# "))


def copy(title: str, directory: Path) -> Path:
    """Copy the files of a recipe, and nothing else, to an empty directory."""
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    source = folder(title)
    return shutil.copytree(source, directory, ignore=ignored, dirs_exist_ok=True)
