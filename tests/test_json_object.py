"""JSON objects as tokens need them: the same verdict under every interpreter."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers import assert_tells_nothing

import joat
from joat import json_object

DIGITS = "1" * 4_300
CONSTANTS = 'NaN -NaN Infinity -Infinity nan None True [NaN] {"y":[{"z":NaN}]}'
NUMBERS = "01 +1 .5 1. 1e 0x10 1_000 - 1\u0661 \u0661 1.\u0661 1e\u0661"
STRINGS = r"""'text' "text "\x41" "\u12" "\u00zz" "\u+123" "\u1_23" "\u0x41" """
SURROGATES = r"""
    "\ud800" "\uD800" "\udc00" "\uDC00" "\udc00\ud800" "\ud83d\ud83d"
    "\udfff" "\uDFFF" "\ud83d\ude00\ude00" "\ud83d\\ude00"
    {"\ud800":0} [[{"y":"\uDBFF"}]]
"""
NO_VALUES = [
    *f"{CONSTANTS} {NUMBERS} {STRINGS} {SURROGATES}".split(),
    *('NaN,"\xe9":0', '"\\u 123"', '"\\ud\u066800"', '"\n"', '"\t"', '"\0"', '"\\'),
    # Half a pair on either side of a backslash; integers that are too long.
    *(r'"\ud83d\\\ude00"', f"{DIGITS}1", f"-{DIGITS}1", f'[{{"y":[0,{DIGITS}1]}}]'),
]
NO_OBJECTS = [
    *("", " \t\r\n", "null", "0", '"text"', f'"{"[" * 1000}"', "[]", '[{"x":1}]'),
    *('{"x":1}{"x":1}', '{"x":1}X', 'X{"x":1}', '{"x":1}}', '{"x":1},', '{"x":1'),
    *('{"x":1,}', '{,"x":1}', '{"x":1 "y":1}', '{"x" 1}', '{"x":}', "{x:1}", "{1:1}"),
    *("{'x':1}", '{"x":1}//', '{"x":1/**/}', '{"x":NaN,"x":1}'),
    # Some take it for white space.
    *(
        f'{before}{{"x":1}}{after}'
        for space in "\0\v\f\x1c\x1f\x85\xa0\u2028\u3000\ufeff"
        for before, after in (("", space), (space, ""), (f" {space}", ""))
    ),
    '{\xa0"x":1}',
]
NO_UTF8 = [
    # No octet of it, Latin-1, an overlong form, one that is cut off, one above all of
    # Unicode, a surrogate and a pair of them.
    *(b"\xff", b"\xe9", b"\xc0\xaf", b"\xe2\x82", b"\xf4\x90\x80\x80"),
    *(b"\xed\xa0\x80", b"\xed\xa0\xbd\xed\xb8\x80"),
]
ENCODINGS = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037"]


def nested(depth):
    """Return a value that makes an object of so many levels."""
    return "[" * (depth - 1) + "]" * (depth - 1)


def objects(depth):
    """Return objects that are so deep, in several ways."""
    return [
        f'{{"x":{nested(depth)}}}',
        '{"x":' * depth + "1" + "}" * depth,
        '{"x":' + "[[]," * (depth - 2) + "[]" + "]" * (depth - 2) + "}",
        '{"x":' + "[[[[[]]]]," * 100 + nested(depth - 100) + "]" * 100 + "}",
        # Behind what may be taken for the end of a text, or not for it.
        *(rf'{{"y":"{text}","x":{nested(depth)}}}' for text in (r"\"", r"\\", r"\\\"")),
    ]


TOO_DEEP = [*objects(129), '{"x":[' * 65 + "]}" * 65, f'{{"x":{nested(20_000)}}}']
TOO_DEEP += ["[" * 45_000, '{"x":' * 9_000]
REFUSED = [
    *(f'{{"a":0,"x":{value}}}'.encode() for value in NO_VALUES),
    *(text.encode() for text in NO_OBJECTS + TOO_DEEP),
    *(b'{"x":"%s"}' % octets for octets in NO_UTF8),
    *('{"x":1}'.encode(encoding) for encoding in ENCODINGS),
]


@pytest.mark.parametrize("octets", REFUSED, ids=lambda octets: ascii(octets[:30]))
def test_refuses_all_else(octets):
    with pytest.raises(joat.MalformedToken):
        json_object.parse(octets, "payload")


BRACKETS = "[{" * 1000
VALUES = {
    "constants": ('[true,false,null,"",{}]', [True, False, None, "", {}]),
    "numbers": ("[0,-0,-0.5e-3,1E2]", [0, 0, -0.0005, 100.0]),
    "infinite": ("[1e400,-1e400]", [float("inf"), float("-inf")]),
    "doubled": ('1,"x":2', 2),
    "not-ascii": ('"\u0661\u2603\U0001f600\ufeff"', "\u0661\u2603\U0001f600\ufeff"),
    "escapes": (r'"\u0041\u00e9\"\\\/\b\f\u0000"', 'A\xe9"\\/\b\f\0'),
    "pair": (r'"\ud83d\ude00\ud83d\ude00"', "\U0001f600\U0001f600"),
    "pair-in-upper-case": (r'"\uD83D\uDE00"', "\U0001f600"),
    "last-pair": (r'"\udbff\udfff\uDBFF\uDFFF"', "\U0010ffff\U0010ffff"),
    "escaped-backslash-before-u": (r'"\\ud800\\u+123"', r"\ud800\u+123"),
    "long-digits-in-text": (f'"{DIGITS}1"', f"{DIGITS}1"),
    "long-fraction": (f"0.{DIGITS}1", 1 / 9),
    "integer-not-among-ascii": ('-7,"\xe9":0', -7),
    "float-not-among-ascii": ('1.5,"\xe9":0', 1.5),
    "brackets-in-text": (f'"{BRACKETS}"', BRACKETS),
    "brackets-after-quote": (rf'"\"{BRACKETS}"', f'"{BRACKETS}'),
    "brackets-after-backslash": (rf'"\\\"{BRACKETS}"', f'\\"{BRACKETS}'),
    "many-arrays": ("[" + "[]," * 999 + "[]]", [[]] * 1000),
    "many-objects": ("[" + "{}," * 999 + "{}]", [{}] * 1000),
}


@pytest.mark.parametrize(("text", "value"), VALUES.values(), ids=VALUES)
def test_reads_values(text, value):
    assert json_object.parse(f'{{"x":{text}}}'.encode(), "payload")["x"] == value


def test_reads_the_longest_integers(all_digits):
    numbers = json_object.parse(f'{{"x":[{DIGITS},-{DIGITS}]}}'.encode(), "payload")
    assert numbers["x"] == [10**4_300 // 9, -(10**4_300 // 9)]


@pytest.mark.parametrize("digits", ["", "123", "12_3", "123 ", "+123"], ids=repr)
def test_escape_has_four_digits(digits):
    # The scanner in C refuses these by itself; the one in Python takes some.
    assert json_object.has_wrong_escape(rf'"\u{digits}"')


@pytest.mark.parametrize("space", [" ", "\t\n\r "], ids=repr)
def test_white_space_stands_around_any_token(space):
    text = space.join(["", "{", '"x"', ":", "[", "1", ",", "2", "]", "}", ""])
    assert json_object.parse(text.encode(), "payload") == {"x": [1, 2]}


@pytest.mark.parametrize("text", objects(128), ids=lambda text: text[:12])
def test_reads_the_deepest(text):
    assert "x" in json_object.parse(text.encode(), "payload")


def test_names_the_part_and_no_more():
    with pytest.raises(joat.MalformedToken, match="header") as caught:
        json_object.parse(b'["marker-in-json"]', "header")
    assert_tells_nothing(caught.value, "marker-in-json")


def test_numbers_have_digits_of_ascii():
    for read in json_object._int, json_object._float:
        assert read("7") == 7
        with pytest.raises(ValueError, match=r"^$"):
            read("\u0661")


# How the interpreter reads JSON and integers; Python's own limit can be moved.
INTERPRETERS = {
    "without-scanner-in-c": ("import sys; sys.modules['_json'] = None", {}),
    "without-limit": ("import sys", {"PYTHONINTMAXSTRDIGITS": "0"}),
    "lower-limit": ("import sys", {"PYTHONINTMAXSTRDIGITS": "640"}),
}


@pytest.mark.parametrize(
    ("begin", "environment"), INTERPRETERS.values(), ids=INTERPRETERS
)
def test_every_interpreter_gives_the_same_verdict(begin, environment, monkeypatch):
    # Of plugins that happen to be here, none is needed there; the library is.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(joat.__file__).parents[1]))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    chosen = ["-q", "-k", "not every_interpreter", "-p", "no:cacheprovider", __file__]
    run = f"{begin}; import pytest; sys.exit(pytest.main({chosen}))"
    done = subprocess.run(
        [sys.executable, "-c", run],
        cwd=Path(__file__).parent,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout
