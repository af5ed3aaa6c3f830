"""The examples of the README that need only the library, and who runs the others."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path
from textwrap import indent

import examples
import pytest

import joat

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
TOKEN_ENDPOINT = ROOT / "tests" / "recipes" / "flask" / "auth.py"
_, *_PARTS = re.split(r"^## (.+)\n", README.read_text(encoding="utf-8"), flags=re.M)
SECTIONS = dict(zip(_PARTS[::2], _PARTS[1::2]))
RUN_BY = {
    ("Two minutes", "sh"): "tests/package.py",
    ("Two minutes", "python"): "test_python",
    ("In a server", "python"): "tests/integration/test_index.py",
    ("In a server", "sh"): "tests/integration/test_index.py",
    ("Issuing", "python"): "test_quotation",
    ("Testing your application", "python"): "tests/integration/test_index.py",
    ("Recipes and tests", "sh"): ".ci/run",
}


def test_each_block_is_run():
    opened = [
        (title, language)
        for title, section in SECTIONS.items()
        for language in re.findall(r"^```(\w+)$", section, re.MULTILINE)
        if language != "text"  # the output of the others
    ]
    assert {*opened} == RUN_BY.keys()


def test_python(monkeypatch):
    monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)
    (example,) = examples.find(SECTIONS["Two minutes"], "python")
    with redirect_stdout(io.StringIO()) as printed:
        exec(compile(example.code, README, "exec"), {})
    assert printed.getvalue() == example.output


def test_quotation():
    """The README issues a token as the recipe does, which is tested."""
    (quotation,) = examples.find(SECTIONS["Issuing"], "python")
    recipe = TOKEN_ENDPOINT.read_text(encoding="utf-8")
    assert f"\n{indent(quotation.code, '    ')}" in recipe


@pytest.mark.parametrize(
    "link", sorted({*re.findall(r"\]\(([^)]+)\)", README.read_text(encoding="utf-8"))})
)
def test_link(link):
    """It leads to a file, and to a heading of it."""
    name, _, heading = link.partition("#")
    text = (ROOT / (name or "README.md")).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    assert not heading or heading in [
        title.lower().replace(" ", "-") for title in headings
    ]
