"""The other libraries: what each makes of claims to sign, and of tokens to verify.

Each verifies the signature with HS256 alone; some check the audience, too.
"""

import json
import os
import subprocess
import warnings
from pathlib import Path

# Deprecated in favour of joserfc, but what Authlib's users have. It sets a filter
# that shows its warning under any other.
with warnings.catch_warnings(record=True):
    from authlib.jose import JsonWebToken, errors

from benchmarks.peers import PREPARE, SECRET, Peer, found_by


def authlib():
    library = JsonWebToken(["HS256"])

    def sign(claims):
        return library.encode({"alg": "HS256"}, claims, SECRET).decode()

    def parse(token):
        claims = library.decode(token, SECRET)
        claims.validate()
        return dict(claims)

    return Peer(sign, parse, refusal=errors.JoseError)


NPM = ("jose", "jsonwebtoken", "fast-jwt")
PYTHON = ("PyJWT", "joserfc", "python-jose", "jwcrypto", "Authlib")
PREPARE = {**PREPARE, "Authlib": authlib}


def ask(claims, tokens):
    """Have each library sign the `claims` and verify the `tokens`.

    Returns, by library, the tokens that it signed, and what it read: claims, or None
    for a token that it refused.
    """
    request = {"secret": SECRET.decode(), "claims": claims, "tokens": tokens}
    answer = subprocess.run(
        ["node", Path(__file__).with_name("peers.mjs"), os.environ["NPM_PEERS"]],
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    answers = json.loads(answer.stdout)
    for name in PYTHON:
        peer = PREPARE[name]()
        answers[name] = {
            "signed": [peer.sign(some) for some in claims],
            "verified": [found_by(peer.parse, each, peer.refusal) for each in tokens],
        }
    return answers
