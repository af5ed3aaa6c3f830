"""The endpoints of the authorization server."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.views import LoginView
from django.core.exceptions import BadRequest, ObjectDoesNotExist
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from oauth2_provider import views


class AuthorizationView(views.AuthorizationView):
    """The authorization endpoint (RFC 6749 section 3.1)."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Refuse a query at which oauthlib fails, or do what the parent does."""
        if re.search("%(?![0-9A-Fa-f]{2})", request.META["QUERY_STRING"]):
            raise BadRequest("the query is not that of a form")
        response: HttpResponse = super().dispatch(request, *args, **kwargs)
        return response


class TokenView(views.TokenView):
    """The token endpoint (RFC 6749 section 3.2)."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Issue tokens, or say why not (section 5.2)."""
        response: HttpResponse
        if well_formed(request):
            try:
                response = self.authorization_flow_token_response(request)
            except ObjectDoesNotExist:
                # Since it was checked, another request has used the code or token up.
                response = JsonResponse({"error": "invalid_grant"}, status=400)
        else:
            response = JsonResponse({"error": "invalid_request"}, status=400)
        response.headers["Content-Type"] = "application/json"
        response.headers["Cache-Control"] = "no-store"
        if response.status_code == 401:
            # Of oauthlib it is Bearer, by which no client authenticates.
            response.headers["WWW-Authenticate"] = 'Basic realm="token"'
        return response


def well_formed(request: HttpRequest) -> bool:
    """Return whether the parameters are in the form alone, each once, in ASCII.

    That is what RFC 6749 section 3.2 and appendix A ask for. oauthlib fails at a query
    that is no form, Django takes the last one of several, and a database may fail at a
    character that it does not know.
    """
    values = [value for _, values in request.POST.lists() for value in values]
    return (
        not request.META["QUERY_STRING"]
        and len(values) == len(request.POST)
        and all(value.isascii() and value.isprintable() for value in values)
    )


# Not all of `oauth2_provider.urls`: there, anyone who has an account may register
# clients. To let them, include `oauth2_provider.urls.management_urlpatterns`.
urlpatterns = [
    path("login", LoginView.as_view(template_name="login.html"), name="login"),
    path("authorize", AuthorizationView.as_view(), name="authorize"),
    path("token", TokenView.as_view(), name="token"),
]
