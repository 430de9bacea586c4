"""Caller identity: sign and verify the ``Identity`` header of SIP (RFC 8224, 8225, 8226; shaken
and div). Certificates are fetched through the engine. Needs the extra ``identity``.
"""

from __future__ import annotations

from onehttp_backends.hints.extras import brought_by
from onehttp_backends.hints.keywords import explain_classes

try:
    import cachetools
    import cryptography
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"onehttp.identity needs {error.name}: {brought_by('identity')}", name=error.name
    ) from None

from onehttp.identity.authority import ClaimConstraints, NumberAuthority
from onehttp.identity.claims import Attestation, Claims
from onehttp.identity.dates import format_date, parse_date
from onehttp.identity.diversions import VerifiedIdentity
from onehttp.identity.errors import (
    CredentialError,
    IdentityError,
    IdentityInfoError,
    InvalidIdentityError,
    MissingIdentityError,
    SigningError,
    StaleIdentityError,
)
from onehttp.identity.fetching import CertificateFetcher, FetchRules
from onehttp.identity.header import IdentityHeader, parse_header
from onehttp.identity.parties import Party
from onehttp.identity.revocation import Revocation, RevokedError
from onehttp.identity.signer import Signer
from onehttp.identity.single_flight import SingleFlight
from onehttp.identity.trust import (
    PEM_MARK,
    UNREADABLE,
    TrustedCertificate,
    TrustStore,
    read_certificates,
    vouches_for_domain,
)
from onehttp.identity.verifier import Verifier

__all__ = [
    "PEM_MARK",
    "UNREADABLE",
    "Attestation",
    "CertificateFetcher",
    "ClaimConstraints",
    "Claims",
    "CredentialError",
    "FetchRules",
    "IdentityError",
    "IdentityHeader",
    "IdentityInfoError",
    "InvalidIdentityError",
    "MissingIdentityError",
    "NumberAuthority",
    "Party",
    "Revocation",
    "RevokedError",
    "Signer",
    "SigningError",
    "SingleFlight",
    "StaleIdentityError",
    "TrustStore",
    "TrustedCertificate",
    "VerifiedIdentity",
    "Verifier",
    "format_date",
    "parse_date",
    "parse_header",
    "read_certificates",
    "vouches_for_domain",
]

explain_classes(globals(), __all__)
del cachetools, cryptography
