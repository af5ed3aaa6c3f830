"""What the tests share: one salt, one moment, and tokens made without the library."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode

import joat

SALT = b"0123456789abcdef0123456789abcdef"
NOW = 1407290980
HEADER = b'{"alg":"HS256","typ":"JWT"}'
CLAIMS = {
    "aud": "client-marker",
    "iss": "issuer-marker",
    "exp": 1407294572,
    "iat": 1407290972,
    "scp": ["profile-marker", "read-marker"],
    "sub": "user-marker",
}
ARGUMENTS = {
    "provider": "issuer-marker",
    "client_id": "client-marker",
    "user_id": "user-marker",
    "scope": ["profile-marker", "read-marker"],
}
"""What `issue_token` makes these claims of, but for the times."""
CREDENTIALS = {
    "provider": "issuer-marker",
    "client_id": "client-marker",
    "user_id": "user-marker",
    "authorized_scope": ["profile-marker", "read-marker"],
}
VERIFIED = {**CREDENTIALS, "expires_at": CLAIMS["exp"]}
"""What `verify_token` and `authenticate` return, where `parse_token` does not."""


def b64(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def signature(signing_input, salt=SALT):
    """Return the third segment for the first two, whatever they hold."""
    if isinstance(signing_input, str):
        signing_input = signing_input.encode("utf-8", "surrogatepass")
    return b64(hmac.digest(salt, signing_input, "sha256"))


def join(header, payload, salt=SALT):
    """Return the token of two segments, with the right signature for them."""
    return f"{header}.{payload}.{signature(f'{header}.{payload}', salt)}"


def make_token(payload=CLAIMS, header=HEADER, salt=SALT):
    """Return a signed token of JSON, or of octets that pretend to be JSON."""
    segments = [
        b64(part if isinstance(part, bytes) else json.dumps(part).encode())
        for part in (header, payload)
    ]
    return join(*segments, salt=salt)


def with_claims(**changed):
    return make_token({**CLAIMS, **changed})


def without(name):
    return {claim: value for claim, value in CLAIMS.items() if claim != name}


TOKEN = make_token()


def outcome(function, *args, **kwargs):
    """Return the result, or the name of the class of the `TokenError`."""
    try:
        return function(*args, **kwargs)
    except joat.TokenError as error:
        return type(error).__name__


def texts_of(error):
    """Return all text that can be reached from an exception."""
    texts = [str(error), repr(error), repr(error.args), repr(vars(error))]
    for other in (error.__cause__, error.__context__):
        if other is not None:
            texts += texts_of(other)
    return texts


def assert_tells_nothing(error, *secrets):
    """Fail if eight characters in a row of any secret are told by `error`."""
    secrets = [s.decode("latin-1") if isinstance(s, bytes) else s for s in secrets]
    for text in texts_of(error):
        for start in range(len(text) - 7):
            for secret in secrets:
                assert text[start : start + 8] not in secret


def variables_of(error):
    """Return the names and the text of all variables in the frames of joat."""
    variables = []
    for each in (error, error.__cause__, error.__context__):
        frame = each.__traceback__ if each else None
        while frame:
            if frame.tb_frame.f_globals["__name__"].startswith("joat"):
                found = frame.tb_frame.f_locals.items()
                variables += [(name, repr(value)) for name, value in found]
            frame = frame.tb_next
    return variables
