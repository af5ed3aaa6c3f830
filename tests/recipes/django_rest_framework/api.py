"""A small API: a profile for any token, articles for users alone."""

from __future__ import annotations

from bearer import IsUser, has_scope
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

# For the demonstration; in production a database.
ARTICLES = {"user:zoe": ["On tokens"]}


class Profile(APIView):
    """Tell whose token it is."""

    permission_classes = (has_scope("profile"),)

    def get(self, request: Request) -> Response:
        return Response({"user": request.user.pk})

    def post(self, request: Request) -> Response:
        return Response({"user": request.user.pk})


class Articles(APIView):
    """The articles of the user who gave the token."""

    permission_classes = (has_scope("read"), IsUser)

    def get(self, request: Request) -> Response:
        return Response({"articles": ARTICLES.get(request.user.pk, [])})


urlpatterns = [
    path("profile", Profile.as_view()),
    path("articles", Articles.as_view()),
]
