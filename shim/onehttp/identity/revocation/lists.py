"""Revocation lists: an issuer's own, and indirect ones, whose entries name the issuer.

SHAKEN's policy administrator publishes such a one (ATIS-1000080).
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID

from onehttp.identity.errors import IdentityInfoError
from onehttp.identity.revocation.verdicts import (
    UnusableError,
    check_signature,
    check_valid,
    fresh_until,
    revoked,
)
from onehttp.identity.trust import UNREADABLE

_PEM: Final = b"-----BEGIN X509 CRL-----"
_KNOWN: Final = frozenset(
    {
        *(ExtensionOID.ISSUING_DISTRIBUTION_POINT, ExtensionOID.CRL_NUMBER),
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    }
)
_KNOWN_OF_ENTRIES: Final = frozenset(
    {CRLEntryExtensionOID.CERTIFICATE_ISSUER, CRLEntryExtensionOID.CRL_REASON}
)
Entries = dict[tuple[bytes, int], x509.RevokedCertificate]


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list as it was read; whether it counts is seen with a certificate."""

    crl: x509.CertificateRevocationList
    scope: x509.IssuingDistributionPoint | None
    entries: Entries
    """By name of the issuer and serial number."""


def read_list(data: bytes) -> RevocationList:
    """A list in DER or PEM.

    Raises:
        IdentityInfoError: it is none, or has something critical that is not known here.
    """
    load = x509.load_pem_x509_crl if _PEM in data else x509.load_der_x509_crl
    try:
        crl = load(data)
        for one in crl.extensions:
            if one.critical and one.oid not in _KNOWN:
                name = one.oid.dotted_string
                raise IdentityInfoError(f"revocation list: extension {name} is critical, not known")
        return RevocationList(crl, _scope(crl), _entries(crl))
    except UNREADABLE:
        raise IdentityInfoError(f"{len(data)} bytes that are no revocation list") from None


def _scope(crl: x509.CertificateRevocationList) -> x509.IssuingDistributionPoint | None:
    with contextlib.suppress(x509.ExtensionNotFound):
        return crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    return None


def _entries(crl: x509.CertificateRevocationList) -> Entries:
    issuer, entries = crl.issuer.public_bytes(), {}
    for entry in crl:
        for one in entry.extensions:
            if one.critical and one.oid not in _KNOWN_OF_ENTRIES:
                raise ValueError("an entry has something critical that is not known")
            if isinstance(one.value, x509.CertificateIssuer):  # of this entry and those after it
                names = one.value.get_values_for_type(x509.DirectoryName)
                issuer = names[0].public_bytes() if names else b""
        entries[issuer, entry.serial_number] = entry
    return entries


@dataclass(frozen=True, slots=True)
class ListPoint:
    """The location of a revocation list for a certificate, and its signers."""

    url: str
    certificate: x509.Certificate
    issuer: x509.Certificate
    signers: tuple[x509.Certificate, ...]
    """The certificates that may sign indirect lists."""
    point: x509.DistributionPoint | None
    """The distribution point in the certificate; None if the operator has configured the list."""

    def judge(self, evidence: RevocationList, now: float, keep_s: float) -> float:
        """Until when the certificate is good by this list.

        Raises:
            RevokedError: it is not.
            UnusableError: the list does not speak for it.
        """
        self._check_signer(evidence, now)
        until = fresh_until(evidence.crl.last_update_utc, evidence.crl.next_update_utc, now, keep_s)
        self._check_scope(evidence.scope)
        key = self.certificate.issuer.public_bytes(), self.certificate.serial_number
        entry = evidence.entries.get(key)
        if entry is not None:
            raise revoked(self.certificate, entry.revocation_date_utc, _reason(entry))
        if evidence.scope is not None and evidence.scope.only_some_reasons is not None:
            raise UnusableError("it knows some reasons only")
        return until

    def _check_signer(self, evidence: RevocationList, now: float) -> None:
        crl = evidence.crl
        is_own = crl.issuer == self.issuer.subject
        if not is_own and not self._is_for_others(evidence):
            raise UnusableError("it is the list of another issuer")
        problem = UnusableError(f"who signs it, {crl.issuer.rfc4514_string()}, is not known")
        for signer in (self.issuer, *self.signers) if is_own else self.signers:
            if signer.subject != crl.issuer:
                continue
            try:
                _check_may_sign(signer)
                check_valid(signer, now)
                check_signature(
                    signer, crl.signature, crl.tbs_certlist_bytes, crl.signature_hash_algorithm
                )
            except UnusableError as error:
                problem = error
            else:
                return
        raise problem

    def _is_for_others(self, evidence: RevocationList) -> bool:
        if evidence.scope is None or not evidence.scope.indirect_crl:
            return False
        if self.point is None:
            return True
        named = self.point.crl_issuer or []
        return any(isinstance(one, x509.DirectoryName) and one.value == evidence.crl.issuer
                   for one in named)  # fmt: skip

    def _check_scope(self, scope: x509.IssuingDistributionPoint | None) -> None:
        if scope is None:
            return
        is_authority = _is_authority(self.certificate)
        if (
            scope.only_contains_attribute_certs
            or (scope.only_contains_user_certs and is_authority)
            or (scope.only_contains_ca_certs and not is_authority)
        ):
            raise UnusableError("it is of other kinds of certificates")
        if self.point is None or not scope.full_name or not self.point.full_name:
            return
        if not set(scope.full_name) & set(self.point.full_name):
            raise UnusableError("it is of another distribution point")


def points(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    signers: tuple[x509.Certificate, ...],
    urls: Sequence[str],
) -> list[ListPoint]:
    """Return the locations of lists for a certificate: those configured, then its own."""
    points = [ListPoint(url, certificate, issuer, signers, None) for url in urls]
    with contextlib.suppress(x509.ExtensionNotFound):
        named = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        for point in named:
            for name in point.full_name or ():
                is_url = isinstance(name, x509.UniformResourceIdentifier)
                if is_url and name.value.lower().startswith(("http:", "https:")):
                    points.append(ListPoint(name.value, certificate, issuer, signers, point))
    return points


def _reason(entry: x509.RevokedCertificate) -> str:
    with contextlib.suppress(x509.ExtensionNotFound):
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    return ""


def _check_may_sign(signer: x509.Certificate) -> None:
    with contextlib.suppress(x509.ExtensionNotFound):
        if not signer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign:
            raise UnusableError("its signer is none of revocation lists")


def _is_authority(certificate: x509.Certificate) -> bool:
    with contextlib.suppress(x509.ExtensionNotFound):
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    return False
