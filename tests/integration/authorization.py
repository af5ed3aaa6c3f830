"""The authorization servers of the recipes: a browser, a client, and what they send."""

import html
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx
from helpers import b64

CALLBACK = "https://app.example/callback"
APP, WEB = ("app", "app's secret"), ("web", "app's secret")
ZOE = {"username": "zoe", "password": "zoe's password"}
VERIFIER = "verifier-" * 6
CHALLENGE = b64(sha256(VERIFIER.encode()).digest())
ASKED = {
    "response_type": "code",
    "client_id": "app",
    "redirect_uri": CALLBACK,
    "scope": "profile",
    "state": "abc",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def present(usual, changes):
    """Return the parameters with the changes; one that is None is left out."""
    changed = {**usual, **changes}
    return {name: value for name, value in changed.items() if value is not None}


def authorize_url(**changes):
    """Return the URL; a parameter that has a list is there several times."""
    return f"/authorize?{urlencode(present(ASKED, changes), doseq=True)}"


def hidden_fields(page):
    """Return what a form sends without being asked."""
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in fields}


def send_form(browser, page, **fields):
    """Fill in what a page asks for, the one or the other, and send it."""
    form = {**hidden_fields(page.text), **ZOE}
    form |= {"decision": "allow", "allow": "Authorize"}
    headers = {"Referer": str(page.url)}
    return browser.post(page.url, data=present(form, fields), headers=headers)


def sign_in(browser, url):
    """Do as zoe does, who allows it all; return the URL that leads to the client."""
    answer = browser.get(url)
    # At most to the login and its form, then to the other form, and back.
    for _ in range(5):
        # The cookies are for HTTPS, and browsers make an exception of localhost.
        for cookie in browser.cookies.jar:
            cookie.secure = False
        if answer.has_redirect_location:
            target = urljoin(str(answer.url), answer.headers["Location"])
            if target.startswith(f"{CALLBACK}?"):
                return target
            answer = browser.get(target)
        else:
            assert answer.status_code == 200, answer.text
            answer = send_form(browser, answer)
    raise AssertionError(f"it leads nowhere: {answer.text}")


def parameters(url):
    """Return what a browser takes back to the client."""
    fields = parse_qs(urlsplit(url).query, strict_parsing=True)
    return {name: value for name, (value,) in fields.items()}


@dataclass
class AuthorizationServer:
    """A server in this process, so that a test can turn its clock."""

    app: object
    module: object
    database: Path
    user: str
    remove_user: object
    cookies: dict[str, str]

    def browser(self, cookies=None):
        """Return a client of HTTP, where zoe is logged in if the server has a login."""
        return httpx.Client(
            transport=httpx.WSGITransport(app=self.app),
            base_url="https://127.0.0.1",
            cookies=self.cookies if cookies is None else cookies,
        )

    def allow(self, **asked):
        """Return what the client is told after zoe has allowed it what it asks for."""
        return parameters(sign_in(self.browser(), authorize_url(**asked)))

    def code(self, **asked):
        return self.allow(**asked)["code"]

    def post(self, form, login=APP):
        """Return the answer of the token endpoint."""
        return self.browser().post("/token", data=form, auth=login)

    def exchange(self, code, login=APP, /, **changes):
        return self.post(present(code_form(code), changes), login)

    def tokens(self, **asked):
        """Return the answer to a code that zoe has allowed."""
        answer = self.exchange(self.code(**asked))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refresh_token(self, **asked):
        return self.tokens(**asked)["refresh_token"]

    def refresh(self, refresh_token, login=APP, /, **changes):
        return self.post(present(refresh_form(refresh_token), changes), login)


def code_form(code):
    """Return what a client sends for tokens."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }


def refresh_form(refresh_token):
    return {"grant_type": "refresh_token", "refresh_token": refresh_token}


def refused(answer, errors, status=400):
    """Check a refusal: RFC 6749 section 5.2."""
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert told["error"] in errors.split()
    assert set(told) <= {"error", "error_description"}
    assert answer.headers["Cache-Control"] == "no-store"
    challenge = 'Basic realm="token"' if status == 401 else None
    assert answer.headers.get("WWW-Authenticate") == challenge
