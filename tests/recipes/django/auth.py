"""What the authorization server tells django-oauth-toolkit: whom to trust, and how.

`auth_settings.py` names what is here: the grants on offer, the checks of clients and
users, and the access tokens. A `request` is oauthlib's, with the form's `PARAMETERS` as
attributes, beside those that the checks set.
"""

from __future__ import annotations

import base64
import uuid
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import unquote_plus

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.http import HttpRequest
from oauth2_provider.models import AbstractApplication, get_refresh_token_model
from oauth2_provider.oauth2_backends import OAuthLibCore
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import get_scopes_backend
from oauthlib import oauth2
from oauthlib.common import generate_token
from oauthlib.oauth2.rfc6749.errors import CustomOAuth2Error

import joat

# The hash of no secret at all; to check it takes as long as to check one.
NO_HASH = make_password(None)

GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")

# What a client may send with them (RFC 6749, RFC 7636 section 4.5, RFC 8707 section 2).
PARAMETERS = (
    "grant_type",
    "client_id",
    "code",
    "code_verifier",
    "redirect_uri",
    "refresh_token",
    "scope",
    "resource",
)

token_generator = joat.TokenGenerator(settings.JOAT_PROVIDER)


def issue_access_token(request: Any) -> str:
    """Return the access token for a request that has passed all checks."""
    client_id = request.client.client_id
    if request.grant_type == "client_credentials":
        subject = f"client:{client_id}"
    else:
        subject = f"user:{request.user.pk}"
    return token_generator.issue_token(
        client_id=client_id,
        # With a prefix, or a client that somebody registers as "1" would be user 1.
        user_id=subject,
        scope=request.scopes,
        lifetime=timedelta(seconds=request.expires_in),
        # django-oauth-toolkit stores a hash of each token and wants no two alike.
        jti=uuid.uuid4().hex,
    )


def make_refresh_token(request: Any) -> str:
    """Return a random text and, behind a tilde, the scope of the grant.

    A refresh may ask for less scope, and the next one for all of it again (RFC 6749
    section 6), but django-oauth-toolkit keeps only the scope of the last access token.
    A client cannot change the scope, because the database has a hash of the whole. In
    hexadecimal, because some clients do not encode a token in their forms.
    """
    if request.grant_type == "refresh_token":
        _, _, scope = request.refresh_token.partition("~")
    else:
        scope = " ".join(request.scopes).encode().hex()
    return f"{generate_token()}~{scope}"


def family_of(code: str) -> uuid.UUID:
    """Return the `token_family` of all refresh tokens that come from a code."""
    return uuid.UUID(bytes=sha256(code.encode()).digest()[:16])


def check_request(request: Any) -> dict[str, Any]:
    """Refuse what oauthlib's checks let pass, and keep each scope once."""
    if getattr(request, "resource", None):
        # RFC 8707 section 2. A token of joat's names no resource server: this one
        # would be good at all of them.
        raise CustomOAuth2Error(error="invalid_target", request=request)
    if request.scope and request.scope != request.scope.strip():
        # RFC 6749 section 3.3. oauthlib strips any white space.
        raise oauth2.InvalidScopeError(request=request)
    if not request.scopes:
        # Nothing of a refresh token's scope is on offer any more.
        raise oauth2.InvalidScopeError(request=request)
    request.scopes = list(dict.fromkeys(request.scopes))
    return {}


class Backend(OAuthLibCore):
    """The requests of Django, as oauthlib reads them."""

    def extract_body(self, request: HttpRequest) -> list[tuple[str, str]]:
        """Drop from the form what has no value or no name of `PARAMETERS`.

        With others a client could set attributes that are not meant for it, such as
        `user` or `refresh_token_instance`.
        """
        form: list[tuple[str, str]] = super().extract_body(request)
        return [(name, value) for name, value in form if value and name in PARAMETERS]


class Server(oauth2.Server):
    """The grants: authorization code, refresh token and client credentials."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.response_types["token"]  # RFC 9700 section 2.1.2
        for grant_type in set(self.grant_types) - set(GRANT_TYPES):
            del self.grant_types[grant_type]  # the password grant: section 2.4
        self.auth_grant.custom_validators.post_auth.append(check_request)
        for grant in (self.auth_grant, self.refresh_grant, self.credentials_grant):
            grant.custom_validators.post_token.append(check_request)


class Validator(OAuth2Validator):
    """The checks of django-oauth-toolkit, made stricter."""

    def client_authentication_required(
        self, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        """Return False for a public client, which has no secret, and no other."""
        if "Authorization" in request.headers:
            return True
        return not (
            self.validate_client_id(request.client_id, request)
            and request.client.client_type == AbstractApplication.CLIENT_PUBLIC
        )

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Return whether a confidential client has sent its secret, by HTTP Basic.

        Every well-formed secret costs one password hash, so the time of the answer does
        not tell which clients there are. If a secret is not stored as a hash, none is
        right.
        """
        authorization = basic_login(request.headers.get("Authorization"))
        if authorization is None:
            return False
        client_id, secret = authorization
        known = self.validate_client_id(client_id, request)
        right = check_password(
            secret, request.client.client_secret if known else NO_HASH
        )
        return (
            known
            and right
            and request.client.client_type == AbstractApplication.CLIENT_CONFIDENTIAL
            # The form may name the client, too, but not another one.
            and request.client_id in (None, "", client_id)
        )

    def validate_redirect_uri(
        self, client_id: str, redirect_uri: str, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        """Return whether a client has registered just this text (RFC 9700 section 2.1).

        django-oauth-toolkit compares the parts of URIs. It fails at text without any.
        """
        return redirect_uri in request.client.redirect_uris.split()

    def is_origin_allowed(
        self, client_id: str, origin: str, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        """Return whether a client has registered just this origin."""
        return origin in request.client.allowed_origins.split()

    def validate_grant_type(
        self, client_id: str, grant_type: str, *args: Any, **kwargs: Any
    ) -> bool:
        """Return whether a client may use a grant; oauthlib has `openid` for a code."""
        known = grant_type in GRANT_TYPES
        return known and super().validate_grant_type(
            client_id, grant_type, *args, **kwargs
        )

    def validate_code(
        self,
        client_id: str,
        code: str,
        client: AbstractApplication,
        request: Any,
        *args: Any,
        **kwargs: Any,
    ) -> bool:
        """Return whether a code is good, and its user not locked out since then.

        A code that was used before ends its grant (RFC 6749 section 4.1.2).
        """
        good = super().validate_code(client_id, code, client, request, *args, **kwargs)
        if not good:
            family = family_of(code)
            refresh_tokens = get_refresh_token_model()
            used = refresh_tokens.objects.filter(
                token_family=family, application=client
            )
            if used.exists():
                refresh_tokens.revoke_family(family)
        return bool(good and request.user.is_active)

    def invalidate_authorization_code(
        self, client_id: str, code: str, request: Any, *args: Any, **kwargs: Any
    ) -> None:
        """Use a code up, or end its grant if another request was faster."""
        try:
            super().invalidate_authorization_code(
                client_id, code, request, *args, **kwargs
            )
        except oauth2.InvalidGrantError:
            get_refresh_token_model().revoke_family(family_of(code))
            raise

    def validate_refresh_token(
        self,
        refresh_token: str,
        client: AbstractApplication,
        request: Any,
        *args: Any,
        **kwargs: Any,
    ) -> bool:
        """Return whether a refresh token is good, and its user not locked out."""
        checksum = sha256(refresh_token.encode()).hexdigest()
        own = get_refresh_token_model().objects.filter(
            token_checksum=checksum, application=client
        )
        # Another client's is refused first: django-oauth-toolkit ends the grant of a
        # used refresh token, whoever sends it.
        good = own.exists() and super().validate_refresh_token(
            refresh_token, client, request, *args, **kwargs
        )
        return bool(good and request.user.is_active)

    def get_original_scopes(
        self, refresh_token: str, request: Any, *args: Any, **kwargs: Any
    ) -> list[str]:
        """Return what is still on offer of the scope of a checked refresh token."""
        _, _, scope = refresh_token.partition("~")
        on_offer = get_scopes_backend().get_available_scopes(
            application=request.client, request=request
        )
        granted = bytes.fromhex(scope).decode().split(" ")
        return [permission for permission in granted if permission in on_offer]

    def save_bearer_token(
        self, token: dict[str, Any], request: Any, *args: Any, **kwargs: Any
    ) -> None:
        """Store what is issued, or end the grant if another request was faster."""
        try:
            super().save_bearer_token(token, request, *args, **kwargs)
        except oauth2.InvalidGrantError:
            # Here and not where it is raised: the transaction there is rolled back.
            used = request.refresh_token_instance
            get_refresh_token_model().revoke_family(used.token_family)
            raise

    def _save_bearer_token(
        self, token: dict[str, Any], request: Any, *args: Any, **kwargs: Any
    ) -> None:
        """Do so in a transaction; a refresh token is good for one."""
        if request.grant_type == "refresh_token":
            # Of two requests that brought the same one at the same moment, both may
            # have come here; django-oauth-toolkit would answer them alike.
            stored = get_refresh_token_model().objects.select_for_update()
            used = stored.get(pk=request.refresh_token_instance.pk)
            if used.revoked is not None:
                raise oauth2.InvalidGrantError(request=request)
        super()._save_bearer_token(token, request, *args, **kwargs)

    def _create_refresh_token(self, request: Any, *args: Any) -> Any:
        """Store a refresh token, and from which code it comes."""
        refresh_token = super()._create_refresh_token(request, *args)
        if request.grant_type == "authorization_code":
            refresh_token.token_family = family_of(request.code)
            refresh_token.save()
        return refresh_token


def basic_login(authorization: str | None) -> tuple[str, str] | None:
    """Return the id and the secret of an `Authorization` header, or None.

    It is also None for several headers, which a server joins with commas, and if there
    is a NUL: a secret with NULs behind it has the same hash, because HMAC pads its key
    with them.
    """
    # Crash reporters know this name, and hide what it stands for.
    scheme, _, authorization = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        authorization = base64.b64decode(authorization.strip(), validate=True).decode()
    except ValueError:
        return None
    client_id, colon, secret = authorization.partition(":")
    if not colon:
        return None
    # RFC 6749 section 2.3.1: both are encoded as in a form before they are joined.
    client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    if "\0" in client_id + secret:
        return None
    return client_id, secret
