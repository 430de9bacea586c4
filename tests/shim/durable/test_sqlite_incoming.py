"""Threads that store at the same time: one transaction for all, and each is told of its own."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import onehttp
from onehttp.durable.message import Message
from onehttp.durable.sqlite_store import SqliteStore
from onehttp.durable.store import Report
from servers.patience import until

LEASE_S = 60.0


def message(id: str, key: str | None = None, queue: str = "cdr") -> Message:
    return Message(id=id, queue=queue, key=key, connection="api", method="POST", url="/x",
                   headers=(("X", "y"),), body=b"x")  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "queues.db", max_length=100)
    yield store
    store.close()


def begun(store: SqliteStore) -> list[str]:
    """Its transactions from now on."""
    found: list[str] = []
    with store._database.used() as database:
        database.set_trace_callback(
            lambda text: found.append(text) if text.startswith("BEGIN") else None
        )
    return found


def put_at_once(store: SqliteStore, messages: list[Message]) -> dict[str, BaseException | None]:
    """By a thread each, all of which have come before the first may write; what each raised."""
    came_to: dict[str, BaseException | None] = {}

    def put(one: Message) -> None:
        try:
            store.put(one)
            came_to[one.id] = None
        except onehttp.OnehttpError as error:
            came_to[one.id] = error

    threads = [threading.Thread(target=put, args=(one,)) for one in messages]
    with store._database.used():
        for thread in threads:
            thread.start()
        until(lambda: len(waiting(store)) == len(messages))
    for thread in threads:
        thread.join()
    return came_to


def waiting(store: SqliteStore) -> list[object]:
    batch = store._incoming._open
    return [] if batch is None else list(batch.puts)


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 90])
def test_threads_that_wait_share_one_commit_and_all_is_stored(
    store: SqliteStore, count: int
) -> None:
    transactions = begun(store)
    keys = [None, "a", "b"]
    came_to = put_at_once(store, [message(str(n), keys[n % 3]) for n in range(count)])
    assert (set(came_to.values()), len(transactions)) == ({None}, 1)
    found: list[str] = []
    while taken := store.take("cdr", 100, LEASE_S):
        assert len([each for each in taken if each.message.key is not None]) <= 2
        found += [each.message.id for each in taken]
        store.report([Report(number=each.number, lease=each.lease) for each in taken])
    assert sorted(found) == sorted(came_to)
    assert [each.waiting for each in store.lengths()] == [0]


def test_concurrent_messages_are_stored_up_to_the_limit(
    store: SqliteStore,
) -> None:
    for n in range(70):
        store.put(message(f"before-{n}"))
    many = [message(str(n)) for n in range(50)]
    came_to = put_at_once(store, [*many, message("other", queue="other")])
    stored = {id for id, error in came_to.items() if error is None}
    assert (len(stored), "other" in stored) == (31, True)
    assert all("holds 100 messages" in str(error) for error in came_to.values() if error)
    taken = [*store.take("cdr", 200, LEASE_S), *store.take("other", 200, LEASE_S)]
    assert {each.message.id for each in taken[70:]} == stored


def test_who_is_interrupted_while_he_waits_leaves_the_others_to_be_stored(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    came_to: list[str] = []

    def put() -> None:
        store.put(message("other"))
        came_to.append("stored")

    @contextmanager
    def interrupted() -> Iterator[sqlite3.Connection]:
        monkeypatch.undo()
        other.start()
        until(lambda: len(waiting(store)) == 2)
        raise KeyboardInterrupt
        yield

    other = threading.Thread(target=put)
    monkeypatch.setattr(store._database, "used", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.put(message("interrupted"))
    other.join()
    assert came_to == ["stored"]
    assert [each.message.id for each in store.take("cdr", 10, LEASE_S)] == ["other"]


def test_an_error_is_of_every_thread_whose_message_was_not_stored(store: SqliteStore) -> None:
    with store._database.used() as database:
        database.execute("CREATE UNIQUE INDEX ids ON messages (id)")
    store.put(message("same"))
    came_to = put_at_once(store, [message(id) for id in ("1", "same", "2")])
    assert all("UNIQUE" in str(error) for error in came_to.values())
    assert put_at_once(store, [message("1"), message("2")]) == {"1": None, "2": None}
    (length,) = store.lengths()
    assert length.waiting == 3
