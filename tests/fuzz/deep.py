"""Fuzz what lies behind the signature: header and claims bytes, rightly signed.

An input is the header, a NUL and the claims; without a NUL it is the claims under
the usual header.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

import oracle


def one_input(data: bytes) -> None:
    """Judge the token of this header and these claims."""
    header, separator, claims = data.partition(b"\0")
    if not separator:
        header, claims = b'{"alg":"HS256","typ":"JWT"}', data
    signing_input = encode(header) + b"." + encode(claims)
    signature = hmac.digest(oracle.SECRET, signing_input, hashlib.sha256)
    oracle.judge(signing_input + b"." + encode(signature))


def encode(octets: bytes) -> bytes:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=")
