"""What to test in an application that takes tokens of joat.

joat's own tests show that it refuses each kind of bad token. These show that the
application calls it, and with the right arguments.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import time_machine
from flask.testing import FlaskClient
from freezegun import freeze_time
from werkzeug.test import TestResponse

NOON = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)


def get_profile(client: FlaskClient, token: str) -> TestResponse:
    return client.get("/profile", headers={"Authorization": f"Bearer {token}"})


def challenge(response: TestResponse) -> str:
    return response.headers["WWW-Authenticate"]


def test_user_of_a_good_token(client: FlaskClient, issue: Callable[..., str]) -> None:
    response = get_profile(client, issue())
    assert response.status_code == 200
    assert response.json == {"user": "user:zoe"}


def test_no_token(client: FlaskClient) -> None:
    response = client.get("/profile")
    assert response.status_code == 401
    assert challenge(response) == 'Bearer realm="profile"'


def test_expired_token(client: FlaskClient, issue: Callable[..., str]) -> None:
    two_hours_ago = datetime.now(timezone.utc) - timedelta(hours=2)
    response = get_profile(client, issue(issued_at=two_hours_ago))
    assert response.status_code == 401
    assert "expired" in challenge(response)


def test_token_with_little_scope(
    client: FlaskClient, issue: Callable[..., str]
) -> None:
    response = get_profile(client, issue(scope=["read"]))
    assert response.status_code == 403
    assert 'scope="profile"' in challenge(response)


def test_token_of_another_provider(
    client: FlaskClient, issue: Callable[..., str]
) -> None:
    response = get_profile(client, issue(provider="https://example.net"))
    assert response.status_code == 401
    assert 'error="invalid_token"' in challenge(response)


def test_token_of_another_salt(client: FlaskClient, issue: Callable[..., str]) -> None:
    response = get_profile(client, issue(salt=secrets.token_hex(32)))
    assert response.status_code == 401
    assert 'error="invalid_token"' in challenge(response)


def test_last_second_with_freezegun(
    client: FlaskClient, issue: Callable[..., str]
) -> None:
    with freeze_time(NOON) as clock:
        token = issue(lifetime=timedelta(minutes=10))
        clock.move_to(NOON + timedelta(minutes=9, seconds=59))
        assert get_profile(client, token).status_code == 200
        clock.move_to(NOON + timedelta(minutes=10))
        assert get_profile(client, token).status_code == 401


def test_last_second_with_time_machine(
    client: FlaskClient, issue: Callable[..., str]
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        token = issue(lifetime=timedelta(minutes=10))
        clock.move_to(NOON + timedelta(minutes=9, seconds=59))
        assert get_profile(client, token).status_code == 200
        clock.move_to(NOON + timedelta(minutes=10))
        assert get_profile(client, token).status_code == 401
