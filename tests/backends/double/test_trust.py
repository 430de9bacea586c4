"""Whom the double trusts where no call says it: those whom the machine trusts."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from onehttp_backends.contract import Request
from onehttp_backends.double import HttpxBackend
from onehttp_backends.errors import TLSError
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering


@pytest.fixture
def double() -> Iterator[HttpxBackend]:
    double = HttpxBackend()
    yield double
    double.close()


def test_without_tls_no_authority_is_read(
    double: HttpxBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object, **__: object) -> None:
        pytest.fail("authorities are read")

    for name in ("load_default_certs", "load_verify_locations", "set_default_verify_paths"):
        monkeypatch.setattr(ssl.SSLContext, name, read)
    with RawServer(keep_answering) as server:
        request = Request("GET", server.url, total_timeout_s=PATIENCE_S)
        assert double.perform(request).status == 200


def test_the_machine_says_whom_to_trust(
    double: HttpxBackend,
    tls_server_context: ssl.SSLContext,
    ca_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with RawServer(keep_answering, tls_server_context) as server:
        request = Request("GET", server.url, total_timeout_s=PATIENCE_S)
        with pytest.raises(TLSError):
            double.perform(request)
        monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
        other = HttpxBackend()
        try:
            assert other.perform(request).status == 200
        finally:
            other.close()
