"""The endpoints of the authorization server."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.conf import settings
from django.contrib.auth.views import LoginView
from django.core.exceptions import (
    ObjectDoesNotExist,
    RequestDataTooBig,
    TooManyFieldsSent,
)
from django.db import IntegrityError
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    JsonResponse,
    QueryDict,
)
from django.urls import path
from oauth2_provider import views
from oauth2_provider.forms import AllowForm
from oauth2_provider.models import AbstractApplication, get_application_model

# RFC 6749 section 4.1.1, RFC 7636 section 4.3 and RFC 8707 section 2.
PARAMETERS = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "resource",
)


class AuthorizationView(views.AuthorizationView):
    """The authorization endpoint (RFC 6749 section 3.1)."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Drop from the query what has no value or no name of `PARAMETERS`.

        With others a URL could skip the consent (`approval_prompt`), or have the code
        sent in the fragment (`response_mode`).
        """
        query = [
            (name, value)
            for name in PARAMETERS
            for value in request.GET.getlist(name)
            if value
        ]
        request.META["QUERY_STRING"] = urlencode(query)
        request.GET = QueryDict(request.META["QUERY_STRING"])
        response: HttpResponse = super().dispatch(request, *args, **kwargs)
        return response

    def form_valid(self, form: AllowForm) -> HttpResponse:
        """Redirect to the client with the answer of the user."""
        sent = form.cleaned_data
        client = get_application_model().objects.filter(client_id=sent["client_id"])
        # The page is shown for a client and a URI of its own only, without a resource.
        if (
            not client
            or sent["redirect_uri"] not in client[0].redirect_uris.split()
            or sent["resource"]
        ):
            return self.form_invalid(form)
        response: HttpResponse = super().form_valid(form)
        return response

    def form_invalid(self, form: AllowForm) -> HttpResponse:
        """Refuse a form that is not the one of the page."""
        return HttpResponseBadRequest("this is not the form that the page has")

    def redirect(
        self, redirect_to: str, application: AbstractApplication | None
    ) -> HttpResponse:
        """Redirect to the client; errors also have an `iss` (RFC 9207 section 2)."""
        url = urlsplit(redirect_to)
        query = parse_qsl(url.query, keep_blank_values=True)
        query = [(name, value) for name, value in query if name != "iss"]
        query.append(("iss", settings.JOAT_PROVIDER))
        redirect_to = url._replace(query=urlencode(query)).geturl()
        response: HttpResponse = super().redirect(redirect_to, application)
        return response


class TokenView(views.TokenView):
    """The token endpoint (RFC 6749 section 3.2)."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Issue tokens, or say why not (section 5.2).

        Unlike django-oauth-toolkit's own, it sends no signal `app_authorized`, for
        which the stored token is looked up once more: if the same code or refresh
        token has come again in the meantime, that grant is over, and the token gone.
        """
        response: HttpResponse
        try:
            status = 200 if well_formed(request) else 400
        except (RequestDataTooBig, TooManyFieldsSent):
            status = 413
        if status == 200:
            try:
                _, headers, body, status = self.create_token_response(request)
            except (IntegrityError, ObjectDoesNotExist):
                # After the code or token was checked, another request used it up, or
                # its user or client was deleted. It is refused when it is checked
                # again.
                _, headers, body, status = self.create_token_response(request)
            response = HttpResponse(body, status=status, headers=headers)
        else:
            response = JsonResponse({"error": "invalid_request"}, status=status)
        response.headers["Content-Type"] = "application/json"
        response.headers["Cache-Control"] = "no-store"
        if response.status_code == 401:
            # Of oauthlib it is Bearer, by which no client authenticates.
            response.headers["WWW-Authenticate"] = 'Basic realm="token"'
        return response


def well_formed(request: HttpRequest) -> bool:
    """Return whether the parameters are only in the form, each once, in ASCII.

    That is what RFC 6749 section 3.2 and appendix A ask for. RFC 8707 section 2 allows
    several resources, which `auth.check_request` refuses. A form of another type may
    hold files. oauthlib fails at a query that is not a form, Django takes the last one
    of several, and a database may fail at a character that it does not know.
    """
    if request.content_type != "application/x-www-form-urlencoded":
        return False
    form = list(request.POST.lists())
    values = [value for _, values in form for value in values]
    return (
        not request.META["QUERY_STRING"]
        and all(len(values) == 1 or name == "resource" for name, values in form)
        and all(value.isascii() and value.isprintable() for value in values)
    )


# Not all of `oauth2_provider.urls`: there, anyone who has an account may register
# clients. To let them, include `oauth2_provider.urls.management_urlpatterns`.
urlpatterns = [
    path("login", LoginView.as_view(template_name="login.html"), name="login"),
    path("authorize", AuthorizationView.as_view(), name="authorize"),
    path("token", TokenView.as_view(), name="token"),
]
