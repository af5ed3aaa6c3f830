"""A salt that lasts one test, the application with it, and tokens for it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from app import PROVIDER, create_app
from flask.testing import FlaskClient

import joat


@pytest.fixture
def salt(monkeypatch: pytest.MonkeyPatch) -> str:
    """Set a new salt, never the real one, and return it."""
    salt = secrets.token_hex(32)
    monkeypatch.setenv("JOAT_SALT", salt)
    # The application assigns the hook, which the whole process shares. pytest restores
    # it after the test.
    monkeypatch.setattr(joat, "salt_generator", joat.salt_generator)
    return salt


@pytest.fixture
def client(salt: str) -> FlaskClient:
    """Return a client that sends requests to the application."""
    return create_app().test_client()


@pytest.fixture
def issue(salt: str) -> Callable[..., str]:
    """Return a function that issues a good token, or one with other arguments."""

    def find_salt(claims: dict[str, object]) -> str:
        return salt

    def issue_token(**changes: Any) -> str:
        arguments: dict[str, Any] = {
            "provider": PROVIDER,
            "client_id": "app",
            "user_id": "user:zoe",
            "scope": ["profile"],
        }
        arguments.update(changes)
        # Only for the call: the application has to assign the hook itself.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(joat, "salt_generator", find_salt)
            return joat.TokenGenerator(PROVIDER).issue_token(**arguments)

    return issue_token
