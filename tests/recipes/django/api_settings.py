"""Settings of the resource server, which needs no database.

It needs the `JOAT_SALT` of the authorization server and nothing else from there. For
production, set `ALLOWED_HOSTS`, and put a server that speaks HTTPS in front: whoever
reads a bearer token can use it.
"""

from __future__ import annotations

from environment_salts import find_salts

import joat

joat.salt_generator = find_salts

JOAT_PROVIDER = "https://example.com"
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "api"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    # For views that know their user by a cookie; `token_required` exempts its own.
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
CSRF_COOKIE_SECURE = True
