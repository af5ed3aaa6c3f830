"""Access tokens for Django REST framework: an authentication and two permissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from django.conf import settings
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
    """Whom a token speaks for: `request.user`. There need be no such row anywhere."""

    pk: str
    is_authenticated: bool = True


class BearerAuthentication(BaseAuthentication):
    """Authenticate by the access token of the `Authorization` header.

    `request.auth` is what `joat.authenticate` returns.
    """

    def authenticate(
        self, request: Request
    ) -> tuple[Principal, joat.Credentials] | None:
        """Return whom the token speaks for and what it grants; None without one."""
        # Django gets several Authorization headers joined with commas. They must stay
        # joined, for joat to refuse them: if one were picked here and another one by a
        # proxy in front, each would have let somebody else in.
        header = request.headers.get("Authorization")
        try:
            credentials = joat.authenticate(header, provider=settings.JOAT_PROVIDER)
        except joat.MissingToken:
            return None  # Another class may know who it is.
        except joat.TokenError as error:
            raise Refused(error) from None
        return Principal(str(credentials["user_id"])), credentials

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge for those whom no class knows."""
        return 'Bearer realm="profile"'


def credentials_of(request: Request) -> joat.Credentials:
    """Return what the request's token grants, or refuse a request without one."""
    if not isinstance(request.successful_authenticator, BearerAuthentication):
        raise NotAuthenticated("there is no token in the Authorization header")
    return cast("joat.Credentials", request.auth)


def has_scope(*scope: str) -> type[BasePermission]:
    """Return a permission class: the token must hold all of `scope`."""

    class HasScope(BasePermission):
        def has_permission(self, request: Request, view: APIView) -> bool:
            granted = credentials_of(request)["authorized_scope"]
            if not set(scope) <= set(granted):
                error = joat.InsufficientScope("the token lacks a permission", scope)
                raise Refused(error)
            return True

    return HasScope


class IsUser(BasePermission):
    """The token must be that of a user, not of a client that acts for itself."""

    message = "the token is not that of a user"

    def has_permission(self, request: Request, view: APIView) -> bool:
        subject = credentials_of(request)["user_id"]
        return isinstance(subject, str) and subject.startswith("user:")
