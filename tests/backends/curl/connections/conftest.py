"""What tests of connections share."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from onehttp_backends.contract import HttpVersion, Tls, TransferOptions
from onehttp_backends.curl import PycurlBackend
from servers.patience import PATIENCE_S
from stand_ins.driving.links import Ground


@pytest.fixture
def backend() -> Iterator[PycurlBackend]:
    engine = PycurlBackend()
    yield engine
    engine.close()


@pytest.fixture
def ground(
    tls_server_context: ssl.SSLContext,
    h2_server_context: ssl.SSLContext,
    ca_file: Path,
    tmp_path: Path,
) -> Ground:
    options = TransferOptions(
        total_timeout_s=PATIENCE_S,
        connect_timeout_s=0,
        tls=Tls(ca_file=str(ca_file)),
        http_version=HttpVersion.HTTP_1_1,
    )
    return Ground(tls_server_context, h2_server_context, options, tmp_path)
