"""Where the queues of tests are, and the server of those that are a stream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from onehttp.durable.nats_store import NatsStore
from servers.brokers.nats import NatsServer


@pytest.fixture
def queues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "queues.db"
    monkeypatch.setenv("ONEHTTP_QUEUES", f"sqlite://{path}")
    return path


@pytest.fixture
def broker(debian: None, tmp_path: Path) -> Iterator[NatsServer]:
    with NatsServer(tmp_path) as running:
        yield running


@pytest.fixture
def store(broker: NatsServer) -> Iterator[NatsStore]:
    made = NatsStore(broker.url)
    yield made
    made.close()
