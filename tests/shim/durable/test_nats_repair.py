"""What a killed broker leaves in two minds: streams, indexes and consumers are files of their own,
of which one may be older than the other."""

from __future__ import annotations

import functools
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from nats.js.manager import JetStreamManager

from onehttp.durable import nats_pull, nats_repair
from onehttp.durable.nats_payload import message_in
from onehttp.durable.nats_pulls import Pulls
from onehttp.durable.nats_store import NatsStore
from onehttp.durable.store import Delivery, Report
from onehttp.errors import QueueStoreError
from servers.brokers.nats import NatsServer
from servers.patience import PATIENCE_S
from stand_ins.queries.durable import put

LEASE_S = 60.0


@contextmanager
def older(folder: Path, part: str) -> Iterator[None]:
    """What a part of the stream's folder holds now it holds again in the end."""
    (held,) = folder.glob(f"jetstream/*/streams/onehttp-cdr/{part}")
    shutil.copytree(held, folder / "before")
    yield
    shutil.rmtree(held)
    shutil.copytree(folder / "before", held)


def is_told(tell: Callable[[], object]) -> bool:
    """False: the server that has just started is not there yet."""
    try:
        tell()
    except QueueStoreError:
        return False
    return True


def _until(found: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not found():
        assert time.monotonic() < end, "it never came"


def taken(store: NatsStore, lease_s: float = LEASE_S) -> Delivery:
    """The next that comes."""
    found: list[Delivery] = []
    _until(lambda: is_told(lambda: found.extend(store.take("cdr", 1, lease_s))) and found)
    return found[0]


def done(store: NatsStore, delivery: Delivery) -> None:
    store.report([Report(number=delivery.number, lease=delivery.lease)])


@pytest.mark.debian
@pytest.mark.parametrize("key", [None, "a key"])
def test_a_message_that_is_gone_holds_up_no_other(
    broker: NatsServer,
    store: NatsStore,
    tmp_path: Path,
    key: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nats_repair, "LOOK_S", 0.01)
    put(store, "under way", "another")  # a stream's first message the broker itself sees to
    assert taken(store, lease_s=1.0).message.id == "under way"
    for id in ("first", "second", "third"):
        put(store, id, key)
    first = taken(store, lease_s=1.0)
    assert first.message.id == "first"
    broker.stop()
    with older(tmp_path, "obs"):  # where nobody has said that the first is done
        broker.start()
        _until(lambda: is_told(lambda: done(store, first)))
        broker.stop()
    broker.start()
    store.close()
    left = {"second", "third"}
    while left:
        delivery = taken(store, lease_s=1.0)
        assert delivery.may_repeat
        if delivery.message.id in left:
            left.remove(delivery.message.id)
            done(store, delivery)
    _until(lambda: is_told(lambda: taken(store, lease_s=1.0)) and under_way(store) == 1)


def under_way(store: NatsStore) -> int:
    """By what the broker says."""
    consumers = store._nats.run(lambda js: js.consumers_info("onehttp-cdr"))
    return sum(each.num_ack_pending for each in consumers)


@pytest.mark.debian
@pytest.mark.parametrize("key", [None, "a key"])
def test_a_message_that_was_taken_for_done_comes_again(
    broker: NatsServer, store: NatsStore, tmp_path: Path, key: str | None
) -> None:
    put(store, "first", key)
    with older(tmp_path, "msgs"):  # where it is there
        first = taken(store)
        assert not first.may_repeat
        done(store, first)
        store.close()
        broker.stop()
    broker.start()
    assert [each.waiting for each in store.lengths()] == [1]
    again = taken(store)
    assert (again.message, again.may_repeat) == (first.message, True)
    done(store, again)
    assert [each.waiting for each in store.lengths()] == [0]
    put(store, "second", key)
    second = taken(store)
    assert (second.message.id, second.may_repeat) == ("second", False)


@pytest.mark.debian
def test_a_message_behind_one_in_flight_is_sent_after_a_kill(
    broker: NatsServer, store: NatsStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_repair, "LOOK_S", 0.01)
    for id in ("under way", "first"):
        put(store, id, None)
    with older(tmp_path, "msgs"):
        assert taken(store, lease_s=1.0).message.id == "under way"
        done(store, taken(store, lease_s=1.0))
        store.close()
        broker.stop()
    broker.start()
    for id in ("under way", "first"):
        again = taken(store, lease_s=1.0)
        assert (again.message.id, again.may_repeat) == (id, True)
        done(store, again)
    assert [each.waiting for each in store.lengths()] == [0]


@pytest.mark.debian
@pytest.mark.parametrize("key", [None, "a key"])
def test_a_message_that_its_own_broker_takes_for_done_comes_again(
    broker: NatsServer,
    store: NatsStore,
    tmp_path: Path,
    key: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nats_repair, "LOOK_S", 0.01)
    monkeypatch.setattr(nats_repair, "broker_of", lambda _: store._nats.server_id)
    put(store, "first", key)
    with older(tmp_path, "msgs"):
        done(store, taken(store))
        store.close()
        broker.stop()
    broker.start()
    again = taken(store)
    assert (again.message.id, again.may_repeat) == ("first", True)
    done(store, again)
    assert [each.waiting for each in store.lengths()] == [0]


@pytest.mark.debian
@pytest.mark.parametrize("key", [None, "a key"])
def test_a_message_that_the_index_has_lost_comes_again(
    store: NatsStore, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_repair, "LOOK_S", 0.01)
    put(store, "first", key)
    subjects = Pulls._subjects

    async def without_the_first(pulls: Pulls, js: Any, queue: str) -> list[str] | None:
        is_alone = (await js.stream_info("onehttp-cdr")).state.last_seq == 1
        return [] if is_alone else await subjects(pulls, js, queue)

    monkeypatch.setattr(Pulls, "_subjects", without_the_first)
    again = taken(store)
    assert (again.message.id, again.may_repeat) == ("first", True)
    done(store, again)
    assert [each.waiting for each in store.lengths()] == [0]


@pytest.mark.debian
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_message_that_two_workers_store_again_is_there_once(
    store: NatsStore, number: int
) -> None:
    for id in ("1", "2", "3"):
        put(store, id, None)

    async def twice(js: Any) -> None:
        found, client = await js.get_msg("onehttp-cdr", number), store._nats.client
        begun = nats_repair._Begun(store._nats.server_id, store._publishing)
        for _ in range(2):
            await nats_repair._store_anew(js, client, "onehttp-cdr", found, begun)

    store._nats.run(twice)
    got = [taken(store) for _ in range(3)]
    others = [str(each) for each in (1, 2, 3) if each != number]
    assert [each.message.id for each in got] == [*others, str(number)]
    assert [each.may_repeat for each in got] == [False, False, True]
    for each in got:
        done(store, each)
    assert [each.waiting for each in store.lengths()] == [0]


@pytest.mark.debian
def test_what_waits_for_good_reason_is_not_stored_again(
    store: NatsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for id in ("first", "behind it"):
        put(store, id, "a key")
    first = taken(store)
    put(store, "failed", None)
    failed = taken(store)
    report = Report(number=failed.number, lease=failed.lease, error="503", again_in_s=LEASE_S)
    store.report([report])
    monkeypatch.setattr(nats_repair, "LOOK_S", 0.0)
    monkeypatch.setattr(nats_repair, "SHARE", 0)
    store._mending = nats_repair.Mending(store._publishing)  # which checks at once
    for _ in range(2 * nats_repair.SURE):
        assert not store.take("cdr", 1, LEASE_S)
    assert store._nats.run(lambda js: js.stream_info("onehttp-cdr")).state.last_seq == 3
    done(store, first)
    behind = taken(store)
    assert (behind.message.id, behind.may_repeat) == ("behind it", False)


@pytest.mark.debian
@pytest.mark.parametrize("key", [None, "a key"])
@pytest.mark.parametrize("is_found_at_once", [True, False])
def test_messages_come_after_the_numbers_have_started_over(
    broker: NatsServer,
    store: NatsStore,
    tmp_path: Path,
    key: str | None,
    is_found_at_once: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nats_repair, "LOOK_S", 0.01)
    for id in ("first", "second"):
        put(store, id, key)
        done(store, taken(store))
    other = NatsStore(store._nats.url)  # which has its consumers already
    put(other, "third", key)
    done(other, taken(other))
    broker.stop()
    for file in tmp_path.glob("jetstream/*/streams/onehttp-cdr/msgs/*"):
        file.unlink()
    broker.start()
    new = ["fourth"] if is_found_at_once else ["fourth", "fifth", "sixth", "seventh"]
    _until(lambda: is_told(lambda: put(store, new[0], key)))
    for id in new[1:]:
        put(store, id, key)
    found: list[str] = []
    while len(found) < len(new):
        delivery = taken(store)
        found.append(delivery.message.id)
        done(store, delivery)
    assert sorted(found) == sorted(new)
    put(other, "last", key)
    assert taken(other).message.id == "last"
    other.close()


@pytest.mark.debian
def test_a_worker_that_was_held_up_gives_nothing_as_new_that_another_has_got(
    broker: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_pull, "EXPIRES_S", PATIENCE_S)  # asked for once
    held_up, other = NatsStore(broker.url), NatsStore(broker.url)
    for number in range(20):
        put(held_up, str(number), str(number))
    taken(held_up, lease_s=1.0)
    _until(held_up._pulls.has_arrived)
    arrived = {
        message_in("cdr", each.message.data)[0].id
        for pull in held_up._pulls._pulls.values()
        for each in list(pull.here)
    }
    while arrived:
        delivery = taken(other, lease_s=1.0)
        assert delivery.may_repeat or delivery.message.id not in arrived
        arrived.discard(delivery.message.id)
    assert all(each.may_repeat for each in held_up.take("cdr", 20, 1.0))
    held_up.close()
    other.close()


@pytest.mark.debian
def test_what_is_taken_for_done_comes_also_between_two_that_are_gone(
    broker: NatsServer, store: NatsStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_repair, "LOOK_S", 0.01)
    asked = JetStreamManager.consumers_info

    async def lagging(js: JetStreamManager, stream: str) -> list[Any]:
        """As after some kills: what is done is told when nothing is under way any more."""
        found: list[Any] = await asked(js, stream)
        for each in found:
            each.ack_floor.stream_seq = 1 if each.num_ack_pending else each.ack_floor.stream_seq
        return found

    monkeypatch.setattr(JetStreamManager, "consumers_info", lagging)
    for number in range(1, 7):
        put(store, str(number), None)
    got = {delivery.message.id: delivery for delivery in (taken(store) for _ in range(6))}
    (files,) = tmp_path.glob("jetstream/*/streams/onehttp-cdr")

    def started_again(*done_then: str) -> None:
        broker.start()
        for id in done_then:
            _until(functools.partial(is_told, functools.partial(done, store, got[id])))
        broker.stop()

    for id in ("1", "4", "6"):
        done(store, got[id])
    broker.stop()
    shutil.copytree(files, tmp_path / "before")
    started_again("3")
    shutil.copytree(files / "obs", tmp_path / "obs")
    shutil.rmtree(files)
    shutil.copytree(tmp_path / "before", files)
    started_again("2", "5")
    shutil.rmtree(files / "obs")
    shutil.copytree(tmp_path / "obs", files / "obs")
    store.close()
    broker.start()
    came: list[str] = []
    while "3" not in came:  # others may come, too: the broker has not written that they are done
        again = taken(store)
        assert again.may_repeat
        came.append(again.message.id)
        done(store, again)
