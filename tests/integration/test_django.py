"""Django: what goes beyond the batteries."""

import functools
import importlib
import socket
import sys
import traceback
from http.client import parse_headers
from types import SimpleNamespace
from urllib.parse import urlsplit

import httpx
import oauthlib.common
import pytest
import recipes
from authorization import (
    APP,
    CALLBACK,
    WEB,
    ZOE,
    authorize_url,
    code_form,
    hidden_fields,
    parameters,
    refused,
    send_form,
    sign_in,
)
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory, override_settings
from programs import python, run
from sentry_sdk.scrubber import DEFAULT_DENYLIST
from servers import (
    OLDER_SALT,
    PATIENCE,
    PROVIDER,
    SALT,
    ask,
    basic,
    issue_token,
    shell,
)

import joat

CREDENTIALS = {"grant_type": "client_credentials"}


@pytest.fixture
def server(django_server):
    return django_server


@pytest.fixture
def machine(register):
    return register("machine", authorization_grant_type="client-credentials")


def test_tokens_of_one_second_differ(server, machine):
    answers = [server.post(CREDENTIALS, machine) for _ in range(5)]
    assert len({answer.json()["access_token"] for answer in answers}) == 5


def test_form_names_another_client(server, machine):
    form = {**CREDENTIALS, "client_id": "web"}
    refused(server.post(form, machine), "invalid_client", 401)


@pytest.mark.parametrize(
    "client", [{"hash_client_secret": False}, {"client_type": "public"}], ids=str
)
def test_client_without_a_hash(server, register, count_hashes, client):
    """No secret is right for it, and each costs as much as for the others."""
    grant = "client-credentials"
    login = register("machine", authorization_grant_type=grant, **client)
    count_hashes()
    refused(server.post(CREDENTIALS, login), "invalid_client", 401)
    assert count_hashes() == 1


def test_public_client(server, register):
    register("spa", client_type="public")
    code = server.code(client_id="spa")
    refused(server.exchange(code, None, client_id="web"), "invalid_client", 401)
    refused(server.exchange(code, ("spa", APP[1])), "invalid_client", 401)
    told = server.exchange(code, None, client_id="spa").json()
    assert joat.unverified_claims(told["access_token"])["aud"] == "spa"
    refresh_token = told["refresh_token"]
    refused(server.refresh(refresh_token, WEB), "invalid_grant")
    assert server.refresh(refresh_token, None, client_id="spa").status_code == 200


@pytest.mark.parametrize(
    ("kind", "moment"),
    [
        ("refresh", "get_original_scopes"),
        ("refresh", "save_bearer_token"),
        ("exchange", "get_code_challenge"),
        ("exchange", "confirm_redirect_uri"),
        ("exchange", "save_bearer_token"),
    ],
)
def test_overtaken_by_another_request_like_it(server, monkeypatch, kind, moment):
    """Whatever moment it comes at, one of the two is refused, and the grant is over."""
    ticket = server.refresh_token()
    if kind == "exchange":
        ticket = server.code()
    send = getattr(server, kind)
    ask_validator = getattr(server.module.Validator, moment)
    overtaking = []

    def interrupted(*args, **kwargs):
        if not overtaking:
            overtaking.append(None)
            overtaking[0] = send(ticket)
        return ask_validator(*args, **kwargs)

    monkeypatch.setattr(server.module.Validator, moment, interrupted)
    refused(send(ticket), "invalid_grant")
    (answer,) = overtaking
    assert answer.status_code == 200
    refused(server.refresh(answer.json()["refresh_token"]), "invalid_grant")


@pytest.mark.parametrize("kind", ["refresh", "exchange"])
@pytest.mark.parametrize(
    ("gone", "error", "status"),
    [("user", "invalid_grant", 400), ("client", "invalid_client", 401)],
)
def test_deleted_meanwhile(
    server, django_recipe, monkeypatch, kind, gone, error, status
):
    ticket = server.refresh_token() if kind == "refresh" else server.code()
    clients = django_recipe.models.Application.objects
    removals = {"user": server.remove_user, "client": clients.all().delete}
    save = server.module.Validator.save_bearer_token

    def interrupted(*args, **kwargs):
        if remove := removals.pop(gone, None):
            remove()
        return save(*args, **kwargs)

    monkeypatch.setattr(server.module.Validator, "save_bearer_token", interrupted)
    refused(getattr(server, kind)(ticket), error, status)


@pytest.mark.parametrize("kind", ["refresh", "exchange"])
def test_another_request_like_it_before_the_answer(server, monkeypatch, kind):
    """The first is served, though the grant is over by then."""
    ticket = server.refresh_token() if kind == "refresh" else server.code()
    send = getattr(server, kind)
    create = server.module.Server.create_token_response
    answers = []

    def interrupted(*args, **kwargs):
        created = create(*args, **kwargs)
        if not answers:
            answers.append(None)
            answers[0] = send(ticket)
        return created

    monkeypatch.setattr(server.module.Server, "create_token_response", interrupted)
    answer = send(ticket)
    assert answer.status_code == 200
    refused(answers[0], "invalid_grant")
    refused(server.refresh(answer.json()["refresh_token"]), "invalid_grant")


@pytest.mark.parametrize(
    "refreshes", [pytest.param(0, id="at once"), pytest.param(2, id="refreshed twice")]
)
def test_code_used_twice(server, django_recipe, refreshes):
    """RFC 6749 section 4.1.2: what came of it is revoked, and nothing else."""
    another, code = server.refresh_token(), server.code()
    refresh_token = server.exchange(code).json()["refresh_token"]
    for _ in range(refreshes):
        refresh_token = server.refresh(refresh_token).json()["refresh_token"]
    refused(server.exchange(code), "invalid_grant")
    refused(server.refresh(refresh_token), "invalid_grant")
    assert django_recipe.models.AccessToken.objects.count() == 1
    assert server.refresh(another).status_code == 200


def test_used_code_of_another_client(server):
    code = server.code()
    refresh_token = server.exchange(code).json()["refresh_token"]
    refused(server.exchange(code, WEB), "invalid_grant")
    assert server.refresh(refresh_token).status_code == 200


def test_used_refresh_token_of_another_client(server):
    used = server.refresh_token()
    refresh_token = server.refresh(used).json()["refresh_token"]
    refused(server.refresh(used, WEB), "invalid_grant")
    assert server.refresh(refresh_token).status_code == 200


def test_all_scope_again_after_a_refresh_with_less(server):
    """RFC 6749 section 6."""
    refresh_token = server.refresh_token(scope="profile read")
    for asked, scope in {"read": "read", None: "profile read"}.items():
        tokens = server.refresh(refresh_token, scope=asked).json()
        refresh_token = tokens["refresh_token"]
        assert tokens["scope"] == scope
        assert joat.unverified_claims(tokens["access_token"])["scp"] == scope.split()


def test_scope_that_is_no_longer_on_offer(server):
    """A refresh gives what is left; whoever asks for more is refused."""
    refresh_token = server.refresh_token(scope="profile read")
    changed = {**settings.OAUTH2_PROVIDER, "SCOPES": {"read": "Read your articles"}}
    with override_settings(OAUTH2_PROVIDER=changed):
        refused(server.refresh(refresh_token, scope="profile read"), "invalid_scope")
        tokens = server.refresh(refresh_token).json()
        assert tokens["scope"] == "read"
        assert joat.unverified_claims(tokens["access_token"])["scp"] == ["read"]
    changed["SCOPES"] = {"admin": "Delete everything"}
    with override_settings(OAUTH2_PROVIDER=changed):
        refused(server.refresh(tokens["refresh_token"]), "invalid_scope")


@pytest.mark.parametrize("scope", ["profile read admin", "read", "", None])
def test_scope_of_a_refresh_token_cannot_be_changed(server, scope):
    """A client sees it in the token, behind the tilde."""
    secret, tilde, own = server.refresh_token(scope="profile read").partition("~")
    assert own == b"profile read".hex()
    assert secret.isalnum()
    changed = secret if scope is None else secret + tilde + scope.encode().hex()
    refused(server.refresh(changed), "invalid_grant")


def test_locked_out_user(server, django_recipe):
    code, refresh_token = server.code(), server.refresh_token()
    django_recipe.users.update(is_active=False)
    refused(server.exchange(code), "invalid_grant")
    refused(server.refresh(refresh_token), "invalid_grant")


@pytest.mark.parametrize(
    "resource",
    [
        pytest.param("https://api.example", id="URL"),
        pytest.param("http://[", id="no URL"),
        pytest.param("x", id="no scheme"),
        pytest.param(" ", id="space"),
    ],
)
def test_token_for_one_resource_server(server, django_recipe, resource):
    """RFC 8707: rather none than one that is good everywhere."""
    told = server.allow(resource=resource)
    assert (told["error"], told["state"]) == ("invalid_target", "abc")
    assert (told["iss"], "code" in told) == (PROVIDER, False)
    refused(server.exchange(server.code(), resource=resource), "invalid_target")
    assert not django_recipe.models.AccessToken.objects.exists()
    refresh_token = server.refresh_token()
    refused(server.refresh(refresh_token, resource=resource), "invalid_target")
    assert server.refresh(refresh_token).status_code == 200


def test_empty_resource(server):
    """A parameter without a value is none (RFC 6749 section 3.1)."""
    assert server.exchange(server.code(resource=""), resource="").status_code == 200


@pytest.mark.parametrize(
    "field", ["code=%00", "code=%ED%A0%80", "refresh_token=zo%C3%AB"]
)
def test_malformed_form(server, machine, field):
    """A NUL, half a surrogate pair, and what is not ASCII."""
    form = f"grant_type=client_credentials&{field}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    browser = server.browser()
    answer = browser.post("/token", content=form, headers=headers, auth=machine)
    refused(answer, "invalid_request")


@pytest.mark.parametrize(
    "form",
    [
        pytest.param({"a": 70_000 * "a"}, id="long"),
        pytest.param({f"a{n}": "a" for n in range(1_001)}, id="many fields"),
    ],
)
def test_large_form(server, machine, caplog, form):
    """It is refused in one line of the log, because strangers can send it."""
    refused(server.post({**CREDENTIALS, **form}, machine), "invalid_request", 413)
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("path", ["/token", "/login"])
def test_file_is_not_written(server, machine, path, tmp_path):
    """It would count against no limit of Django's, and anyone may send it."""
    files = {"file": ("a", 3_000_000 * b"a")}
    browser = server.browser(cookies={})
    csrf = browser.get("/login").cookies["csrftoken"]
    form, headers = {"csrfmiddlewaretoken": csrf}, {"Referer": "https://127.0.0.1/"}
    with override_settings(FILE_UPLOAD_TEMP_DIR=tmp_path / "missing"):
        answer = browser.post(
            path, data=form, files=files, headers=headers, auth=machine
        )
    assert answer.status_code == {"/token": 400, "/login": 200}[path]


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        pytest.param("https://spa.example", True, id="allowed"),
        pytest.param("https://web.example", False, id="another"),
        pytest.param("https://[", False, id="no origin"),
        pytest.param("null", False, id="null"),
    ],
)
def test_origin(server, register, origin, allowed):
    register("spa", client_type="public", allowed_origins="https://spa.example")
    form = {**code_form(server.code(client_id="spa")), "client_id": "spa"}
    answer = server.browser().post("/token", data=form, headers={"Origin": origin})
    assert answer.status_code == 200
    told = answer.headers.get("Access-Control-Allow-Origin")
    assert told == (origin if allowed else None)


@pytest.mark.parametrize("query", ["%zz", "state=%", "state=%1", "a=%zz", 'a="[1]'])
def test_query_that_is_no_form(server, query):
    browser = Client(SERVER_NAME="127.0.0.1")
    browser.cookies.load(server.cookies)
    for method in (browser.get, browser.post):
        assert method(f"/authorize?{query}").status_code == 400
    answer = browser.get(f"{authorize_url(state=None)}&{query}")
    assert answer.status_code == 200
    assert hidden_fields(answer.text)["client_id"] == "app"


@pytest.mark.parametrize("client", ["confidential", "public"])
@pytest.mark.parametrize("prompt", ["approval_prompt=auto", "prompt=none", "prompt="])
def test_consent_is_never_skipped(server, register, client, prompt):
    """RFC 6749 section 10.2, RFC 8252 section 8.6; zoe has allowed it before."""
    login = register("spa", client_type=client)
    form = {"client_id": "spa"}
    code = server.code(**form)
    answer = server.exchange(code, None if client == "public" else login, **form)
    assert answer.status_code == 200
    page = server.browser().get(f"{authorize_url(**form)}&{prompt}")
    assert page.status_code == 200
    assert hidden_fields(page.text)["client_id"] == "spa"


@pytest.mark.parametrize("mode", ["fragment", "form_post", "query"])
@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_code_is_in_the_query(server, mode, decision):
    browser = server.browser()
    page = browser.get(f"{authorize_url()}&response_mode={mode}")
    allow = {"allow": None} if decision == "deny" else {}
    location = send_form(browser, page, **allow).headers["Location"]
    told = parameters(location)
    assert ("code" in told, "error" in told) == (not allow, bool(allow))
    assert "#" not in location


@pytest.mark.parametrize(
    "field",
    [
        pytest.param({"client_id": "other"}, id="unknown client"),
        pytest.param({"client_id": "zo\xeb\0"}, id="client with a NUL"),
        pytest.param({"client_id": None}, id="no client"),
        pytest.param({"redirect_uri": "https://evil.example"}, id="foreign URI"),
        pytest.param({"redirect_uri": None}, id="no URI"),
        pytest.param(
            {"redirect_uri": CALLBACK.replace(".example", ".example:99999")},
            id="URI with a port that is none",
        ),
        pytest.param({"redirect_uri": "https://[x/callback"}, id="URI that is none"),
        pytest.param(
            {"redirect_uri": CALLBACK.replace("app.", "APP.")},
            id="URI in another case",
        ),
        pytest.param({"response_type": None}, id="no response type"),
        pytest.param({"resource": "https://api.example"}, id="resource"),
        pytest.param({"resource": "http://["}, id="resource that is no URL"),
    ],
)
@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_form_that_is_not_of_the_page(server, field, decision):
    browser = server.browser()
    page = browser.get(authorize_url())
    allow = {"allow": None} if decision == "deny" else {}
    answer = send_form(browser, page, **field, **allow)
    assert answer.status_code == 400
    assert "Location" not in answer.headers


@pytest.mark.parametrize("field", ["username", "password"])
@pytest.mark.parametrize("nuls", ["\0", 9 * "\0"], ids=["one NUL", "NULs"])
def test_login_with_nuls(server, count_hashes, field, nuls):
    """PBKDF2 pads a password with NULs."""
    browser = server.browser(cookies={})
    page = browser.get("/login")
    count_hashes()
    answer = send_form(browser, page, **{field: ZOE[field] + nuls})
    assert answer.status_code == 200
    assert "sessionid" not in answer.cookies
    assert count_hashes() == 0


@pytest.mark.parametrize(
    "scope",
    [
        pytest.param(" profile", id="space before"),
        pytest.param("profile ", id="space behind"),
        pytest.param("profile  read", id="two spaces"),
        pytest.param("profile\tread", id="tab"),
        pytest.param("profile\N{NO-BREAK SPACE}", id="no-break space behind"),
        pytest.param("profile\N{NO-BREAK SPACE}read", id="no-break space"),
    ],
)
def test_malformed_scope(server, scope):
    """RFC 6749 section 3.3: one space between two."""
    told = server.allow(scope=scope)
    assert (told["error"], "code" in told) == ("invalid_scope", False)
    refresh_token = server.refresh_token(scope="profile read")
    answer = server.refresh(refresh_token, scope=scope)
    refused(answer, "invalid_scope invalid_request")
    assert server.refresh(refresh_token).status_code == 200


def test_scope_twice(server):
    tokens = server.tokens(scope="read profile read")
    for _ in range(2):
        assert tokens["scope"] == "read profile"
        granted = joat.unverified_claims(tokens["access_token"])["scp"]
        assert granted == ["read", "profile"]
        again = {"scope": "read read profile"}
        tokens = server.refresh(tokens["refresh_token"], **again).json()


# --- in production: behind a proxy, without DEBUG ---------------------------------

HOST = "login.example"
DEPLOYED = {
    "ALLOWED_HOSTS": f"{HOST} www.{HOST}",
    "PROXY_SSL_HEADER": "X-Forwarded-Proto",
    "SECRET_KEY": "nobody's secret but this test's, which Django wants to be long",
}
# What nginx is usually told to send on, and what a browser sends with a form.
PROXIED = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
ORIGIN = {"Origin": f"https://{HOST}"}
RUNSERVER = "python -m django runserver --noreload --settings auth_settings 9000"
GUNICORN = "DJANGO_SETTINGS_MODULE=auth_settings"
GUNICORN += ' gunicorn "django.core.wsgi:get_wsgi_application()"'
TRUSTED = "--trusted-proxy=127.0.0.1 --trusted-proxy-headers=x-forwarded-proto"
WAITRESS = "DJANGO_SETTINGS_MODULE=auth_settings waitress-serve --listen=127.0.0.1:9000"
WAITRESS += f" {TRUSTED} --call django.core.wsgi:get_wsgi_application"


@pytest.fixture(scope="module")
def deployed(serve_recipe, quick_hashes):
    """Start the servers, where zoe has an account; return the authorization server."""
    script = recipes.servers("Django")
    register = f"authorization-code --redirect-uris {CALLBACK}"
    script = script.replace("client-credentials", register)
    user = "python -m django createsuperuser --settings auth_settings --noinput"
    user += " --username zoe --email zoe@example.com\n"
    script = script.replace(RUNSERVER, user + RUNSERVER)

    def start(server=RUNSERVER, **variables):
        variables |= {"DJANGO_SUPERUSER_PASSWORD": ZOE["password"], **quick_hashes}
        with_server = script.replace(RUNSERVER, server)
        return serve_recipe("Django", with_server, **variables).url(9000)

    return start


def test_server_of_the_index():
    assert f"`{GUNICORN}`" in recipes.section("Django")
    general = recipes.section("What holds for all of them")
    assert f"`{TRUSTED}`" in " ".join(general.split())


@pytest.mark.parametrize(
    "server",
    [
        pytest.param(RUNSERVER, id="runserver"),
        pytest.param(f"{GUNICORN} --bind 127.0.0.1:9000", id="gunicorn"),
        pytest.param(WAITRESS, id="waitress"),
    ],
)
def test_behind_a_proxy(deployed, server):
    """All the way from the login to a token, and no way by plain HTTP."""
    url = deployed(server, **DEPLOYED)
    headers = {**PROXIED, **ORIGIN}
    with httpx.Client(base_url=url, headers=headers, timeout=PATIENCE) as browser:
        code = parameters(sign_in(browser, authorize_url()))["code"]
    answer = httpx.post(
        f"{url}/token",
        data=code_form(code),
        headers=PROXIED,
        auth=APP,
        timeout=PATIENCE,
    )
    assert answer.status_code == 200
    assert answer.json()["scope"] == "profile"
    assert answer.headers["Strict-Transport-Security"] == "max-age=3600"
    for value in ("", "http", "HTTPS", "on"):
        headers = {"Host": HOST}
        if value:
            headers["X-Forwarded-Proto"] = value
        answer = httpx.get(f"{url}/login", headers=headers, timeout=PATIENCE)
        if server == WAITRESS and value == "on":  # It knows that this is no scheme.
            assert answer.status_code == 400
        else:
            assert answer.status_code == 301
            assert answer.headers["Location"] == f"https://{HOST}/login"


def test_header_of_no_proxy(deployed):
    """Unless the settings name it, no header makes a request one by HTTPS."""
    variables = {**DEPLOYED, "PROXY_SSL_HEADER": ""}
    url = deployed(**variables)
    headers = {**PROXIED, **ORIGIN}
    with httpx.Client(base_url=url, headers=headers, timeout=PATIENCE) as browser:
        page = browser.get("/login")
        for cookie in browser.cookies.jar:
            cookie.secure = False  # from the proxy to the server, it is HTTP
        answer = send_form(browser, page)
    assert answer.status_code == 403
    assert "sessionid" not in answer.cookies


def test_commands_for_production(tmp_path):
    directory = recipes.copy("Django", tmp_path)

    def manage(command):
        script = f"python -W error -m django {command} --settings auth_settings 2>&1"
        return run(shell(script), directory, **DEPLOYED)

    told = manage("check --deploy")
    assert told == "System check identified no issues (2 silenced).\n"
    manage("migrate")
    assert "0 Expired access tokens deleted" in manage("cleartokens")
    assert manage("clearsessions") == ""
    assert "copied to" in manage("collectstatic --noinput")


@pytest.mark.parametrize(
    ("title", "settings"),
    [
        ("Django", "auth_settings"),
        ("Django", "api_settings"),
        ("Django REST framework", "settings"),
    ],
)
def test_zone_of_the_process(tmp_path, title, settings):
    """That of the times in a log. By default, Django sets it to Chicago's."""
    directory = recipes.copy(title, tmp_path / "copy")
    code = "import django, time; django.setup(); print(time.tzname[0])"
    variables = {**DEPLOYED, "DJANGO_SETTINGS_MODULE": settings}
    assert python(directory, "-c", code, **variables) == "UTC\n"


BROKEN = """
import json
import os
import sys

sys.stderr = sys.stdout
import django
import sentry_sdk
from django.test import Client
from django.urls import path

django.setup()


def broken(request):
    # It has a name in django-oauth-toolkit, too.
    body = request.POST.urlencode()
    raise ArithmeticError("it does not add up")


urlpatterns = [path("broken", broken)]
if __name__ == "__main__":
    sentry_sdk.init(
        dsn="http://public@127.0.0.1/1",
        before_send=lambda event, hint: print("Event:", json.dumps(event)),
        include_local_variables=False,
        max_request_body_size="never",
    )
    # As `runserver` does, which gives its environment to each request.
    environment = {{**os.environ, "SERVER_NAME": "127.0.0.1"}}
    browser = Client(raise_request_exception=False, **environment)
    assert browser.post("/broken", {form}, headers={headers}).status_code == 500
"""
BROKEN_SETTINGS = """
from django.utils.log import AdminEmailHandler
from {settings} import *


class Printer(AdminEmailHandler):
    def send_mail(self, subject, message, *args, html_message, **kwargs):
        print("Mail:", message, html_message)


ROOT_URLCONF = "broken"
LOGGING["handlers"]["mail"] = {{"class": "broken_settings.Printer"}}
LOGGING["root"]["handlers"].append("mail")
"""
# Beside those of the environment.
SECRETS = ["a-code", "a-verifier", "a-refresh-token", "c2VjcmV0", "a-session"]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("Django", "auth_settings"), id="authorization server"),
        pytest.param(("Django", "api_settings"), id="resource server"),
        pytest.param(("Django REST framework", "settings"), id="REST framework"),
    ],
)
def error_log(request, tmp_path_factory):
    """Return what a server logs of a request at which it fails, and mails."""
    title, settings = request.param
    directory = recipes.copy(title, tmp_path_factory.mktemp("broken") / "copy")
    code, verifier, refresh_token, login, session = SECRETS
    form = {"code": code, "code_verifier": verifier, "refresh_token": refresh_token}
    headers = {"Authorization": f"Basic {login}", "Cookie": f"sessionid={session}"}
    files = {
        "broken_settings.py": BROKEN_SETTINGS.format(settings=settings),
        "broken.py": BROKEN.format(form=form, headers=headers),
    }
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")
    variables = {**DEPLOYED, "ALLOWED_HOSTS": "127.0.0.1", "PROXY_SSL_HEADER": ""}
    variables["DJANGO_SETTINGS_MODULE"] = "broken_settings"
    return python(directory, "broken.py", **variables)


def test_errors_reach_the_console(error_log):
    assert error_log.count("Internal Server Error: /broken\nTraceback ") == 1
    assert error_log.count("\nArithmeticError: it does not add up\n") == 1


def test_error_report_holds_no_secret(error_log):
    """By mail, on the console, and to Sentry, with the settings of the index."""
    for setting in ("include_local_variables=False", 'max_request_body_size="never"'):
        assert setting in BROKEN
        assert f"`{setting}`" in recipes.section("Django")
    assert error_log.count("Event: {") == 1
    assert error_log.count("\nMail: Internal Server Error: /broken\n") == 1
    assert "\nHTTP_AUTHORIZATION = '***" in error_log
    for secret in (SALT, OLDER_SALT, DEPLOYED["SECRET_KEY"], *SECRETS):
        assert secret not in error_log


@pytest.mark.parametrize("token", ["good", "expired"])
@pytest.mark.parametrize(
    ("title", "settings", "path"),
    [
        pytest.param("Django", "auth_settings", "/login", id="authorization server"),
        pytest.param("Django", "api_settings", "/profile", id="resource server"),
        pytest.param("Django REST framework", "settings", "/profile", id="REST"),
    ],
)
def test_no_body_after_head(waitress, tokens, title, settings, path, token):
    """On a connection that is kept, it would stand where the next answer begins."""
    address = urlsplit(waitress(title, settings))
    lines = [f"{path} HTTP/1.1", f"Host: {address.netloc}"]
    lines.append(f"Authorization: Bearer {tokens[token]}")
    request = " " + "\r\n".join([*lines, "", ""])
    place = (address.hostname, address.port)
    with (
        socket.create_connection(place, PATIENCE) as connection,
        connection.makefile("rb") as answers,
    ):
        headers = {}
        for method in ("HEAD", "GET"):
            connection.sendall(f"{method}{request}".encode())
            assert answers.readline().startswith(b"HTTP/1.1 ")
            headers[method] = parse_headers(answers)
    if headers["HEAD"].get("Allow") is None:  # RFC 9110 section 8.6
        lengths = {each["Content-Length"] for each in headers.values()}
        assert len(lengths) == 1


@pytest.fixture(scope="module")
def waitress(serve_recipe):
    """Start a server that sends what an application returns."""

    def start(title, settings):
        script = "waitress-serve --listen=127.0.0.1:8000 --call"
        script += " django.core.wsgi:get_wsgi_application &"
        variables = {**DEPLOYED, "ALLOWED_HOSTS": "127.0.0.1", "PROXY_SSL_HEADER": ""}
        variables["DJANGO_SETTINGS_MODULE"] = settings
        return serve_recipe(title, script, **variables).url()

    return functools.cache(start)


# --- projects that have more than the recipes: a page for browsers, and a cache --

CACHED = """
from {settings} import *

MIDDLEWARE = [
    "django.middleware.cache.UpdateCacheMiddleware",
    *MIDDLEWARE,
    "django.middleware.cache.FetchFromCacheMiddleware",
]
ROOT_URLCONF = "usual_urls"
"""
URLS = """
import api
from django.http import HttpResponse
from django.urls import path

urlpatterns = [*api.urlpatterns, path("page", lambda request: HttpResponse())]
"""
REST_URLS = """
from types import SimpleNamespace

import api
from bearer_authentication import TokenHasScope
from django.urls import path
from rest_framework import permissions, throttling
from rest_framework.decorators import api_view, permission_classes
from rest_framework.response import Response
from rest_framework.views import APIView


class View(APIView):
    throttle_classes = [throttling.UserRateThrottle]
    throttle_scope = "user"
    # All that `DjangoModelPermissions` asks of a model.
    meta = SimpleNamespace(app_label="shop", model_name="order")
    queryset = SimpleNamespace(model=SimpleNamespace(_meta=meta))

    def get(self, request):
        return Response([request.user.get_username(), str(request.user)])

    post = get


class Once(throttling.UserRateThrottle):
    rate, scope = "1/day", "once"


class Authenticated(View):
    permission_classes = [permissions.IsAuthenticated]


class Throttled(Authenticated):
    throttle_classes = [Once]


class ReadOnly(View):
    permission_classes = [permissions.IsAuthenticatedOrReadOnly]


class Admin(View):
    permission_classes = [permissions.IsAdminUser]


class Model(View):
    permission_classes = [permissions.DjangoModelPermissions]


@api_view(["GET"])
@permission_classes([TokenHasScope])
def function(request):
    return Response()


function.cls.required_scopes = ["read"]
urlpatterns = [
    *api.urlpatterns,
    path("function", function),
    path("throttled", Throttled.as_view()),
    path("authenticated", Authenticated.as_view()),
    path("read_only", ReadOnly.as_view()),
    path("admin", Admin.as_view()),
    path("model", Model.as_view()),
]
"""
REST_SETTINGS = """
REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = {"user": "10000/minute"}
"""


def serve_usual(serve_recipe, title, settings, urls, more=""):
    """Serve a recipe's API with a cache and more pages; return the URL."""
    command = recipes.servers(title).splitlines()[-1]
    command = command.replace(f"--settings {settings}", "--settings usual_settings")
    text = CACHED.format(settings=settings) + more
    files = {"usual_settings.py": text, "usual_urls.py": urls}
    return serve_recipe(title, command, files).url()


@pytest.fixture(scope="module")
def usual(serve_recipe):
    return serve_usual(serve_recipe, "Django", "api_settings", URLS)


@pytest.fixture(scope="module")
def rest(serve_recipe):
    title = "Django REST framework"
    return serve_usual(serve_recipe, title, "settings", REST_URLS, REST_SETTINGS)


def test_post_without_a_cookie(usual, tokens):
    """The check that a page has is not for those who bring a token."""
    assert ask(f"{usual}/page", "POST").status == 403
    assert ask(f"{usual}/profile", "POST", token=tokens["good"]).status == 200


@pytest.mark.parametrize("server_of", ["usual", "rest"])
def test_cache(server_of, request, tokens):
    """Django's cache looks at the URL alone, and answers before any view."""
    url = f"{request.getfixturevalue(server_of)}/profile"
    for name, user in {"good": "user:zoe", "of_bob": "user:bob"}.items():
        answer = ask(url, token=tokens[name])
        assert answer.json == {"user": user}
        assert answer.headers["Cache-Control"] == "private"
    assert ask(url).status == 401


def test_permissions(rest, tokens):
    url = f"{rest}/articles"
    assert ask(url, token=tokens["good"]).json == {"articles": ["On tokens"]}
    # No other token of the client's would do, and so there is no challenge. A
    # subject that is an integer is no user's, whatever it is.
    for token in (tokens["of_client"], issue_token(user_id=1)):
        answer = ask(url, token=token)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (403, None)
    answer = ask(url, token=tokens["no_scope"])
    assert answer.status == 403
    assert 'scope="read"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("name", "status"), [("good", 200), ("no_scope", 403), ("expired", 401)]
)
def test_function_with_required_scopes(rest, tokens, name, status):
    assert ask(f"{rest}/function", token=tokens[name]).status == status


@pytest.mark.parametrize("accept", ["text/html", "x", "", "*/*;q=x", ";", 'a/b;c="'])
def test_accept(rest, tokens, accept):
    """Whatever a browser asks for, the server has an answer."""
    headers = [("Accept", accept)]
    answer = ask(f"{rest}/profile", headers=headers, token=tokens["good"])
    assert answer.status in (200, 406)
    assert answer.json


@pytest.mark.parametrize(
    ("page", "method", "status"),
    [
        pytest.param("authenticated", "GET", 200, id="IsAuthenticated"),
        pytest.param("read_only", "POST", 200, id="IsAuthenticatedOrReadOnly"),
        pytest.param("admin", "GET", 403, id="IsAdminUser"),
        pytest.param("model", "GET", 200, id="DjangoModelPermissions reading"),
        pytest.param("model", "POST", 403, id="DjangoModelPermissions writing"),
    ],
)
def test_permissions_of_the_framework(rest, tokens, page, method, status):
    """The principal has what they ask of a user."""
    assert ask(f"{rest}/{page}", method, token=tokens["good"]).status == status
    assert ask(f"{rest}/{page}", "POST").status == 401
    assert ask(f"{rest}/{page}", "POST", token=tokens["expired"]).status == 401


def test_number_is_not_its_text(rest):
    for user in (5, "5"):
        answer = ask(f"{rest}/profile", token=issue_token(user_id=user))
        assert answer.json == {"user": user}


def test_name(rest, tokens):
    """As a log or a template shows it."""
    answer = ask(f"{rest}/authenticated", token=tokens["good"])
    assert answer.json == ["user:zoe", "user:zoe"]


def test_throttle(rest):
    """It counts by the text of a subject: see `Principal`."""
    statuses = [
        ask(f"{rest}/throttled", token=issue_token(user_id=user)).status
        for user in ("user:zoe", 5, "5", "user:bob")
    ]
    assert statuses == [200, 200, 429, 200]


@pytest.fixture
def rest_module(django_recipe, monkeypatch):
    """The module of the other recipe, with the settings of this one."""
    folder = recipes.folder("Django REST framework")
    monkeypatch.syspath_prepend(folder)
    yield importlib.import_module("bearer_authentication")
    del sys.modules["bearer_authentication"]


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({}, id="none"),
        pytest.param({"required_scopes": "read"}, id="text"),
        pytest.param({"required_scopes": None}, id="None"),
    ],
)
def test_view_without_required_scopes(rest_module, attributes):
    """A programmer's mistake opens nothing, whatever the request has."""
    permission = rest_module.TokenHasScope()
    with pytest.raises(ImproperlyConfigured, match="SimpleNamespace needs a list"):
        permission.has_permission(None, SimpleNamespace(**attributes))


# --- what a crash reporter sends of the functions that see a secret ---------------


def fail(*args):
    raise ArithmeticError("it does not add up")


def check_report(module, function, *args):
    """Sentry shows the variables of each function that it does not know by name."""
    with pytest.raises(ArithmeticError) as caught:
        function(*args)
    shown = [
        repr(value)
        for frame, _ in traceback.walk_tb(caught.tb)
        if frame.f_globals is vars(module)
        for name, value in frame.f_locals.items()
        if name not in DEFAULT_DENYLIST
    ]
    assert shown
    for secret in (APP[1], basic(":".join(APP))[6:], "eyJ"):
        assert secret not in "\n".join(shown)


@pytest.mark.parametrize("function", ["check_password", "unquote_plus"])
def test_crash_report_of_a_login(django_recipe, register, monkeypatch, function):
    register("app")
    module = django_recipe.auth
    monkeypatch.setattr(module, function, fail)
    headers = {"Authorization": basic(":".join(APP))}
    request = oauthlib.common.Request("https://127.0.0.1/token", headers=headers)
    check_report(module, module.Validator().authenticate_client, request)


@pytest.mark.parametrize(
    ("name", "authenticate"),
    [
        pytest.param(
            "token_required",
            lambda module: module.token_required("profile")(None),
            id="Django",
        ),
        pytest.param(
            "bearer_authentication",
            lambda module: module.BearerAuthentication().authenticate,
            id="REST framework",
        ),
    ],
)
@pytest.mark.usefixtures("rest_module")
def test_crash_report_of_a_token(tokens, monkeypatch, name, authenticate):
    monkeypatch.setattr(joat, "salt_generator", fail)
    headers = {"Authorization": f"Bearer {tokens['good']}"}
    request = RequestFactory().get("/", headers=headers)
    module = importlib.import_module(name)
    check_report(module, authenticate(module), request)
