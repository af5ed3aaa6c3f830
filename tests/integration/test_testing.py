"""The recipe for testing: its tests notice what is wrong with the application."""

import re
import subprocess
import sys

import pytest
import recipes
from servers import environment

CLOCKS = {"test_last_second_with_freezegun", "test_last_second_with_time_machine"}

# What may be wrong with it: a text, what stands there instead, and who notices.
FAULTS = {
    "no scope is expected": (
        ', scope=["profile"])',
        ")",
        {"test_token_with_little_scope"},
    ),
    "another scope is expected": (
        '["profile"])',
        '["read"])',
        {"test_user_of_a_good_token", "test_token_with_little_scope", *CLOCKS},
    ),
    "no provider is expected": (
        "provider=PROVIDER, ",
        "",
        {"test_token_of_another_provider"},
    ),
    "a minute too long": ("(header, ", "(header, leeway=60, ", CLOCKS),
    "a day too long": (
        "(header, ",
        "(header, leeway=86_400, ",
        {"test_expired_token", *CLOCKS},
    ),
    "the signature is not checked": (
        "joat.authenticate(",
        "authenticate(",
        {
            "test_expired_token",
            "test_token_of_another_provider",
            "test_token_of_another_salt",
            "test_token_with_little_scope",
            *CLOCKS,
        },
    ),
    "the user is another one": (
        'credentials["user_id"]',
        'credentials["client_id"]',
        {"test_user_of_a_good_token"},
    ),
    "every refusal is a 401": (
        "error.status, {",
        "401, {",
        {"test_token_with_little_scope"},
    ),
    "a refusal has no challenge": (
        '{"WWW-Authenticate": challenge}',
        "{}",
        {
            "test_expired_token",
            "test_no_token",
            "test_token_of_another_provider",
            "test_token_of_another_salt",
            "test_token_with_little_scope",
        },
    ),
}
TRUSTING = """
def authenticate(header, **expected):
    if header is None:
        raise joat.MissingToken("there is no Authorization header")
    return {"user_id": joat.unverified_claims(header.split()[1])["sub"]}
"""


def run(directory, *command, **variables):
    done = subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=directory,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("text", "instead", "noticing"), FAULTS.values(), ids=FAULTS.keys()
)
def test_notices(text, instead, noticing, tmp_path):
    directory = recipes.copy("Testing", tmp_path / "recipe")
    app = directory / "app.py"
    code = app.read_text(encoding="utf-8")
    assert code.count(text) == 1
    app.write_text(code.replace(text, instead) + TRUSTING, encoding="utf-8")
    printed = run(directory, "-m", "pytest", "--quiet", "-rf")
    assert set(re.findall(r"^FAILED test_app\.py::(\w+)", printed, re.M)) == noticing


def test_every_test_notices_something():
    code = (recipes.folder("Testing") / "test_app.py").read_text(encoding="utf-8")
    noticing = {test for fault in FAULTS.values() for test in fault[2]}
    assert noticing == set(re.findall(r"^def (test_\w+)", code, re.M))


def test_leaves_the_hook_and_the_salts_as_they_were(tmp_path):
    directory = recipes.copy("Testing", tmp_path / "recipe")
    code = """
import os, joat, pytest
before = joat.salt_generator, os.environ["JOAT_SALT"]
assert pytest.main(["--quiet"]) == 0
assert (joat.salt_generator, os.environ["JOAT_SALT"]) == before
"""
    # Not even one that could not sign is looked at.
    assert "8 passed" in run(directory, "-c", code, JOAT_SALT="\n")
