"""What Django's error reports leave out: secrets, when they go by mail to the `ADMINS`.

By default they list the settings, the form, and the request's `META`, which has the
whole environment under `runserver`. Never give `AdminEmailHandler` the option
`include_html`: its pages also list the variables of each function.
"""

from __future__ import annotations

import os
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class Filter(SafeExceptionReporterFilter):
    """Lists no settings, no environment, and no form: it may hold a refresh token."""

    def get_safe_settings(self) -> dict[str, Any]:
        return {}

    def get_safe_request_meta(self, request: HttpRequest) -> dict[str, Any]:
        meta = super().get_safe_request_meta(request)
        return {name: meta[name] for name in meta.keys() - os.environ.keys()}

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return {}
