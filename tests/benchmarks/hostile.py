"""Tokens as long as they may be, made to cost as much as they can.

Each filling goes into a token twice: as one more claim beside good ones, so
that the token gets as far as the signature, and as one more member of the
header.
"""

from binascii import b2a_base64

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


def tokens():
    """Return the tokens by what they have the most of; all are to be refused."""
    made = {
        name: [make(*filling) for filling in fillings for make in (_claim, _member)]
        for name, fillings in _FILLINGS.items()
    }
    made["other text"] = [
        "A" * LIMIT,
        "." * LIMIT,
        "\xff" * LIMIT,
        "\U0001f600" * LIMIT,
        "\ud800" * LIMIT,
        b"\xff" * LIMIT,
        f"{_encode(_HEADER)}.{'_' * (LIMIT - 100)}.{_SIGNATURE}",
        f"{_encode(_HEADER + '}')}.{_encode(_CLAIMS + '}')}.{'A' * (LIMIT - 200)}",
    ]
    made["a megabyte"] = [
        "A" * MEGABYTE,
        "." * MEGABYTE,
        "\U0001f600" * MEGABYTE,
        "\ud800" * MEGABYTE,
        b"A" * MEGABYTE,
        bytearray(MEGABYTE),
        ["A"] * MEGABYTE,
    ]
    return made


def _claim(*filling):
    return _fill(f"{_encode(_HEADER + '}')}.", _CLAIMS, filling, f".{_SIGNATURE}")


def _member(*filling):
    return _fill("", _HEADER, filling, f".{_encode(_CLAIMS + '}')}.{_SIGNATURE}")


def _fill(before, members, filling, after):
    beginning, repeated, end = filling
    beginning = f'{members},"x":{beginning}'
    room = (LIMIT - len(before) - len(after)) * 3 // 4
    times = (room - len(beginning) - len(end) - 1) // len(repeated)
    return before + _encode(beginning + repeated * times + end + "}") + after


def _encode(text):
    encoded = b2a_base64(text.encode(), newline=False).decode()
    return encoded.translate({43: "-", 47: "_", 61: None})
