"""What is compared: joat, and other libraries doing the same work.

HS256 under one secret, one client; `exp` and the audience are checked. joat asks its
hook for each token. The others get the secret once, and where they can prepare the key
or the checks, they do so before the clock runs. The tests of interoperation use these
functions, too.
"""

import time
from collections import namedtuple

PROVIDER = "My OAuth2 Provider"
CLIENT = "abcd"
USER = "1234"
SCOPE = ["profile", "read"]
NEEDED = "read"
LIFETIME = 3600
SECRET = b"5f8e" * 16  # 64 hexadecimal characters, as secrets.token_hex(32) gives

# `authenticate` takes the value of an Authorization header, and checks provider and
# one permission, too. `refusal` is raised where None is not returned.
Peer = namedtuple("Peer", "sign parse authenticate refusal", defaults=(None, ()))


def found_by(check, token, refusal):
    """Return what a check finds, or None if it refuses."""
    try:
        return check(token)
    except refusal:
        return None


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


def ours(joat, client=CLIENT):
    generator = joat.TokenGenerator(PROVIDER)

    def sign(claims=None):  # It makes its own.
        return generator.issue_token(
            provider=PROVIDER, client_id=client, user_id=USER, scope=SCOPE
        )

    def authenticate(header):
        return joat.authenticate(
            header, provider=PROVIDER, client_id=client, scope=[NEEDED]
        )

    return Peer(sign, joat.parse_token, authenticate, joat.TokenError)


def like_pyjwt(jwt, refusal, signing=SECRET, verifying=SECRET):
    def sign(claims):
        return jwt.encode(claims, signing, algorithm="HS256")

    def parse(token):
        return jwt.decode(token, verifying, algorithms=["HS256"], audience=CLIENT)

    def authenticate(header):
        found = jwt.decode(
            header.partition(" ")[2],
            verifying,
            algorithms=["HS256"],
            audience=CLIENT,
            issuer=PROVIDER,
        )
        return found if NEEDED in found["scp"] else None

    return Peer(sign, parse, authenticate, refusal)


def _pyjwt():
    import jwt

    return like_pyjwt(jwt, jwt.InvalidTokenError)


def _oxyjwt():
    import oxyjwt

    signing = oxyjwt.EncodingKey.from_secret(SECRET)
    verifying = oxyjwt.DecodingKey.from_secret(SECRET)
    return like_pyjwt(oxyjwt, oxyjwt.InvalidTokenError, signing, verifying)


def _joserfc():
    from joserfc import errors, jwk, jwt

    key = jwk.OctKey.import_key(SECRET)
    expected = {"aud": {"essential": True, "value": CLIENT}, "exp": {"essential": True}}
    usual = jwt.JWTClaimsRegistry(**expected)
    expected["iss"] = {"essential": True, "value": PROVIDER}
    strict = jwt.JWTClaimsRegistry(**expected)

    def sign(claims):
        return jwt.encode({"alg": "HS256"}, claims, key, algorithms=["HS256"])

    def parse(token):
        found = jwt.decode(token, key, algorithms=["HS256"]).claims
        usual.validate(found)
        return found

    def authenticate(header):
        found = jwt.decode(header.partition(" ")[2], key, algorithms=["HS256"]).claims
        strict.validate(found)
        return found if NEEDED in found["scp"] else None

    return Peer(sign, parse, authenticate, errors.JoseError)


# Under the names of the distributions.
PREPARE = {
    "PyJWT": _pyjwt,
    "joserfc": _joserfc,
    "oxyjwt": _oxyjwt,
}
