"""What the rows of the matrix of faults have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator
from typing import Any

import pytest

import onehttp
from servers.raw import RawServer, keep_answering
from stand_ins.loops import of_kind
from stand_ins.loops import pytest_generate_tests as pytest_generate_tests
from stand_ins.scene import Scene, unharmed
from stand_ins.scene import scene as setting

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session", autouse=True)
def _uvloop_has_its_pipe() -> None:
    """From its first loop on it keeps one, for as long as the process lives."""
    with of_kind("uvloop"):
        asyncio.run(asyncio.sleep(0))


@pytest.fixture(params=["pycurl", "httpx"])
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of an engine, for processes that a test initialises."""
    name: str = request.param
    yield name
    onehttp.shutdown()


@pytest.fixture
def scene(engine: str, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """An engine and its neighbour, who are unharmed at the end."""
    with setting(engine) as made:
        yield made
        made.after.has_failed = request.node.stash.get(FAILED, False)


class Process:
    """This process with connections of a test, and a neighbour that it calls meanwhile."""

    def __init__(self, engine: str, neighbour: RawServer) -> None:
        self.engine = engine
        self.neighbour = neighbour

    def init(self, connections: dict[str, Any] | None = None, **sections: Any) -> None:
        """Initialise it, again if need be, with ``connections`` by name."""
        onehttp.shutdown()
        file = {"version": 1, "connections": connections or {}, **sections}
        onehttp.init(file, backend=self.engine)

    def check_neighbour(self) -> None:
        """A call to somebody else is served."""
        assert onehttp.request("GET", self.neighbour.url).body == b"ok"


@pytest.fixture
def process(engine: str, request: pytest.FixtureRequest) -> Iterator[Process]:
    """Initialised without connections; unharmed at the end."""
    with unharmed() as after, RawServer(keep_answering) as neighbour:
        made = Process(engine, neighbour)
        made.init()
        made.check_neighbour()
        yield made
        after.has_failed = request.node.stash.get(FAILED, False)
        if not after.has_failed:
            made.check_neighbour()
        onehttp.shutdown()
