"""Why a token is refused, and the HTTP answer that says so (RFC 6750 section 3).

No message here is built from a token, a claim or a salt: errors end up in
logs and in answers to strangers.
"""

from __future__ import annotations

import re
from typing import Optional

from joat.arguments import Permissions, needed_scope, plain_str

# RFC 6750 section 3 allows neither quotes nor backslashes in the values of these.
_NO_QUOTES_IN = ("error", "error_description", "scope")
_PARAMETER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2


class TokenError(ValueError):
    """A request's token was refused; the base of all such errors.

    `status` (int) is the HTTP status to answer with and `error` (str, or
    None for none) the error code, both from RFC 6750 section 3.1.
    `description` (str) is a sentence for the client's developer.

    A server may raise it, or a subclass, with a description of its own.
    """

    status: int = 401
    error: Optional[str] = "invalid_token"

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.description: str = description

    def www_authenticate(self, realm: Optional[str] = None, **parameters: str) -> str:
        """Return the challenge for this error, the value of `WWW-Authenticate`.

        `realm` (str) names the protected space (RFC 9110 section 11.5). Then come
        further `parameters` (str), such as `scope` or the `resource_metadata` of
        RFC 9728 section 5.1, in the order given, and then the error's own. A
        `scope` given here replaces the error's.

        Whatever the values hold, the challenge is one line of printable ASCII.
        Everything else becomes `?`. Quotes and backslashes are escaped, but become
        `?` in `error`, `error_description` and `scope` (RFC 6750 section 3). Raises
        `TypeError`, naming the parameter, for a value that is not a str, and
        `ValueError` for a name that RFC 9110 section 11.2 does not allow or that
        is repeated.
        """
        challenge = [("realm", realm)] if realm is not None else []
        challenge += parameters.items()
        own = self._parameters()
        if "scope" in parameters:
            own.pop("scope", None)
        challenge += own.items()
        names = [name for name, _ in challenge]
        if not all(map(_PARAMETER_NAME.fullmatch, names)):
            raise ValueError("a parameter's name has a character that is not allowed")
        if len({name.lower() for name in names}) < len(names):
            raise ValueError("a parameter's name is repeated")
        quoted = [f"{name}={_quoted_string(name, value)}" for name, value in challenge]
        return f"Bearer {', '.join(quoted)}".rstrip()  # of MissingToken: no space

    def _parameters(self) -> dict[str, str]:
        own = {"error_description": self.description}
        return {"error": self.error, **own} if self.error is not None else own


class MissingToken(TokenError):
    """There is no `Authorization` header, or it is for another scheme than Bearer."""

    error: Optional[str] = None

    def _parameters(self) -> dict[str, str]:
        # RFC 6750 section 3.1: a request without credentials gets no error
        # code "or other error information".
        return {}


class InvalidRequest(TokenError):
    """The `Authorization` header says Bearer, with no token or several."""

    status = 400
    error: Optional[str] = "invalid_request"


class MalformedToken(TokenError):
    """The token is not of the kind that `TokenGenerator` issues."""


class InvalidSignature(TokenError):
    """No salt of these claims gives the token's signature."""


class ExpiredToken(TokenError):
    """The token's `exp` is now or in the past (RFC 7519 section 4.1.4)."""


class NotYetValid(TokenError):
    """The token's `nbf` is in the future (RFC 7519 section 4.1.5)."""


class InvalidClaim(TokenError):
    """The token is from another provider or for another client."""


class InsufficientScope(TokenError):
    """The token is good but lacks a permission.

    `scope` (a list, tuple, set or frozenset of str) holds all permissions that are
    needed, which the challenge names; the attribute is a tuple. Raises
    `TypeError` for anything else.
    """

    status = 403
    error: Optional[str] = "insufficient_scope"

    def __init__(self, description: str, scope: Permissions = ()) -> None:
        super().__init__(description)
        self.scope: tuple[str, ...] = tuple(needed_scope(scope))

    def _parameters(self) -> dict[str, str]:
        own = super()._parameters()
        scope = " ".join(self.scope)
        return {**own, "scope": scope} if scope else own


class WeakSaltWarning(UserWarning):
    """A salt has fewer than 32 octets, or fewer than 29 without the NULs at its end.

    RFC 7518 section 3.2 forbids it for HS256: whoever holds one token can
    guess a short secret offline, and then issue tokens.
    """


def _quoted_string(name: str, value: str) -> str:
    value = plain_str(f"{name} must be a str", value)
    printable = "".join(c if " " <= c <= "~" else "?" for c in value)
    replacement = "?" if name.lower() in _NO_QUOTES_IN else r"\\\g<0>"
    return '"' + re.sub(r'["\\]', replacement, printable) + '"'
