"""The other libraries, each as two functions: claims to token, token to claims.

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


def verify_pyjwt(token):
    options = {"verify_aud": False}
    return jwt.decode(token, SALT, algorithms=["HS256"], options=options)


_joserfc_key = joserfc.jwk.OctKey.import_key(SALT)


def verify_joserfc(token):
    claims = joserfc.jwt.decode(token, _joserfc_key, algorithms=["HS256"]).claims
    joserfc.jwt.JWTClaimsRegistry().validate(claims)
    return claims


def verify_python_jose(token):
    options = {"verify_aud": False}
    return jose.jwt.decode(token, SALT, algorithms=["HS256"], options=options)


_jwcrypto_key = jwcrypto.jwk.JWK(kty="oct", k=b64(SALT))


def sign_jwcrypto(claims):
    token = jwcrypto.jwt.JWT(header=HEADER, claims=claims)
    token.make_signed_token(_jwcrypto_key)
    return token.serialize()


def verify_jwcrypto(token):
    read = jwcrypto.jwt.JWT(jwt=token, key=_jwcrypto_key, algs=["HS256"])
    return json.loads(read.claims)


_authlib = authlib.jose.JsonWebToken(["HS256"])


def verify_authlib(token):
    claims = _authlib.decode(token, SALT)
    claims.validate()
    return dict(claims)


PYTHON_PEERS = {
    "PyJWT": Peer(
        lambda claims: jwt.encode(claims, SALT, "HS256"),
        verify_pyjwt,
        (jwt.InvalidTokenError,),
    ),
    "joserfc": Peer(
        lambda claims: joserfc.jwt.encode(HEADER, claims, _joserfc_key),
        verify_joserfc,
        (joserfc.errors.JoseError,),
    ),
    "python-jose": Peer(
        lambda claims: jose.jwt.encode(claims, SALT, "HS256"),
        verify_python_jose,
        (jose.exceptions.JOSEError,),
    ),
    "jwcrypto": Peer(
        sign_jwcrypto,
        verify_jwcrypto,
        # The latter for another number of segments.
        (jwcrypto.common.JWException, ValueError),
    ),
    "Authlib": Peer(
        lambda claims: _authlib.encode(HEADER, claims, SALT).decode(),
        verify_authlib,
        (authlib.jose.errors.JoseError,),
    ),
}
NODE_PEERS = ("jose", "jsonwebtoken", "fast-jwt")


def ask_node(claims, tokens):
    """Let each library of npm sign `claims` and verify `tokens`, in one process."""
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
