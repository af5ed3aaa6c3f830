"""Servers in processes of their own, and tokens for them, good and bad."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
import recipes
from servers import OLDER_SALT, SALT, servers

import joat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    from servers import Server

PROVIDER = "https://example.com"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start the servers of a script in a directory; return once they answer.

    The script is what one types in a shell; each line that starts a server names
    its port, one of `PORTS`, for which a free one is taken, and ends with ` &`.
    So it is with the directory's modules. Without a directory it runs in
    `tmp_path`. Further arguments are variables of the environment, beside that
    of the salts. All servers are stopped after the test, which fails if one had
    ended by itself or has printed a traceback, a warning, a token or a secret.
    """
    with servers(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def serve_module(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Server]]:
    """Start servers as `serve` does, for all tests of a module."""
    with servers(tmp_path_factory.mktemp("servers")) as start:
        yield start


@pytest.fixture(scope="module")
def serve_recipe(
    serve_module: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Server]:
    """Start the servers of a recipe, as the section of the index says, in its copy."""

    def start(title: str, **variables: str) -> Server:
        directory = recipes.copy(title, tmp_path_factory.mktemp("recipe"))
        return serve_module(recipes.servers(title), directory, **variables)

    return start


def issue_token(**claims: Any) -> str:
    """Return a token that lets an app see zoe's profile, or as the claims say."""
    defaults = {
        "client_id": "app",
        "user_id": "user:zoe",
        "scope": ["profile", "read"],
        "salt": SALT,
    }
    return joat.TokenGenerator(PROVIDER).issue_token(**{**defaults, **claims})


@pytest.fixture
def issue(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Issue a token of zoe's, or with other claims."""
    monkeypatch.setattr(joat, "salt_generator", lambda claims: SALT)
    return issue_token


@pytest.fixture(scope="session")
def tokens() -> dict[str, str]:
    """Tokens good and bad, by what they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joat, "salt_generator", lambda claims: SALT)
        good, bob = issue_token(), issue_token(user_id="user:bob")
        header, _, signature = bob.split(".")
        two_hours_ago = datetime.now(timezone.utc) - timedelta(hours=2)
        return {
            "good": good,
            "of_older_salt": issue_token(salt=OLDER_SALT),
            "of_client": issue_token(user_id="client:app"),
            "of_bob": bob,
            "expired": issue_token(issued_at=two_hours_ago),
            "tampered": ".".join([header, good.split(".")[1], signature]),
            "wrong_salt": issue_token(salt="another" + SALT),
            "foreign": issue_token(provider="https://example.org"),
            "refresh": issue_token(provider=f"{PROVIDER}/refresh"),
            "little_scope": issue_token(scope=["read"]),
            "no_scope": issue_token(scope=[]),
        }
