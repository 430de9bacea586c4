"""A store on a filesystem without room: it says so, loses nothing, and goes on later."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import onehttp
from onehttp.calls.arguments import CallArguments
from onehttp.durable import worker as workers
from onehttp.durable.message import Message
from onehttp.durable.nats_store import NatsStore
from onehttp.durable.sqlite_store import SqliteStore
from onehttp.durable.store import Report
from onehttp.durable.worker import Worker
from onehttp_backends.contract import Response
from servers.brokers.nats import NatsServer
from servers.patience import PATIENCE_S

LEASE_S = 60.0


def message(id: str) -> Message:
    return Message(id=id, queue="cdr", key=None, connection="api", method="POST", url="/x",
                   headers=(), body=b"x" * 20_000)  # fmt: skip


class SmallDisk:
    """A filesystem of its own, with room for some hundreds of messages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"
        self._filler.write_bytes(bytes(8_000_000))

    def fill(self) -> None:
        """Leave no room."""
        with self._filler.open("ab", buffering=0) as filler, suppress(OSError):
            while filler.write(bytes(4096)):
                pass

    def free(self) -> None:
        """Make room."""
        self._filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", tmp_path], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root may mount a filesystem")
    try:
        yield SmallDisk(tmp_path)
    finally:
        subprocess.run(["umount", "--lazy", tmp_path], check=True)


def stored_until_full(store: SqliteStore) -> set[str]:
    """What was acknowledged, on a disk that gets full meanwhile."""
    stored: set[str] = set()

    def fill() -> None:
        while len(stored) < 10_000:
            id = f"before-{len(stored)}"
            store.put(message(id))
            stored.add(id)

    with pytest.raises(onehttp.QueueStoreError, match="disk is full; nothing was stored"):
        fill()
    return stored


def test_what_was_stored_is_there_and_more_fits_when_there_is_room(disk: SmallDisk) -> None:
    store = SqliteStore(disk.folder / "q.db")
    stored = stored_until_full(store)
    disk.fill()
    for number in range(3):
        with pytest.raises(onehttp.QueueStoreError, match="disk is full"):
            store.put(message(f"refused-{number}"))
    another = SqliteStore(disk.folder / "q.db")
    assert [each.waiting for each in another.lengths()] == [len(stored)]
    another.close()
    disk.free()
    found = []
    while taken := store.take("cdr", 50, LEASE_S):
        found += [each.message.id for each in taken]
        store.report([Report(number=each.number, lease=each.lease) for each in taken])
    assert (set(found), len(found)) == (stored, len(stored))
    store.put(message("after"))
    assert [each.message.id for each in store.take("cdr", 10, LEASE_S)] == ["after"]
    store.close()


def test_a_worker_waits_for_room(disk: SmallDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "STORE_AGAIN_S", 0.001)
    is_full = threading.Event()
    sent: list[str] = []

    async def send(taken: Message, call: CallArguments) -> Response:
        sent.append(taken.id)
        return Response(200, [b"HTTP/1.1 200 OK\r\n"], b"", "http://a.example/x")

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> Any:
            if "disk is full" in record.getMessage():
                is_full.set()

    store = SqliteStore(disk.folder / "q.db")
    stored = stored_until_full(store)
    disk.fill()
    told = Told()
    logging.getLogger("onehttp.worker").addHandler(told)
    working = threading.Thread(
        target=lambda: asyncio.run(Worker(store, "cdr", send).run(until_empty=True))
    )
    working.start()
    try:
        assert is_full.wait(PATIENCE_S)
        disk.free()
        working.join(PATIENCE_S)
        assert not working.is_alive()
    finally:
        logging.getLogger("onehttp.worker").removeHandler(told)
    assert set(sent) == stored
    store.close()


@pytest.mark.debian
def test_a_broker_without_room_acknowledges_nothing_and_has_lost_nothing(disk: SmallDisk) -> None:
    (disk.folder / "broker").mkdir()
    with NatsServer(disk.folder / "broker") as broker:
        store = NatsStore(broker.url)
        stored = {"before-0", "before-1"}
        for id in sorted(stored):
            store.put(message(id))
        disk.fill()
        refusals = 0
        while not refusals:  # it may have some room in its files
            try:
                store.put(message(f"full-{len(stored)}"))
                stored.add(f"full-{len(stored)}")
            except onehttp.QueueStoreError:
                refusals += 1
        disk.free()
        broker.stop(signal.SIGKILL)  # one of its kind stands still by then
        broker.start()
        found: set[str] = set()
        end = time.monotonic() + PATIENCE_S
        while found < stored and time.monotonic() < end:
            with suppress(onehttp.QueueStoreError):  # it has just started
                found |= {each.message.id for each in store.take("cdr", 100, LEASE_S)}
        assert found >= stored
        store.put(message("after"))
        store.close()
