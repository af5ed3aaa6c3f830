"""The blocks of code in a document of this project, and what they print.

The output stands in a block of its own behind the commands, not in comments among them:
an interactive zsh takes no comments.
"""

import re
from typing import NamedTuple

_OUTPUT = r"\n\n```text\n(?P<output>.*?)^```$"


class Example(NamedTuple):
    """A block of code, the output that stands behind it, and the place of both."""

    code: str
    output: str
    start: int
    end: int


def find(document, language):
    """Return the examples of a text in a language: all its blocks of that language.

    Fails if a comment stands among commands, or output behind no block of code.
    """
    block = rf"^```(?P<language>\w+)\n(?P<code>.*?)^```$(?:{_OUTPUT})?"
    examples = []
    for each in re.finditer(block, document, re.MULTILINE | re.DOTALL):
        assert each["language"] != "text", f"whose output is this? {each['code']}"
        if each["language"] == language:
            examples.append(Example(each["code"], each["output"] or "", *each.span()))
    if language == "sh":
        for example in examples:
            assert not re.search(r"^\s*#", example.code, re.MULTILINE), example.code
    return examples
