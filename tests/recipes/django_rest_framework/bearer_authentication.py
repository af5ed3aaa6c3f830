"""Access tokens for Django REST framework: an authentication and two permissions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

import joat

if TYPE_CHECKING:
    # It imports the default classes, and so this module.
    from rest_framework.views import APIView


class Refused(APIException):
    """The answer to a token that is not good enough (RFC 6750 section 3)."""

    def __init__(self, error: joat.TokenError) -> None:
        super().__init__(error.description, error.error)
        # What the framework's exception handler looks at. An AuthenticationFailed of
        # its own would always be a 401.
        self.status_code = error.status
        self.auth_header = error.www_authenticate(realm="profile")


@dataclass(frozen=True)
class Principal:
    """Whom a token speaks for: `request.user`, which need be no row anywhere.

    It has what the framework's permissions and throttles ask of a user. No token makes
    somebody staff or gives a permission of Django's: see `TokenHasScope`. Throttles
    count by the text of `pk`, so the subjects 5 and "5" share a limit.
    """

    pk: int | str
    is_authenticated: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False
    is_active: ClassVar[bool] = True
    is_staff: ClassVar[bool] = False
    is_superuser: ClassVar[bool] = False

    def __str__(self) -> str:
        return self.get_username()

    def get_username(self) -> str:
        return str(self.pk)

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return False

    def has_perms(self, perm_list: Iterable[str], obj: object = None) -> bool:
        return not list(perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        return False


class BearerAuthentication(BaseAuthentication):
    """Authenticate by the access token of the `Authorization` header.

    `request.auth` is what `joat.authenticate` returns.
    """

    def authenticate(
        self, request: Request
    ) -> tuple[Principal, joat.Credentials] | None:
        """Return whom the token speaks for and what it grants; None without one."""
        # Django joins several Authorization headers with commas, and joat refuses them.
        # If we read one header and a proxy read another, each would authenticate a
        # different user.
        authorization = request.headers.get("Authorization")
        try:
            credentials = joat.authenticate(
                authorization, provider=settings.JOAT_PROVIDER
            )
        except joat.MissingToken:
            return None  # Another class may know who it is.
        except joat.TokenError as error:
            raise Refused(error) from None
        return Principal(credentials["user_id"]), credentials

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge for those whom no class knows."""
        return 'Bearer realm="profile"'


def credentials_of(request: Request) -> joat.Credentials:
    """Return what the request's token grants, or refuse a request without one."""
    if not isinstance(request.successful_authenticator, BearerAuthentication):
        raise NotAuthenticated("there is no token in the Authorization header")
    return cast("joat.Credentials", request.auth)


class TokenHasScope(BasePermission):
    """The token must have every permission of the view's `required_scopes`.

    For a function with `@api_view`, set them on its class: `view.cls.required_scopes`.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        required = getattr(view, "required_scopes", None)
        if not isinstance(required, (list, tuple, set, frozenset)):
            name = type(view).__name__
            raise ImproperlyConfigured(f"{name} needs a list `required_scopes`")
        granted = credentials_of(request)["authorized_scope"]
        if not set(required) <= set(granted):
            error = joat.InsufficientScope("the token lacks a permission", required)
            raise Refused(error)
        return True


class IsUser(BasePermission):
    """The token must be that of a user, not of a client that acts for itself."""

    message = "the token is not that of a user"

    def has_permission(self, request: Request, view: APIView) -> bool:
        subject = credentials_of(request)["user_id"]
        return isinstance(subject, str) and subject.startswith("user:")
