"""Fixtures of the tests of queries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from onehttp.queries.query import Query
from onehttp.queries.scheduler import QueryScheduler
from onehttp.testing import FakeTransactionLayer, ManualClock
from servers.holding import HoldingServer
from stand_ins.ends import Ends


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Ends:
    """Tells when queries have ended."""
    bell = Ends()

    def note_end(scheduler: QueryScheduler, query: Query) -> None:
        bell.note_and_ring(scheduler, query)

    monkeypatch.setattr(QueryScheduler, "_note_end", note_end)
    return bell


@pytest.fixture
def holding() -> Iterator[HoldingServer]:
    with HoldingServer() as server:
        yield server


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def layer(clock: ManualClock) -> FakeTransactionLayer:
    """SIP transactions whose timer fires after 30 s of ``clock``."""
    return FakeTransactionLayer(clock=clock)
