"""Issue and verify signed JWT OAuth 2.0 access tokens.

Assign a function that finds the secret ("salt") for a token's claims to
`joat.salt_generator`; then issue with `TokenGenerator` and verify with
`parse_token`, `verify_token` or `authenticate`.
"""

from joat.claims import Credentials, VerifiedCredentials
from joat.errors import (
    ExpiredToken,
    InsufficientScope,
    InvalidClaim,
    InvalidRequest,
    InvalidSignature,
    MalformedToken,
    MissingToken,
    NotYetValid,
    TokenError,
    WeakSaltWarning,
)
from joat.generator import TokenGenerator, timestamp
from joat.salt import Salt, SaltGenerator, _not_assigned, parse_salts
from joat.verifier import (
    authenticate,
    bearer_token,
    parse_token,
    unverified_claims,
    verify_token,
)

__version__ = "2.0.0"

__all__ = [
    "Credentials",
    "ExpiredToken",
    "InsufficientScope",
    "InvalidClaim",
    "InvalidRequest",
    "InvalidSignature",
    "MalformedToken",
    "MissingToken",
    "NotYetValid",
    "Salt",
    "SaltGenerator",
    "TokenError",
    "TokenGenerator",
    "VerifiedCredentials",
    "WeakSaltWarning",
    "authenticate",
    "bearer_token",
    "parse_salts",
    "parse_token",
    "salt_generator",
    "timestamp",
    "unverified_claims",
    "verify_token",
]

# An application assigns its function: `joat.salt_generator = find_salt`. It takes a
# token's claims and returns the salt for them. It is looked up again for each token.
salt_generator: SaltGenerator = _not_assigned
