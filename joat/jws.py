"""The compact JWS serialization (RFC 7515 section 7.1), for HS256 only.

A token comes in through `parse` and `is_signed`, and goes out through `serialize`. The
payload is octets here; joat.json_object and joat.claims read it. Several texts decode
to the same octets, but only the canonical one is accepted: `b64decode` encodes what it
decoded, and compares.

Crash reporters redact variables by their names. So names say what a value may be, even
in general functions: `token` is a token or a segment, `auth` a signature, `secret` HMAC
keys, `private_key` one of them (see joat.salt). The signing input and the payload
reveal no more than the claims do, which are not redacted either.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Optional

from joat import json_object
from joat.errors import MalformedToken
from joat.salt import NOBODY

MAX_LENGTH = 65_536
"""The longest token that is issued or read, in characters."""

_USUAL_HEADER = b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"  # {"alg":"HS256","typ":"JWT"}

# Base64url becomes base64, or the other way round. When decoding, a "+" or "/" becomes
# "-" or "_", which base64 does not have, so `b64decode` refuses it.
_SWAP = bytes.maketrans(b"+/-_", b"-_+/")

_BLOCK_SIZE = 64  # octets, of SHA-256
_INNER_PAD = bytes(octet ^ 0x36 for octet in range(256))
_OUTER_PAD = bytes(octet ^ 0x5C for octet in range(256))

# RFC 7519 section 5.1, RFC 9068 section 2.1; both as media types, too, since RFC 7515
# section 4.1.9 merely recommends to omit "application/".
_TYPES = ("jwt", "at+jwt", "application/jwt", "application/at+jwt")

_NOT_BASE64URL = "the token is not three segments of base64url"


def b64encode(auth: bytes) -> bytes:
    """Return the base64url encoding of octets without padding (RFC 7515 section 2)."""
    return b2a_base64(auth).translate(_SWAP).rstrip(b"=\n")


def b64decode(token: bytes) -> bytes:
    """Return the octets of which this segment is the one base64url encoding.

    Raises `MalformedToken` for padding, white space, any other character
    outside the alphabet, an impossible length, and unused bits that are set
    (RFC 4648 section 3.5).
    """
    token = token.translate(_SWAP)
    try:
        # a2b_base64 skips characters outside the alphabet; encoding the result again
        # then gives a different text.
        auth = a2b_base64(token + b"==")
        is_canonical = b2a_base64(auth).rstrip(b"=\n") == token
    except ValueError:  # an impossible length
        is_canonical = False
    if not is_canonical:  # raised outside `except`: see the top of joat.json_object
        raise MalformedToken(_NOT_BASE64URL)
    return auth


def text_of(token: Any) -> Optional[str]:
    """Return str or bytes as a plain str, and None for anything else.

    Octets are read as Latin-1, as HTTP servers do.
    """
    kind = type(token)
    if kind is str:
        return token
    if issubclass(kind, bytes):
        return bytes.decode(token, "latin-1")
    # A str of a subclass becomes a plain one.
    return str.__str__(token) if issubclass(kind, str) else None


def parse(token: Any) -> tuple[bytes, bytes, bytes]:
    """Take a token apart: signing input, payload (octets) and signature (octets).

    Raises `MalformedToken` if `token` is not a str or bytes of three segments of
    base64url. The first must be a header that asks for HS256 and has no critical
    extensions (RFC 7515 section 5.2, RFC 8725 section 3.1).
    """
    token = text_of(token)
    if token is None:
        raise MalformedToken("the token is not text")
    if len(token) > MAX_LENGTH:
        raise MalformedToken(f"the token is longer than {MAX_LENGTH} characters")
    if not token.isascii():
        raise MalformedToken(_NOT_BASE64URL)
    signing_input, _, auth = token.encode().rpartition(b".")
    header, dot, payload = signing_input.partition(b".")
    if not dot:
        raise MalformedToken(_NOT_BASE64URL)
    if header != _USUAL_HEADER:
        _check_header(json_object.parse(b64decode(header), "header"))
    # If there are more than three segments, the payload has a dot, which b64decode
    # refuses.
    return signing_input, b64decode(payload), b64decode(auth)


def is_signed(signing_input: bytes, auth: bytes, secret: Sequence[bytes]) -> bool:
    """Tell whether one of the HMAC keys gives this signature (RFC 7518 section 3.2).

    `NOBODY`, the key of a client without one, gives none. An HMAC is computed with it
    all the same, so timing does not reveal which clients have a key.
    """
    for private_key in secret:
        if compare_digest(hmac_sha256(private_key, signing_input), auth):
            return private_key is not NOBODY
    return False


def serialize(payload: bytes, secret: bytes) -> str:
    """Return the token of `payload`, with the header that all our tokens have.

    Raises `ValueError` if it would be longer than `MAX_LENGTH`.
    """
    token = _USUAL_HEADER + b"." + b64encode(payload)
    token += b"." + b64encode(hmac_sha256(secret, token))
    if len(token) > MAX_LENGTH:
        raise ValueError(f"the token would be longer than {MAX_LENGTH} characters")
    return token.decode()


def hmac_sha256(secret: bytes, message: bytes) -> bytes:
    """Return the HMAC of `message` with SHA-256 (RFC 2104 section 2)."""
    # The same algorithm as the pure-Python fallback of hmac: XOR the key with 0x36 and
    # 0x5C by two tables. hmac.digest would look SHA-256 up by name for each token,
    # which takes a tenth of a verification.
    if len(secret) > _BLOCK_SIZE:
        secret = sha256(secret).digest()
    secret = secret.ljust(_BLOCK_SIZE, b"\0")
    inner = sha256(secret.translate(_INNER_PAD) + message).digest()
    return sha256(secret.translate(_OUTER_PAD) + inner).digest()


def _check_header(header: dict[str, Any]) -> None:
    if header.get("alg") != "HS256":
        raise MalformedToken("the token's algorithm is not HS256")
    # No extension is supported, so a critical one is refused (RFC 7515 section 4.1.11).
    if "crit" in header:
        raise MalformedToken("the token's header has critical extensions")
    kind = header.get("typ", "JWT")
    if type(kind) is not str or kind.lower() not in _TYPES:
        raise MalformedToken("the token's type is neither JWT nor at+jwt")
