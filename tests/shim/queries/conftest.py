"""Fixtures of the tests of queries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from onehttp.queries.open_queries import OpenQueries
from onehttp.queries.query import Query
from onehttp.testing import FakeTransactionLayer, ManualClock
from servers.holding import HoldingServer
from stand_ins.queries.ends import Ends


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Ends:
    """Tells when queries have ended."""
    bell = Ends()

    def note_end(queries: OpenQueries, query: Query) -> None:
        bell.note_and_ring(queries, query)

    monkeypatch.setattr(OpenQueries, "note_end", note_end)
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
