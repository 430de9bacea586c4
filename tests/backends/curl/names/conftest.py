"""An engine over real sockets, and every way to wait for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from onehttp_backends.curl import PycurlBackend
from servers.raw import RawServer, keep_answering
from stand_ins.ways import WAYS, Way


@pytest.fixture
def engine() -> Iterator[PycurlBackend]:
    backend = PycurlBackend()
    yield backend
    backend.close()


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(keep_answering) as running:
        yield running


@pytest.fixture(params=WAYS, ids=lambda way: str(way.__name__))
def way(request: pytest.FixtureRequest) -> Way:
    """How the outcome is waited for; the test runs once with each."""
    chosen: Way = request.param
    return chosen
