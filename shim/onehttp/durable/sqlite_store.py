"""Messages in an SQLite database: the store of one machine, with nothing to set up.

Theory of operation
-------------------
1. *Stored is stored*: the write-ahead log is synced before a commit returns (``synchronous=FULL``),
   so an acknowledged message outlives a killed process and a machine without power.
2. *Many at once*: whoever finds nobody writing writes for all who wait by then, in one transaction
   with one sync (group commit). There is no thread for it.
3. *A lease, not a hand-over*: a message stays where it is while a worker has it. Who is killed says
   nothing; its lease ends, and the next one is told that the message may have been sent.
4. *Order of a key*: only the first of a key is ever due, the others stand behind it (`BEHIND`);
   whoever removes the first makes the next one due in the same transaction.
5. *Time* is the kernel's since boot, which all processes share and nobody sets. After a reboot
   every lease is void.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Final

from onehttp.durable.message import Message, message_of
from onehttp.durable.sqlite_database import Database, since_boot_s, transaction
from onehttp.durable.store import DeadLetter, Delivery, Length, Report
from onehttp.errors import OnehttpError, QueueFullError, QueueStoreError

DEFAULT_MAX_LENGTH: Final = 1_000_000
BEHIND: Final = 9e18
"""When a message is due that stands behind another of its key."""


_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS messages (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, queue TEXT NOT NULL,
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
_AFTER_BOOT: Final = f"UPDATE messages SET due = 0 WHERE due < {BEHIND:.0f}"


class _Put:
    """A message on its way into the store."""

    __slots__ = ("error", "is_done", "message")

    def __init__(self, message: Message) -> None:
        self.message = message
        self.is_done = False
        self.error: OnehttpError | None = None


class SqliteStore:
    """A store in one file, for all processes of a machine.

    Args:
        path: made if missing, its folder too, for the owner alone.
        max_length: so many messages a queue may hold.
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
        self.max_length = max_length
        self._database = Database(path)
        self._forget()
        _stores.add(self)
        self._database.prepare(_SCHEMA, _AFTER_BOOT)

    def _forget(self) -> None:
        self._changing = threading.Lock()  # guards _waiting
        self._waiting: list[_Put] = []

    # ---- in

    def put(self, message: Message) -> None:
        """See `Store.put`."""
        mine = _Put(message)
        with self._changing:
            self._waiting.append(mine)
        try:
            with self._database.used() as database:  # who comes first writes for all who wait
                if not mine.is_done:
                    with self._changing:
                        batch, self._waiting = self._waiting, []
                    self._put_all(database, batch)
        finally:
            if not mine.is_done:
                with self._changing:
                    self._waiting = [each for each in self._waiting if each is not mine]
        if mine.error is not None:
            raise mine.error

    def _put_all(self, database: sqlite3.Connection, batch: list[_Put]) -> None:
        full: list[_Put] = []
        refusal = "the thread that was to store it was interrupted; nothing was stored"
        is_stored = False
        try:
            with transaction(database):
                full = [each for each in batch if not self._put_one(database, each.message)]
            is_stored = True
        except sqlite3.Error as error:
            refusal = f"{self._database.path}: {error}; nothing was stored"
        finally:
            for each in batch:
                each.is_done = True
                if not is_stored:
                    each.error = QueueStoreError(refusal)
        for each in full:
            each.error = QueueFullError(
                f"queue {each.message.queue!r} holds {self.max_length} messages, and takes no more "
                "until workers have sent some; nothing was stored"
            )

    def _put_one(self, database: sqlite3.Connection, message: Message) -> bool:
        """Whether there was room."""
        grown = database.execute(
            "INSERT INTO queues VALUES (?, 1) ON CONFLICT (name)"
            " DO UPDATE SET waiting = waiting + 1 WHERE waiting < ?",
            (message.queue, self.max_length),
        )
        if not grown.rowcount:
            return False
        due = self._now()
        if message.key is not None and _first_of(database, message.queue, message.key):
            due = BEHIND
        database.execute(
            "INSERT INTO messages (id, queue, key, described, body, due) VALUES (?, ?, ?, ?, ?, ?)",
            (message.id, message.queue, message.key, message.described(), message.body, due),
        )
        return True

    # ---- out

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
                return []  # without a write, which would be synced
            with transaction(database):
                for report in reports:
                    self._note(database, report)
                now = self._now()
                rows = database.execute(
                    "SELECT number, id, queue, key, described, body, attempts, base, in_hand,"
                    f" may_repeat {due} ORDER BY due, number LIMIT ?",
                    (queue, now, most),
                ).fetchall()
                database.executemany(
                    "UPDATE messages SET due = ?, attempts = attempts + 1, in_hand = 1,"
                    " may_repeat = may_repeat OR in_hand WHERE number = ?",
                    [(now + lease_s, row[0]) for row in rows],
                )
                deliveries = [found for row in rows if (found := self._delivery(database, row))]
        return deliveries

    def _delivery(self, database: sqlite3.Connection, row: tuple[Any, ...]) -> Delivery | None:
        """None: nobody can read it any more, and it is a dead letter now."""
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
            for report in reports:
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
            return  # another worker, who had it when the lease ended, was faster
        queue, key, lease = found
        if report.error:
            if lease != report.lease:
                return  # another has it now, and may do better
            database.execute(
                "UPDATE messages SET is_dead = 1, in_hand = 0, error = ?,"
                " may_repeat = may_repeat OR ? WHERE number = ?",
                (report.error, report.may_have_arrived, report.number),
            )
        else:
            database.execute("DELETE FROM messages WHERE number = ?", (report.number,))
        self._has_left(database, queue, key)

    def _has_left(self, database: sqlite3.Connection, queue: str, key: str | None) -> None:
        """One waits less, and the next of its key is due."""
        database.execute("UPDATE queues SET waiting = waiting - 1 WHERE name = ?", (queue,))
        if key is not None and (first := _first_of(database, queue, key)):
            database.execute(
                "UPDATE messages SET due = ? WHERE number = ? AND due = ?",
                (self._now(), first, BEHIND),
            )

    def next_due_s(self, queue: str) -> float | None:
        """Seconds until one is due; None: none will be by itself."""
        with self._database.used() as database:
            (due,) = database.execute(
                "SELECT min(due) FROM messages WHERE queue = ? AND is_dead = 0", (queue,)
            ).fetchone()
        return None if due is None or due >= BEHIND else max(0.0, due - self._now())

    # ---- for people

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
                # Later ones of its key may be under way: it is the last of them from now on.
                is_behind = key is not None and _first_of(database, queue, key) is not None
                database.execute(
                    "UPDATE messages SET is_dead = 0, base = attempts, due = ?,"
                    " number = (SELECT max(number) + 1 FROM messages) WHERE number = ?",
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


def _first_of(database: sqlite3.Connection, queue: str, key: str) -> int | None:
    (first,) = database.execute(
        "SELECT min(number) FROM messages WHERE queue = ? AND key = ? AND is_dead = 0",
        (queue, key),
    ).fetchone()
    number: int | None = first
    return number


def _chosen(queue: str, id: str | None) -> tuple[str, tuple[str, ...]]:
    if id is None:
        return "queue = ? AND is_dead = 1", (queue,)
    return "queue = ? AND is_dead = 1 AND id = ?", (queue, id)


_stores: weakref.WeakSet[SqliteStore] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for store in list(_stores):
        store._forget()


os.register_at_fork(after_in_child=_after_fork_in_child)
