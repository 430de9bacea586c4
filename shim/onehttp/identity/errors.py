"""Why an identity was not accepted, and the SIP reply that RFC 8224 (6.2.2) has for it."""

from __future__ import annotations

from typing import ClassVar

from onehttp.errors import OnehttpError


class IdentityError(OnehttpError):
    """The identity of a request could not be made or verified.

    Attributes:
        status, reason: the SIP reply to send, where the receiver's policy is to refuse.
    """

    status: ClassVar[int] = 403
    reason: ClassVar[str] = "Forbidden"


class SigningError(IdentityError, ValueError):
    """What was to be signed does not make a PASSporT, or the key cannot sign it."""


class StaleIdentityError(IdentityError):
    """Date or ``iat`` is too far from now."""

    reason = "Stale Date"


class MissingIdentityError(IdentityError):
    """No ``Identity`` header, or none of a kind that is known here."""

    status, reason = 428, "Use Identity Header"


class IdentityInfoError(IdentityError):
    """The certificate cannot be had: its URL is refused, or does not answer as it should."""

    status, reason = 436, "Bad Identity Info"


class CredentialError(IdentityError):
    """The certificate is none, is not trusted, or does not vouch for this caller."""

    status, reason = 437, "Unsupported Credential"


class InvalidIdentityError(IdentityError, ValueError):
    """The header is malformed, its signature does not match, or it is for another call."""

    status, reason = 438, "Invalid Identity Header"


def check_text(what: str, value: object, error: type[IdentityError] = InvalidIdentityError) -> None:
    """Raises ``error`` for what is no text, such as the None of a header that is not there."""
    if not isinstance(value, str):
        raise error(f"{what}: expected text, got {type(value).__name__}")
