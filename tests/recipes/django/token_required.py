"""A decorator that lets into a view those who bring an access token."""

from __future__ import annotations

import functools
from typing import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_cache_control
from django.views.decorators.csrf import csrf_exempt

import joat

View = Callable[..., HttpResponse]


def token_required(*scope: str) -> Callable[[View], View]:
    """Let those pass whose token holds all of `scope`; the view gets its credentials.

    The view's second argument is what `joat.authenticate` returns. Anybody else is
    answered as RFC 6750 section 3 says. The view must not be `async`.
    """

    def decorate(view: View) -> View:
        # A browser sends no token by itself, as it does cookies, so that no other
        # site can make it send one: there is nothing to check for.
        @csrf_exempt
        @functools.wraps(view)
        def guarded(
            request: HttpRequest, *args: object, **kwargs: object
        ) -> HttpResponse:
            # Django joins several Authorization headers with commas, and joat refuses
            # them. If we read one header and a proxy read another, each would
            # authenticate a different user.
            authorization = request.headers.get("Authorization")
            try:
                credentials = joat.authenticate(
                    authorization, provider=settings.JOAT_PROVIDER, scope=scope
                )
            except joat.TokenError as error:
                return refuse(error)
            response = view(request, credentials, *args, **kwargs)
            # Not even Django's own cache may keep it for the next one who asks.
            patch_cache_control(response, private=True)
            return response

        return guarded

    return decorate


def refuse(error: joat.TokenError) -> HttpResponse:
    """Return the answer of RFC 6750 section 3."""
    answer = {"error_description": error.description}
    if error.error:  # RFC 6750 section 3.1 has none for a missing token
        answer["error"] = error.error
    challenge = error.www_authenticate(realm="profile")
    return JsonResponse(
        answer, status=error.status, headers={"WWW-Authenticate": challenge}
    )
