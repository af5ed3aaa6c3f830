"""Tokens as long as they may be, made to cost as much as they can.

Each filling goes into a token twice: as one more claim beside good ones, so
that the token gets as far as the signature, and as one more member of the
header.
"""

from base64 import urlsafe_b64encode

LIMIT = 65_536
MEGABYTE = 1 << 20

_SIGNATURE = "A" * 43
_HEADER = '{"alg":"HS256","typ":"JWT"'
_CLAIMS = '{"aud":"abcd","iss":"me","exp":9999999999,"iat":0,"scp":[],"sub":"1234"'

# What it has the most of, and fillings: a beginning, what to repeat, an end.
_FILLINGS = {
    "deepest nesting": [
        ("", "[", ""),
        ("", '{"":', ""),
        ("[", "[" * 120 + "]" * 120 + ",", "0]"),
        ("[", '{"":' * 120 + "0" + "}" * 120 + ",", "0]"),
        ('["\\u0000",', "[" * 120 + "]" * 120 + ",", "0]"),
        ('["\\u0000",', '{"":' * 120 + "0" + "}" * 120 + ",", "0]"),
    ],
    "most brackets": [
        ("[", "[],", "0]"),
        ("[", "{},", "0]"),
        ('["', "[", '"]'),
        ("[", '"[",', "0]"),
    ],
    "longest number": [
        ("", "1", ""),
        ("0.", "1", ""),
        ("1e", "9", ""),
        ("[", "1" * 4300 + ",", "0]"),  # the longest int that Python takes
        ("[", "0." + "1" * 700 + ",", "0]"),
        ("[", "1e9,", "0]"),
    ],
    "most members": [
        ("{", '"":0,', '"":0}'),
        ("[", '{"":0},', "0]"),
        ("[", "0,", "0]"),
        ("[", '"",', "0]"),
    ],
    "most escapes": [
        ('"', "\\n", '"'),
        ('"', "\\\\", '"'),
        ('"', '\\"', '"'),
        ('"', "\\u0000", '"'),
        ('"', "\\ud83d\\ude00", '"'),
        ('"', "\\ud800", '"'),
        ("[", '"\\u0000",', "0]"),
        ("{", '"\\u0000":0,', '"":0}'),
        ('["\\u0000",', "0,", "0]"),
        ('["\\u0000",', "[],", "0]"),
        ('["\\u0000",', "1" * 4300 + ",", "0]"),
    ],
}
_ALIKE = ("A", ".", "\xff", "\U0001f600", "\ud800", b"\xff", bytearray(1), ["A"])


def tokens():
    """Return the tokens by what they have the most of; all are to be refused."""
    made = {
        kind: [token for filling in fillings for token in _filled(*filling)]
        for kind, fillings in _FILLINGS.items()
    }
    made["other things"] = [
        *(one * LIMIT for one in _ALIKE),
        f"{_encode(_HEADER)}.{'_' * (LIMIT - 100)}.{_SIGNATURE}",
        f"{_encode(_HEADER + '}')}.{_encode(_CLAIMS + '}')}.{'A' * (LIMIT - 200)}",
    ]
    made["a megabyte"] = [one * MEGABYTE for one in _ALIKE]
    return made


def _filled(beginning, repeated, end):
    for before, members, after in (
        (_encode(_HEADER + "}") + ".", _CLAIMS, f".{_SIGNATURE}"),
        ("", _HEADER, f".{_encode(_CLAIMS + '}')}.{_SIGNATURE}"),
    ):
        start = f'{members},"x":{beginning}'
        room = (LIMIT - len(before) - len(after)) * 3 // 4
        times = (room - len(start) - len(end) - 1) // len(repeated)
        yield before + _encode(start + repeated * times + end + "}") + after


def _encode(text):
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")
