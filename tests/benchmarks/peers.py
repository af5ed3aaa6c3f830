"""What is compared: joat, the floor, and other libraries doing the same work.

HS256 under one secret that is given once, one client; `exp` and the audience are
checked. Where a library can prepare its key or its checks, it does so before the
clock runs. The tests of interoperation use these functions, too.
"""

import time
from binascii import a2b_base64, b2a_base64
from collections import namedtuple
from functools import partial
from hmac import compare_digest, digest
from importlib import import_module
from json import JSONDecoder, JSONEncoder

PROVIDER = "My OAuth2 Provider"
CLIENT = "abcd"
TEXT_CLIENT = "text"  # whose salt is a str
USER = "1234"
SCOPE = ["profile", "read"]
NEEDED = "read"
LIFETIME = 3600
SECRET = b"0123456789abcdef0123456789abcdef"

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


# The floor is what the standard library costs without a single check: a library in pure
# Python has to call these primitives, in one form or another. Only the result of the
# comparison is looked at, so that a mistake in these functions shows.
_HEADER = b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
_TO_BASE64URL = bytes.maketrans(b"+/", b"-_")
_TO_BASE64 = bytes.maketrans(b"-_", b"+/")
_encode = JSONEncoder(separators=(",", ":")).encode
_raw_decode = JSONDecoder().raw_decode


def _sign_bare(claims):
    payload = b2a_base64(_encode(claims).encode(), newline=False)
    signing_input = _HEADER + payload.translate(_TO_BASE64URL).rstrip(b"=")
    signature = b2a_base64(digest(SECRET, signing_input, "sha256"), newline=False)
    token = signing_input + b"." + signature.translate(_TO_BASE64URL).rstrip(b"=")
    return token.decode()


def _parse_bare(token):
    signing_input, _, signature = token.encode().rpartition(b".")
    received = a2b_base64(signature.translate(_TO_BASE64) + b"=")
    payload = signing_input.partition(b".")[2].translate(_TO_BASE64)
    found, _ = _raw_decode(a2b_base64(payload + b"==").decode())
    time.time()
    if not compare_digest(digest(SECRET, signing_input, "sha256"), received):
        return None
    return found


FLOOR = Peer(_sign_bare, _parse_bare, lambda header: _parse_bare(header[7:]))


def ours(client=CLIENT):
    import joat

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


def _like_pyjwt(jwt, refusal, signing=SECRET, verifying=SECRET):
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


def _pyjwt(module):
    jwt = import_module(module)
    return _like_pyjwt(jwt, jwt.InvalidTokenError)


def _oxyjwt():
    import oxyjwt

    signing = oxyjwt.EncodingKey.from_secret(SECRET)
    verifying = oxyjwt.DecodingKey.from_secret(SECRET)
    return _like_pyjwt(oxyjwt, oxyjwt.InvalidTokenError, signing, verifying)


def _python_jose():
    from jose import jwk, jwt

    key = jwk.construct(SECRET, "HS256")
    return _like_pyjwt(jwt, jwt.JWTError, key, key)


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


def _jwcrypto():
    from jwcrypto import common, jwk, jwt

    key = jwk.JWK.from_password(SECRET.decode())
    header = {"alg": "HS256", "typ": "JWT"}
    expected = {"aud": CLIENT, "exp": None}

    def sign(claims):
        token = jwt.JWT(header=header, claims=claims)
        token.make_signed_token(key)
        return token.serialize()

    def parse(token):
        read = jwt.JWT(jwt=token, key=key, algs=["HS256"], check_claims=expected)
        return common.json_decode(read.claims)

    # ValueError is for another number of segments.
    return Peer(sign, parse, refusal=(common.JWException, ValueError))


def _itsdangerous():
    # No JWT: a format of its own, with a time of its own that stands for exp.
    from hashlib import sha256

    from itsdangerous import BadData, URLSafeTimedSerializer

    # Without a derivation, the secret is the key of the HMAC, as in HS256.
    signer = {"digest_method": sha256, "key_derivation": "none"}
    serializer = URLSafeTimedSerializer(SECRET, signer_kwargs=signer)

    def parse(token):
        found = serializer.loads(token, max_age=LIFETIME)
        return found if found["aud"] == CLIENT else None

    return Peer(serializer.dumps, parse, refusal=BadData)


def _ryjwt():
    import ryjwt

    key = ryjwt.SecretKey(SECRET, algorithms=["HS256"], audience=CLIENT)
    return Peer(key.encode, key.decode, refusal=ryjwt.InvalidTokenError)


# Under the names of the distributions.
PREPARE = {
    "PyJOAT": ours,
    "PyJWT": partial(_pyjwt, "jwt"),
    "joserfc": _joserfc,
    "python-jose": _python_jose,
    "jwcrypto": _jwcrypto,
    "itsdangerous": _itsdangerous,
    "webtoken": partial(_pyjwt, "webtoken"),
    "oxyjwt": _oxyjwt,
    "ryjwt": _ryjwt,
}
