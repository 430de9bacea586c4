"""Verifying an RFC 8224 Identity whose certificate is known, over the bare cryptography of it."""

from __future__ import annotations

import base64
import datetime
import json
from typing import Any

import onehttp
from benchmarks.measure import Row, cpu_us_per_call, interleaved

CALLER, CALLED = "12155551212", "12155551213"
X5U = "https://certificates.example/signer.pem"
COUNT = 1000


def verifying(rounds: int) -> list[Row]:
    """The whole verification, over ``json``, ``base64`` and one ECDSA ``verify``."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    from onehttp.identity import Party, Signer, TrustStore, Verifier

    key = ec.generate_private_key(ec.SECP256R1())
    certificate, pem = _certificate(key)
    onehttp.shutdown()
    onehttp.init(backend="httpx", answers={f"GET {X5U}": (200, pem)})
    verifier = Verifier(TrustStore([certificate]))
    orig, dest = Party(tn=CALLER), Party(tn=CALLED)
    identity = Signer(key, X5U).sign_shaken(orig, dest, "A")
    public, ecdsa = key.public_key(), ec.ECDSA(SHA256())

    def bare() -> None:
        head, claims, signature = identity.partition(";")[0].split(".")
        raw = _decoded(signature)
        json.loads(_decoded(head))
        json.loads(_decoded(claims))
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        public.verify(encode_dss_signature(r, s), f"{head}.{claims}".encode(), ecdsa)

    found = interleaved(
        {
            "bare": cpu_us_per_call(bare, COUNT),
            "verify": cpu_us_per_call(
                lambda: verifier.verify(identity, orig=orig, dest=dest), COUNT
            ),
        },
        rounds,
    )
    return [Row("`Verifier.verify`, certificate known, over json, base64 and ECDSA alone",
                found["verify"], found["bare"], "us", "1.35", "1.3")]  # fmt: skip


def _decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _certificate(key: Any) -> tuple[Any, bytes]:
    """A certificate for `CALLER` that is its own authority, and its PEM text."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    now = datetime.datetime.now(datetime.timezone.utc)
    one = b"\xa2\x0d\x16\x0b" + CALLER.encode()
    numbers = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26"), b"\x30" + bytes([len(one)]) + one
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(numbers, critical=False)
        .sign(key, hashes.SHA256())
    )
    return made, made.public_bytes(serialization.Encoding.PEM)
