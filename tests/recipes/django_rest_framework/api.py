"""A small API: a profile for the scope `profile`, and articles that only users get."""

from __future__ import annotations

from bearer_authentication import IsUser, TokenHasScope
from django.urls import path
from django.views.decorators.cache import cache_control
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

# For the demonstration; in production a database.
ARTICLES: dict[object, list[str]] = {"user:zoe": ["On tokens"]}


class Profile(APIView):
    """Tell whose token it is."""

    permission_classes = (TokenHasScope,)
    required_scopes = ("profile",)

    def get(self, request: Request) -> Response:
        return Response({"user": request.user.pk})

    def post(self, request: Request) -> Response:
        return Response({"user": request.user.pk})


class Articles(APIView):
    """The articles of the user who gave the token."""

    permission_classes = (TokenHasScope, IsUser)
    required_scopes = ("read",)

    def get(self, request: Request) -> Response:
        return Response({"articles": ARTICLES.get(request.user.pk, [])})


# Not even Django's own cache may keep an answer for the next one who asks.
private = cache_control(private=True)
urlpatterns = [
    path("profile", private(Profile.as_view())),
    path("articles", private(Articles.as_view())),
]
