"""A killed broker gives numbers anew, some of which it takes for those of removed messages."""

from __future__ import annotations

import functools
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from onehttp.durable import nats_repair
from onehttp.durable.message import Message
from onehttp.durable.nats_store import NatsStore
from onehttp.durable.store import Delivery, Report
from onehttp.errors import QueueStoreError
from servers.brokers.nats import NatsServer
from servers.patience import PATIENCE_S

LEASE_S = 60.0
BLOCK = 8 << 20
"""The size of the broker's files of a work queue."""


def message(id: str, key: str | None = None, body: bytes = b"x") -> Message:
    return Message(id=id, queue="cdr", key=key, connection="api", method="POST", url="/x",
                   headers=(), body=body)  # fmt: skip


def until(tell: Callable[[], object]) -> None:
    """Repeat what fails as long as the server that has just started is not there yet."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            tell()
        except QueueStoreError:
            assert time.monotonic() < end
        else:
            return


def taken(store: NatsStore, count: int, lease_s: float = LEASE_S) -> list[Delivery]:
    found: list[Delivery] = []
    end = time.monotonic() + PATIENCE_S
    while len(found) < count:
        assert time.monotonic() < end, f"{len(found)} of {count} came"
        until(lambda: found.extend(store.take("cdr", count - len(found), lease_s)))
    return found


def done(delivery: Delivery) -> Report:
    return Report(number=delivery.number, lease=delivery.lease)


def dead(delivery: Delivery) -> Report:
    return Report(number=delivery.number, lease=delivery.lease, error="status 404")


def files_of(folder: Path, stream: str) -> Path:
    (found,) = folder.glob(f"jetstream/*/streams/{stream}/msgs")
    return found


def kill_while_it_empties(broker: NatsServer, block: Path, empty: Callable[[], object]) -> None:
    """Leave what the broker leaves if it is killed while it empties a file of messages: it has
    emptied the file, and not yet written the index beside it."""
    index = block.with_suffix(".idx")
    before = index.read_bytes()
    empty()
    assert not block.stat().st_size
    broker.stop(signal.SIGKILL)
    index.write_bytes(before)
    broker.start()


@pytest.mark.debian
@pytest.mark.parametrize("is_alone", [True, False])
def test_a_broker_that_was_killed_while_it_emptied_a_file_loses_nothing_that_comes_then(
    broker: NatsServer, store: NatsStore, tmp_path: Path, is_alone: bool
) -> None:
    others = [] if is_alone else [str(each) for each in range(9)]  # which fill the first file
    for id in others:
        store.put(message(id, body=bytes(BLOCK // 10)))
    held = taken(store, len(others))
    store.put(message("first", body=b"x" if is_alone else bytes(BLOCK // 10)))
    (first,) = taken(store, 1)
    block = files_of(tmp_path, "onehttp-cdr") / f"{1 if is_alone else 2}.blk"
    index = block.with_suffix(".idx")
    many = 0
    while many < 50 or index.stat().st_size < 90:  # removed out of order, and written so
        store.put(message(f"early {many}"))
        store.report([done(each) for each in taken(store, 1)])
        many += 1
    kill_while_it_empties(broker, block, lambda: store.report([done(first)]))

    acknowledged: set[str] = set()

    def puts(name: str, into: NatsStore) -> None:
        for number in range(many):
            one = message(f"{name} {number}")
            until(functools.partial(into.put, one))
            acknowledged.add(one.id)

    other = NatsStore(broker.url)
    threads = [threading.Thread(target=puts, args=each) for each in (("a", store), ("b", other))]
    for each in threads:
        each.start()
    for each in threads:
        each.join(2 * PATIENCE_S)
    assert len(acknowledged) == 2 * many
    got: list[Delivery] = []
    while not acknowledged <= {each.message.id for each in got}:
        got += taken(other, 1)
    # A broker that was killed may give out once more what it had not noted as given out.
    again = [each for each in got if each.message.id not in acknowledged]
    assert {each.message.id for each in again} <= set(others)
    assert all(each.may_repeat for each in again)
    other.report([done(each) for each in got])
    store.report([done(each) for each in held])
    assert [each.waiting for each in store.lengths()] == [0]
    other.close()


@pytest.mark.debian
def test_a_dead_letter_stays_that_comes_after_such_a_kill(
    broker: NatsServer, store: NatsStore, tmp_path: Path
) -> None:
    store.put(message("first"))
    store.report([dead(each) for each in taken(store, 1)])
    block = files_of(tmp_path, "onehttp-cdr-dead") / "1.blk"
    many = 0
    while many < 50 or block.with_suffix(".idx").stat().st_size < 90:
        store.put(message(f"early {many}"))
        store.report([dead(each) for each in taken(store, 1)])
        assert store.drop("cdr", f"early {many}") == 1
        many += 1
    kill_while_it_empties(broker, block, lambda: store.drop("cdr", "first"))
    until(lambda: store.put(message("second")))
    until(lambda: store.put(message("third")))
    for each in taken(store, 2):
        store.report([dead(each)])
    assert {each.message.id for each in store.dead_letters("cdr", 10)} == {"second", "third"}


@pytest.mark.debian
@pytest.mark.parametrize("key", [None, "a key"])
@pytest.mark.parametrize("is_dead", [True, False])
def test_a_report_of_before_a_kill_removes_no_other_message_of_the_same_number(
    broker: NatsServer,
    store: NatsStore,
    tmp_path: Path,
    key: str | None,
    is_dead: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nats_repair, "LOOK_S", 0.01)
    store.put(message("first", key))
    held = taken(store, 1, 1.0)
    broker.stop(signal.SIGKILL)
    files = files_of(tmp_path, "onehttp-cdr")
    shutil.rmtree(files)
    files.mkdir()
    broker.start()
    other = NatsStore(broker.url)
    until(lambda: other.put(message("second", key)))
    told = [dead(each) if is_dead else done(each) for each in held]
    until(lambda: store.report(told))
    assert [each.message.id for each in taken(other, 1, 1.0)] == ["second"]
    other.close()


@pytest.mark.debian
def test_nothing_that_was_to_be_sent_to_a_killed_broker_is_sent_to_the_next(
    broker: NatsServer, store: NatsStore
) -> None:
    store.put(message("first"))
    client = store._nats.client

    async def pending(_: object) -> None:  # for an end of the step of the loop that sends it
        client._pending.append(b"PUB onehttp.cdr.free 1\r\nx\r\n")
        client._pending_data_size += 1

    store._nats.run(pending)
    broker.stop(signal.SIGKILL)
    broker.start()
    until(lambda: store.put(message("second")))
    assert [each.waiting for each in store.lengths()] == [2]
