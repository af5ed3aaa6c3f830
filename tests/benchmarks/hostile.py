"""Payloads as long as a token may carry, made to cost as much as they can.

Each is a payload of good claims with one more claim, the filling. It is JSON, so that
the token gets as far as the signature, unless it is nested too deeply, or a number in
it is too long.
"""

from base64 import urlsafe_b64encode

LIMIT = 65_536

_HEADER = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
_SIGNATURE = "A" * 43
_CLAIMS = '{"aud":"abcd","iss":"me","exp":9999999999,"iat":0,"scp":[],"sub":"1234"'

# A beginning, what to repeat, an end.
FILLINGS = {
    "arrays 126 deep": ("[", "[" * 124 + "]" * 124 + ",", "0]"),
    "objects 126 deep": ("[", '{"":' * 124 + "0" + "}" * 124 + ",", "0]"),
    "too deep": ("", "[", ""),
    "empty arrays": ("[", "[],", "0]"),
    "integers": ("[", "0,", "0]"),
    "4,300 digits": ("[", "1" * 4300 + ",", "0]"),  # the longest that Python takes
    "escapes": ('"', '\\"', '"'),
    "surrogate pairs": ('"', "\\ud83d\\ude00", '"'),
    "quotation mark, arrays 126 deep": ('["\\"",', "[" * 124 + "]" * 124 + ",", "0]"),
    "escapes, arrays": ('["\\u0000",', "[],", "0]"),
}
# One more claim, for which a decoder may have to look at the text more closely.
ADDITIONS = {"more": "", "+é": ',"y":"é"', "+digits": f',"y":"{"1" * 4301}"'}


def payloads():
    """Return the payloads by filling and addition."""
    return {
        (filling, addition): _fill(_CLAIMS + claim, *FILLINGS[filling])
        for filling in FILLINGS
        for addition, claim in ADDITIONS.items()
    }


def token(payload):
    """Return the payload in a token whose signature is wrong."""
    encoded = urlsafe_b64encode(payload).decode().rstrip("=")
    return f"{_HEADER}.{encoded}.{_SIGNATURE}"


def _fill(claims, beginning, repeated, end):
    start = f'{claims},"x":{beginning}'.encode()
    room = (LIMIT - len(_HEADER) - len(_SIGNATURE) - 2) * 3 // 4
    times = (room - len(start) - len(end) - 1) // len(repeated)
    return start + f"{repeated * times}{end}}}".encode()
