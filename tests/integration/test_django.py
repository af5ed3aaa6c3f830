"""Django: what goes beyond the batteries.

Real clients go through the code flow over HTTP, on the servers of the index; the many
ways in which it can go wrong are tried in this process, with hashes that take no time.
"""

from __future__ import annotations

import html
import importlib
import re
import sys
from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256
from types import SimpleNamespace
from urllib.parse import parse_qs, urlencode, urlsplit

import django
import pytest
import recipes
import requests
from conftest import PROVIDER
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.management import call_command
from django.test import Client
from oauthlib.oauth2 import InvalidGrantError
from requests_oauthlib import OAuth2Session
from servers import PATIENCE, SALT, ask

import joat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from servers import Server

CALLBACK = "https://app.example/callback"
ZOE = {"username": "zoe", "password": "zoe's password"}
VERIFIER = "verifier-" * 6
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
ASKED = {
    "response_type": "code",
    "client_id": "web",
    "redirect_uri": CALLBACK,
    "scope": "profile",
    "state": "abc",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
WEB = "Basic " + b64encode(b"web:web-secret").decode()
CREDENTIALS = {"grant_type": "client_credentials"}


def hidden_fields(page: str) -> dict[str, str]:
    """Return what a form of Django's sends without being asked."""
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in fields}


# The authorization server, in this process.

QUICK_SETTINGS = """
from auth_settings import *

ALLOWED_HOSTS = ["testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The authorization server with its database, and some clients and users."""
    directory = recipes.copy("Django", tmp_path_factory.mktemp("recipe"))
    (directory / "quick_settings.py").write_text(QUICK_SETTINGS, encoding="utf-8")
    own = {path.stem for path in directory.glob("*.py")}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(directory)
        patch.setenv("JOAT_SALT", SALT)
        patch.setenv("SECRET_KEY", "nobody's secret but this test's")
        patch.setenv("DJANGO_SETTINGS_MODULE", "quick_settings")
        patch.setattr(joat, "salt_generator", joat.salt_generator)
        django.setup()
        call_command("migrate", verbosity=0)
        yield SimpleNamespace(
            auth=importlib.import_module("auth"),
            database=directory / "db.sqlite3",
            models=importlib.import_module("oauth2_provider.models"),
            users=importlib.import_module("django.contrib.auth.models").User.objects,
        )
        importlib.import_module("django.db").connections.close_all()
    for name in own & set(sys.modules):
        del sys.modules[name]


@pytest.fixture
def auth(recipe: SimpleNamespace) -> SimpleNamespace:
    """The same with an empty database, then with zoe and a client for her."""
    recipe.models.Application.objects.all().delete()
    recipe.users.all().delete()
    recipe.zoe = recipe.users.create_user(**ZOE)
    register(recipe, "web", "authorization-code", redirect_uris=CALLBACK)
    return recipe


def register(auth: SimpleNamespace, name: str, grant: str, **fields: Any) -> Any:
    """Register a client; its secret is its name and `-secret`."""
    client = auth.models.Application(
        client_id=name,
        client_secret=f"{name}-secret",
        authorization_grant_type=grant,
        **{"client_type": "confidential", **fields},
    )
    client.full_clean()
    client.save()
    return client


def basic(name: str, secret: str) -> str:
    return "Basic " + b64encode(f"{name}:{secret}".encode()).decode()


def post(form: dict[str, str], authorization: str | None = WEB, query: str = "") -> Any:
    """Return the answer of the token endpoint to a form."""
    return Client(enforce_csrf_checks=True).post(
        f"/token{query}",
        urlencode(form),
        "application/x-www-form-urlencoded",
        headers={} if authorization is None else {"Authorization": authorization},
    )


def allow(auth: SimpleNamespace, **asked: str) -> dict[str, list[str]]:
    """Return what a client is told after zoe has allowed it what it asked for."""
    browser = Client()
    browser.force_login(auth.zoe)
    page = browser.get("/authorize", {**ASKED, **asked})
    assert page.status_code == 200, page.headers
    form = hidden_fields(page.content.decode())
    answer = browser.post("/authorize", {**form, "allow": "Authorize"})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(f"{CALLBACK}?")
    return parse_qs(urlsplit(answer.headers["Location"]).query)


def code_form(auth: SimpleNamespace, **form: str) -> dict[str, str]:
    """Return the form with which a client redeems a new code."""
    (code,) = allow(auth)["code"]
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **form,
    }


def tokens_of_zoe(auth: SimpleNamespace) -> dict[str, Any]:
    """Return the answer to a new code."""
    answer = post(code_form(auth))
    assert answer.status_code == 200, answer.content
    return answer.json()


def refresh_form(token: str) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": token}


def assert_refused(answer: Any, *errors: str) -> None:
    """RFC 6749 section 5.2."""
    assert answer.status_code == (401 if errors == ("invalid_client",) else 400)
    assert answer.json()["error"] in errors
    assert answer.headers["Cache-Control"] == "no-store"
    challenge = answer.headers.get("WWW-Authenticate")
    assert challenge == ('Basic realm="token"' if answer.status_code == 401 else None)


def test_code(auth: SimpleNamespace) -> None:
    told = allow(auth)
    assert told["state"] == ["abc"]
    assert told["iss"] == [PROVIDER]  # RFC 9207
    answer = post(code_form(auth))
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    granted = joat.verify_token(
        answer.json()["access_token"], provider=PROVIDER, client_id="web", salt=SALT
    )
    assert granted["user_id"] == f"user:{auth.zoe.pk}"
    assert granted["authorized_scope"] == ["profile"]


def test_client_that_is_named_as_a_user(auth: SimpleNamespace) -> None:
    name = str(auth.zoe.pk)
    register(auth, name, "client-credentials", user=auth.zoe)
    answer = post(CREDENTIALS, basic(name, f"{name}-secret"))
    claims = joat.unverified_claims(answer.json()["access_token"])
    assert (claims["aud"], claims["sub"]) == (name, f"client:{name}")


def test_tokens_of_one_second_differ(auth: SimpleNamespace) -> None:
    register(auth, "app", "client-credentials")
    answers = [post(CREDENTIALS, basic("app", "app-secret")) for _ in range(5)]
    assert len({answer.json()["access_token"] for answer in answers}) == 5


@pytest.mark.parametrize(
    ("login", "right"),
    [
        pytest.param(basic("app", "app-secret"), True, id="right secret"),
        pytest.param(basic("app", "x"), False, id="wrong secret"),
        pytest.param(basic("app", ""), False, id="no secret"),
        pytest.param(basic("x", "app-secret"), False, id="unknown client"),
        pytest.param(basic("", ""), False, id="nobody"),
        pytest.param(basic("plain", "plain-secret"), False, id="stored as it is"),
        pytest.param(basic("public", "public-secret"), False, id="public client"),
    ],
)
@pytest.mark.parametrize(
    "form",
    [
        pytest.param({}, id="login alone"),
        pytest.param(
            {"client_id": "app", "client_secret": "x"}, id="another in the form"
        ),
    ],
)
def test_hashes(
    auth: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    login: str,
    right: bool,
    form: dict[str, str],
) -> None:
    register(auth, "app", "client-credentials")
    register(auth, "plain", "client-credentials", hash_client_secret=False)
    register(auth, "public", "client-credentials", client_type="public")
    hashes = []
    encode = MD5PasswordHasher.encode

    def counted(*args: Any) -> str:
        hashes.append(1)
        return encode(*args)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    answer = post({**CREDENTIALS, **form}, login)
    assert len(hashes) == 1
    if right:
        assert answer.status_code == 200
    else:
        assert_refused(answer, "invalid_client")


@pytest.mark.parametrize(
    ("form", "login"),
    [
        pytest.param({"client_id": "other"}, WEB, id="two clients"),
        pytest.param(
            {"client_id": "web", "client_secret": "web-secret"}, None, id="in the form"
        ),
        pytest.param({"client_id": "web"}, None, id="no secret"),
        pytest.param({"client": "web"}, None, id="an attribute of oauthlib's"),
    ],
)
def test_not_authenticated(
    auth: SimpleNamespace, form: dict[str, str], login: str | None
) -> None:
    assert_refused(post(code_form(auth, **form), login), "invalid_client")


def test_public_client(auth: SimpleNamespace) -> None:
    register(
        auth, "spa", "authorization-code", client_type="public", redirect_uris=CALLBACK
    )
    (code,) = allow(auth, client_id="spa")["code"]
    form = code_form(auth, client_id="spa", code=code)
    assert_refused(post({**form, "client_id": "web"}, None), "invalid_client")
    assert_refused(post(form, basic("spa", "spa-secret")), "invalid_client")
    told = post(form, None).json()
    assert joat.unverified_claims(told["access_token"])["aud"] == "spa"
    refresh = refresh_form(told["refresh_token"])
    assert_refused(post(refresh, WEB), "invalid_grant")
    assert post({**refresh, "client_id": "spa"}, None).status_code == 200


def test_code_used_twice(auth: SimpleNamespace) -> None:
    form = code_form(auth)
    assert post(form).status_code == 200
    assert_refused(post(form), "invalid_grant")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        pytest.param({"code_verifier": "x" * 43}, "invalid_grant", id="verifier"),
        pytest.param({"code_verifier": ""}, "invalid_request", id="no verifier"),
        pytest.param({"code": "x"}, "invalid_grant", id="code"),
        pytest.param({"code": ""}, "invalid_request", id="no code"),
        pytest.param(
            {"redirect_uri": "https://evil.example/"},
            "invalid_request",
            id="redirect URI",
        ),
    ],
)
def test_wrong_code(auth: SimpleNamespace, form: dict[str, str], error: str) -> None:
    assert_refused(post(code_form(auth, **form)), error)


def test_code_of_another_client(auth: SimpleNamespace) -> None:
    register(auth, "other", "authorization-code", redirect_uris=CALLBACK)
    login = basic("other", "other-secret")
    assert_refused(post(code_form(auth), login), "invalid_grant")


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        pytest.param({"code_challenge": ""}, "invalid_request", id="no PKCE"),
        pytest.param({"scope": "admin"}, "invalid_scope", id="too much scope"),
        pytest.param(
            {"response_type": "token"}, "unsupported_response_type", id="implicit"
        ),
    ],
)
def test_refused_authorization(
    auth: SimpleNamespace, asked: dict[str, str], error: str
) -> None:
    browser = Client()
    browser.force_login(auth.zoe)
    asked = {name: value for name, value in {**ASKED, **asked}.items() if value}
    answer = browser.get("/authorize", asked)
    assert answer.status_code == 302
    told = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert told["error"] == [error]


def test_plain_challenge(auth: SimpleNamespace) -> None:
    asked = {"code_challenge": VERIFIER, "code_challenge_method": "plain"}
    assert allow(auth, **asked)["error"] == ["invalid_request"]


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"redirect_uri": "https://evil.example/"}, id="redirect URI"),
        pytest.param({"redirect_uri": f"{CALLBACK}/more"}, id="longer redirect URI"),
        pytest.param({"client_id": "x"}, id="client"),
    ],
)
def test_nobody_to_answer(auth: SimpleNamespace, asked: dict[str, str]) -> None:
    browser = Client()
    browser.force_login(auth.zoe)
    assert browser.get("/authorize", {**ASKED, **asked}).status_code == 400


@pytest.mark.parametrize("query", ["%zz", "state=%", "state=%1"])
def test_query_that_is_no_form(auth: SimpleNamespace, query: str) -> None:
    browser = Client()
    browser.force_login(auth.zoe)
    for method in (browser.get, browser.post):
        assert method(f"/authorize?{query}").status_code == 400


def test_page_of_the_user(auth: SimpleNamespace) -> None:
    browser = Client(enforce_csrf_checks=True)
    login = browser.get("/authorize", ASKED)
    assert login.status_code == 302
    assert login.headers["Location"].startswith("/login?")
    browser.force_login(auth.zoe)
    page = browser.get("/authorize", ASKED)
    assert page.headers["X-Frame-Options"] == "DENY"
    form = {**hidden_fields(page.content.decode()), "allow": "Authorize"}
    del form["csrfmiddlewaretoken"]
    assert browser.post("/authorize", form).status_code == 403


def test_refresh(auth: SimpleNamespace) -> None:
    first = tokens_of_zoe(auth)
    assert joat.parse_token(first["refresh_token"]) is None
    second = post(refresh_form(first["refresh_token"])).json()
    claims = joat.unverified_claims(second["access_token"])
    assert claims["sub"] == f"user:{auth.zoe.pk}"
    assert claims["exp"] - claims["iat"] == second["expires_in"]


def test_refresh_with_more_scope(auth: SimpleNamespace) -> None:
    form = refresh_form(tokens_of_zoe(auth)["refresh_token"])
    assert_refused(post({**form, "scope": "profile read"}), "invalid_scope")


def test_refresh_token_used_twice(auth: SimpleNamespace) -> None:
    """Whoever came first, thief or owner, must log in again."""
    first = tokens_of_zoe(auth)
    second = post(refresh_form(first["refresh_token"])).json()
    assert_refused(post(refresh_form(first["refresh_token"])), "invalid_grant")
    assert_refused(post(refresh_form(second["refresh_token"])), "invalid_grant")


@pytest.mark.parametrize("moment", ["get_original_scopes", "save_bearer_token"])
def test_refresh_token_used_twice_at_once(
    auth: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    form = refresh_form(tokens_of_zoe(auth)["refresh_token"])
    refused_if_overtaken(auth, monkeypatch, moment, form)


@pytest.mark.parametrize(
    "moment", ["get_code_challenge", "confirm_redirect_uri", "save_bearer_token"]
)
def test_code_used_twice_at_once(
    auth: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    refused_if_overtaken(auth, monkeypatch, moment, code_form(auth))


def refused_if_overtaken(
    auth: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    form: dict[str, str],
) -> None:
    """Send a request while the validator answers to another one like it."""
    ask_validator = getattr(auth.auth.Validator, moment)
    overtaking = []

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        if not overtaking:
            overtaking.append(None)
            overtaking[0] = post(form)
        return ask_validator(*args, **kwargs)

    monkeypatch.setattr(auth.auth.Validator, moment, interrupted)
    assert_refused(post(form), "invalid_grant")
    assert overtaking[0].status_code == 200


def test_locked_out_user(auth: SimpleNamespace) -> None:
    form = code_form(auth)
    refresh_token = tokens_of_zoe(auth)["refresh_token"]
    auth.zoe.is_active = False
    auth.zoe.save()
    assert_refused(post(form), "invalid_grant")
    assert_refused(post(refresh_form(refresh_token)), "invalid_grant")


def test_deleted_user(auth: SimpleNamespace) -> None:
    form = code_form(auth)
    refresh_token = tokens_of_zoe(auth)["refresh_token"]
    auth.zoe.delete()
    assert_refused(post(form), "invalid_grant")
    assert_refused(post(refresh_form(refresh_token)), "invalid_grant")


def test_no_token_is_stored(auth: SimpleNamespace) -> None:
    told = tokens_of_zoe(auth)
    stored = auth.database.read_bytes()
    assert b"profile" in stored
    for token in (told["access_token"], told["refresh_token"], "web-secret"):
        assert token.encode() not in stored


@pytest.mark.parametrize(
    "form",
    [
        pytest.param({"grant_type": "password", **ZOE}, id="password"),
        pytest.param(
            {"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}, id="device"
        ),
        pytest.param({"grant_type": "implicit"}, id="implicit"),
    ],
)
def test_other_grant(auth: SimpleNamespace, form: dict[str, str]) -> None:
    assert_refused(post(form), "unsupported_grant_type")


def test_grant_of_openid(auth: SimpleNamespace) -> None:
    """oauthlib knows it; django-oauth-toolkit fails at it."""
    assert_refused(
        post(code_form(auth, grant_type="openid")),
        "unauthorized_client",
        "unsupported_grant_type",
    )


def test_token_for_one_resource_server(auth: SimpleNamespace) -> None:
    """RFC 8707: rather none than one that is good everywhere."""
    resource = "https://api.example"
    assert_refused(post(code_form(auth, resource=resource)), "invalid_target")
    assert not auth.models.AccessToken.objects.exists()
    (code,) = allow(auth, resource=resource)["code"]
    assert_refused(post(code_form(auth, code=code)), "invalid_target")


def test_grant_of_others(auth: SimpleNamespace) -> None:
    assert_refused(post(CREDENTIALS), "unauthorized_client")


@pytest.mark.parametrize(
    ("form", "query"),
    [
        pytest.param({}, "?grant_type=client_credentials", id="query"),
        pytest.param({}, "?%zz", id="query that is no form"),
        pytest.param({"code": "\0"}, "", id="NUL"),
        pytest.param({"code": "\ud800"}, "", id="half a pair"),
        pytest.param({"refresh_token": "zo\xeb"}, "", id="not ASCII"),
    ],
)
def test_malformed(auth: SimpleNamespace, form: dict[str, str], query: str) -> None:
    form = {key: value.encode("utf-8", "surrogatepass") for key, value in form.items()}
    assert_refused(post({**CREDENTIALS, **form}, query=query), "invalid_request")


# The servers of the index.


@pytest.fixture(scope="module")
def servers(
    serve_module: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory
) -> Server:
    """The servers of the recipe, where zoe has an account and a client named 1."""
    directory = recipes.copy("Django", tmp_path_factory.mktemp("recipe"))
    script = recipes.servers("Django")
    begin = script.index("python -m django runserver")
    more = f"""
python -m django createapplication public authorization-code \\
  --settings auth_settings --client-id 1 --redirect-uris {CALLBACK}
python -m django createsuperuser --settings auth_settings \\
  --noinput --username zoe --email zoe@example.com
"""
    password = ZOE["password"]
    script = script[:begin] + more + script[begin:]
    return serve_module(script, directory, DJANGO_SUPERUSER_PASSWORD=password)


def test_client_library(servers: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    endpoint = f"{servers.url(9000)}/token"
    app = OAuth2Session("1", redirect_uri=CALLBACK, scope="profile", pkce="S256")
    url, _ = app.authorization_url(f"{servers.url(9000)}/authorize")
    callback = log_in_and_allow(url)
    first = app.fetch_token(
        endpoint, authorization_response=callback, include_client_id=True
    )
    profile = f"{servers.url(8000)}/profile"
    assert app.get(profile).json() == {"user": "user:1"}
    assert app.post(profile).json() == {"user": "user:1"}

    second = app.refresh_token(endpoint, client_id="1")
    assert second["access_token"] != first["access_token"]
    assert app.get(profile).json() == {"user": "user:1"}
    app.token = {**first, "expires_at": 0}
    with pytest.raises(InvalidGrantError):
        app.refresh_token(endpoint, refresh_token=first["refresh_token"], client_id="1")

    for token in (first, second):
        header = ("Authorization", f"Bearer {token['refresh_token']}")
        assert ask(profile, headers=[header]).status == 401


def log_in_and_allow(url: str) -> str:
    """Do in a browser what a user is asked for; return where that leads."""
    with requests.Session() as browser:
        page = browser.get(url, timeout=PATIENCE)
        for answer in (ZOE, {"allow": "Authorize"}):
            # The cookies are for HTTPS, and browsers make an exception of localhost.
            for cookie in browser.cookies:
                cookie.secure = False
            form = {**hidden_fields(page.text), **answer}
            redirect = browser.post(
                page.url, form, timeout=PATIENCE, allow_redirects=False
            )
            assert redirect.status_code == 302, redirect.text
            target = redirect.headers["Location"]
            if answer is ZOE:
                for cookie in browser.cookies:
                    cookie.secure = False
                page = browser.get(f"{url.partition('/authorize')[0]}{target}")
    return target


# A project that has more than the recipe: pages that a cookie logs in to, and a cache.

USUAL_SETTINGS = """
import api_settings
from api_settings import *

ROOT_URLCONF = "usual_urls"
MIDDLEWARE = [
    "django.middleware.cache.UpdateCacheMiddleware",
    *api_settings.MIDDLEWARE,
    "django.middleware.cache.FetchFromCacheMiddleware",
]
"""
CACHED_SETTINGS = USUAL_SETTINGS.replace("api_settings", "settings").replace(
    'ROOT_URLCONF = "usual_urls"\n', ""
)
USUAL_URLS = """
import api
from django.http import HttpResponse
from django.urls import path

def page(request):
    return HttpResponse()

urlpatterns = [*api.urlpatterns, path("page", page)]
"""


@pytest.fixture(scope="module")
def usual(
    serve_module: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory
) -> str:
    directory = recipes.copy("Django", tmp_path_factory.mktemp("usual"))
    (directory / "usual_settings.py").write_text(USUAL_SETTINGS, encoding="utf-8")
    (directory / "usual_urls.py").write_text(USUAL_URLS, encoding="utf-8")
    command = recipes.servers("Django").splitlines()[-1]
    command = command.replace("api_settings", "usual_settings")
    return serve_module(f"{command}\n", directory).url()


def test_post_without_a_cookie(usual: str, tokens: dict[str, str]) -> None:
    assert ask(f"{usual}/page", "POST").status == 403
    header = ("Authorization", f"Bearer {tokens['good']}")
    assert ask(f"{usual}/profile", "POST", [header]).json == {"user": "user:zoe"}
    assert ask(f"{usual}/profile", "POST").status == 401


@pytest.mark.parametrize("server", ["usual", "rest"])
def test_cache(
    server: str, request: pytest.FixtureRequest, tokens: dict[str, str]
) -> None:
    """Django's cache looks at the URL alone, and answers before any view."""
    url = f"{request.getfixturevalue(server)}/profile"
    for name, user in {"good": "user:zoe", "of_bob": "user:bob"}.items():
        header = ("Authorization", f"Bearer {tokens[name]}")
        answer = ask(url, headers=[header])
        assert answer.json == {"user": user}
        assert answer.headers["Cache-Control"] == "private"
    assert ask(url).status == 401


@pytest.fixture(scope="module")
def rest(
    serve_module: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory
) -> str:
    directory = recipes.copy("Django REST framework", tmp_path_factory.mktemp("rest"))
    (directory / "usual_settings.py").write_text(CACHED_SETTINGS, encoding="utf-8")
    command = recipes.servers("Django REST framework")
    command = command.replace("--settings settings", "--settings usual_settings")
    return serve_module(command, directory).url()


def test_permissions(rest: str, tokens: dict[str, str]) -> None:
    answers = {}
    for name in ("good", "of_client", "no_scope"):
        header = ("Authorization", f"Bearer {tokens[name]}")
        answers[name] = ask(f"{rest}/articles", headers=[header])
    assert answers["good"].json == {"articles": ["On tokens"]}
    # No other token of the client's would do, and so there is no challenge.
    assert answers["of_client"].status == 403
    assert answers["of_client"].headers["WWW-Authenticate"] is None
    assert answers["no_scope"].status == 403
    assert 'scope="read"' in answers["no_scope"].headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "accept", ["text/html", "text/html,*/*;q=0.1", "x", "", "*/*;q=x", ";", 'a/b;c="']
)
def test_accept(rest: str, tokens: dict[str, str], accept: str) -> None:
    """Whatever a browser asks for, the server has an answer."""
    header = ("Authorization", f"Bearer {tokens['good']}")
    answer = ask(f"{rest}/profile", headers=[header, ("Accept", accept)])
    assert answer.status in (200, 406)
    assert answer.json


def test_number_as_a_subject(rest: str, issue: Callable[..., str]) -> None:
    """A subject that is an integer is no user's, whatever it is."""
    header = ("Authorization", f"Bearer {issue(user_id=1)}")
    assert ask(f"{rest}/articles", headers=[header]).status == 403
