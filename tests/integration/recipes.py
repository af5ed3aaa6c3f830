"""The recipes of tests/recipes: their folders, and what the index says of each."""

import re
import shutil
from pathlib import Path

import examples

FOLDERS = Path(__file__).parents[1] / "recipes"
INDEX = FOLDERS / "README.md"
README = FOLDERS.parents[1] / "README.md"
# Sections of the index that are no recipe.
OTHER = ("To try them", "What holds for all of them", "Moving from PyJWT")

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_BESIDE = re.compile(r"\.\./(\w+)/")
_FOLDER = re.compile(r"\s*^Folder: `(\w+)/`\.", re.MULTILINE)


def titles():
    """Return the headings of the recipes."""
    index = INDEX.read_text(encoding="utf-8")
    return [title for title in _HEADING.findall(index) if title not in OTHER]


def section(title, document=INDEX):
    """Return what stands under a `##` heading of a document."""
    _, *parts = _HEADING.split(document.read_text(encoding="utf-8"))
    return dict(zip(parts[::2], parts[1::2]))[title]


def blocks(title, document=INDEX, language="sh"):
    """Return the blocks of a section, each with its `code` and its `output`."""
    return examples.find(section(title, document), language)


def folder(title):
    """Return the folder that the first line of a recipe's section names."""
    named = _FOLDER.match(section(title))
    assert named, f"the section {title!r} does not begin with its folder"
    return FOLDERS / named[1]


def servers(title):
    """Return the block that starts the servers of a recipe: a line each, with &."""
    (script,) = (block.code for block in blocks(title) if " &\n" in block.code)
    return script


def copy(title, directory):
    """Copy the files of a recipe, and nothing else, to a directory.

    Beside it go the folders that the recipe's section names as `../NAME/`.
    """
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    source = folder(title)
    for name in set(_BESIDE.findall(section(title))):
        shutil.copytree(source.parent / name, directory.parent / name, ignore=ignored)
    return shutil.copytree(source, directory, ignore=ignored, dirs_exist_ok=True)
