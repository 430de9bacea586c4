"""Fixtures of the legacy layer: a fresh server process, and an engine of each kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import onehttp
from onehttp_compat.kamailio.server_process import leave_server_process
from onehttp_compat.server import LegacyServer, use_server
from servers.raw import RawServer, echo
from stand_ins.legacy.sources import (
    _sources_of_tests_are_parsed_once as _sources_of_tests_are_parsed_once,
)


@pytest.fixture(autouse=True)
def _of_no_server() -> Iterator[None]:
    """What a test has made of its process is gone after it."""
    yield
    leave_server_process()


@pytest.fixture
def left_as_found() -> Iterator[None]:
    """Nothing that the test starts in this process is there after it: of a command, say."""
    yield
    use_server(None)
    onehttp.shutdown()


@pytest.fixture(params=["pycurl", "httpx"])
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """The process is initialised with an engine of this name, and shut down after."""
    onehttp.init(backend=request.param)
    yield request.param
    onehttp.shutdown()


@pytest.fixture
def legacy(engine: str) -> Iterator[LegacyServer]:
    """A fresh legacy server, the default one while the test runs."""
    server = LegacyServer()
    use_server(server)
    yield server
    use_server(None)


@pytest.fixture
def faithful(engine: str) -> Iterator[LegacyServer]:
    """The same with the bugs of the real modules."""
    server = LegacyServer("faithful")
    use_server(server)
    yield server
    use_server(None)


@pytest.fixture
def web() -> Iterator[RawServer]:
    """Answers each request with itself."""
    with RawServer(echo) as running:
        yield running
