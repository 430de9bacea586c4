"""What the rows of the matrix of faults have in common."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

import onehttp
from stand_ins.scene import Scene
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
        made.has_failed = request.node.stash.get(FAILED, False)
