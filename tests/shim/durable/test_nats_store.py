"""The store of many machines, on a real NATS server that is killed and started again."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

import onehttp
from onehttp.cli.worker import send
from onehttp.durable import nats_connection, nats_store
from onehttp.durable.message import Message
from onehttp.durable.nats_store import NatsStore
from onehttp.durable.sqlite_store import SqliteStore
from onehttp.durable.store import Delivery, Report, Store
from onehttp.durable.submitting import store_at
from onehttp.durable.worker import Worker, WorkerSettings
from servers.brokers.nats import NatsServer
from servers.patience import PATIENCE_S, until
from servers.raw import RawServer, keep_answering
from stand_ins.processes import child, output

LEASE_S = 60.0


def message(id: str, key: str | None = None, body: bytes | None = b"x\ny\0") -> Message:
    return Message(id=id, queue="cdr", key=key, connection="api", method="POST", url="/x",
                   headers=(("X", "y"),), body=body, params=(("a", "b"),))  # fmt: skip


def taken(store: Store, count: int, lease_s: float = LEASE_S) -> list[Delivery]:
    """So many deliveries, in whatever portions they come."""
    found: list[Delivery] = []
    end = time.monotonic() + PATIENCE_S
    while len(found) < count and time.monotonic() < end:
        found += store.take("cdr", count - len(found), lease_s)
    assert len(found) == count
    return found


def done(delivery: Delivery, **said: Any) -> Report:
    return Report(number=delivery.number, lease=delivery.lease, **said)


def test_messages_come_back_as_they_went_in(store: NatsStore) -> None:
    put = [message(str(n), body=None if n == 2 else bytes([10, n])) for n in range(5)]
    for each in put:
        store.put(each)
    deliveries = taken(store, 5)
    assert [each.message for each in deliveries] == put
    assert {(each.attempt, each.may_repeat) for each in deliveries} == {(1, False)}
    store.report([done(each) for each in deliveries])
    assert [(each.queue, each.waiting, each.dead) for each in store.lengths()] == [("cdr", 0, 0)]


def _clients() -> list[Client]:
    return [each for each in gc.get_objects() if type(each) is Client and not each.is_closed]


def test_threads_that_come_first_share_one_connection(broker: NatsServer) -> None:
    before = _clients()
    store = NatsStore(broker.url)
    together = threading.Barrier(16)

    def puts(number: int) -> None:
        together.wait(PATIENCE_S)
        store.put(message(str(number)))

    threads = [threading.Thread(target=puts, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert [each.waiting for each in store.lengths()] == [16]
    assert [each for each in _clients() if each not in before] == [store._nats.client]
    store.close()


def test_what_is_tried_again_may_be_a_repeat(store: NatsStore) -> None:
    store.put(message("1"))
    (first,) = taken(store, 1)
    store.report([done(first, error="status 503", again_in_s=0.01)])
    (second,) = taken(store, 1)
    assert (second.message, second.attempt, second.may_repeat) == (first.message, 2, True)


def test_a_lease_that_ends_gives_the_message_to_another(store: NatsStore) -> None:
    store.put(message("1"))
    taken(store, 1, lease_s=1.0)
    other = NatsStore(store._nats.url)
    (again,) = taken(other, 1, lease_s=1.0)
    assert again.may_repeat
    other.keep([again.number], 1.0)
    other.report([done(again)])
    other.close()
    assert [each.waiting for each in store.lengths()] == [0]


def test_messages_of_a_key_come_one_after_the_other(store: NatsStore) -> None:
    for number in range(4):
        store.put(message(str(number), "call-1"))
    for number in range(4):
        (delivery,) = taken(store, 1)
        assert delivery.message.id == str(number)
        assert store.take("cdr", 10, LEASE_S) == []
        store.report([done(delivery)])


def test_a_key_under_way_holds_up_nobody_else(
    store: NatsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("slow", "quick"):
        store.put(message(f"{key}-1", key))
        store.put(message(f"{key}-2", key))
    first = {each.message.id: each for each in taken(store, 2)}
    assert set(first) == {"slow-1", "quick-1"}
    monkeypatch.setattr("onehttp.durable.nats_store.FETCH_S", 100 * PATIENCE_S)
    store.report([done(first["quick-1"])])
    assert [each.message.id for each in taken(store, 1)] == ["quick-2"]


def test_what_has_come_and_nobody_has_taken_is_given_back(
    broker: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onehttp.durable.nats_pull.EXPIRES_S", PATIENCE_S)  # asked for once
    leaving, staying = NatsStore(broker.url), NatsStore(broker.url)
    for number in range(40):
        leaving.put(message(str(number), str(number)))
    held = taken(leaving, 1, lease_s=3600.0)
    until(leaving._pulls.has_arrived)
    leaving.close()
    others: set[str] = set()
    end = time.monotonic() + PATIENCE_S
    while len(others) < 39 - _behind(held[0].message):
        for each in staying.take("cdr", 40, 3600.0):
            others.add(each.message.id)
            staying.report([done(each)])
        assert time.monotonic() < end
    staying.close()


def _behind(held: Message) -> int:
    """Of those messages, how many wait for this one."""
    part = nats_store._subject(held)
    keys = [str(number) for number in range(40) if str(number) != held.key]
    return sum(nats_store._subject(message(key, key)) == part for key in keys)


def test_dead_letters_are_listed_retried_and_dropped(store: NatsStore) -> None:
    for number in range(3):
        store.put(message(str(number)))
    store.report([done(each, error="status 404") for each in taken(store, 3)])
    dead = store.dead_letters("cdr", 10)
    assert sorted(each.message.id for each in dead) == ["0", "1", "2"]
    assert {(each.error, each.attempts) for each in dead} == {("status 404", 1)}
    assert store.drop("cdr", "1") == 1
    assert store.retry("cdr", "2") == 1
    (again,) = taken(store, 1)
    assert (again.message.id, again.attempt, again.may_repeat) == ("2", 1, True)
    assert store.retry("cdr", "none") == 0
    assert store.drop("cdr", None) == 1


def test_a_full_stream_refuses(broker: NatsServer) -> None:
    store = NatsStore(broker.url, max_length=2)
    store.put(message("1"))
    store.put(message("2"))
    with pytest.raises(onehttp.QueueFullError, match="holds 2 messages"):
        store.put(message("3"))
    store.close()


def test_a_message_larger_than_the_server_takes_is_refused(store: NatsStore) -> None:
    with pytest.raises(onehttp.QueueStoreError, match="MaxPayload"):
        store.put(message("1", body=b"x" * (2 << 20)))
    store.put(message("2"))


@pytest.mark.parametrize("queue", ["a.b", "", "a b", "x-dead", "*", "ä"])
def test_a_name_that_nats_cannot_have_is_refused(store: NatsStore, queue: str) -> None:
    with pytest.raises(onehttp.QueueStoreError, match="on NATS a name has"):
        store.put(Message(id="1", queue=queue, key=None, connection="", method="GET", url="x",
                          headers=(), body=None))  # fmt: skip


def test_a_server_that_is_not_there_is_told_and_found_when_it_comes(
    debian: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_connection, "ANSWER_S", 1.0)
    broker = NatsServer(tmp_path)
    store = NatsStore(broker.url)
    with pytest.raises(onehttp.QueueStoreError, match=r"nats://127\.0\.0\.1"):
        store.put(message("1"))
    with broker:
        _put_until_it_is_taken(store, message("2"))
        assert [each.message.id for each in taken(store, 1)] == ["2"]
        store.close()


def _put_until_it_is_taken(store: NatsStore, one: Message) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            store.put(one)
            return
        except onehttp.QueueStoreError:
            assert time.monotonic() < end


def test_a_killed_broker_has_lost_nothing_that_it_acknowledged(
    broker: NatsServer, store: NatsStore
) -> None:
    acknowledged = []
    for number in range(30):
        if number in (10, 20):
            broker.stop(signal.SIGKILL)
            broker.start()
        _put_until_it_is_taken(store, message(str(number)))
        acknowledged.append(str(number))
    broker.stop(signal.SIGKILL)
    broker.start()
    found: set[str] = set()
    end = time.monotonic() + PATIENCE_S
    while not found >= set(acknowledged) and time.monotonic() < end:
        try:
            found |= {each.message.id for each in store.take("cdr", 100, LEASE_S)}
        except onehttp.QueueStoreError:
            continue
    assert found == set(acknowledged)


def test_a_deleted_stream_is_made_anew_and_said_so(
    store: NatsStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.put(message("1"))
    taken(store, 1)
    store._nats.run(lambda js: js.delete_stream("onehttp-cdr"))
    store.put(message("2"))
    assert "its stream is gone with its messages" in caplog.text
    assert [each.message.id for each in taken(store, 1)] == ["2"]


def test_no_store_asks_a_clock_that_somebody_may_set(
    store: NatsStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong() -> float:
        raise AssertionError("asked for the time of day")

    embedded = SqliteStore(tmp_path / "q.db")
    store.put(message("0"))  # connected, before there is no time
    monkeypatch.setattr(time, "time", wrong)
    for each in (store, embedded):
        each.put(message("1"))
        (delivery, *_) = taken(each, 2 if each is store else 1)
        each.report([done(delivery, error="status 503", again_in_s=0.01)])
        (again,) = taken(each, 1)
        each.keep([again.number], LEASE_S)
        each.report([done(again)])


def test_a_forked_child_has_a_connection_of_its_own(store: NatsStore) -> None:
    store.put(message("parent"))
    assert child(lambda: store.put(message("child")), os._exit) == 0
    store.put(message("parent again"))
    ids = [each.message.id for each in taken(store, 3)]
    assert ids == ["parent", "child", "parent again"]


def test_a_worker_sends_what_was_submitted_while_the_broker_is_killed(
    broker: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEHTTP_QUEUES", broker.url)
    monkeypatch.setattr("onehttp.durable.worker.STORE_AGAIN_S", 0.05)
    with RawServer(keep_answering) as server:
        defaults = {"timeout": {"total": PATIENCE_S, "connect": PATIENCE_S}}
        onehttp.init({"version": 1, "defaults": defaults,
                      "connections": {"api": {"url": server.url}}})  # fmt: skip
        api = onehttp.connection("api")
        stored = [api.submit("POST", "/x", queue="cdr", body=b"x").stored for _ in range(40)]
        store = store_at(broker.url)
        worker = Worker(store, "cdr", send, WorkerSettings(concurrency=4, lease_s=2.0))

        def keys() -> Counter[str]:
            found = (r.lower().partition(b'idempotency-key: "')[2][:36] for r in server.requests)
            return Counter(each.decode() for each in found)

        async def kill_and_wait() -> None:
            running = asyncio.ensure_future(worker.run())
            while len(server.requests) < 10:
                await asyncio.sleep(0.001)
            await asyncio.to_thread(broker.stop, signal.SIGKILL)
            await asyncio.to_thread(broker.start)
            while set(keys()) != set(stored):
                await asyncio.sleep(0.01)
            worker.stop()
            await running

        asyncio.run(kill_and_wait())
        store.close()
        repeats = [r for r in server.requests if b"onehttp-possible-repeat" in r.lower()]
        assert len(server.requests) - len(stored) <= len(repeats)


def test_without_the_library_it_says_what_to_install() -> None:
    told = output(
        """
        import sys
        sys.modules["nats"] = None
        from onehttp.durable.submitting import store_at
        try:
            store_at("nats://127.0.0.1:4222")
        except Exception as error:
            print(type(error).__name__, error)
        """
    )
    assert told.startswith("ConfigurationError queues on NATS need nats-py: the extra 'queue'")
