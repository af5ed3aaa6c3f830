"""What the library must say of a token, written once more to be read.

`verdict` is to be compared with what `verify_token` and `parse_token` say. It shares
nothing with `joat`, nor with the `json` and `base64` of the standard library: the
JSON (RFC 8259) and the base64url (RFC 4648 section 5) are taken apart here.
"""

import hashlib
import hmac
import math
import re
from functools import lru_cache

MAX_LENGTH = 65_536  # characters of a token
MAX_DEPTH = 128  # levels of JSON arrays and objects
MAX_DIGITS = 4_300  # of a JSON integer

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SIX_BITS = {character: f"{value:06b}" for value, character in enumerate(ALPHABET)}

WHITE_SPACE = " \t\n\r"
CONSTANTS = {"true": True, "false": False, "null": None}
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
ESCAPE = re.compile(r'\\(["\\/bfnrt]|u[0-9A-Fa-f]{4})')
ESCAPES = dict(zip('"\\/bfnrt', '"\\/\b\f\n\r\t'))
STRING = re.compile(rf'((?:[^"\\\x00-\x1f]|{ESCAPE.pattern})*)"')
TYPES = ("jwt", "at+jwt", "application/jwt", "application/at+jwt")


class Malformed(Exception):
    """This is no token, whatever its signature is."""


def verdict(token, salts, *, now, provider=None, client_id=None, scope=(), leeway=0):
    """Return the credentials that `verify_token` must return, or its error's name.

    `salts` are bytes; `provider` and `client_id` are collections of the accepted
    values, or None if all are. For `parse_token` see `parsed`.
    """
    try:
        signing_input, claims, signature = read(token)
    except Malformed:
        return "MalformedToken"
    macs = [hmac.new(salt, signing_input, hashlib.sha256).digest() for salt in salts]
    if signature not in macs:
        return "InvalidSignature"
    if claims["exp"] <= now - leeway:
        return "ExpiredToken"
    if "nbf" in claims and claims["nbf"] > now + leeway:
        return "NotYetValid"
    if provider is not None and claims["iss"] not in provider:
        return "InvalidClaim"
    if client_id is not None and claims["aud"] not in client_id:
        return "InvalidClaim"
    if not all(permission in claims["scp"] for permission in scope):
        return "InsufficientScope"
    credentials = {
        "provider": claims["iss"],
        "client_id": claims["aud"],
        "user_id": claims["sub"],
        "authorized_scope": claims["scp"],
        "expires_at": claims["exp"],
    }
    if "jti" in claims:
        credentials["jti"] = claims["jti"]
    return credentials


def parsed(verdict):
    """Return what `parse_token` must return where `verify_token` has this verdict."""
    if isinstance(verdict, str):
        return None
    return {name: verdict[name] for name in verdict if name != "expires_at"}


def claims_of(token):
    """Return what `unverified_claims` must return, or the name of its error."""
    try:
        return read(token)[1]
    except Malformed:
        return "MalformedToken"


@lru_cache(1)  # since it is asked three times
def read(token):
    """Return the signing input, the claims and the signature of a token."""
    if not isinstance(token, (str, bytes)) or len(token) > MAX_LENGTH:
        raise Malformed
    text = token.decode("latin-1") if isinstance(token, bytes) else token
    segments = text.split(".")
    if len(segments) != 3:
        raise Malformed
    header, payload, signature = [base64url(segment) for segment in segments]
    check_header(json_object(header))
    claims = json_object(payload)
    check_claims(claims)
    return f"{segments[0]}.{segments[1]}".encode(), claims, signature


def check_header(header):
    if header.get("alg") != "HS256" or "crit" in header:
        raise Malformed
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        raise Malformed


def check_claims(claims):
    if not {"aud", "iss", "sub", "exp", "iat", "scp"} <= set(claims):
        raise Malformed
    for name in ("aud", "iss", "sub", "jti"):
        if name in claims and not is_identifier(claims[name]):
            raise Malformed
    for name in ("exp", "iat", "nbf"):
        if name in claims and not is_finite_number(claims[name]):
            raise Malformed
    scope = claims["scp"]
    if not isinstance(scope, list) or not all(isinstance(each, str) for each in scope):
        raise Malformed


def is_identifier(value):
    # To Python, True is an int.
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def is_finite_number(value):
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def base64url(segment):
    """Return the octets that a segment encodes in the one way there is for them."""
    if not all(character in SIX_BITS for character in segment):
        raise Malformed
    bits = "".join(SIX_BITS[character] for character in segment)
    whole = len(bits) // 8 * 8
    # Six bits left over are a character too many; two or four must be zero.
    if len(bits) - whole == 6 or "1" in bits[whole:]:
        raise Malformed
    return bytes(int(bits[at : at + 8], 2) for at in range(0, whole, 8))


def json_object(octets):
    """Return the JSON object that the octets are in UTF-8."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed from None
    reader = Reader(text)
    value = reader.value(depth=1)
    reader.skip_white_space()
    if reader.at != len(text) or not isinstance(value, dict):
        raise Malformed
    return value


class Reader:
    """A JSON text, and the place up to which it has been read."""

    def __init__(self, text):
        self.text = text
        self.at = 0

    def skip_white_space(self):
        while self.at < len(self.text) and self.text[self.at] in WHITE_SPACE:
            self.at += 1

    def next_is(self, token):
        """Step over a token if it comes next, and say whether it did."""
        self.skip_white_space()
        found = self.text.startswith(token, self.at)
        if found:
            self.at += len(token)
        return found

    def expect(self, token):
        if not self.next_is(token):
            raise Malformed

    def value(self, depth):
        if self.next_is("{"):
            return self.members(depth)
        if self.next_is("["):
            return self.elements(depth)
        if self.next_is('"'):
            return self.string()
        for name, constant in CONSTANTS.items():
            if self.next_is(name):
                return constant
        return self.number()

    def members(self, depth):
        if depth > MAX_DEPTH:
            raise Malformed
        members = {}
        if self.next_is("}"):
            return members
        while True:
            self.expect('"')
            name = self.string()
            self.expect(":")
            members[name] = self.value(depth + 1)  # the last of a name wins
            if self.next_is("}"):
                return members
            self.expect(",")

    def elements(self, depth):
        if depth > MAX_DEPTH:
            raise Malformed
        elements = []
        if self.next_is("]"):
            return elements
        while True:
            elements.append(self.value(depth + 1))
            if self.next_is("]"):
                return elements
            self.expect(",")

    def string(self):
        """Return the string of which the first quote has been read."""
        found = STRING.match(self.text, self.at)
        if found is None:
            raise Malformed
        self.at = found.end()
        units = ESCAPE.sub(unescaped, found[1]).encode("utf-16-le", "surrogatepass")
        # Two escapes may be the halves of one character. A half alone is none.
        try:
            return units.decode("utf-16-le")
        except UnicodeDecodeError:
            raise Malformed from None

    def number(self):
        found = NUMBER.match(self.text, self.at)
        if found is None:
            raise Malformed
        self.at = found.end()
        whole, fraction, exponent = found.groups()
        if fraction or exponent:
            return float(found[0])
        if len(whole) > MAX_DIGITS:
            raise Malformed
        return int(found[0])


def unescaped(escape):
    if escape[1].startswith("u"):
        return chr(int(escape[1][1:], 16))
    return ESCAPES[escape[1]]
