"""Revocation lists and OCSP responses as authorities sign them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from servers.sti import CLOCK, DAY_S, Authority, at

RAW = serialization.Encoding.DER


def scope(**values: Any) -> x509.IssuingDistributionPoint:
    """What a list is about: everything but ``values``."""
    names = ("only_contains_user_certs", "only_contains_ca_certs")
    given = {
        "full_name": None, "relative_name": None, "only_some_reasons": None, "indirect_crl": False,
        "only_contains_attribute_certs": False, **dict.fromkeys(names, False), **values,
    }  # fmt: skip
    return x509.IssuingDistributionPoint(**given)


def revocation_list(
    signer: Authority,
    revoked: Iterable[x509.Certificate] = (),
    *,
    is_indirect: bool = False,
    issued_s: float = CLOCK - 60,
    next_s: float = CLOCK + DAY_S,
    key: Any = None,
    extensions: Iterable[x509.ExtensionType] = (),
) -> bytes:
    """A list in DER; where it is indirect, each entry names the issuer of its certificate."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.certificate.subject)
        .last_update(at(issued_s))
        .next_update(at(next_s))
    )
    for one in (*([scope(indirect_crl=True)] if is_indirect else []), *extensions):
        builder = builder.add_extension(one, critical=True)
    for certificate in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(certificate.serial_number)
            .revocation_date(at(CLOCK - DAY_S))
            .add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
        )
        if is_indirect:
            issuer = x509.CertificateIssuer([x509.DirectoryName(certificate.issuer)])
            entry = entry.add_extension(issuer, critical=True)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(key or signer.key, hashes.SHA256()).public_bytes(RAW)


def points(url: str, issuer: x509.Name | None = None) -> tuple[x509.ObjectIdentifier, bytes]:
    """The extension that says where the list of a certificate is, and, if indirect, whose."""
    point = x509.DistributionPoint(
        full_name=[x509.UniformResourceIdentifier(url)],
        relative_name=None,
        reasons=None,
        crl_issuer=None if issuer is None else [x509.DirectoryName(issuer)],
    )
    return x509.CRLDistributionPoints.oid, x509.CRLDistributionPoints([point]).public_bytes()


def responder_at(url: str) -> tuple[x509.ObjectIdentifier, bytes]:
    """The extension that says whom to ask."""
    place = x509.AccessDescription(
        AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url)
    )
    access = x509.AuthorityInformationAccess([place])
    return x509.AuthorityInformationAccess.oid, access.public_bytes()


def question(certificate: x509.Certificate, issuer: x509.Certificate) -> bytes:
    """What is asked of a responder."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1())
    return builder.build().public_bytes(RAW)


def response(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    status: ocsp.OCSPCertStatus,
    signer: x509.Certificate,
    key: Any,
    *,
    next_s: float = CLOCK + DAY_S,
    named_by: ocsp.OCSPResponderEncoding = ocsp.OCSPResponderEncoding.HASH,
) -> bytes:
    """What a responder answers of a certificate."""
    is_revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=certificate,
            issuer=issuer,
            algorithm=hashes.SHA1(),
            cert_status=status,
            this_update=at(CLOCK - 60),
            next_update=at(next_s),
            revocation_time=at(CLOCK - DAY_S) if is_revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if is_revoked else None,
        )
        .responder_id(named_by, signer)
        .certificates([signer])
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(RAW)
