"""Middleware that sends no body behind the answer to a HEAD request.

Django leaves that to the server. Not every one does it: behind waitress, on a
connection that is kept, the body would stand where the next answer begins.
"""

from __future__ import annotations

from typing import Callable

from django.http import HttpRequest, HttpResponse

View = Callable[[HttpRequest], HttpResponse]


def no_body_after_head(get_response: View) -> View:
    """Return a view that answers HEAD with the headers only."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.method == "HEAD" and not response.streaming:
            # RFC 9110 section 8.6: the length of the body that GET would get.
            response.headers["Content-Length"] = str(len(response.content))
            response.content = b""
        return response

    return middleware
