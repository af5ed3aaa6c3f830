"""The claims of an access token: how they are written, and what they grant.

| claim | type         | credential         | meaning (RFC 7519)                 |
|-------|--------------|--------------------|------------------------------------|
| `aud` | str or int   | `client_id`        | for which client (4.1.3)           |
| `iss` | str or int   | `provider`         | who issued it (4.1.1)              |
| `jti` | str or int   | `jti`              | name of the token, optional (4.1.7)|
| `exp` | number       | `expires_at`       | when it expires (4.1.4)            |
| `nbf` | number       |                    | when it begins, optional (4.1.5)   |
| `iat` | number       |                    | when it was issued (4.1.6)         |
| `scp` | array of str | `authorized_scope` | the permissions                    |
| `sub` | str or int   | `user_id`          | for which user (4.1.2)             |

This is their order in the JSON. Numbers are seconds since 1970 in UTC. Tokens are
issued without `nbf`.
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii
from math import isfinite
from typing import Any, TypedDict, Union

from joat.arguments import LONE_SURROGATE, Identifier
from joat.errors import MalformedToken
from joat.json_object import MAX_DIGITS


class _Credentials(TypedDict):
    provider: Identifier
    client_id: Identifier
    user_id: Identifier
    authorized_scope: list[str]


class Credentials(_Credentials, total=False):
    """What a valid token grants, to whom, through which client: a dict.

    `provider`, `client_id` and `user_id` are str or int, `authorized_scope` is a
    list of str, and `jti`, which is there if the token has one, is a str or int.
    """

    jti: Identifier


class VerifiedCredentials(Credentials):
    """The credentials that `verify_token` and `authenticate` return: a dict.

    They have one more key: `expires_at`, the token's `exp` as it stands, an int or
    float in seconds since 1970 in UTC.
    """

    expires_at: Union[int, float]


def dump(claims: dict[str, Any]) -> bytes:
    """Return claims of the right types as JSON, as PyJOAT 1.1.1 wrote it.

    Raises `ValueError` if a text has a lone surrogate, or an int too many digits.
    """
    # Member by member, because JSONEncoder would make issuing 20 % slower.
    jti = f'"jti":{_dump(claims["jti"])},' if "jti" in claims else ""
    text = (
        f'{{"aud":{_dump(claims["aud"])},"iss":{_dump(claims["iss"])},{jti}'
        f'"exp":{claims["exp"]},"iat":{claims["iat"]},'
        f'"scp":[{",".join(map(encode_basestring_ascii, claims["scp"]))}],'
        f'"sub":{_dump(claims["sub"])}}}'
    )
    # A quick test first, which is not enough: a good pair also begins with \ud.
    if "\\ud" in text:
        texts = map(str, [*claims.values(), *claims["scp"]])
        if any(map(LONE_SURROGATE.search, texts)):
            raise ValueError("identifiers and scope must not hold lone surrogates")
    return text.encode()


def check_claims(
    claims: dict[str, Any],
) -> tuple[VerifiedCredentials, Union[int, float, None]]:
    """Check the types of decoded claims; return the credentials, and `nbf` or None.

    Raises `MalformedToken` if a claim is missing, or has another type than the table
    at the top of this module says.
    """
    # The JSON parser returns no subclasses, so `type` is exact; unlike isinstance, it
    # keeps bool apart from int. Written out, because a loop would be slower.
    provider, client, user = claims.get("iss"), claims.get("aud"), claims.get("sub")
    expires: Any = claims.get("exp")
    issued, scope = claims.get("iat"), claims.get("scp")
    if type(provider) is not str and type(provider) is not int:
        raise _wrong("iss")
    if type(client) is not str and type(client) is not int:
        raise _wrong("aud")
    if type(user) is not str and type(user) is not int:
        raise _wrong("sub")
    if type(expires) is not int and not _is_finite_float(expires):
        raise _wrong("exp")
    if type(issued) is not int and not _is_finite_float(issued):
        raise _wrong("iat")
    if type(scope) is not list:
        raise _wrong("scp")
    for permission in scope:
        if type(permission) is not str:
            raise _wrong("scp")

    # The list is a copy: the salt generator may do what it likes to the claims.
    credentials: VerifiedCredentials = {
        "provider": provider,
        "client_id": client,
        "user_id": user,
        "authorized_scope": [*scope],
        "expires_at": expires,
    }
    if "jti" in claims:
        jti = claims["jti"]
        if type(jti) is not str and type(jti) is not int:
            raise _wrong("jti")
        credentials["jti"] = jti
    begins = None
    if "nbf" in claims:
        begins = claims["nbf"]
        if type(begins) is not int and not _is_finite_float(begins):
            raise _wrong("nbf")
    return credentials, begins


def _dump(value: Identifier) -> str:
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    digits = str(value)
    if len(digits.lstrip("-")) > MAX_DIGITS:  # Python's own limit may be higher
        raise ValueError(f"an int has more than {MAX_DIGITS} digits")
    return digits


def _is_finite_float(value: object) -> bool:
    # 1e400 is JSON, and an infinite float in Python.
    return type(value) is float and isfinite(value)


def _wrong(name: str) -> MalformedToken:
    return MalformedToken(f"the token's {name} claim is missing or of a wrong type")
