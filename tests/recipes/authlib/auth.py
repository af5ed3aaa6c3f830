"""An authorization server with Authlib's Flask integration.

It has the authorization code grant with PKCE, refresh tokens that rotate, and the
client credentials grant. Its access tokens are joat's: a user's if a user has agreed,
otherwise the client's own. A client names the resource server that a token is for (RFC
8707). The token is good only there; if the client names none, it is good at the servers
that have `JOAT_SALT`. Codes and refresh tokens are opaque, and each is good for one use
(see `grant_store.py`).

For production:
- put the server's public origin into the environment as `PROVIDER`, and the resource
  servers as `JOAT_RESOURCES` (see `resource_servers.py`);
- keep the clients in a database, and the salts where you keep your secrets;
- put your login in place of `password_fits` and the two fields of `PAGE`. This page
  asks for the password each time, so there is no session that another site could use.
  Keep the CSRF token, and ask whether the user agrees;
- limit guesses in front of this server: each takes some 30 MB of memory;
- put a server that speaks HTTPS in front, which passes the Host header on, and let
  this one know, at the end of this file or where you import `app`:

      from werkzeug.middleware.proxy_fix import ProxyFix
      app.wsgi_app = ProxyFix(app.wsgi_app)

  By plain HTTP, Authlib answers only requests whose Host is a loopback address, and the
  CSRF cookie is not `Secure`;
- all clients here have a secret. A client that can't keep one needs Authlib's `none`;
- a revoked grant ends its refresh tokens. An access token stays good until it expires,
  unless your resource servers ask for revoked `jti` values.
"""

from __future__ import annotations

import hmac
import logging
import os
import re
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import unquote_plus, urlsplit

import grant_store
import resource_servers
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import (
    ClientMixin,
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    grants,
)
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from authlib.oauth2.rfc9207 import IssuerParameter
from flask import (
    Flask,
    Response,
    abort,
    g,
    make_response,
    render_template_string,
    request,
)
from flask.typing import ResponseReturnValue
from grant_store import Grant
from werkzeug.security import check_password_hash, generate_password_hash

import joat

# The `issuer` of RFC 8414 and the `iss` of RFC 9207 and of each token.
PROVIDER = os.environ.get("PROVIDER", "https://example.com")
# Clients compare the issuer as text, after their parser has written it anew. So it is
# an origin as a parser writes it: lower case, a name, because parsers rewrite numbers,
# no path, no slash, no usual port. Plain HTTP is for the loopback interface only.
ORIGIN = re.compile(
    r"(https://((?!-)[a-z0-9-]+(?<!-)\.)*[a-z][a-z0-9-]*(?<!-)"
    r"|http://(localhost|127\.0\.0\.1))"
    r"(:(?!80$|443$)(?P<port>[1-9][0-9]{0,4}))?"
)
origin = ORIGIN.fullmatch(PROVIDER)
if not origin or int(origin["port"] or 0) > 65_535:
    raise ValueError(
        "PROVIDER must be an origin: https with a host name,"
        " or http on 127.0.0.1 or localhost"
    )
LIFETIME = timedelta(minutes=10)
SALTS = joat.parse_salts(os.environ["JOAT_SALT"])
# The salts of the resource servers that have their own, by URL.
RESOURCES = resource_servers.read(os.environ.get("JOAT_RESOURCES", ""), SALTS)
SCOPES = ("profile", "read")  # all that there are


@dataclass(frozen=True)
class Client(ClientMixin):
    """A registered client, and what it may have; the methods are Authlib's."""

    client_id: str
    secret_hash: str
    scope: tuple[str, ...]
    grant_types: tuple[str, ...]
    redirect_uris: tuple[str, ...] = ()

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Return the scope to grant, or None if the client asks for too much."""
        if not scope:
            return " ".join(self.scope)
        # Split only at spaces, because no other white space separates scopes (RFC 6749
        # section 3.3). Two spaces make an empty scope, which no client has.
        asked = dict.fromkeys(scope.split(" "))
        return " ".join(asked) if set(asked) <= set(self.scope) else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Compare the whole text, as RFC 9700 section 2.1 has it."""
        return redirect_uri in self.redirect_uris

    def get_default_redirect_uri(self) -> None:
        """Have none, so that each request must name its own."""

    def check_response_type(self, response_type: str) -> bool:
        """Allow codes, and no tokens in URLs (RFC 9700 section 2.1.2)."""
        return response_type == "code" and self.check_grant_type("authorization_code")

    def check_grant_type(self, grant_type: str) -> bool:
        """Allow what the client is registered for."""
        return grant_type in self.grant_types

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Allow HTTP Basic, with the `authenticate_client` below."""
        return method == "client_secret_basic"


# For the demonstration. In production use a database, which only ever gets the hashes.
CLIENTS = {
    "app": Client(
        "app",
        generate_password_hash("app's secret"),
        SCOPES,
        ("authorization_code", "refresh_token", "client_credentials"),
        ("https://app.example/callback",),
    )
}
USERS = {"zoe": generate_password_hash("zoe's password")}
# Checked in place of the hash of an unknown client or user, so timing does not reveal
# which ones exist. Nobody has its password.
NOBODY = generate_password_hash(secrets.token_hex())
FORM = "application/x-www-form-urlencoded"

PAGE = """<!doctype html>
<html lang="en">
<title>Sign in</title>
<h1>{{ client_id }} asks for: {{ scope }}</h1>
{% if resource %}<p>To be used only at {{ resource }}</p>{% endif %}
<p role="alert">{{ problem }}</p>
<form method="post">
<input type="hidden" name="csrf" value="{{ csrf }}">
<p><label>Name <input name="username" autocomplete="username"></label></p>
<p><label>Password <input name="password" type="password"
  autocomplete="current-password"></label></p>
<p><button name="decision" value="allow">Sign in and allow</button>
<button name="decision" value="deny">Deny</button></p>
</form>
"""


def find_salt(claims: dict[str, object]) -> list[bytes]:
    """Return the salts of a token's client, newest first: the first one signs."""
    return SALTS


joat.salt_generator = find_salt
token_generator = joat.TokenGenerator(PROVIDER)
# Authlib's debug messages hold the tokens that it issues.
logging.getLogger("authlib").setLevel(logging.INFO)
grant_store.create()

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024


def issue(client: Client, grant_type: str, user: str | None, scope: str) -> str:
    """Return an access token: the user's, or the client's if there is no user."""
    # The prefixes keep the two apart: no client can pass for a user.
    owner = f"client:{client.client_id}" if user is None else f"user:{user}"
    return token_generator.issue_token(
        client_id=client.client_id,
        user_id=owner,
        # Not `split(" ")`, which makes a permission of an empty scope.
        scope=scope.split(),
        lifetime=LIFETIME,
        jti=secrets.token_hex(16),
        # Each grant sets `g.resource`. If one forgot it, this would fail.
        salt=SALTS if g.resource is None else RESOURCES[g.resource],
    )


def use(token: str, grant: Grant) -> bool:
    """Use a code or refresh token up; tell whether it was good."""
    # Random text that only `grant_store` understands.
    g.refresh_token = secrets.token_urlsafe(32)
    return grant_store.use(token, grant, g.refresh_token)


def new_refresh_token(**grant: object) -> str:
    """Return the refresh token for which `use` has used up the one before."""
    refresh_token: str = g.refresh_token
    return refresh_token


def save_token(token: dict[str, Any], asked: OAuth2Request) -> None:
    """Do nothing: `use` has kept the refresh token. No access token need be kept."""


class InvalidTarget(OAuth2Error):
    """RFC 8707 section 2."""

    error = "invalid_target"


def asked_resource() -> str | None:
    """Return the resource server that a request names, or None if it names none.

    It is compared as text: a client takes the URL from the server's metadata.
    """
    # A parameter without a value counts as left out (RFC 6749 section 3.1).
    named = [value for value in request.values.getlist("resource") if value]
    if len(named) > 1:
        raise InvalidTarget("A token is for one resource")
    if named and named[0] not in RESOURCES:
        raise InvalidTarget("There is no such resource")
    return named[0] if named else None


def keep_resource(granted: str | None) -> None:
    """Issue a token for the resource of the grant, unless the request names another."""
    if asked_resource() not in (None, granted):
        raise InvalidTarget("The grant is not for this resource")
    # The server may have been removed after the user agreed.
    if granted is not None and granted not in RESOURCES:
        raise InvalidTarget("There is no such resource")
    g.resource = granted


class ResourceIndicator:
    """RFC 8707 at the authorization endpoint: an extension of a grant, like PKCE."""

    def __call__(self, grant: Any) -> None:
        grant.register_hook(
            "after_validate_authorization_request_payload", self.validate
        )

    def validate(self, grant: Any, redirect_uri: str | None) -> None:
        """Refuse an unknown resource before the user is asked."""
        asked_resource()


class Issuer(IssuerParameter):
    """Name this server in its answers, for clients of several servers."""

    def get_issuer(self) -> str:
        """Return the `iss` of RFC 9207 section 2."""
        return PROVIDER


class RequirePKCE(CodeChallenge):
    """PKCE for all clients. Authlib's is for public ones, and also takes `plain`."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str | None) -> None:
        """Refuse a request without a challenge, or with one that shows the secret."""
        # Without a method there is no challenge, or a plain one (RFC 7636 section 4.3).
        if not grant.request.payload.data.get("code_challenge_method"):
            raise InvalidRequestError("Missing 'code_challenge_method'")
        super().validate_code_challenge(grant, redirect_uri)


class AuthorizationCodeGrant(grants.AuthorizationCodeGrant):
    """RFC 6749 section 4.1."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

    def save_authorization_code(self, code: str, asked: OAuth2Request) -> None:
        """Keep the code, and what the user has agreed to."""
        grant_store.add(
            code,
            client_id=asked.client.client_id,
            user_id=asked.user,
            scope=asked.scope,
            redirect_uri=asked.payload.redirect_uri,
            code_challenge=asked.payload.data["code_challenge"],
            resource=asked_resource(),
        )

    def query_authorization_code(self, code: str, client: Client) -> Grant | None:
        """Return the grant. This uses the code up, even if the request is refused."""
        grant = grant_store.find("code", code, client.client_id)
        if not grant or not use(code, grant):
            return None
        keep_resource(grant.resource)
        return grant

    def delete_authorization_code(self, authorization_code: Grant) -> None:
        """Do nothing: `query_authorization_code` has used the code up."""

    def authenticate_user(self, authorization_code: Grant) -> str | None:
        """Return the user, or None if the user is gone."""
        user = authorization_code.user_id
        return user if user in USERS else None


class RefreshTokenGrant(grants.RefreshTokenGrant):
    """RFC 6749 section 6."""

    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Grant | None:
        """Return what the refresh token stands for."""
        client_id = self.request.client.client_id
        return grant_store.find("refresh_token", refresh_token, client_id)

    def validate_token_request(self) -> None:
        """Check everything, then use the refresh token up.

        If a request were refused after that, the client's next try would look like a
        thief's, and end the grant.
        """
        super().validate_token_request()
        grant = self.request.refresh_token
        # The client may have lost scope, and the user may be gone. Authlib would ask
        # for both only when it issues the token.
        scope = self.request.payload.scope or grant.scope
        if self.request.client.get_allowed_scope(scope) is None:
            raise InvalidScopeError
        if grant.user_id not in USERS:
            raise InvalidGrantError
        keep_resource(grant.resource)
        if not use(self.request.form["refresh_token"], grant):
            raise InvalidGrantError

    def authenticate_user(self, refresh_token: Grant) -> str:
        """Return the user, whom `validate_token_request` has found."""
        return refresh_token.user_id

    def revoke_old_credential(self, refresh_token: Grant) -> None:
        """Do nothing: `validate_token_request` has used the refresh token up."""


class ClientCredentialsGrant(grants.ClientCredentialsGrant):
    """RFC 6749 section 4.4."""

    def validate_token_request(self) -> None:
        """Issue a token for the resource that the client names."""
        super().validate_token_request()
        g.resource = asked_resource()


def authenticate_client(query_client: object, asked: OAuth2Request) -> Client:
    """Return the client that sent the request (RFC 6749 section 2.3.1).

    It replaces Authlib's own, which reveals by its timing which clients exist, fails
    at text that is not UTF-8, and does not decode a `+`.
    """
    # werkzeug fails at characters beyond ASCII. Most WSGI servers join several headers
    # by commas, and older versions of werkzeug take the first one.
    authorization = request.headers.get("Authorization", "")
    readable = authorization.isascii() and "," not in authorization
    credentials = request.authorization if readable else None
    if credentials is not None and credentials.type == "basic":
        # Both are encoded as in a form before they are joined.
        client = CLIENTS.get(unquote_plus(credentials.username or ""))
        secret = unquote_plus(credentials.password or "")
        fits = password_fits(client.secret_hash if client else None, secret)
        if client and fits:
            return client
    raise InvalidClientError("The client is not known by HTTP Basic", status_code=401)


def password_fits(password_hash: str | None, password: str) -> bool:
    """Return whether it is the password, in the same time if there is no hash."""
    # scrypt and PBKDF2 use HMAC, which pads a key with NULs, so the password with NULs
    # behind it would fit, too.
    if "\0" in password:
        return False
    fits = check_password_hash(password_hash or NOBODY, password)
    return fits and password_hash is not None


# Made of the provider, and never of the Host header, which a client chooses.
METADATA = AuthorizationServerMetadata(
    issuer=PROVIDER,
    authorization_endpoint=f"{PROVIDER}/authorize",
    token_endpoint=f"{PROVIDER}/token",
    scopes_supported=list(SCOPES),
    response_types_supported=["code"],
    response_modes_supported=["query"],
    grant_types_supported=["authorization_code", "refresh_token", "client_credentials"],
    token_endpoint_auth_methods_supported=["client_secret_basic"],
    # A client of MCP must not go on unless the server says that it has PKCE.
    code_challenge_methods_supported=["S256"],
    authorization_response_iss_parameter_supported=True,
)
METADATA.validate()

issuer = Issuer()
server = AuthorizationServer(app, CLIENTS.get, save_token)
server.register_client_auth_method("client_secret_basic", authenticate_client)
# Without a lifetime here, Authlib would use its own: ten days for some grants.
server.register_token_generator(
    "default",
    BearerTokenGenerator(issue, new_refresh_token, int(LIFETIME.total_seconds())),
)
server.register_grant(
    AuthorizationCodeGrant, [RequirePKCE(required=True), ResourceIndicator()]
)
server.register_grant(RefreshTokenGrant)
server.register_grant(ClientCredentialsGrant)
server.register_extension(issuer)


@app.before_request
def check_host() -> None:
    """Refuse a malformed `Host`: Flask fails at it when Authlib asks for the URL."""
    try:
        urlsplit(f"//{request.host}")
    except ValueError:
        abort(400)


@app.route("/authorize", methods=["GET", "POST"])
def authorize() -> Response:
    """Ask the user, and send the browser back with a code, or with the reason.

    The form goes to the same URL, so that the whole request is checked again.
    """
    check("response_type")
    grant = server.get_consent_grant()
    if request.method != "POST":
        return page(grant)
    if not is_own_form():
        return page(grant, "This form has expired. Try again.")
    user = None
    if request.form.get("decision") == "allow":
        user = request.form.get("username", "")
        if not password_fits(USERS.get(user), request.form.get("password", "")):
            return page(grant, "The name or the password is wrong.")
    return see_other(
        server.create_authorization_response(grant.request, user, grant=grant)
    )


@app.post("/token")
def token() -> Response:
    """Issue tokens (RFC 6749 section 5.1), or say why not (section 5.2)."""
    if request.query_string or request.mimetype != FORM:
        # Authlib would read them from the URL as well. Nobody would see a `resource`
        # that a multipart form has as a file.
        raise InvalidRequestError("The parameters belong in the body, as a form")
    check("grant_type")
    response: Response = server.create_token_response()
    if response.status_code == 401:
        # Authlib's challenge has no realm (RFC 7617 section 2).
        response.headers["WWW-Authenticate"] = 'Basic realm="token"'
    return response


@app.get(get_well_known_url(PROVIDER))
def metadata() -> dict[str, object]:
    """Return where everything is, and what this server can do (RFC 8414)."""
    return METADATA


@app.errorhandler(OAuth2Error)
def refuse(error: OAuth2Error) -> Response:
    """Send the browser back with the error, or show it if there is no way back."""
    response: Response = server.handle_error_response(None, error)
    issuer.add_issuer_parameter(server, response)
    return see_other(response)


@app.errorhandler(sqlite3.OperationalError)
def fail(error: sqlite3.OperationalError) -> ResponseReturnValue:
    """Answer that nothing is wrong with the request, if the grants are locked."""
    app.logger.error("the store of the grants fails: %s", error)
    return {"error": "temporarily_unavailable"}, 503, {"Retry-After": "1"}


@app.before_request
def require_length() -> None:
    """Refuse a form without `Content-Length` (RFC 9110 section 15.5.12).

    werkzeug cuts it at `MAX_CONTENT_LENGTH`, and nobody would see what stands behind,
    such as a `resource`.
    """
    if request.method == "POST" and request.content_length is None:
        abort(411)


@app.after_request
def harden(response: Response) -> Response:
    """Keep every answer out of caches, frames and `Referer` headers."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


# Authlib repeats these parameters in the description of an error. It fails if they have
# characters that RFC 6749 appendix A does not allow there.
DESCRIBED = ("response_type", "redirect_uri", "grant_type")
NQSCHAR = re.compile(r"[ !#-\[\]-~]+")


def check(needed: str) -> None:
    """Refuse bad requests that Authlib accepts (RFC 6749 sections 3.1 and 3.2)."""
    # Flask fails at a query that is not UTF-8. A URL is ASCII (RFC 3986 section 2).
    if not request.query_string.isascii():
        raise InvalidRequestError("Wrong characters in the URL")
    if not request.values.get(needed):
        raise InvalidRequestError(f"Missing '{needed}'")
    for name, values in request.values.lists():
        # RFC 8707 section 2 allows several of these.
        if len(values) > 1 and name not in ("resource", "audience"):
            raise InvalidRequestError("A parameter is there twice")
        if name in DESCRIBED and not NQSCHAR.fullmatch(values[0]):
            raise InvalidRequestError(f"Wrong characters in '{name}'")


def page(grant: AuthorizationCodeGrant, problem: str = "") -> Response:
    """Return the form, with a problem of the one that was sent."""
    token = csrf_token() or secrets.token_urlsafe(32)
    text = render_template_string(
        PAGE,
        client_id=grant.client.client_id,
        scope=grant.request.scope,
        resource=asked_resource(),
        problem=problem,
        csrf=token,
    )
    response = make_response(text, 403 if problem else 200)
    response.set_cookie(
        csrf_cookie(),
        token,
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return response


def is_own_form() -> bool:
    """Return whether the form is from a page that this browser got here."""
    sent = request.form.get("csrf", "")
    # Two empty tokens would be equal.
    same = hmac.compare_digest(sent.encode(), csrf_token().encode())
    return same and sent != ""


def csrf_token() -> str:
    """Return what the browser holds, and another site can't put into a form."""
    return request.cookies.get(csrf_cookie(), "")


def csrf_cookie() -> str:
    """Return the name of the cookie, which no other host can set by HTTPS."""
    return "__Host-csrf" if request.is_secure else "csrf"


def see_other(response: Response) -> Response:
    """Have the browser forget the form, and the password in it, when it goes back.

    RFC 9700 section 4.12.
    """
    if response.location:
        response.status_code = 303
    return response
