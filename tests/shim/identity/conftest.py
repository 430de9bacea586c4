"""Fixtures: an authority, a key it certified for some numbers, and where that is published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import onehttp
from onehttp.identity import Signer, TrustStore, Verifier
from servers.sti import CALLED, CALLER, CLOCK, LOCAL, Authority, Repository, number_list, pem


@pytest.fixture(scope="session")
def sti_authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def anchors(sti_authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sti_authority.write(tmp_path_factory.mktemp("sti") / "anchors.pem")


@pytest.fixture(scope="session")
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def repository(sti_authority: Authority, key: ec.EllipticCurvePrivateKey) -> Iterator[Repository]:
    with Repository() as running:
        numbers = number_list(numbers=[CALLER, CALLED])
        running.put("/signer.pem", pem(sti_authority.issue(key, numbers=numbers)))
        yield running


@pytest.fixture
def signer(repository: Repository, key: ec.EllipticCurvePrivateKey) -> Signer:
    return Signer(key, f"{repository.url}/signer.pem", clock=lambda: CLOCK)


@pytest.fixture(params=["pycurl", "httpx"])
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    onehttp.init(backend=request.param)
    yield request.param
    onehttp.shutdown()


@pytest.fixture
def verifier(engine: str, anchors: Path) -> Verifier:
    return Verifier(TrustStore.from_files(anchors), rules=LOCAL, clock=lambda: CLOCK)
