"""A connection to NATS that is closed at any moment leaves nothing behind, and ends what waits."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest

from onehttp.durable.nats_connection import NatsConnection
from onehttp.errors import QueueStoreError
from servers.brokers.nats import NatsServer
from servers.patience import PATIENCE_S, until


async def nothing(_: object) -> None:
    """Connects."""


class Waiting:
    """A thread that waits for an operation, which never ends by itself."""

    def __init__(self, connection: NatsConnection) -> None:
        self.is_under_way = threading.Event()
        self.error: BaseException | None = None
        self._connection = connection
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        async def wait(_: object) -> None:
            self.is_under_way.set()
            await asyncio.Event().wait()

        try:
            self._connection.run(wait, 10 * PATIENCE_S)
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            self.error = error

    def has_been_told(self) -> bool:
        self.thread.join(PATIENCE_S)
        return isinstance(self.error, QueueStoreError) and "closed" in str(self.error)


def closed(connection: NatsConnection) -> set[asyncio.Task[Any]]:
    """Close it. Returns the tasks that were left behind."""
    assert connection._opened is not None
    loop = connection._opened.loop
    connection.close()
    assert loop.is_closed()
    return asyncio.all_tasks(loop)


@pytest.mark.debian
def test_closed_while_an_operation_is_under_way(broker: NatsServer) -> None:
    connection = NatsConnection(broker.url)
    waiting = Waiting(connection)
    assert waiting.is_under_way.wait(PATIENCE_S)
    assert not closed(connection)
    assert waiting.has_been_told()
    connection.run(nothing, PATIENCE_S)
    assert not closed(connection)


@pytest.mark.debian
def test_closed_while_it_connects_again(broker: NatsServer) -> None:
    connection = NatsConnection(broker.url)
    waiting = Waiting(connection)
    assert waiting.is_under_way.wait(PATIENCE_S)
    broker.stop()
    until(lambda: connection.client.is_reconnecting)
    assert not closed(connection)
    assert waiting.has_been_told()


@pytest.mark.parametrize("listens", [True, False])
def test_closed_while_it_connects_for_the_first_time(
    listens: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("nats")
    has_begun = threading.Event()
    connect = NatsConnection._connect

    async def begun(self: NatsConnection, client: Any) -> None:
        has_begun.set()
        await connect(self, client)

    monkeypatch.setattr(NatsConnection, "_connect", begun)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        if not listens:
            silent.close()
        connection = NatsConnection(f"nats://127.0.0.1:{port}")
        waiting = Waiting(connection)
        assert has_begun.wait(PATIENCE_S)
        accepted = silent.accept()[0] if listens else None
        assert not closed(connection)
        assert waiting.has_been_told()
        if accepted is not None:
            accepted.close()


@pytest.mark.debian
def test_what_its_loop_comes_to_after_it_was_closed_connects_no_more(
    broker: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[object] = []
    connect = NatsConnection._connect

    async def counted(self: NatsConnection, client: Any) -> None:
        connected.append(client)
        await connect(self, client)

    monkeypatch.setattr(NatsConnection, "_connect", counted)
    connection = NatsConnection(broker.url)
    connection.run(nothing, PATIENCE_S)
    assert connection._opened is not None
    loop, may_go_on = connection._opened.loop, threading.Event()
    loop.call_soon_threadsafe(may_go_on.wait, PATIENCE_S)
    waiting = Waiting(connection)
    until(lambda: len(loop._ready) > 0)  # type: ignore[attr-defined] # asyncio shows it nowhere
    closing = threading.Thread(target=connection.close)
    closing.start()
    until(lambda: connection._opened is None)
    may_go_on.set()
    closing.join(PATIENCE_S)
    assert loop.is_closed()
    assert not asyncio.all_tasks(loop)
    assert waiting.has_been_told()
    assert len(connected) == 1
    connection.run(nothing, PATIENCE_S)
    assert not closed(connection)
    assert len(connected) == 2
