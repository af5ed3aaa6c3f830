"""Fuzz what lies behind the signature: header and claims bytes, rightly signed.

An input is the header, a NUL and the claims; without a NUL it is the claims under
the usual header.
"""

from __future__ import annotations

import oracle
from helpers import HEADER, make_token


def one_input(data: bytes) -> None:
    """Judge the token of this header and these claims."""
    header, separator, claims = data.partition(b"\0")
    if not separator:
        header, claims = HEADER, data
    oracle.judge(make_token(claims, header))
