"""Settings of the authorization server: django-oauth-toolkit issues joat's tokens.

For production, change `DATABASES`, whose file here every user of the machine may read,
limit how often a secret or a password may be tried, and set `LOGIN_REDIRECT_URL` to a
page for users who log in without a client. Run the commands `cleartokens` and
`clearsessions` every day. Put a proxy in front that speaks HTTPS and has the static
files, which `collectstatic` gathers in `STATIC_ROOT`. Set two variables of the
environment: `ALLOWED_HOSTS` to the hosts of your URL, separated by spaces, and
`PROXY_SSL_HEADER` as is said below. Then `python -m django check --deploy` has nothing
to say.
"""

from __future__ import annotations

import os
from pathlib import Path

from environment_salts import find_salts

import joat

joat.salt_generator = find_salts

FOLDER = Path(__file__).parent
SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "127.0.0.1 localhost").split()
ROOT_URLCONF = "auth_urls"
LOGIN_URL = "login"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "oauth2_provider",
]
MIDDLEWARE = [
    "head_middleware.no_body_after_head",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Nobody may frame the page on which a user allows a client (RFC 6749 10.13).
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [FOLDER / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": ["django.template.context_processors.request"]
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": FOLDER / "db.sqlite3",
        # SQLite locks no row: let those who change a token wait for one another.
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
    }
}
STATIC_URL = "static/"
STATIC_ROOT = FOLDER / "static"
# Django also sets the time zone of the process, and so of its logs, to this.
TIME_ZONE = "UTC"
USE_TZ = True
DEFAULT_EXCEPTION_REPORTER_FILTER = "error_reports.Filter"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    # Without it, errors reach only the ADMINS, by e-mail.
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"]},
    # Their debug messages hold tokens and secrets.
    "loggers": {"oauthlib": {"level": "INFO"}, "oauth2_provider": {"level": "INFO"}},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
# It does not count files. Without this, the login page would write them to the disk.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

# The header by which the proxy says that a request came to it by HTTPS, for example
# X-Forwarded-Proto. Only the value `https` says so, not `HTTPS` or `on`. Without the
# header, Django asks its server, and if that says plain HTTP, no browser can log in.
# Warning: name only a header that your proxy sets or removes in every request, and let
# nobody reach this server but through the proxy. Otherwise anyone who sends the header
# passes for HTTPS.
PROXY_SSL_HEADER = os.environ.get("PROXY_SSL_HEADER")
if PROXY_SSL_HEADER:
    variable = f"HTTP_{PROXY_SSL_HEADER.upper().replace('-', '_')}"
    SECURE_PROXY_SSL_HEADER = (variable, "https")
    SECURE_SSL_REDIRECT = True
    # Raise it to a year once all works: browsers do not forget it sooner.
    SECURE_HSTS_SECONDS = 3600
# These ask for HTTPS on all subdomains, which the owner of the domain has to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

JOAT_PROVIDER = "https://example.com"
OAUTH2_PROVIDER = {
    "OIDC_ISS_ENDPOINT": JOAT_PROVIDER,
    # All that there is: any client may ask for it, and gets it all if it asks for
    # nothing. Where clients differ, write a SCOPES_BACKEND_CLASS.
    "SCOPES": {"profile": "See your profile", "read": "Read your articles"},
    "ACCESS_TOKEN_EXPIRE_SECONDS": 600,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 14 * 24 * 3600,
    "OAUTH2_BACKEND_CLASS": "auth.Backend",
    "OAUTH2_SERVER_CLASS": "auth.Server",
    "OAUTH2_VALIDATOR_CLASS": "auth.Validator",
    "ACCESS_TOKEN_GENERATOR": "auth.issue_access_token",
    # Without it, the access token generator would make refresh tokens as well, which
    # would then be good as access tokens.
    "REFRESH_TOKEN_GENERATOR": "auth.make_refresh_token",
    # Each is good once. If one comes again, its grant is over.
    "ROTATE_REFRESH_TOKEN": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "PKCE_REQUIRED": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    # RFC 9700, the best current practice, as django-oauth-toolkit 4 will have it.
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_PKCE_REQUIRED": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_MATCHING": True,
}
