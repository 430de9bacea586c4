"""Verifies chains of certificates against trusted authorities."""

from __future__ import annotations

import contextlib
import datetime
import functools
import logging
import os
import ssl
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from onehttp.errors import ConfigurationError
from onehttp.identity.authority import (
    ClaimConstraints,
    NumberAuthority,
    claim_constraints,
    number_authority,
)
from onehttp.identity.errors import CredentialError
from onehttp.identity.paths import chain_by_own_steps, has_understood
from onehttp_backends.hints.keywords import explained

MAX_CHAIN = 8
PEM_MARK = b"-----BEGIN CERTIFICATE-----"
UNREADABLE = (
    *(ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion),
    *(x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)
"""Exceptions that ``cryptography`` raises for malformed certificates."""
_log = logging.getLogger("onehttp.identity")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedCertificate:
    """A certificate whose chain was verified."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePublicKey
    valid_from: float
    valid_until: float
    """When the first certificate of its chain expires, in seconds since 1970."""
    numbers: NumberAuthority | None
    scopes: tuple[NumberAuthority, ...] = ()
    """The number lists of the certificates above it, which limit its own (RFC 9060)."""
    constraints: tuple[ClaimConstraints, ...]
    chain: tuple[x509.Certificate, ...] = ()
    """The certificates from this one to the trust anchor, both included."""


class TrustStore:
    """The authorities (trust anchors) that may certify signers."""

    def __init__(self, anchors: Sequence[x509.Certificate]) -> None:
        if not anchors:
            raise ConfigurationError("no trust anchor: no certificate could be verified")
        self._anchors = list(anchors)
        self._store = Store(self._anchors)

    @classmethod
    def from_files(cls, *paths: str | os.PathLike[str]) -> TrustStore:
        """Trust the certificates in these PEM files.

        Raises:
            ConfigurationError: a file cannot be read, or holds no certificate.
        """
        return cls([one for path in paths for one in _read(Path(path))])

    @classmethod
    def from_system(cls, *paths: str | os.PathLike[str]) -> TrustStore:
        """Trust the authorities of the operating system, and those in ``paths``."""
        return cls([*_system_anchors(), *(one for path in paths for one in _read(Path(path)))])

    def chain(
        self, leaf: x509.Certificate, others: Sequence[x509.Certificate], now: float
    ) -> list[x509.Certificate]:
        """The chain from ``leaf`` to a trust anchor, all of it valid at ``now``.

        Raises:
            CredentialError: there is no such chain; the message says why.
        """
        if not any(map(has_understood, (leaf, *others))):
            return self._chain(leaf, others, now)
        return chain_by_own_steps(
            leaf,
            [*others, *self._anchors],
            lambda certificate: self._chain(certificate, others, now),
            now,
            MAX_CHAIN,
        )

    def _chain(
        self, leaf: x509.Certificate, others: Sequence[x509.Certificate], now: float
    ) -> list[x509.Certificate]:
        verifier = (
            PolicyBuilder()
            .store(self._store)
            .time(datetime.datetime.fromtimestamp(now, datetime.timezone.utc))
            .max_chain_depth(MAX_CHAIN)
            .extension_policies(
                ca_policy=ExtensionPolicy.webpki_defaults_ca(),
                ee_policy=ExtensionPolicy.permit_all(),  # names are compared by who knows them
            )
            .build_client_verifier()
        )
        try:
            return verifier.verify(leaf, list(others)).chain
        except VerificationError as error:
            raise CredentialError(f"certificate not trusted: {error}") from None

    def trusted(self, data: bytes, now: float) -> TrustedCertificate:
        """Read a certificate and those that follow it in ``data``, and verify its chain.

        Raises:
            CredentialError: it is no certificate, has no P-256 key, is not trusted, not valid at
                ``now``, or not for signatures.
        """
        leaf, *others = read_certificates(data)
        try:
            key = leaf.public_key()
        except UNREADABLE as error:
            raise CredentialError(f"the certificate's key cannot be used: {error}") from None
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
            raise CredentialError("the certificate's key is not one for ES256 (P-256)")
        chain = self.chain(leaf, others, now)
        _check_usage(leaf)
        numbers, *scopes = scopes_of(chain)
        return TrustedCertificate(
            certificate=leaf,
            key=key,
            valid_from=max(one.not_valid_before_utc.timestamp() for one in chain),
            valid_until=min(one.not_valid_after_utc.timestamp() for one in chain),
            numbers=numbers,
            scopes=tuple(scope for scope in scopes if scope is not None),
            constraints=claim_constraints(leaf),
            chain=tuple(chain),
        )


def scopes_of(chain: Sequence[x509.Certificate]) -> list[NumberAuthority | None]:
    """The number lists of a chain from its leaf up, each within those above it (RFC 9060).

    Raises:
        CredentialError: a certificate speaks for numbers that its issuer may not speak for.
    """
    scopes = [number_authority(one) for one in chain]
    above: NumberAuthority | None = None
    for scope in reversed(scopes):
        if scope is None:
            continue
        if above is not None and not above.may_cover(scope):
            raise CredentialError(
                "the certificate names numbers outside of its issuer's (RFC 8226, RFC 9060)"
            )
        above = scope
    if above is not None and scopes[0] is None:
        raise CredentialError("the certificate names no numbers, and its issuer is limited to some")
    return scopes


@explained
def read_certificates(data: bytes) -> list[x509.Certificate]:
    """The certificates in PEM text, or the single one in DER; the signer's is the first.

    Raises:
        CredentialError: there is none, or there are more than a chain may have.
    """
    try:
        if PEM_MARK in data:
            certificates = x509.load_pem_x509_certificates(data)
        else:
            certificates = [x509.load_der_x509_certificate(data)]
        for certificate in certificates:
            _read_whole(certificate)
    except UNREADABLE:
        raise CredentialError(f"{len(data)} bytes that are not a certificate") from None
    if len(certificates) > MAX_CHAIN:
        raise CredentialError(f"{len(certificates)} certificates, a chain has {MAX_CHAIN} at most")
    return certificates


def _read_whole(certificate: x509.Certificate) -> None:
    # What is wrong inside comes out when it is first looked at, which had better be here.
    _ = certificate.extensions, certificate.subject, certificate.issuer
    _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc


def _check_usage(certificate: x509.Certificate) -> None:
    with contextlib.suppress(x509.ExtensionNotFound):
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        if not usage.digital_signature:
            raise CredentialError("the certificate's key is not one for signatures")


@explained
def vouches_for_domain(certificate: x509.Certificate, domain: str) -> bool:
    """Whether a certificate belongs to ``domain``.

    Its subjectAltName decides (DNS names, and URIs that are SIP domains); only if it has no such
    names its common name does. Wildcards are not supported (RFC 5922, 7.2).
    """
    names = set()
    try:
        alternatives = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
        names.update(alternatives.get_values_for_type(x509.DNSName))
        uris = alternatives.get_values_for_type(x509.UniformResourceIdentifier)
        names.update(host for uri in uris if (host := _sip_domain(uri)))
    except x509.ExtensionNotFound:
        pass  # the common name is left
    if not names:
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        names.update(str(one.value) for one in common)
    return domain.lower() in {name.lower() for name in names}


def _sip_domain(uri: str) -> str | None:
    scheme, _, rest = uri.partition(":")
    if scheme.lower() not in ("sip", "sips") or "@" in rest:
        return None
    return rest.partition(";")[0].partition("?")[0].partition(":")[0] or None


def _read(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", file=str(path)) from None
    except ValueError:
        raise ConfigurationError("no certificates in PEM form in it", file=str(path)) from None


@functools.cache
def _system_anchors() -> tuple[x509.Certificate, ...]:
    paths = ssl.get_default_verify_paths()
    files = [Path(paths.cafile)] if paths.cafile else []
    if paths.capath:
        files += sorted(Path(paths.capath).glob("*.[0-9]"))
    certificates: list[x509.Certificate] = []
    with warnings.catch_warnings():
        # Some old authorities break rules of RFC 5280; nobody here can issue them anew.
        warnings.simplefilter("ignore")
        for file in files:
            try:
                certificates += _read(file)
            except ConfigurationError as error:
                _log.warning("an authority of the system is left out: %s", error)
    return tuple(certificates)
