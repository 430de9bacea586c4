"""Certificates and keys are opened and matched when the file is loaded."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

import onehttp
from onehttp.connections.file.load import load_connections
from onehttp_backends.certificates.x509 import not_after


@pytest.fixture
def pem(tmp_path: Path, authority: trustme.CA) -> Path:
    """A folder with ca.pem, cert.pem, key.pem, and other.pem, the key of nobody here."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = authority.issue_cert("client.example")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    authority.issue_cert("other.example").private_key_pem.write_to_path(tmp_path / "other.pem")
    (tmp_path / "text.pem").write_text("no certificate")
    return tmp_path


def loaded(folder: Path, tls: str) -> onehttp.ConnectionSet:
    path = folder / "connections.yaml"
    path.write_text(
        "version: 1\nconnections:\n  a:\n    url: https://a.example\n    tls: {" + tls + "}\n"
    )
    return load_connections(path)


@pytest.mark.parametrize(
    ("tls", "column", "problem"),
    [
        ("cert: cert.pem, key: other.pem", 32, "other.pem is not the key of {folder}/cert.pem"),
        ("cert: gone.pem, key: key.pem", 17, "gone.pem cannot be read: No such file or directory"),
        ("cert: cert.pem, key: .", 32, "cannot be read: Is a directory"),
        ("cert: text.pem, key: key.pem", 17, "text.pem holds no PEM certificate"),
        ("cert: cert.pem, key: cert.pem", 32, "cert.pem holds no PEM private key"),
        ("ca_file: text.pem", 20, "text.pem holds no PEM certificate"),
        ("ca_path: gone", 20, "gone cannot be read: No such file or directory"),
        ("cert: cert.pem", 17, "cert and key belong together; give both"),
        ("key: key.pem", 16, "cert and key belong together; give both"),
        ("pinned_public_key: gone.pem", 30, "gone.pem cannot be read"),
        ("pinned_public_key: sha256//short", 30, "expected sha256//BASE64 of 32 bytes"),
        ("min_version: 1.3, max_version: 1.2", 42, "below min_version, which is 1.3"),
    ],
)
def test_a_mistake_is_named_with_its_place(pem: Path, tls: str, column: int, problem: str) -> None:
    with pytest.raises(onehttp.ConfigurationError) as caught:
        loaded(pem, tls)
    assert str(caught.value).startswith(f"{pem}/connections.yaml:5:{column}: connections.a.tls.")
    assert problem.format(folder=pem) in str(caught.value)


def test_an_encrypted_key_needs_its_password(pem: Path) -> None:
    key = serialization.load_pem_private_key((pem / "key.pem").read_bytes(), None)
    (pem / "locked.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"open sesame"),
        )
    )
    assert loaded(pem, "cert: cert.pem, key: locked.pem, key_password: open sesame")
    for wrong in ("", ", key_password: geheim"):
        with pytest.raises(onehttp.ConfigurationError) as caught:
            loaded(pem, f"cert: cert.pem, key: locked.pem{wrong}")
        assert "locked.pem cannot be opened with this key_password" in str(caught.value)
        assert "geheim" not in str(caught.value)


def issued_until(folder: Path, authority: trustme.CA, end: datetime.datetime) -> None:
    issued = authority.issue_cert("client.example", not_after=end)
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")


@pytest.mark.parametrize(
    ("days", "said"), [(-1, "expired on"), (7, "expires on"), (400, None), (20_000, None)]
)
def test_a_certificate_past_its_date_or_near_it_is_warned_of(
    pem: Path, authority: trustme.CA, days: int, said: str | None
) -> None:
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    end = now + datetime.timedelta(days=days)
    issued_until(pem, authority, end)
    found = loaded(pem, "cert: cert.pem, key: key.pem")
    told = [str(warning) for warning in found.warnings]
    if said is None:
        assert told == []
    else:
        assert f"{pem}/cert.pem {said} {end:%Y-%m-%d}" in told[0]
    assert not_after((pem / "cert.pem").read_bytes()) == end


def test_what_the_defaults_say_is_told_of_once(pem: Path) -> None:
    path = pem / "connections.yaml"
    path.write_text(
        "version: 1\ndefaults: {tls: {cert: gone.pem, key: key.pem}}\nconnections:\n"
        "  a: {url: 'https://a.example'}\n  b: {url: 'https://b.example'}\n"
    )
    with pytest.raises(onehttp.ConfigurationError) as caught:
        load_connections(path)
    assert [(error.line, error.key) for error in caught.value.errors] == [(2, "defaults.tls.cert")]
