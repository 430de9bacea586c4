"""Reasons not to accept an identity, each with its SIP reply (RFC 8224, section 6.2.2)."""

from __future__ import annotations

from typing import ClassVar

from onehttp.errors import OnehttpError


class IdentityError(OnehttpError):
    """The identity of a request could not be made or verified.

    Attributes:
        status, reason: status code and reason phrase of the SIP reply, if the call is refused.
    """

    status: ClassVar[int] = 403
    reason: ClassVar[str] = "Forbidden"


class SigningError(IdentityError, ValueError):
    """The values cannot be expressed as a PASSporT, or the key cannot sign it."""


class StaleIdentityError(IdentityError):
    """``Date`` or ``iat`` is too far in the past or future."""

    reason = "Stale Date"


class MissingIdentityError(IdentityError):
    """There is no ``Identity`` header, or none of a supported kind."""

    status, reason = 428, "Use Identity Header"


class IdentityInfoError(IdentityError):
    """The certificate could not be fetched: its URL is not allowed, or gave no certificate."""

    status, reason = 436, "Bad Identity Info"


class CredentialError(IdentityError):
    """The certificate is invalid, not trusted, or not valid for this caller."""

    status, reason = 437, "Unsupported Credential"


class InvalidIdentityError(IdentityError, ValueError):
    """The header is malformed, its signature is wrong, or it belongs to another call."""

    status, reason = 438, "Invalid Identity Header"


def check_text(what: str, value: object, error: type[IdentityError] = InvalidIdentityError) -> None:
    """Raise ``error`` if ``value`` is no text, such as None for a missing header."""
    if not isinstance(value, str):
        raise error(f"{what}: expected text, got {type(value).__name__}")
