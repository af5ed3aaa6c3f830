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

# RFC 8259: what a JSON text is made of, with white space before each.
WHITE_SPACE = " \t\n\r"
NUMBER = r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][+-]?[0-9]+)?"
ESCAPE = r'\\(["\\/bfnrt]|u[0-9A-Fa-f]{4})'
STRING = rf'"(?:[^"\\\x00-\x1f]|{ESCAPE})*"'
TOKEN = re.compile(rf"[{WHITE_SPACE}]*({NUMBER}|{STRING}|[][}}{{:,]|true|false|null)")
ESCAPED = dict(zip('"\\/bfnrt', '"\\/\b\f\n\r\t'))
CONSTANTS = {"true": True, "false": False, "null": None}
ENDS = {"[": "]", "{": "}"}
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
    if not set(segment) <= SIX_BITS.keys():
        raise Malformed
    bits = "".join(map(SIX_BITS.get, segment))
    whole = len(bits) // 8 * 8
    # Six bits left over are a character too many; two or four must be zero.
    if len(bits) - whole == 6 or "1" in bits[whole:]:
        raise Malformed
    return int("0" + bits[:whole], 2).to_bytes(whole // 8, "big")


def json_object(octets):
    """Return the JSON object that the octets are in UTF-8."""
    try:
        text = octets.decode("utf-8").rstrip(WHITE_SPACE)
    except UnicodeDecodeError:
        raise Malformed from None
    tokens, at = [], 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise Malformed
        tokens.append(found[1])
        at = found.end()
    tokens.reverse()  # The next one is the last one.
    value = read_value(tokens, 1)
    if tokens or not isinstance(value, dict):
        raise Malformed
    return value


def next_of(tokens):
    if not tokens:
        raise Malformed
    return tokens.pop()


def read_value(tokens, depth):
    """Take the tokens of a value, which is an array or object at this depth."""
    token = next_of(tokens)
    if token in ENDS:
        if depth > MAX_DEPTH:
            raise Malformed
        items = read_items(tokens, token, depth + 1)
        return items if token == "[" else dict(items)  # the last of a name wins
    if token in CONSTANTS:
        return CONSTANTS[token]
    return string(token) if token.startswith('"') else number(token)


def read_items(tokens, opening, depth):
    """Take the elements of an array, or the names and values of an object."""
    items = []
    if tokens[-1:] == [ENDS[opening]]:
        tokens.pop()
        return items
    separator = ","
    while separator == ",":
        if opening == "{":
            name = string(next_of(tokens))
            if next_of(tokens) != ":":
                raise Malformed
            items.append((name, read_value(tokens, depth)))
        else:
            items.append(read_value(tokens, depth))
        separator = next_of(tokens)
    if separator != ENDS[opening]:
        raise Malformed
    return items


def string(token):
    if not token.startswith('"'):
        raise Malformed
    units = re.sub(ESCAPE, unescaped, token[1:-1]).encode("utf-16-le", "surrogatepass")
    # Two escapes may be the halves of one character. A half alone is none.
    try:
        return units.decode("utf-16-le")
    except UnicodeDecodeError:
        raise Malformed from None


def unescaped(escape):
    if escape[1].startswith("u"):
        return chr(int(escape[1][1:], 16))
    return ESCAPED[escape[1]]


def number(token):
    found = re.fullmatch(NUMBER, token)
    if found is None:
        raise Malformed
    whole, fraction, exponent = found.groups()
    if fraction or exponent:
        return float(token)
    if len(whole.lstrip("-")) > MAX_DIGITS:
        raise Malformed
    return int(token)
