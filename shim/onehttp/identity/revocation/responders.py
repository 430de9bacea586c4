"""Responders that are asked for one certificate, by GET so that caches may answer (RFC 5019)."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from onehttp.identity.errors import IdentityInfoError
from onehttp.identity.revocation.verdicts import (
    UnusableError,
    check_signature,
    check_valid,
    fresh_until,
    revoked,
)


def read_response(data: bytes) -> ocsp.OCSPResponse:
    """A successful response.

    Raises:
        IdentityInfoError: it is none.
    """
    try:
        response = ocsp.load_der_ocsp_response(data)
    except ValueError:
        raise IdentityInfoError(f"{len(data)} bytes that are no OCSP response") from None
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise IdentityInfoError(f"OCSP responder: {response.response_status.name.lower()}")
    return response


@dataclass(frozen=True, slots=True)
class Responder:
    """An OCSP responder for a certificate."""

    url: str
    """The question is part of it."""
    certificate: x509.Certificate
    issuer: x509.Certificate

    def judge(self, evidence: ocsp.OCSPResponse, now: float, keep_s: float) -> float:
        """Until when the certificate is good by this response.

        Raises:
            RevokedError: it is not.
            UnusableError: the response does not speak for it.
        """
        one = self._own(evidence)
        check_signature(
            self._signer(evidence, now),
            evidence.signature,
            evidence.tbs_response_bytes,
            evidence.signature_hash_algorithm,
        )
        until = fresh_until(one.this_update_utc, one.next_update_utc, now, keep_s)
        if one.certificate_status is ocsp.OCSPCertStatus.REVOKED:
            when = one.revocation_time_utc or one.this_update_utc
            reason = one.revocation_reason
            raise revoked(self.certificate, when, reason.value if reason else "")
        if one.certificate_status is not ocsp.OCSPCertStatus.GOOD:
            raise UnusableError("it does not know the certificate")
        return until

    def _own(self, evidence: ocsp.OCSPResponse) -> ocsp.OCSPSingleResponse:
        for one in evidence.responses:
            if one.serial_number != self.certificate.serial_number:
                continue
            same = _question(self.certificate, self.issuer, one.hash_algorithm)
            if (one.issuer_name_hash, one.issuer_key_hash) == (
                same.issuer_name_hash, same.issuer_key_hash,
            ):  # fmt: skip
                return one
        raise UnusableError("it is of another certificate")

    def _signer(self, evidence: ocsp.OCSPResponse, now: float) -> x509.Certificate:
        """Return the signer: the issuer, or a responder that it has certified (RFC 6960,
        4.2.2.2)."""
        for signer in (self.issuer, *evidence.certificates):
            if not _is_responder(evidence, signer):
                continue
            check_valid(signer, now)
            if signer != self.issuer:
                self._check_delegated(signer)
            return signer
        raise UnusableError("its signer is not known")

    def _check_delegated(self, signer: x509.Certificate) -> None:
        try:
            signer.verify_directly_issued_by(self.issuer)
            usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            raise UnusableError("its signer may not speak for the issuer") from None
        if ExtendedKeyUsageOID.OCSP_SIGNING not in usage:
            raise UnusableError("its signer may not speak for the issuer")


def responders(certificate: x509.Certificate, issuer: x509.Certificate) -> Sequence[Responder]:
    """Return the responders that the certificate names."""
    named: list[Responder] = []
    with contextlib.suppress(x509.ExtensionNotFound):
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
        # SHA-1 only names the certificate here, and is what every responder knows (RFC 5019).
        question = _question(certificate, issuer, hashes.SHA1())
        encoded = base64.b64encode(question.public_bytes(serialization.Encoding.DER)).decode()
        for one in access.value:
            place = one.access_location
            is_url = isinstance(place, x509.UniformResourceIdentifier)
            if one.access_method == AuthorityInformationAccessOID.OCSP and is_url:
                url = f"{place.value.rstrip('/')}/{quote(encoded, safe='')}"
                named.append(Responder(url, certificate, issuer))
    return named


def _question(
    certificate: x509.Certificate, issuer: x509.Certificate, algorithm: hashes.HashAlgorithm
) -> ocsp.OCSPRequest:
    return ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, algorithm).build()


def _is_responder(evidence: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    if evidence.responder_name is not None:
        return certificate.subject == evidence.responder_name
    identifier = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    return identifier.digest == evidence.responder_key_hash
