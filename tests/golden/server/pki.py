"""The certificates that recordings name: made anew for each run, so that no key lies anywhere.

Recordings depend on who certified what, and on nothing else: not on bytes, nor on serial numbers.
"""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY = "golden test authority"
HASHED = "a8b96410.0"
"""The file in a folder of authorities where OpenSSL looks for `AUTHORITY`: a hash of the name."""
HERE = x509.SubjectAlternativeName(
    [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
)
ELSEWHERE = x509.SubjectAlternativeName([x509.DNSName("other.invalid")])
FOR_CLIENTS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
LONG_AGO = datetime.datetime(2010, 1, 1, tzinfo=datetime.timezone.utc)
YEAR = datetime.timedelta(days=365)


class Owner:
    """A name, its key, and what certifies it: an authority, or the owner itself."""

    def __init__(
        self,
        name: str,
        *extensions: x509.ExtensionType,
        by: Owner | None = None,
        is_authority: bool = False,
        since: datetime.datetime | None = None,
        lasting: datetime.timedelta = 100 * YEAR,
    ) -> None:
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        # RSA: recordings choose cipher suites that ask for it.
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        since = since or datetime.datetime.now(datetime.timezone.utc) - YEAR
        issuer = by or self
        constraints = x509.BasicConstraints(ca=is_authority, path_length=None)
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(issuer.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(since)
            .not_valid_after(since + lasting)
            .add_extension(constraints, critical=True)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        self.certificate = builder.sign(issuer.key, hashes.SHA256())

    def write(self, folder: Path, stem: str) -> None:
        """``STEM.pem`` and ``STEM.key``."""
        encoding = serialization.Encoding.PEM
        (folder / f"{stem}.pem").write_bytes(self.certificate.public_bytes(encoding))
        key = self.key.private_bytes(
            encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / f"{stem}.key").write_bytes(key)


def write_pki(folder: Path) -> None:
    """All certificates and keys, and ``ca-path``, the same authority as a hashed folder."""
    authority = Owner(AUTHORITY, is_authority=True)
    owners = {
        "ca": authority,
        "other-ca": Owner("golden other authority", is_authority=True),
        "server": Owner("localhost", HERE, by=authority),
        "wronghost": Owner("other.invalid", ELSEWHERE, by=authority),
        "client": Owner("golden client", FOR_CLIENTS, by=authority),
        "selfsigned": Owner("localhost", HERE),
        "expired": Owner("localhost", HERE, by=authority, since=LONG_AGO, lasting=YEAR),
    }
    for stem, owner in owners.items():
        owner.write(folder, stem)
    (folder / "ca-path").mkdir()
    (folder / "ca-path" / HASHED).write_bytes((folder / "ca.pem").read_bytes())
