"""Certification paths with critical extensions that the library does not know, and we do.

``cryptography`` refuses every critical extension beside those of RFC 5280 that it judges by
itself. Where the only others are ones that are understood here, the step from such a
certificate to its issuer is checked here, and the rest is the library's again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtensionOID

from onehttp.identity.authority import CLAIM_CONSTRAINTS, ENHANCED_CONSTRAINTS, TN_AUTH_LIST
from onehttp.identity.errors import CredentialError

_O: Final = ExtensionOID
_JUDGED_BY_THE_LIBRARY: Final = frozenset(
    {_O.BASIC_CONSTRAINTS, _O.KEY_USAGE, _O.EXTENDED_KEY_USAGE, _O.SUBJECT_ALTERNATIVE_NAME}
)
UNDERSTOOD: Final = frozenset(
    {
        *(TN_AUTH_LIST, CLAIM_CONSTRAINTS, ENHANCED_CONSTRAINTS),
        # Policies are the operator's business, where lists of the revoked are is `revocation`'s.
        *(_O.CERTIFICATE_POLICIES, _O.CRL_DISTRIBUTION_POINTS),
    }
)
_STRONG: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)

LibraryChain = Callable[[x509.Certificate], list[x509.Certificate]]


def has_understood(certificate: x509.Certificate) -> bool:
    """Whether any of its critical extensions is one that is understood here alone."""
    return any(one.critical and one.oid in UNDERSTOOD for one in certificate.extensions)


def needs_own_step(certificate: x509.Certificate) -> bool:
    """Whether it has critical extensions that the library would refuse, all of them understood.

    Raises:
        CredentialError: one is critical and not understood.
    """
    critical = {one.oid for one in certificate.extensions if one.critical}
    for oid in critical - UNDERSTOOD - _JUDGED_BY_THE_LIBRARY - {_O.NAME_CONSTRAINTS}:
        raise CredentialError(
            f"certificate not trusted: its extension {oid.dotted_string} is critical, and not known"
        )
    return bool(critical & UNDERSTOOD)


def chain_by_own_steps(
    certificate: x509.Certificate,
    issuers: Sequence[x509.Certificate],
    library: LibraryChain,
    now: float,
    depth: int,
) -> list[x509.Certificate]:
    """The chain from ``certificate`` up, where it needs a step of our own.

    Args:
        issuers: who may have issued it: what came along, and the anchors.
        library: the chain of a certificate that needs none.
        depth: how many steps there may be.

    Raises:
        CredentialError: there is none; says why.
    """
    problem = CredentialError("certificate not trusted: its issuer is not known")
    if not needs_own_step(certificate):
        try:
            return library(certificate)
        except CredentialError as error:
            problem = error  # an issuer may have what the library refuses
    if depth <= 0:
        raise CredentialError("certificate not trusted: its chain is too long")
    _check_validity(certificate, now)
    for issuer in issuers:
        if issuer == certificate or not _has_issued(issuer, certificate):
            continue
        try:
            above = chain_by_own_steps(issuer, issuers, library, now, depth - 1)
            _check_authorities(above)
            return [certificate, *above]
        except CredentialError as error:
            problem = error
    raise problem


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    if not isinstance(certificate.signature_hash_algorithm, _STRONG):
        raise CredentialError("certificate not trusted: its signature is weak")
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _check_validity(certificate: x509.Certificate, now: float) -> None:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begins.timestamp() <= now <= ends.timestamp():
        raise CredentialError("certificate not trusted: it is not valid at this time")


def _check_authorities(authorities: Sequence[x509.Certificate]) -> None:
    """Check the issuers of a certificate by RFC 5280 (6.1.4), the nearest first."""
    for below, authority in enumerate(authorities):
        extensions = authority.extensions
        try:
            basic = extensions.get_extension_for_class(x509.BasicConstraints).value
            usage = extensions.get_extension_for_class(x509.KeyUsage).value
        except x509.ExtensionNotFound:
            raise CredentialError("certificate not trusted: its issuer is no authority") from None
        if not (basic.ca and usage.key_cert_sign):
            raise CredentialError("certificate not trusted: its issuer is no authority")
        if basic.path_length is not None and below > basic.path_length:
            raise CredentialError("certificate not trusted: path length constraint violated")
        if any(one.oid == _O.NAME_CONSTRAINTS for one in extensions):
            raise CredentialError(
                "certificate not trusted: name constraints beside critical extensions of others"
            )
