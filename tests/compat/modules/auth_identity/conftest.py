"""The module ``auth_identity`` with keys, authorities and a shop of certificates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from onehttp_compat.server import LegacyServer
from servers.sti import Authority, Repository, pem, private_pem
from stand_ins.legacy.rfc4474 import Box, Signed, atlanta, der_of, signed_by_openssl


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority("old CA")


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def folder(
    authority: Authority, key: rsa.RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Key, certificate and authority as files."""
    path = tmp_path_factory.mktemp("rfc4474")
    authority.write(path / "ca.pem")
    (path / "key.pem").write_bytes(private_pem(key))
    (path / "cert.pem").write_bytes(pem(atlanta(authority, key)))
    return path


@pytest.fixture
def shop(authority: Authority, key: rsa.RSAPrivateKey) -> Iterator[Repository]:
    """Publishes the certificate of atlanta.example."""
    with Repository() as running:
        running.put("/atlanta.cer", der_of(atlanta(authority, key)))
        yield running


@pytest.fixture
def box(legacy: LegacyServer, folder: Path, shop: Repository) -> Box:
    return Box(legacy, folder, f"{shop.url}/atlanta.cer")


@pytest.fixture
def old_box(faithful: LegacyServer, folder: Path, shop: Repository) -> Box:
    return Box(faithful, folder, f"{shop.url}/atlanta.cer")


@pytest.fixture
def signer(box: Box) -> Box:
    return box.signing()


@pytest.fixture
def signed(debian: None, folder: Path, box: Box) -> Signed:
    """A request signed by the openssl command line."""
    return lambda **change: signed_by_openssl(folder, box.url, **change)
