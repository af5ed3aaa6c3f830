"""Every authorization server of the recipes: codes and refresh tokens.

Real clients go through the code flow over HTTP; the many ways in which it can go
wrong are tried in this process, where a test can turn the clock.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
import recipes
from authorization import (
    APP,
    CALLBACK,
    CHALLENGE,
    VERIFIER,
    WEB,
    ZOE,
    authorize_url,
    code_form,
    parameters,
    refresh_form,
    refused,
    send_form,
    sign_in,
)
from requests_oauthlib import OAuth2Session
from servers import PATIENCE, PROVIDER, SALT

import joat

# Names that no code and no refresh token has.
UNKNOWN = ["", "x", "zo\xeb\0", "' OR 1=1 --"]


@pytest.fixture(params=["authlib", "django_server"])
def server(request):
    return request.getfixturevalue(request.param)


def check_tokens(server, tokens, scope="profile"):
    """RFC 6749 section 5.1; the access token is good at the resource servers."""
    claims = joat.unverified_claims(tokens["access_token"])
    assert tokens["expires_in"] == claims["exp"] - claims["iat"] == 600
    assert tokens["token_type"] == "Bearer"
    assert tokens["scope"] == scope
    granted = joat.verify_token(tokens["access_token"], salt=SALT, provider=PROVIDER)
    assert (granted["client_id"], granted["user_id"]) == ("app", server.user)
    assert granted["authorized_scope"] == scope.split()
    assert "." not in tokens["refresh_token"], "it must be no JWT"


# --- the authorization request ---------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"client_id": "other"},
        {"redirect_uri": "https://evil.example"},
        {"redirect_uri": "https://web.example/callback"},
        {"redirect_uri": f"{CALLBACK}/"},
        {"redirect_uri": f"{CALLBACK}/more"},
        {"redirect_uri": f"{CALLBACK}?a=b"},
        {"redirect_uri": f"{CALLBACK}#a"},
        {"redirect_uri": f"{CALLBACK}/../x"},
        {"redirect_uri": f" {CALLBACK}"},
        {"redirect_uri": "https://app.example/Callback"},
        {"redirect_uri": "https://app.example.evil.example/callback"},
        {"redirect_uri": "https://app.example:443/callback"},
        {"redirect_uri": "https://app.example:/callback"},
        {"redirect_uri": "https://app.example:99999/callback"},
        {"redirect_uri": "https://APP.example/callback"},
        {"redirect_uri": "https://[app.example/callback"},
        {"redirect_uri": "http://app.example/callback"},
        {"redirect_uri": "https://app.example@evil.example/callback"},
        {"redirect_uri": f'{CALLBACK}"'},
        {"redirect_uri": f"{CALLBACK}\r\nA: b"},
        {"redirect_uri": "https://app.exampl\xeb"},
    ],
    ids=str,
)
def test_refused_without_a_redirect(server, changes):
    """RFC 6749 section 4.1.2.1: nobody knows whether the address is good."""
    browser, url = server.browser(), authorize_url(**changes)
    for answer in (browser.get(url), browser.post(url, data=ZOE)):
        assert answer.status_code in (400, 403)
        assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "", "code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"scope": "profile admin"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        (
            {"response_type": "code token"},
            "unsupported_response_type unauthorized_client",
        ),
    ],
    ids=str,
)
def test_refused_at_the_client(server, changes, errors):
    told = server.allow(**changes)
    assert told["error"] in errors.split()
    assert (told["state"], told["iss"]) == ("abc", PROVIDER)  # RFC 9207
    assert "code" not in told


def test_page(server):
    """No other site may frame it, or send its form."""
    browser = server.browser()
    page = browser.get(authorize_url())
    policy = page.headers.get("Content-Security-Policy", "")
    no_frames = "frame-ancestors 'none'" in policy
    assert no_frames or page.headers["X-Frame-Options"] == "DENY"
    answer = send_form(browser, page, csrf=None, csrfmiddlewaretoken=None)
    assert answer.status_code == 403
    assert "Location" not in answer.headers


@pytest.mark.parametrize("password", [ZOE["password"], ""])
def test_denied(server, password):
    browser = server.browser()
    page = browser.get(authorize_url())
    answer = send_form(browser, page, decision="deny", allow=None, password=password)
    told = parameters(answer.headers["Location"])
    assert (told["error"], told["state"]) == ("access_denied", "abc")
    assert told["iss"] == PROVIDER
    assert "code" not in told


def test_stranger_gets_no_code(server):
    """Whoever is not logged in is asked for a password."""
    browser = server.browser(cookies={})
    answer = browser.get(authorize_url())
    page = browser.get(answer.headers.get("Location", answer.url))
    answer = send_form(browser, page, password="wrong")
    assert answer.status_code in (200, 403)
    assert "Location" not in answer.headers


# --- codes -----------------------------------------------------------------------


def test_code(server):
    told = server.allow()
    assert set(told) == {"code", "state", "iss"}
    assert (told["state"], told["iss"]) == ("abc", PROVIDER)  # RFC 9207
    answer = server.exchange(told["code"])
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    check_tokens(server, answer.json())
    refused(server.exchange(told["code"]), "invalid_grant")


def test_all_scope_if_none_was_asked(server):
    check_tokens(server, server.tokens(scope=None), "profile read")


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"code_verifier": None}, "invalid_request invalid_grant"),
        ({"code_verifier": ""}, "invalid_request invalid_grant"),
        ({"code_verifier": VERIFIER[::-1]}, "invalid_grant"),
        ({"code_verifier": CHALLENGE}, "invalid_grant"),
        ({"code_verifier": "x"}, "invalid_request invalid_grant"),
        ({"redirect_uri": f"{CALLBACK}/"}, "invalid_grant invalid_request"),
        ({"redirect_uri": f'{CALLBACK}"'}, "invalid_grant invalid_request"),
        ({"code": None}, "invalid_request"),
        *(({"code": code}, "invalid_grant invalid_request") for code in UNKNOWN),
    ],
    ids=str,
)
def test_code_refused(server, changes, errors):
    refused(server.exchange(server.code(), **changes), errors)


def test_another_client(server):
    code, refresh_token = server.code(), server.refresh_token()
    refused(server.exchange(code, WEB), "invalid_grant")
    refused(server.refresh(refresh_token, WEB), "invalid_grant")
    # Which is no reason to refuse them to their own client.
    assert server.exchange(code).status_code == 200
    assert server.refresh(refresh_token).status_code == 200


@pytest.mark.parametrize(
    ("login", "form"),
    [
        (("app", "wrong"), {}),
        (("app", ""), {}),
        (("other", APP[1]), {}),
        (("", ""), {}),
        (tuple(ZOE.values()), {}),
        (None, {"client_id": "app"}),
        (None, {"client_id": "app", "client_secret": APP[1]}),
        (None, {"client": "app"}),
    ],
    ids=str,
)
def test_client_must_authenticate(server, login, form, count_hashes):
    """By HTTP Basic. Each secret costs one hash, so that the time does not tell."""
    code, refresh_token = server.code(), server.refresh_token()
    count_hashes()
    refused(server.exchange(code, login, **form), "invalid_client", 401)
    assert count_hashes() == (1 if login else 0)
    refused(server.refresh(refresh_token, login, **form), "invalid_client", 401)
    assert count_hashes() == (1 if login else 0)


@pytest.mark.parametrize(
    ("grant", "errors"),
    [
        ("password", "unsupported_grant_type"),
        ("urn:ietf:params:oauth:grant-type:device_code", "unsupported_grant_type"),
        ("implicit", "unsupported_grant_type"),
        # oauthlib knows it; django-oauth-toolkit fails at it.
        ("openid", "unauthorized_client unsupported_grant_type"),
        ("client_credentials", "unauthorized_client"),
    ],
)
def test_other_grant(server, grant, errors):
    refused(server.exchange(server.code(), WEB, grant_type=grant), errors)


def test_scope_in_the_token_request_changes_nothing(server):
    answer = server.exchange(server.code(), scope="profile read")
    check_tokens(server, answer.json())


@pytest.mark.parametrize(
    "name",
    [
        "access_token",
        "client",
        "expires_in",
        "extra_credentials",
        "id_token",
        "refresh_token",
        "refresh_token_instance",
        "scopes",
        "sub",
        "user",
    ],
)
def test_other_parameter_changes_nothing(server, name):
    """What the request's attributes are called in oauthlib, and elsewhere."""
    tokens = server.exchange(server.code(), **{name: "x"}).json()
    check_tokens(server, tokens)
    check_tokens(server, server.refresh(tokens["refresh_token"]).json())


def test_code_expires(server, traveller):
    code, in_time = server.code(), server.code()
    traveller.shift(59)
    assert server.exchange(in_time).status_code == 200
    traveller.shift(1)
    refused(server.exchange(code), "invalid_grant")


def test_user_who_is_gone(server):
    code, refresh_token = server.code(), server.refresh_token()
    server.remove_user()
    refused(server.exchange(code), "invalid_grant")
    refused(server.refresh(refresh_token), "invalid_grant")


# --- refresh tokens --------------------------------------------------------------


@pytest.mark.parametrize("which", [0, 1, 2])
def test_refresh_token_used_twice(server, which):
    """RFC 9700 section 4.14.2: the grant is over, for the thief and the client."""
    another = server.refresh_token()
    used = [server.refresh_token()]
    for _ in range(3):
        tokens = server.refresh(used[-1]).json()
        check_tokens(server, tokens)
        used.append(tokens["refresh_token"])
    assert len(set(used)) == 4
    refused(server.refresh(used[which]), "invalid_grant")
    refused(server.refresh(used[-1]), "invalid_grant")
    assert server.refresh(another).status_code == 200


@pytest.mark.parametrize("scope", ["profile read", "read", "admin", "profile\tread"])
def test_refresh_never_gives_more_scope(server, scope):
    refresh_token = server.refresh_token()
    answer = server.refresh(refresh_token, scope=scope)
    refused(answer, "invalid_scope invalid_request")
    # It is not used up.
    assert server.refresh(refresh_token).status_code == 200


def test_refresh_with_less_scope(server):
    refresh_token = server.refresh_token(scope="profile read")
    tokens = server.refresh(refresh_token, scope="read").json()
    check_tokens(server, tokens, "read")


def test_refresh_token_expires_when_the_client_is_away(server, traveller):
    refresh_token, old = server.refresh_token(), server.refresh_token()
    for _ in range(3):
        traveller.shift(timedelta(days=13))
        refresh_token = server.refresh(refresh_token).json()["refresh_token"]
    refused(server.refresh(old), "invalid_grant")


def test_one_kind_of_token_is_not_another(server):
    tokens, code = server.tokens(), server.code()
    refused(server.refresh(tokens["access_token"]), "invalid_grant")
    refused(server.refresh(code), "invalid_grant")
    refused(server.exchange(tokens["refresh_token"]), "invalid_grant")
    assert server.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("refresh_token", UNKNOWN)
def test_unknown_refresh_token(server, refresh_token):
    refused(server.refresh(refresh_token), "invalid_grant invalid_request")


# --- what is kept ----------------------------------------------------------------


def test_no_secret_is_stored_or_logged(server, caplog):
    caplog.set_level(logging.DEBUG)
    code = server.code()
    tokens = server.exchange(code).json()
    following = server.refresh(tokens["refresh_token"]).json()
    stored = server.database.read_bytes()
    assert b"profile" in stored
    secrets = [code, VERIFIER, APP[1], ZOE["password"]]
    for told in (tokens, following):
        secrets += [told["access_token"], told["refresh_token"]]
    for secret in secrets:
        assert secret.encode() not in stored
        assert secret not in caplog.text


# --- the servers of the index ----------------------------------------------------


@pytest.fixture(scope="module", params=["Authlib", "Django"])
def served(request, serve_recipe, quick_hashes):
    """The servers, where zoe has an account and `app` may ask for codes."""
    script = recipes.servers(request.param)
    register = f"authorization-code --redirect-uris {CALLBACK}"
    script = script.replace("client-credentials", register)
    user = "python -m django createsuperuser --settings auth_settings --noinput"
    user += " --username zoe --email zoe@example.com\n"
    server = "python -m django runserver"
    script = script.replace(server, user + server, 1)
    variables = {"DJANGO_SUPERUSER_PASSWORD": ZOE["password"], **quick_hashes}
    server = serve_recipe(request.param, script, **variables)
    server.user = {"Authlib": "user:zoe", "Django": "user:1"}[request.param]
    return server


def test_client_library(served, monkeypatch):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    endpoint, profile = f"{served.url(9000)}/token", f"{served.url()}/profile"
    app = OAuth2Session(APP[0], scope=["profile"], redirect_uri=CALLBACK, pkce="S256")
    url, _ = app.authorization_url(f"{served.url(9000)}/authorize")
    with httpx.Client(timeout=PATIENCE) as browser:
        callback = sign_in(browser, url)
    first = app.fetch_token(
        endpoint, authorization_response=callback, client_secret=APP[1]
    )
    assert app.get(profile).json() == {"user": served.user}
    second = app.refresh_token(endpoint, auth=APP)
    assert second["access_token"] != first["access_token"]
    assert app.get(profile).json() == {"user": served.user}


@pytest.mark.parametrize("kind", ["code", "refresh token"])
def test_of_many_at_once_one_is_served(served, kind):
    """And the grant is over, because one of the many may be a thief."""

    def post(form):
        return httpx.post(
            f"{served.url(9000)}/token", data=form, auth=APP, timeout=PATIENCE
        )

    with httpx.Client(timeout=PATIENCE) as browser:
        callback = sign_in(browser, served.url(9000) + authorize_url())
    form = code_form(parameters(callback)["code"])
    if kind == "refresh token":
        refresh_token = post(form).json()["refresh_token"]
        form = refresh_form(refresh_token)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, [form] * 8))
    assert sorted(answer.status_code for answer in answers) == [200] + 7 * [400]
    (served_one,) = [answer for answer in answers if answer.status_code == 200]
    refused(post(refresh_form(served_one.json()["refresh_token"])), "invalid_grant")
