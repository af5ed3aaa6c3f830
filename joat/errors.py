"""Why a token is refused, and the HTTP answer that says so (RFC 6750 section 3).

No message here is built from a token, a claim or a salt: errors end up in
logs and in answers to strangers.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class TokenError(ValueError):
    """A request's token was refused; the base of all such errors.

    `status` (int) is the HTTP status to answer with and `error` (str, or
    None for none) the error code, both from RFC 6750 section 3.1.
    `description` (str) is a sentence for the client's developer.

    A server may raise it, or a subclass, with a description of its own.
    """

    status: int = 401
    error: str | None = "invalid_token"

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.description: str = description

    def www_authenticate(self, realm: str | None = None) -> str:
        """Return the value of the `WWW-Authenticate` header for this error.

        `realm` names the protected space (RFC 9110 section 11.5). Whatever
        the strings hold, the value is one line of printable ASCII: quotes and
        backslashes are escaped, other characters become `?`.
        """
        parameters = {"realm": realm, **self._parameters()}
        quoted = [
            f"{name}={_quoted_string(value)}"
            for name, value in parameters.items()
            if value is not None
        ]
        return f"Bearer {', '.join(quoted)}".rstrip()

    def _parameters(self) -> dict[str, str | None]:
        return {"error": self.error, "error_description": self.description}


class MissingToken(TokenError):
    """There is no `Authorization` header, or it is for another scheme."""

    error: str | None = None

    def _parameters(self) -> dict[str, str | None]:
        # RFC 6750 section 3.1: a request without credentials gets no error
        # code "or other error information".
        return {}


class InvalidRequest(TokenError):
    """The `Authorization` header says Bearer, with no token or several."""

    status = 400
    error: str | None = "invalid_request"


class MalformedToken(TokenError):
    """This is no token of the kind that `TokenGenerator` issues."""


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

    `scope` (tuple of str) holds the permissions that were asked for; the
    `WWW-Authenticate` header names them.
    """

    status = 403
    error: str | None = "insufficient_scope"

    def __init__(self, description: str, scope: Iterable[str] = ()) -> None:
        super().__init__(description)
        self.scope: tuple[str, ...] = tuple(scope)

    def _parameters(self) -> dict[str, str | None]:
        return {**super()._parameters(), "scope": " ".join(self.scope) or None}


class WeakSaltWarning(UserWarning):
    """A token is signed with a secret of under 32 bytes.

    RFC 7518 section 3.2 forbids it for HS256: whoever holds one token can
    guess a short secret offline, and then issue tokens.
    """


def wrong_type(rule: str, value: object) -> TypeError:
    """Return the error for an argument whose type is against the `rule`."""
    return TypeError(f"{rule}, not {type(value).__name__}")


def _quoted_string(text: str) -> str:
    printable = "".join(c if " " <= c <= "~" else "?" for c in text)
    return '"' + printable.replace("\\", "\\\\").replace('"', '\\"') + '"'
