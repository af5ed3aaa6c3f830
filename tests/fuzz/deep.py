"""Fuzz what lies behind the signature: header and claims bytes, rightly signed.

An input is the header, a NUL and the claims; without a NUL it is the claims under
the usual header.
"""

from __future__ import annotations

import hashlib
import hmac

import oracle


def one_input(data: bytes) -> None:
    """Judge the token of this header and these claims."""
    header, separator, claims = data.partition(b"\0")
    if not separator:
        header, claims = b'{"alg":"HS256","typ":"JWT"}', data
    signing_input = oracle.encode(header) + b"." + oracle.encode(claims)
    signature = hmac.digest(oracle.SECRET, signing_input, hashlib.sha256)
    oracle.judge(signing_input + b"." + oracle.encode(signature))
