"""The recipes of README.md, as a user takes them out of it.

A recipe is the section under a heading: its `python` blocks are files, each
named by its first line, a comment (`# app.py`), and its `sh` blocks are the
commands that run them.
"""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
# Lines of text, code and commands; blank lines and fences do not count.
LONGEST = 30

# A heading, or a whole block of code, in which # begins a comment.
_PART = re.compile(
    r"^(?P<level>#+) (?P<title>.+?)\s*$|^```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def code(title: str) -> str:
    """Return the Python code of the recipe, its files one after the other."""
    return "\n\n".join(_blocks(title, "python"))


def commands(title: str) -> list[str]:
    """Return the shell commands of the recipe."""
    return "".join(_blocks(title, "sh")).splitlines()


def write(title: str, directory: Path) -> None:
    """Write the files of the recipe to the directory."""
    for block in _blocks(title, "python"):
        named = re.match(r"# (\S+\.py)\n", block)
        assert named, f"a block of {title!r} does not begin with the name of its file"
        (directory / named[1]).write_text(block, encoding="utf-8")


def _blocks(title: str, language: str) -> list[str]:
    return [
        part["code"]
        for part in _PART.finditer(_section(title))
        if part["language"] == language
    ]


def _section(title: str) -> str:
    readme = README.read_text(encoding="utf-8")
    headings = [part for part in _PART.finditer(readme) if part["title"]]
    (heading,) = (part for part in headings if part["title"] == title)
    end = next(
        (
            part.start()
            for part in headings
            if part.start() > heading.start()
            and len(part["level"]) <= len(heading["level"])
        ),
        len(readme),
    )
    section = readme[heading.end() : end]
    lines = re.findall(r"^(?!```)[ \t]*\S", section, re.MULTILINE)
    assert len(lines) <= LONGEST, f"the recipe {title!r} has {len(lines)} lines"
    return section
