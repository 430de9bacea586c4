"""The embedded store against a model of it: nothing is lost, keys keep their order, and what may
have been sent twice says so."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import onehttp
from onehttp.durable.message import Message
from onehttp.durable.sqlite_incoming import BEHIND
from onehttp.durable.sqlite_store import SqliteStore
from onehttp.durable.store import Delivery, Report
from stand_ins.processes import child

LEASE_S = 60.0


def message(id: str, key: str | None = None, queue: str = "cdr", body: bytes = b"x") -> Message:
    return Message(id=id, queue=queue, key=key, connection="api", method="POST", url="/x",
                   headers=(("X", "y"),), body=body)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "folder" / "queues.db", max_length=100)


class Model(RuleBasedStateMachine):
    """Messages as they are put, and what must be true of whatever is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.now = 1000.0
        self.path = Path(self.folder.name, "q.db")
        self.store = SqliteStore(self.path, max_length=12, now=lambda: self.now)
        self.count = 0
        self.waiting: list[Message] = []
        self.dead: list[Message] = []
        self.in_hand: list[Delivery] = []
        self.may_have_arrived: set[str] = set()

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(key=st.sampled_from([None, None, "a", "b"]))
    def put(self, key: str | None) -> None:
        self.count += 1
        new = message(str(self.count), key)
        if len(self.waiting) >= 12:
            with pytest.raises(onehttp.QueueFullError):
                self.store.put(new)
            return
        self.store.put(new)
        self.waiting.append(new)

    @rule(most=st.integers(1, 4))
    def take(self, most: int) -> None:
        for delivery in self.store.take("cdr", most, LEASE_S):
            told = delivery.message
            assert told in self.waiting
            earlier = self.waiting[: self.waiting.index(told)]
            assert told.key is None or told.key not in [each.key for each in earlier]
            assert told.id not in [d.message.id for d in self.in_hand if self._has_lease(d)]
            was_in_hand = told.id in [each.message.id for each in self.in_hand]
            assert delivery.may_repeat == (told.id in self.may_have_arrived or was_in_hand)
            self.in_hand = [each for each in self.in_hand if each.message.id != told.id]
            self.in_hand.append(delivery)
            self.lease_ends[told.id] = self.now + LEASE_S

    @property
    def lease_ends(self) -> dict[str, float]:
        ends: dict[str, float] = self.__dict__.setdefault("_lease_ends", {})
        return ends

    def _has_lease(self, delivery: Delivery) -> bool:
        return self.lease_ends[delivery.message.id] > self.now

    @rule(seconds=st.sampled_from([1.0, 30.0, LEASE_S]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(data=st.data(), error=st.sampled_from(["", "again", "dead"]), arrived=st.booleans())
    def report(self, data: st.DataObject, error: str, arrived: bool) -> None:
        if not self.in_hand:
            return
        delivery = data.draw(st.sampled_from(self.in_hand))
        self.in_hand.remove(delivery)
        again = 5.0 if error == "again" else None
        self.store.report([Report(number=delivery.number, lease=delivery.lease, error=error,
                                  again_in_s=again, may_have_arrived=arrived)])  # fmt: skip
        told = delivery.message
        if error and arrived:
            self.may_have_arrived.add(told.id)
        if delivery.may_repeat:
            self.may_have_arrived.add(told.id)
        if error != "again":
            self.waiting.remove(told)
        if error == "dead":
            self.dead.append(told)

    @rule()
    def retry_all(self) -> None:
        assert self.store.retry("cdr", None) == len(self.dead)
        self.waiting += self.dead
        self.dead = []

    @rule(data=st.data())
    def drop_one(self, data: st.DataObject) -> None:
        if self.dead:
            told = data.draw(st.sampled_from(self.dead))
            assert self.store.drop("cdr", told.id) == 1
            self.dead.remove(told)

    @invariant()
    def all_are_there(self) -> None:
        lengths = {each.queue: (each.waiting, each.dead) for each in self.store.lengths()}
        assert lengths.get("cdr", (0, 0)) == (len(self.waiting), len(self.dead))
        assert {each.message for each in self.store.dead_letters("cdr", 100)} == set(self.dead)

    @invariant()
    def none_stands_still(self) -> None:
        """While something waits, something is due, or will be."""
        if self.waiting:
            with contextlib.closing(sqlite3.connect(self.path)) as database:
                query = "SELECT min(due) FROM messages WHERE is_dead = 0"
                (due,) = database.execute(query).fetchone()
            assert due < BEHIND


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def test_messages_come_back_as_they_went_in_and_in_order(store: SqliteStore) -> None:
    put = [message(str(n), body=bytes([n])) for n in range(5)]
    for each in put:
        store.put(each)
    assert [each.message for each in store.take("cdr", 10, LEASE_S)] == put
    assert store.take("cdr", 10, LEASE_S) == []


def test_who_was_killed_may_have_sent_it_whatever_the_next_one_says(tmp_path: Path) -> None:
    now = 0.0
    store = SqliteStore(tmp_path / "q.db", now=lambda: now)
    store.put(message("1"))
    store.take("cdr", 1, LEASE_S)  # and killed
    now += LEASE_S
    (second,) = store.take("cdr", 1, LEASE_S)
    not_sent = Report(number=second.number, lease=second.lease, error="refused", again_in_s=0.0,
                      may_have_arrived=False)  # fmt: skip
    store.report([not_sent])
    (third,) = store.take("cdr", 1, LEASE_S)
    assert (second.may_repeat, third.may_repeat, third.attempt) == (True, True, 3)


def test_a_full_queue_refuses_and_says_so_and_takes_more_later(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "q.db", max_length=2)
    for n in range(2):
        store.put(message(str(n)))
    with pytest.raises(onehttp.QueueFullError, match="holds 2 messages"):
        store.put(message("x"))
    store.put(message("other", queue="other"))
    (first,) = store.take("cdr", 1, LEASE_S)
    store.report([Report(number=first.number, lease=first.lease)])
    store.put(message("x"))


def test_a_full_disk_refuses_and_what_was_stored_stays(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "q.db")
    with store._database.used() as database:
        database.execute("PRAGMA max_page_count = 40")  # the same error as of a disk
    stored: list[str] = []

    def fill() -> None:
        while len(stored) < 1000:
            store.put(message(str(len(stored)), body=b"x" * 4000))
            stored.append(str(len(stored)))

    with pytest.raises(onehttp.QueueStoreError, match="full; nothing was stored"):
        fill()
    store.close()
    taken = SqliteStore(tmp_path / "q.db").take("cdr", 1000, LEASE_S)
    assert [each.message.id for each in taken] == stored
    assert stored


def test_the_number_of_a_message_is_never_anothers(store: SqliteStore) -> None:
    """What a worker reports late, of a delivery whose lease has ended, ends no other message."""
    store.put(message("first"))
    (late,) = store.take("cdr", 1, 0.0)
    numbers = {late.number}
    for n in range(3):
        (taken,) = store.take("cdr", 1, 0.0)
        store.report([Report(number=taken.number, lease=taken.lease, error="no")])
        store.retry("cdr", None)
        (again,) = store.take("cdr", 1, LEASE_S)
        store.report([Report(number=again.number, lease=again.lease)])
        store.put(message(f"next-{n}"))
        (new,) = store.take("cdr", 1, 0.0)
        assert not numbers & {again.number, new.number}
        numbers |= {again.number, new.number}


@pytest.mark.parametrize("what", ["no database", "a folder", "no permission"])
def test_what_cannot_be_opened_is_told(tmp_path: Path, what: str) -> None:
    path = tmp_path / "q.db"
    if what == "no database":
        path.write_bytes(b"something else, longer than a header" * 100)
    elif what == "a folder":
        path.mkdir()
    else:
        path = Path("/proc/nothing/q.db")
    with pytest.raises(onehttp.QueueStoreError, match=str(path)):
        SqliteStore(path)


def test_what_nobody_can_read_becomes_a_dead_letter_and_the_rest_goes_on(
    store: SqliteStore,
) -> None:
    store.put(message("1"))
    store.put(message("2"))
    with store._database.changed() as database:
        database.execute("UPDATE messages SET described = '{\"format\": 99}' WHERE id = '1'")
    assert [each.message.id for each in store.take("cdr", 10, LEASE_S)] == ["2"]
    (length,) = store.lengths()
    assert (length.waiting, length.dead) == (1, 1)


def test_a_reboot_voids_every_lease(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "q.db")
    store.put(message("1"))
    store.put(message("a1", "a"))
    store.put(message("a2", "a"))
    store.take("cdr", 10, LEASE_S)
    with store._database.changed() as database:
        database.execute("UPDATE boots SET id = 'another'")
    store.close()
    taken = SqliteStore(tmp_path / "q.db").take("cdr", 10, LEASE_S)
    assert [(each.message.id, each.may_repeat) for each in taken] == [("1", True), ("a1", True)]


def test_a_forked_child_has_a_connection_of_its_own(store: SqliteStore) -> None:
    store.put(message("parent"))
    assert child(lambda: store.put(message("child")), os._exit) == 0
    store.put(message("parent again"))
    taken = [each.message.id for each in store.take("cdr", 10, LEASE_S)]
    assert taken == ["parent", "child", "parent again"]


def test_the_file_is_its_owners_alone(store: SqliteStore) -> None:
    path = store._database.path
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_commit_is_synced(store: SqliteStore) -> None:
    with store._database.used() as database:
        assert database.execute("PRAGMA synchronous").fetchone() == (2,)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert isinstance(database, sqlite3.Connection)
