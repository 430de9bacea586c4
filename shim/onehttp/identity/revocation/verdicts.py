"""The results of a check: a certificate is good for some time, revoked, or its state is unknown."""

from __future__ import annotations

import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from onehttp.identity.errors import CredentialError

SKEW_S: Final = 300.0
"""How far ahead the clock of a signer may be, in seconds."""
STRONG: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


class RevokedError(CredentialError):
    """A certificate of the chain was revoked."""


class UnusableError(Exception):
    """An answer that says nothing of the certificate; says why."""


def revoked(certificate: x509.Certificate, when: datetime.datetime, why: object) -> RevokedError:
    """The error of a certificate that is revoked."""
    name = certificate.subject.rfc4514_string()
    because = f" ({why})" if why else ""
    return RevokedError(f"the certificate of {name} was revoked on {when:%Y-%m-%d}{because}")


def fresh_until(
    issued: datetime.datetime, following: datetime.datetime | None, now: float, keep_s: float
) -> float:
    """How long an answer may be used, in seconds since 1970.

    Raises:
        UnusableError: it is of the future, or the next one is there by now.
    """
    if issued.timestamp() > now + SKEW_S:
        raise UnusableError("it is of the future")
    if following is None:
        return now + keep_s
    if following.timestamp() < now:
        raise UnusableError(f"it was good until {following:%Y-%m-%d %H:%M} UTC")
    return min(following.timestamp(), now + keep_s)


def check_signature(
    signer: x509.Certificate,
    signature: bytes,
    signed: bytes,
    algorithm: hashes.HashAlgorithm | None,
) -> None:
    """Raises UnusableError unless ``signer`` has signed it, with a hash that is strong."""
    if not isinstance(algorithm, STRONG):
        raise UnusableError("its signature is weak")
    key = signer.public_key()
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(algorithm))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), algorithm)
        else:
            raise UnusableError("it is signed by a key of an unknown kind")
    except InvalidSignature:
        raise UnusableError("its signature does not match") from None


def check_valid(certificate: x509.Certificate, now: float) -> None:
    """Raise UnusableError unless the certificate of the signer is valid now."""
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begins.timestamp() <= now <= ends.timestamp():
        raise UnusableError("the certificate of its signer is not valid now")
