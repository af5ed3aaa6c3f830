"""The views of the resource server."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_http_methods
from token_required import token_required

import joat


@token_required("profile")
@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest, credentials: joat.Credentials) -> HttpResponse:
    """Tell whose token it is."""
    return JsonResponse({"user": credentials["user_id"]})


urlpatterns = [path("profile", profile)]
