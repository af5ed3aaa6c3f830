"""The floor: what the standard library costs without a single check.

A library in pure Python has to call these primitives, in one form or another.
Nothing here refuses anything; only the result of the comparison is looked at,
so that a mistake in this module shows.
"""

import time
from binascii import a2b_base64, b2a_base64
from hmac import compare_digest, digest
from json import JSONDecoder, JSONEncoder

from peers import SECRET, Peer, claims

_HEADER = b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
_TO_BASE64URL = bytes.maketrans(b"+/", b"-_")
_TO_BASE64 = bytes.maketrans(b"-_", b"+/")

_encode = JSONEncoder(separators=(",", ":")).encode
_raw_decode = JSONDecoder().raw_decode


def _issue():
    payload = b2a_base64(_encode(claims()).encode(), newline=False)
    signing_input = _HEADER + payload.translate(_TO_BASE64URL).rstrip(b"=")
    signature = b2a_base64(digest(SECRET, signing_input, "sha256"), newline=False)
    token = signing_input + b"." + signature.translate(_TO_BASE64URL).rstrip(b"=")
    return token.decode()


def _parse(token):
    signing_input, _, signature = token.encode().rpartition(b".")
    received = a2b_base64(signature.translate(_TO_BASE64) + b"=")
    payload = signing_input.partition(b".")[2].translate(_TO_BASE64)
    found, _ = _raw_decode(a2b_base64(payload + b"==").decode())
    time.time()
    if not compare_digest(digest(SECRET, signing_input, "sha256"), received):
        return None
    return found


def _authenticate(header):
    return _parse(header.partition(" ")[2])


FLOOR = Peer(_issue, _parse, _authenticate)
