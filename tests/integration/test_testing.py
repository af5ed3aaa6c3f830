"""The recipe for testing: its tests notice what is wrong with the application."""

import re

import pytest
import recipes
from programs import python

CLOCKS = "with_freezegun time_machine"
# What may be wrong with it: a text, what stands there instead, and the tests that
# notice, by the last two words of their names.
FAULTS = [
    (', scope=["profile"]', "", "little_scope"),
    ('["profile"]', '["read"]', f"good_token little_scope {CLOCKS}"),
    ("provider=PROVIDER, ", "", "another_provider"),
    ("provider=PROVIDER", "provider=PROVIDER, leeway=60", CLOCKS),
    (
        "provider=PROVIDER",
        "provider=PROVIDER, leeway=86_400",
        f"expired_token {CLOCKS}",
    ),
    (
        "joat.authenticate(",
        "authenticate(",
        f"expired_token little_scope another_provider another_salt {CLOCKS}",
    ),
    ('credentials["user_id"]', 'credentials["client_id"]', "good_token"),
    (
        "joat.salt_generator = find_salt",
        "",
        "good_token no_token expired_token little_scope another_provider another_salt "
        + CLOCKS,
    ),
    ("error.status, {", "401, {", "little_scope"),
    (
        '{"WWW-Authenticate": challenge}',
        "{}",
        "no_token expired_token little_scope another_provider another_salt",
    ),
]
# Joat's, if it did not look at the signature or at anything else.
TRUSTING = """
def authenticate(header, **expected):
    if header is None:
        raise joat.MissingToken("there is no Authorization header")
    return {"user_id": joat.unverified_claims(header.split()[1])["sub"]}
"""


@pytest.fixture
def directory(tmp_path):
    return recipes.copy("Testing", tmp_path / "recipe")


@pytest.mark.parametrize(("text", "instead", "noticing"), FAULTS)
def test_notices(directory, text, instead, noticing):
    app = directory / "app.py"
    code = app.read_text(encoding="utf-8")
    assert code.count(text) == 1
    app.write_text(code.replace(text, instead) + TRUSTING, encoding="utf-8")
    printed = python(directory, "-m", "pytest", "--quiet", "-rf", status=1)
    failed = re.findall(r"^FAILED test_app\.py::\w*?([a-z]+_[a-z]+)\b", printed, re.M)
    assert sorted(failed) == sorted(noticing.split())


def test_every_test_notices_something(directory):
    code = (directory / "test_app.py").read_text(encoding="utf-8")
    tests = re.findall(r"^def test_\w*?([a-z]+_[a-z]+)\(", code, re.M)
    assert {name for fault in FAULTS for name in fault[2].split()} == set(tests)


def test_token_without_the_application(directory):
    code = """
import joat

def test_issue(issue, salt):
    assert joat.verify_token(issue(), salt=salt)["user_id"] == "user:zoe"
"""
    (directory / "test_issue.py").write_text(code, encoding="utf-8")
    assert "1 passed" in python(directory, "-m", "pytest", "--quiet", "test_issue.py")


def test_leaves_the_hook_and_the_salts_as_they_were(directory):
    code = """
import os, joat, pytest
before = joat.salt_generator, os.environ["JOAT_SALT"]
assert pytest.main(["--quiet"]) == 0
assert (joat.salt_generator, os.environ["JOAT_SALT"]) == before
"""
    # Not even one that could not sign is looked at.
    assert "8 passed" in python(directory, "-c", code, JOAT_SALT="\n")


def test_without_a_salt_it_does_not_start(directory):
    """Or it would refuse every token in silence."""
    code = """
import app
try:
    app.create_app()
except ValueError:
    print("refused")
"""
    assert python(directory, "-c", code, JOAT_SALT="\n") == "refused\n"
