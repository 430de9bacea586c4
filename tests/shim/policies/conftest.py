"""A world of their own for tests of policies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from servers.told import World


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
