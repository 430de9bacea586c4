"""PEM content in memory."""

from __future__ import annotations

import base64
import hashlib
import os
import pickle
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from onehttp_backends.certificates.pem import Pem
from onehttp_backends.certificates.x509 import pin_of_certificate, pin_of_file
from onehttp_backends.contract import Tls


def test_the_path_of_a_pem_has_its_content_and_is_read_only() -> None:
    pem = Pem(b"secret")
    assert Path(pem.path).read_bytes() == b"secret"
    assert pem.path == pem.path
    for mode in ("wb", "ab", "r+b"):
        with pytest.raises(OSError), open(pem.path, mode) as file:  # noqa: PT011
            file.write(b"other")
    assert Path(pem.path).read_bytes() == b"secret"


def test_the_path_of_a_pem_is_closed_with_it() -> None:
    before = len(os.listdir("/proc/self/fd"))
    pems = [Pem(b"%d" % number) for number in range(20)]
    assert len({pem.path for pem in pems}) == 20
    del pems
    assert len(os.listdir("/proc/self/fd")) <= before


def test_contents_are_compared_and_never_shown() -> None:
    assert Pem(b"secret") == Pem(b"secret") != Pem(b"another")
    assert hash(Pem(b"secret")) == hash(Pem(b"secret"))
    assert pickle.loads(pickle.dumps(Pem(b"secret"))) == Pem(b"secret")
    tls = Tls(key_pem=Pem(b"secret"), key_password="sesame", cert_pem=Pem(b"certificate"))
    assert "secret" not in repr(tls)
    assert "sesame" not in repr(tls)


def test_a_server_that_it_is_not_meant_for_is_shown_nothing() -> None:
    tls = Tls(
        ca_pem=Pem(b"ca"),
        cert_pem=Pem(b"cert"),
        key_pem=Pem(b"key"),
        cert_file="/cert",
        key_file="/key",
        key_password="sesame",
        pinned_public_key="sha256//x",
        ciphers="HIGH",
    )
    assert tls.without_identity() == Tls(ca_pem=Pem(b"ca"), ciphers="HIGH")


@pytest.mark.parametrize("form", [Encoding.PEM, Encoding.DER])
def test_the_pin_of_a_certificate_is_that_of_its_key(authority: trustme.CA, form: Encoding) -> None:
    issued = authority.issue_cert("a.example").cert_chain_pems[0].bytes()
    certificate = x509.load_pem_x509_certificate(issued)
    key = certificate.public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = "sha256//" + base64.b64encode(hashlib.sha256(der).digest()).decode()
    assert pin_of_certificate(certificate.public_bytes(Encoding.DER)) == pin
    assert pin_of_file(key.public_bytes(form, PublicFormat.SubjectPublicKeyInfo)) == pin


@pytest.mark.parametrize("content", [b"", b"text", b"0", b"0\x82", b"0\x030\x010", b"\xff" * 40])
def test_what_is_no_key_has_no_pin(content: bytes) -> None:
    with pytest.raises(ValueError, match="no public key"):
        pin_of_file(content)
