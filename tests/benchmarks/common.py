"""What everything here issues and verifies: the claims and the secret."""

import time

PROVIDER = "My OAuth2 Provider"
CLIENT = "abcd"
USER = "1234"
SCOPE = ["profile", "read"]
NEEDED = "read"
LIFETIME = 3600
SECRET = b"0123456789abcdef0123456789abcdef"

# The length of the token that these claims make.
LENGTH = 232


def claims():
    """Return the claims of a new token, in the order in which joat writes them."""
    now = int(time.time())
    return {
        "aud": CLIENT,
        "iss": PROVIDER,
        "exp": now + LIFETIME,
        "iat": now,
        "scp": SCOPE,
        "sub": USER,
    }


def require(met, what):
    """Stop unless a condition is met without which the figures mean nothing."""
    if not met:
        raise SystemExit(f"the benchmark needs {what}")
