"""Settings of the resource server, which needs no database.

It needs the `JOAT_SALT` of the authorization server and nothing else from there. For
production, use a server such as gunicorn and never `runserver`, set the variable
`ALLOWED_HOSTS` to the hosts of your URL, separated by spaces, and put a proxy that
speaks HTTPS in front: anyone who reads a bearer token can use it. If you add pages with
forms, they need `SECURE_PROXY_SSL_HEADER` behind the proxy.
"""

from __future__ import annotations

import os

from environment_salts import find_salts

import joat

joat.salt_generator = find_salts

JOAT_PROVIDER = "https://example.com"
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "127.0.0.1 localhost").split()
ROOT_URLCONF = "api"
MIDDLEWARE = [
    "head_middleware.no_body_after_head",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    # For views that know their user by a cookie; `token_required` exempts its own.
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
CSRF_COOKIE_SECURE = True
# Django also sets the time zone of the process, and so of its logs, to this.
TIME_ZONE = "UTC"
DEFAULT_EXCEPTION_REPORTER_FILTER = "error_reports.Filter"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    # Without it, errors reach only the ADMINS, by e-mail.
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"]},
}
