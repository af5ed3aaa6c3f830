"""The other libraries: what each makes of claims to sign, and of tokens to verify.

Each verifies the signature with HS256 alone; some check the audience, too.
"""

import json
import os
import shutil
import subprocess
import warnings
from pathlib import Path

# Deprecated in favour of joserfc, but what Authlib's users have. It sets a filter
# that shows its warning under any other.
with warnings.catch_warnings(record=True):
    from authlib.jose import JsonWebToken, errors

import jose.jwt
from benchmarks.peers import CLIENT, PREPARE, SECRET, Peer, found_by, like_pyjwt
from jwcrypto import common, jwk, jwt


def authlib():
    library = JsonWebToken(["HS256"])

    def sign(claims):
        return library.encode({"alg": "HS256"}, claims, SECRET).decode()

    def parse(token):
        claims = library.decode(token, SECRET)
        claims.validate()
        return dict(claims)

    return Peer(sign, parse, refusal=errors.JoseError)


def python_jose():
    return like_pyjwt(jose.jwt, jose.JWTError)


def jwcrypto():
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


PREPARE = {
    **PREPARE,
    "python-jose": python_jose,
    "jwcrypto": jwcrypto,
    "Authlib": authlib,
}
PYTHON = ("PyJWT", "joserfc", "python-jose", "jwcrypto", "Authlib")

# For each library in another language, the command that signs and verifies.
HERE = Path(__file__).parent
NPM = {
    name: ["node", HERE / "peers.mjs", os.environ["NPM_PEERS"], name]
    for name in ("jose", "jsonwebtoken", "fast-jwt")
}
JARS = "/usr/share/java/jose4j.jar:/usr/share/java/slf4j-api.jar"
DEBIAN = {
    "golang-jwt": ["go", "run", HERE / "peers.go"],
    "ruby-jwt": ["ruby", HERE / "peers.rb"],
    "lcobucci/jwt": ["php", HERE / "peers.php"],
    "Crypt::JWT": ["perl", HERE / "peers.pl"],
    "jose4j": ["java", "-cp", JARS, HERE / "Peers.java"],
}
# The command that fails where Debian's package of the library is not installed.
PROBE = {
    "golang-jwt": ["go", "list", "github.com/golang-jwt/jwt"],
    "ruby-jwt": ["ruby", "-rjwt", "-e", ""],
    "lcobucci/jwt": ["php", "-r", "require 'Lcobucci/JWT/autoload.php';"],
    "Crypt::JWT": ["perl", "-MCrypt::JWT", "-e", ""],
    "jose4j": ["javap", "-cp", JARS, "org.jose4j.jwt.JwtClaims"],
}
# Debian's packages of Go are sources, and no modules.
ENVIRONMENT = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode"}


def is_installed(library):
    if library not in DEBIAN:
        return True
    command = PROBE[library]
    if shutil.which(command[0]) is None:
        return False
    found = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False)
    return found.returncode == 0


def ask(library, claims, tokens):
    """Have a library sign the `claims` and verify the `tokens`.

    Returns the tokens that it signed under "signed", and under "verified" what it read:
    claims, or None for a token that it refused.
    """
    if library in PYTHON:
        peer = PREPARE[library]()
        return {
            "signed": [peer.sign(some) for some in claims],
            "verified": [found_by(peer.parse, each, peer.refusal) for each in tokens],
        }
    request = {"secret": SECRET.decode(), "claims": claims, "tokens": tokens}
    answer = subprocess.run(
        {**NPM, **DEBIAN}[library],
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env=ENVIRONMENT,
        timeout=60,
        check=True,
    )
    return json.loads(answer.stdout)
