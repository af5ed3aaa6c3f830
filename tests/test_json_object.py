"""JSON as tokens need it: the same verdict under every scanner of the interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import joat
from joat import json_object

DIGITS = "1" * 4_300
REFUSED = {
    "escape-of-foreign-digits": r'{"x":"\ud\u066800"}',
    "escape-with-plus": r'{"x":"\u+123"}',
    "escape-with-space": r'{"x":"\u 123"}',
    "escape-with-underscore": r'{"x":"\u1_23"}',
    "escape-with-x": r'{"x":"\u0x41"}',
    "escape-too-short": r'{"x":"\u123"}',
    "foreign-digit": '{"x":1\u0661}',
    "foreign-digit-alone": '{"x":\u0661}',
    "foreign-digit-in-fraction": '{"x":1.\u0661}',
    "foreign-digit-in-exponent": '{"x":1e\u0661}',
    "integer-too-long": f'{{"x":{DIGITS}1}}',
    "integer-too-long-and-negative": f'{{"x":-{DIGITS}1}}',
    "integer-too-long-and-nested": f'{{"x":[{{"y":[0,{DIGITS}1]}}]}}',
}
ACCEPTED = {
    "escapes": (r'{"x":"\u0041\u00e9\ud83d\ude00"}', "A\xe9\U0001f600"),
    "escape-behind-backslash": (r'{"x":"\\u+123"}', "\\u+123"),
    "foreign-digit-in-text": ('{"x":"\u0661"}', "\u0661"),
    "longest-integer": (f'{{"x":{DIGITS}}}', 10**4_300 // 9),
    "longest-negative-integer": (f'{{"x":-{DIGITS}}}', -(10**4_300 // 9)),
    "long-digits-in-text": (f'{{"x":"{DIGITS}1"}}', f"{DIGITS}1"),
    "long-fraction": (f'{{"x":0.{DIGITS}1}}', 1 / 9),
    "integer-among-text-that-is-not-ascii": ('{"\xe9":0,"x":-7}', -7),
    "float-among-text-that-is-not-ascii": ('{"\xe9":0,"x":1.5}', 1.5),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_refuses(text):
    with pytest.raises(joat.MalformedToken):
        json_object.parse(text.encode(), "payload")


@pytest.mark.parametrize(("text", "value"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepts(text, value):
    assert json_object.parse(text.encode(), "payload")["x"] == value


def test_numbers_have_digits_of_ascii():
    for read in json_object._int, json_object._float:
        assert read("7") == 7
        with pytest.raises(ValueError, match=r"^$"):
            read("\u0661")


# How the interpreter reads JSON and integers; Python's own limit can be lifted.
INTERPRETERS = {
    "without-scanner-in-c": ("import sys; sys.modules['_json'] = None", {}),
    "without-limit": ("import sys", {"PYTHONINTMAXSTRDIGITS": "0"}),
}


@pytest.mark.parametrize(
    ("begin", "environment"), INTERPRETERS.values(), ids=INTERPRETERS
)
def test_every_interpreter_gives_the_same_verdict(begin, environment, monkeypatch):
    # Of plugins that happen to be here, none is needed there.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    here = Path(__file__)
    chosen = [str(here), str(here.with_name("test_jws.py"))]
    left_out = ["-k", "not every_interpreter", "-p", "no:cacheprovider"]
    run = f"{begin}; import pytest; sys.exit(pytest.main({['-q', *left_out, *chosen]}))"
    done = subprocess.run(
        [sys.executable, "-c", run],
        cwd=here.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
