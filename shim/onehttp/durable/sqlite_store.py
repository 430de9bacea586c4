"""A message store in an SQLite database, for one machine, without any set-up.

Theory of operation
-------------------
1. *Durability*: the write-ahead log is synced before a commit returns (``synchronous=FULL``), so a
   stored message survives a killed process and a loss of power.
2. *Group commit*: the first of several waiting threads writes the messages of all, in one
   transaction with one sync. There is no separate thread for this.
3. *Leases*: a message stays in the store while a worker has it. If the worker is killed, its lease
   ends, and the next worker learns that the message may have been sent.
4. *Order of a key*: only the first message of a key is due, the others wait behind it (`BEHIND`).
   Removing the first makes the next one due in the same transaction.
5. *Time* is the kernel's time since boot, which all processes share and which cannot be set. A
   reboot ends all leases.
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Final

from onehttp.durable.message import Message, message_of
from onehttp.durable.sqlite_database import LOT, Database, lots, since_boot_s, transaction
from onehttp.durable.sqlite_incoming import BEHIND, Incoming, first_of
from onehttp.durable.store import DeadLetter, Delivery, Length, Report

DEFAULT_MAX_LENGTH: Final = 1_000_000
_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS messages (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, queue TEXT NOT NULL,
        key TEXT, described TEXT NOT NULL, body BLOB, is_dead INTEGER NOT NULL DEFAULT 0,
        due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, base INTEGER NOT NULL DEFAULT 0,
        in_hand INTEGER NOT NULL DEFAULT 0,
        may_repeat INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '')""",
    "CREATE INDEX IF NOT EXISTS due ON messages (queue, due) WHERE is_dead = 0",
    "CREATE INDEX IF NOT EXISTS keys ON messages (queue, key, number)"
    " WHERE is_dead = 0 AND key IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS dead ON messages (queue, number) WHERE is_dead = 1",
    "CREATE TABLE IF NOT EXISTS queues (name TEXT PRIMARY KEY, waiting INTEGER NOT NULL)",
)
_LEFT: Final = "UPDATE queues SET waiting = waiting - ? WHERE name = ?"
_AFTER_BOOT: Final = f"UPDATE messages SET due = 0 WHERE due < {BEHIND:.0f}"


class SqliteStore:
    """A store in one file, for all processes of a machine.

    Args:
        path: the file. It is created if missing, with its folder, for the owner only.
        max_length: the largest number of messages in a queue.
        now: seconds that all processes agree on.

    Raises:
        QueueStoreError: it cannot be opened.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        max_length: int = DEFAULT_MAX_LENGTH,
        now: Callable[[], float] = since_boot_s,
    ) -> None:
        self._now = now
        self._database = Database(path, _SCHEMA, _AFTER_BOOT)
        self._incoming = Incoming(self._database, max_length, now)
        _stores.add(self)
        with self._database.used():  # or it could not be
            pass

    # ---- storing

    def put(self, message: Message) -> None:
        """See `Store.put`."""
        self._incoming.put(message)

    # ---- delivering

    def take(
        self, queue: str, most: int, lease_s: float, reports: Sequence[Report] = ()
    ) -> Sequence[Delivery]:
        """See `Store.take`."""
        with self._database.used() as database:
            due = "FROM messages WHERE queue = ? AND is_dead = 0 AND due <= ?"
            if (
                not reports
                and not database.execute(f"SELECT 1 {due} LIMIT 1", (queue, self._now())).fetchone()
            ):
                return []  # avoids a write, which would be synced
            with transaction(database):
                self._note_all(database, reports)
                now = self._now()
                rows = database.execute(
                    "SELECT number, id, queue, key, described, body, attempts, base, in_hand,"
                    f" may_repeat {due} ORDER BY due, number LIMIT ?",
                    (queue, now, most),
                ).fetchall()
                for lot in lots([row[0] for row in rows]):
                    database.execute(
                        "UPDATE messages SET due = ?, attempts = attempts + 1, in_hand = 1,"
                        f" may_repeat = may_repeat OR in_hand WHERE number IN {LOT}",
                        (now + lease_s, *lot),
                    )
                deliveries = [found for row in rows if (found := self._delivery(database, row))]
        return deliveries

    def _delivery(self, database: sqlite3.Connection, row: tuple[Any, ...]) -> Delivery | None:
        """Return the delivery of a row. None if it is unreadable; then it becomes a dead letter."""
        number, id, queue, key, described, body, attempts, base, in_hand, may_repeat = row
        try:
            message = message_of(id, queue, key, described, body)
        except (ValueError, KeyError, TypeError) as error:
            unreadable = Report(number=number, lease=attempts + 1, error=f"not readable: {error}")
            self._note(database, unreadable)
            return None
        return Delivery(
            number=number,
            lease=attempts + 1,
            message=message,
            attempt=attempts - base + 1,
            may_repeat=bool(in_hand or may_repeat),
        )

    def keep(self, numbers: Sequence[int], lease_s: float) -> None:
        """See `Store.keep`."""
        with self._database.changed() as database:
            database.executemany(
                "UPDATE messages SET due = ? WHERE number = ? AND in_hand = 1",
                [(self._now() + lease_s, number) for number in numbers],
            )

    def report(self, reports: Sequence[Report]) -> None:
        """See `Store.report`."""
        with self._database.changed() as database:
            self._note_all(database, reports)

    def _note_all(self, database: sqlite3.Connection, reports: Sequence[Report]) -> None:
        """Note reports. Messages that are done and have no key, as most do, are removed in
        batches."""
        singly = {report.number for report in reports if report.error}
        for lot in lots([report.number for report in reports if not report.error]):
            done = f"FROM messages WHERE number IN {LOT} AND is_dead = 0 AND key IS"
            singly.update(n for (n,) in database.execute(f"SELECT number {done} NOT NULL", lot))
            alone = database.execute(f"SELECT queue, count(*) {done} NULL GROUP BY queue", lot)
            for queue, count in alone.fetchall():
                database.execute(_LEFT, (count, queue))
            database.execute(f"DELETE {done} NULL", lot)
        for report in reports:
            if report.number in singly:
                self._note(database, report)

    def _note(self, database: sqlite3.Connection, report: Report) -> None:
        if report.again_in_s is not None:
            database.execute(
                "UPDATE messages SET due = ?, in_hand = 0, error = ?,"
                " may_repeat = may_repeat OR ? WHERE number = ? AND attempts = ?",
                (
                    self._now() + report.again_in_s,
                    report.error,
                    report.may_have_arrived,
                    report.number,
                    report.lease,
                ),
            )
            return
        found = database.execute(
            "SELECT queue, key, attempts FROM messages WHERE number = ? AND is_dead = 0",
            (report.number,),
        ).fetchone()
        if found is None:
            return  # the lease had ended, and another worker was faster
        queue, key, lease = found
        if report.error:
            if lease != report.lease:
                return  # another worker has it now, and may succeed
            database.execute(
                "UPDATE messages SET is_dead = 1, in_hand = 0, error = ?,"
                " may_repeat = may_repeat OR ? WHERE number = ?",
                (report.error, report.may_have_arrived, report.number),
            )
        else:
            database.execute("DELETE FROM messages WHERE number = ?", (report.number,))
        self._has_left(database, queue, key)

    def _has_left(self, database: sqlite3.Connection, queue: str, key: str | None) -> None:
        """Count one message less, and make the next one of its key due."""
        database.execute(_LEFT, (1, queue))
        if key is not None and (first := first_of(database, queue, key)):
            database.execute(
                "UPDATE messages SET due = ? WHERE number = ? AND due = ?",
                (self._now(), first, BEHIND),
            )

    # ---- for operators

    def lengths(self) -> Sequence[Length]:
        """See `Store.lengths`."""
        with self._database.used() as database:
            rows = database.execute(
                "SELECT name, waiting, (SELECT count(*) FROM messages"
                " WHERE queue = name AND is_dead = 1) FROM queues ORDER BY name"
            ).fetchall()
        return [Length(queue=name, waiting=waiting, dead=dead) for name, waiting, dead in rows]

    def dead_letters(self, queue: str, most: int) -> Sequence[DeadLetter]:
        """See `Store.dead_letters`."""
        with self._database.used() as database:
            rows = database.execute(
                "SELECT id, queue, key, described, body, attempts - base, error FROM messages"
                " WHERE queue = ? AND is_dead = 1 ORDER BY number LIMIT ?",
                (queue, most),
            ).fetchall()
        return [
            DeadLetter(message=message_of(*row[:5]), attempts=row[5], error=row[6]) for row in rows
        ]

    def retry(self, queue: str, id: str | None) -> int:
        """See `Store.retry`."""
        chosen, values = _chosen(queue, id)
        with self._database.changed() as database:
            rows = database.execute(
                f"SELECT number, key FROM messages WHERE {chosen} ORDER BY number", values
            ).fetchall()
            for number, key in rows:
                # Later messages of its key may be in flight, so it becomes the last of them.
                is_behind = key is not None and first_of(database, queue, key) is not None
                # A new number that was never used, because late reports name the old one.
                database.execute("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'messages'")
                database.execute(
                    "UPDATE messages SET is_dead = 0, base = attempts, due = ?,"
                    " number = (SELECT seq FROM sqlite_sequence WHERE name = 'messages')"
                    " WHERE number = ?",
                    (BEHIND if is_behind else self._now(), number),
                )
            database.execute(
                "UPDATE queues SET waiting = waiting + ? WHERE name = ?", (len(rows), queue)
            )
        return len(rows)

    def drop(self, queue: str, id: str | None) -> int:
        """See `Store.drop`."""
        chosen, values = _chosen(queue, id)
        with self._database.changed() as database:
            return database.execute(f"DELETE FROM messages WHERE {chosen}", values).rowcount

    def close(self) -> None:
        """See `Store.close`."""
        self._database.close()


def _chosen(queue: str, id: str | None) -> tuple[str, tuple[str, ...]]:
    if id is None:
        return "queue = ? AND is_dead = 1", (queue,)
    return "queue = ? AND is_dead = 1 AND id = ?", (queue, id)


_stores: weakref.WeakSet[SqliteStore] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for store in list(_stores):
        store._incoming.forget()


os.register_at_fork(after_in_child=_after_fork_in_child)
