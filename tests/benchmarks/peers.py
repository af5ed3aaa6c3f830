"""The libraries that the table compares, each doing the same work.

HS256 under one secret that is given once, one client; `exp` and the audience
are checked. Where a library can prepare its key or its checks, it does so here,
before the clock runs.
"""

from collections import namedtuple
from importlib import import_module, metadata

from common import CLIENT, LIFETIME, NEEDED, PROVIDER, SCOPE, SECRET, USER, claims

Peer = namedtuple("Peer", "name issue verify refusal", defaults=[()])


def installed(prepared=None):
    """Return the peers with their versions, and the names of those not there."""
    found, missing = [], []
    for distribution, prepare in (prepared or _PREPARE).items():
        try:
            name = f"{distribution} {metadata.version(distribution)}"
        except metadata.PackageNotFoundError:
            missing.append(distribution)
        else:
            found.append(Peer(name, *prepare()))
    return found, missing


def ours():
    """Return joat as most servers use it: `parse_token`, and the function set."""
    import joat

    secrets = {CLIENT: SECRET}
    # This look-up is the check of the audience: for another client it is None.
    joat.salt_generator = lambda claims: secrets.get(claims["aud"])
    generator = joat.TokenGenerator(PROVIDER)

    def issue():
        return generator.issue_token(
            provider=PROVIDER, client_id=CLIENT, user_id=USER, scope=SCOPE
        )

    return Peer(f"joat {metadata.version('PyJOAT')}", issue, joat.parse_token)


def authenticating():
    """Return those that a resource server may use, with all that it expects.

    `verify` takes the value of an Authorization header; provider, client and one
    permission are checked too.
    """
    import joat

    def verify(header):
        return joat.authenticate(
            header, provider=PROVIDER, client_id=CLIENT, scope=[NEEDED]
        )

    joats = Peer("joat", ours().issue, verify, joat.TokenError)
    return [joats, *installed(_AUTHENTICATING)[0]]


def _authenticating_pyjwt():
    import jwt

    issue, _, refusal = _pyjwt()

    def verify(header):
        found = jwt.decode(
            header.partition(" ")[2],
            SECRET,
            algorithms=["HS256"],
            audience=CLIENT,
            issuer=PROVIDER,
        )
        return found if NEEDED in found["scp"] else None

    return issue, verify, refusal


def _authenticating_joserfc():
    from joserfc import jwk, jwt

    issue, _, refusal = _joserfc()
    key = jwk.OctKey.import_key(SECRET)
    registry = jwt.JWTClaimsRegistry(
        aud={"essential": True, "value": CLIENT},
        iss={"essential": True, "value": PROVIDER},
        exp={"essential": True},
    )

    def verify(header):
        found = jwt.decode(header.partition(" ")[2], key, algorithms=["HS256"]).claims
        registry.validate(found)
        return found if NEEDED in found["scp"] else None

    return issue, verify, refusal


def _pyjwt(module="jwt"):
    jwt = import_module(module)

    def issue():
        return jwt.encode(claims(), SECRET, algorithm="HS256")

    def verify(token):
        return jwt.decode(token, SECRET, algorithms=["HS256"], audience=CLIENT)

    return issue, verify, jwt.InvalidTokenError


def _joserfc():
    from joserfc import errors, jwk, jwt

    key = jwk.OctKey.import_key(SECRET)
    registry = jwt.JWTClaimsRegistry(
        aud={"essential": True, "value": CLIENT}, exp={"essential": True}
    )

    def issue():
        return jwt.encode({"alg": "HS256"}, claims(), key, algorithms=["HS256"])

    def verify(token):
        found = jwt.decode(token, key, algorithms=["HS256"]).claims
        registry.validate(found)
        return found

    return issue, verify, errors.JoseError


def _python_jose():
    from jose import jwk, jwt

    key = jwk.construct(SECRET, "HS256")

    def issue():
        return jwt.encode(claims(), key, algorithm="HS256")

    def verify(token):
        return jwt.decode(token, key, algorithms=["HS256"], audience=CLIENT)

    return issue, verify, jwt.JWTError


def _jwcrypto():
    from jwcrypto import common, jwk, jwt

    key = jwk.JWK.from_password(SECRET.decode())
    header = {"alg": "HS256", "typ": "JWT"}
    expected = {"aud": CLIENT, "exp": None}

    def issue():
        token = jwt.JWT(header=header, claims=claims())
        token.make_signed_token(key)
        return token.serialize()

    def verify(token):
        read = jwt.JWT(jwt=token, key=key, algs=["HS256"], check_claims=expected)
        return common.json_decode(read.claims)

    return issue, verify, common.JWException


def _itsdangerous():
    # No JWT: a format of its own, with a time of its own that stands for exp.
    from hashlib import sha256

    from itsdangerous import BadData, URLSafeTimedSerializer

    # Without a derivation, the secret is the key of the HMAC, as in HS256.
    signer = {"digest_method": sha256, "key_derivation": "none"}
    serializer = URLSafeTimedSerializer(SECRET, signer_kwargs=signer)

    def issue():
        return serializer.dumps(claims())

    def verify(token):
        found = serializer.loads(token, max_age=LIFETIME)
        return found if found["aud"] == CLIENT else None

    return issue, verify, BadData


def _oxyjwt():
    import oxyjwt

    signing = oxyjwt.EncodingKey.from_secret(SECRET)
    verifying = oxyjwt.DecodingKey.from_secret(SECRET)

    def issue():
        return oxyjwt.encode(claims(), signing, algorithm="HS256")

    def verify(token):
        return oxyjwt.decode(token, verifying, algorithms=["HS256"], audience=CLIENT)

    return issue, verify, oxyjwt.InvalidTokenError


def _ryjwt():
    import ryjwt

    key = ryjwt.SecretKey(SECRET, algorithms=["HS256"], audience=CLIENT)

    def issue():
        return key.encode(claims())

    return issue, key.decode, ryjwt.InvalidTokenError


_PREPARE = {
    "PyJWT": _pyjwt,
    "joserfc": _joserfc,
    "python-jose": _python_jose,
    "jwcrypto": _jwcrypto,
    "itsdangerous": _itsdangerous,
    "webtoken": lambda: _pyjwt("webtoken"),
    "oxyjwt": _oxyjwt,
    "ryjwt": _ryjwt,
}

_AUTHENTICATING = {
    "PyJWT": _authenticating_pyjwt,
    "joserfc": _authenticating_joserfc,
}
