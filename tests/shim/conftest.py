"""Fixtures of the tests of the API: an initialised process, and nothing left of it after."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import onehttp
from stand_ins.loops import pytest_generate_tests as pytest_generate_tests
from stand_ins.told import World


@pytest.fixture(autouse=True)
def _process_is_left_as_found() -> Iterator[None]:
    yield
    onehttp.shutdown()


@pytest.fixture(params=["pycurl", "httpx"])
def engine(request: pytest.FixtureRequest) -> str:
    """The name of an engine; the test runs once with each."""
    name: str = request.param
    return name


@pytest.fixture
def api(engine: str) -> str:
    """Initialised with an engine and no connections; its name."""
    onehttp.init(backend=engine)
    return engine


@pytest.fixture(params=["thread", "task", "callback"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """The test runs once for each way to call."""
    made = World(request.param)
    yield made
    made.runtime.close(0)


@pytest.fixture
def submitting() -> Iterator[World]:
    """The calls are submitted."""
    made = World("callback")
    yield made
    made.runtime.close(0)
