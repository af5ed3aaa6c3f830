"""A client of the authorization server: it reads a user's profile.

The URLs of the two servers are its arguments. It fills in the form itself, in place of
the user and the browser. For production, send the user's browser to the URL instead,
keep `state` and `verifier` in its session meanwhile, and let it come back to a page of
yours at the redirect URI.
"""

from __future__ import annotations

import re
import secrets
import sys

import requests
from authlib.integrations.requests_client import OAuth2Session


def main(auth: str, api: str) -> None:
    """Let zoe allow the client to read her profile; read it with both tokens."""
    session = OAuth2Session(
        "app",
        "app's secret",
        scope="profile",
        redirect_uri="https://app.example/callback",
        code_challenge_method="S256",
        token_endpoint=f"{auth}/token",
    )
    verifier = secrets.token_urlsafe(32)
    url, state = session.create_authorization_url(
        f"{auth}/authorize", code_verifier=verifier
    )
    answer = sign_in(url, "zoe", "zoe's password")

    session.fetch_token(
        authorization_response=answer, state=state, code_verifier=verifier
    )
    print("with the first token:", session.get(f"{api}/profile").json())
    session.refresh_token()
    print("with the next token:", session.get(f"{api}/profile").json())


def sign_in(url: str, username: str, password: str) -> str:
    """Do as a user and a browser do; return the URL to which they are sent."""
    with requests.Session() as browser:
        form = browser.get(url, timeout=30)
        form.raise_for_status()
        csrf = re.search(r'name="csrf" value="([\w-]+)"', form.text)
        fields = {
            "csrf": csrf[1] if csrf else "",
            "username": username,
            "password": password,
            "decision": "allow",
        }
        answer = browser.post(url, fields, allow_redirects=False, timeout=30)
        answer.raise_for_status()
        return answer.headers["Location"]


if __name__ == "__main__":
    main(*sys.argv[1:])
