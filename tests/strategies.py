"""What the properties draw: identifiers, claims, headers, right and wrong tokens."""

import json
from datetime import datetime, timedelta, timezone

from helpers import NOW
from hypothesis import strategies as st

_CLAIMS = ("aud", "iss", "jti", "exp", "nbf", "iat", "scp", "sub")


def mostly(usual, other):
    """Draw `other` once in a while; one_of takes each with the same chance."""
    return st.integers(0, 7).flatmap(lambda drawn: usual if drawn < 7 else other)


texts = st.text(max_size=20)
identifiers = texts | st.integers()
scopes = st.lists(texts, max_size=4)
durations = st.timedeltas()
_day = timedelta(hours=23, minutes=59)
_zones = st.builds(timezone, st.timedeltas(-_day, _day))
moments = st.datetimes(timezones=st.none() | _zones)


def microseconds(duration):
    days = 86_400_000_000 * duration.days
    return days + 1_000_000 * duration.seconds + duration.microseconds


def microseconds_since_1970(moment):
    """Return the time from 1970 to a datetime, of which a naive one is UTC."""
    offset = moment.utcoffset() or timedelta()
    return microseconds(moment.replace(tzinfo=None) - datetime(1970, 1, 1) - offset)


# Surrogates included, which no UTF-8 can hold but JSON can escape.
_any_text = st.text(st.characters(), max_size=10)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _any_text,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_any_text, inner, max_size=3)
    ),
    max_leaves=6,
)
_deep = st.integers(100, 140).map(lambda depth: json.loads("[" * depth + "]" * depth))
_about_now = st.sampled_from((NOW - 1, NOW - 0.5, NOW, NOW + 0.5, NOW + 1))


def _changed(members, changes, removed):
    return {
        name: value
        for name, value in {**members, **changes}.items()
        if name not in removed
    }


def _near(right, names, values):
    """Objects, some with one or two other or foreign members, or with one missing."""
    return st.builds(
        _changed,
        right,
        mostly(
            st.dictionaries(texts, texts, max_size=1),
            st.dictionaries(
                st.sampled_from(names) | _any_text, values, min_size=1, max_size=2
            ),
        ),
        mostly(st.just(set()), st.sets(st.sampled_from(names), min_size=1, max_size=1)),
    )


# Of the right types, that is; the times may be over or to come.
_right_headers = st.fixed_dictionaries(
    {"alg": st.just("HS256")},
    optional={"typ": st.sampled_from(("JWT", "jwt", "at+jwt", "AT+JWT"))},
)


def _right_claims(identifiers):
    return st.fixed_dictionaries(
        {
            "aud": identifiers,
            "iss": identifiers,
            "exp": _about_now | st.integers(NOW + 1, 2**70) | st.floats(NOW + 1, 1e300),
            "iat": st.integers() | st.floats(allow_nan=False, allow_infinity=False),
            "scp": scopes,
            "sub": identifiers,
        },
        optional={
            "jti": identifiers,
            "nbf": _about_now | st.integers(-(2**70), NOW) | st.floats(-1e300, NOW),
        },
    )


_near_headers = _near(
    _right_headers,
    ("alg", "typ", "crit", "kid", "b64", "zip"),
    json_values
    | _deep
    | st.sampled_from(("HS256", "hs256", "HS512", "none", "JWT", "JWE", "at+jwt", [])),
)


def _write(members, escaped, infinity, before="", after="", encoding="utf-8"):
    text = json.dumps(members, ensure_ascii=escaped).replace("Infinity", infinity)
    return f"{before}{text}{after}".encode(encoding, "surrogatepass")


def _written(members, **how):
    """JSON objects as octets."""
    # Infinity is no JSON; 1e400 is, and infinite in Python.
    infinities = st.sampled_from(("Infinity", "1e400"))
    return st.builds(_write, members, st.booleans(), infinities, **how)


def _nearly_written(members):
    """JSON objects as octets, some of them with what RFC 8259 forbids."""
    return mostly(
        _written(members),
        st.one_of(
            _written(members, before=st.sampled_from(("\n ", "\ufeff", "\x0b", "["))),
            _written(members, after=st.sampled_from(("\t", "\x00", "\xa0", "{}", ","))),
            _written(members, encoding=st.sampled_from(("utf-16", "utf-7"))),
            st.binary(max_size=40),
        ),
    )


def near_tokens(identifiers):
    """Octets of a header and of claims, nearly right, for `make_token`."""
    claims = _near(_right_claims(identifiers), _CLAIMS, json_values | _deep)
    return st.tuples(_nearly_written(_near_headers), _nearly_written(claims))
