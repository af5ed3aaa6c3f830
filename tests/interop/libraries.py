"""The other libraries: what each makes of claims to sign, and of tokens to verify.

Each verifies the signature with HS256 alone, and `exp` and `nbf` where the library
does so.
"""

import json
import os
import subprocess
import warnings
from collections import namedtuple
from pathlib import Path

import jose.exceptions
import jose.jwt
import joserfc.errors
import joserfc.jwk
import joserfc.jwt
import jwcrypto.common
import jwcrypto.jwk
import jwcrypto.jwt
import jwt

# Deprecated in favour of joserfc, but what Authlib's users have. It sets a filter
# that shows its warning under any other.
with warnings.catch_warnings(record=True):
    import authlib.jose
    import authlib.jose.errors

from helpers import SALT, b64

HEADER = {"alg": "HS256", "typ": "JWT"}
# `errors` are what `verify` raises for a token that it refuses.
Peer = namedtuple("Peer", "sign verify errors")


def like_pyjwt(library, errors):
    options = {"verify_aud": False}
    return Peer(
        lambda claims: library.encode(claims, SALT, "HS256"),
        lambda token: library.decode(
            token, SALT, algorithms=["HS256"], options=options
        ),
        errors,
    )


def with_joserfc():
    key = joserfc.jwk.OctKey.import_key(SALT)

    def verify(token):
        claims = joserfc.jwt.decode(token, key, algorithms=["HS256"]).claims
        joserfc.jwt.JWTClaimsRegistry().validate(claims)
        return claims

    return Peer(
        lambda claims: joserfc.jwt.encode(HEADER, claims, key),
        verify,
        joserfc.errors.JoseError,
    )


def with_jwcrypto():
    key = jwcrypto.jwk.JWK(kty="oct", k=b64(SALT))

    def sign(claims):
        token = jwcrypto.jwt.JWT(header=HEADER, claims=claims)
        token.make_signed_token(key)
        return token.serialize()

    def verify(token):
        return json.loads(jwcrypto.jwt.JWT(jwt=token, key=key, algs=["HS256"]).claims)

    # The latter for another number of segments.
    return Peer(sign, verify, (jwcrypto.common.JWException, ValueError))


def with_authlib():
    library = authlib.jose.JsonWebToken(["HS256"])

    def verify(token):
        claims = library.decode(token, SALT)
        claims.validate()
        return dict(claims)

    return Peer(
        lambda claims: library.encode(HEADER, claims, SALT).decode(),
        verify,
        authlib.jose.errors.JoseError,
    )


PYTHON = {
    "PyJWT": like_pyjwt(jwt, jwt.InvalidTokenError),
    "python-jose": like_pyjwt(jose.jwt, jose.exceptions.JOSEError),
    "joserfc": with_joserfc(),
    "jwcrypto": with_jwcrypto(),
    "Authlib": with_authlib(),
}


def ask(claims, tokens):
    """Have each library sign the `claims` and verify the `tokens`.

    Returns, by library, the tokens that it signed, and what it read: claims, or None
    for a token that it refused.
    """
    answers = ask_npm(claims, tokens)
    for name, peer in PYTHON.items():
        signed = [peer.sign(some) for some in claims]
        answers[name] = {"signed": signed, "verified": [read(peer, t) for t in tokens]}
    return answers


def read(peer, token):
    try:
        return peer.verify(token)
    except peer.errors:
        return None


def ask_npm(claims, tokens):
    request = {"secret": SALT.decode(), "claims": claims, "tokens": tokens}
    answer = subprocess.run(
        ["node", Path(__file__).with_name("peers.mjs"), os.environ["NPM_PEERS"]],
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    return json.loads(answer.stdout)
