"""Stores messages in batches (group commit): the first thread stores the messages of all threads
that wait by then.

Each statement lets other threads run and then waits for its turn, so a batch uses few statements
for any number of messages.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from onehttp.durable.message import Message
from onehttp.durable.sqlite_database import Database, transaction
from onehttp.errors import OnehttpError, QueueFullError, QueueStoreError
from onehttp_backends.forks import reentrant_lock

BEHIND: Final = 9e18
"""The due time of a message that waits behind another one of its key."""
AT_ONCE: Final = 64
"""The number of messages in one statement."""


class _Put:
    """A message that is to be stored."""

    __slots__ = ("error", "message")

    def __init__(self, message: Message) -> None:
        self.message = message
        self.error: OnehttpError | None = None


class _StoredBatch:
    """Messages that are stored by one transaction."""

    __slots__ = ("done", "is_over", "puts", "refusal", "writing")

    def __init__(self) -> None:
        self.puts: list[_Put] = []
        self.done: list[object] = []
        """Not empty if the messages were stored; otherwise ``refusal`` has the reason."""
        self.refusal = "the thread that was to store it was interrupted"
        self.writing = reentrant_lock()
        """The holder writes the batch. Threads that get it later find the batch done."""
        self.is_over = False


class Incoming:
    """Stores the messages of all threads of one process in few transactions.

    A batch is open until its writer has the database. Until then other threads join it. So does the
    thread that has just written the previous batch: otherwise it would be faster than the threads
    that this has woken, again and again, and each would write alone.

    Args:
        max_length: the largest number of messages in a queue.
        now: seconds that all processes agree on.
    """

    def __init__(self, database: Database, max_length: int, now: Callable[[], float]) -> None:
        self._database = database
        self._max_length = max_length
        self._now = now
        self._changing = reentrant_lock()  # guards _open, and who is in it
        self.forget()

    def forget(self) -> None:
        """Start anew: in a forked child, the waiting threads are those of the parent."""
        self._open: _StoredBatch | None = None

    def put(self, message: Message) -> None:
        """See `Store.put`."""
        mine = _Put(message)
        with self._changing:
            batch = self._open = self._open or _StoredBatch()
            batch.puts.append(mine)
        try:
            with batch.writing:
                if not batch.is_over:
                    self._write(batch)
        except BaseException:
            with self._changing:
                if batch is self._open:
                    batch.puts.remove(mine)
            raise
        if not batch.done:
            raise QueueStoreError(f"{batch.refusal}; nothing was stored")
        if mine.error is not None:
            raise mine.error

    def _write(self, batch: _StoredBatch) -> None:
        with self._database.used() as database:
            if batch.is_over:  # by a signal handler, which has submitted, too
                return
            with self._changing:
                if self._open is batch:
                    self._open = None
            try:
                self._put_all(database, batch)
            except sqlite3.Error as error:
                batch.refusal = f"{self._database.path}: {error}"
            finally:
                batch.is_over = True

    def _put_all(self, database: sqlite3.Connection, batch: _StoredBatch) -> None:
        queues: dict[str, list[_Put]] = {}
        for each in batch.puts:
            queues.setdefault(each.message.queue, []).append(each)
        with transaction(database, batch.done):
            for queue, of_queue in queues.items():
                room = self._room(database, queue, len(of_queue))
                self._insert(database, [each.message for each in of_queue[:room]])
                for each in of_queue[room:]:
                    each.error = QueueFullError(
                        f"queue {queue!r} is full: it holds {self._max_length} messages; "
                        "this message was not stored"
                    )

    def _room(self, database: sqlite3.Connection, queue: str, wanted: int) -> int:
        """Reserve room for up to ``wanted`` messages. Returns for how many there is room."""
        fit = "UPDATE queues SET waiting = waiting + ? WHERE name = ? AND waiting <= ?"
        if database.execute(fit, (wanted, queue, self._max_length - wanted)).rowcount:
            return wanted
        database.execute("INSERT OR IGNORE INTO queues VALUES (?, 0)", (queue,))
        (waiting,) = database.execute(
            "SELECT waiting FROM queues WHERE name = ?", (queue,)
        ).fetchone()
        room: int = max(0, min(wanted, self._max_length - waiting))
        database.execute(fit, (room, queue, self._max_length))
        return room

    def _insert(self, database: sqlite3.Connection, messages: Sequence[Message]) -> None:
        now = self._now()
        keys: set[str] = set()
        """The keys for which other messages wait."""
        for start in range(0, len(messages), AT_ONCE):
            chunk = messages[start : start + AT_ONCE]
            values: list[object] = []
            for each in chunk:
                due = now
                if each.key is not None:
                    if each.key in keys or first_of(database, each.queue, each.key):
                        due = BEHIND
                    keys.add(each.key)
                values += (each.id, each.queue, each.key, each.described(), each.body, due)
            database.execute(_inserting(len(chunk)), values)


@functools.cache
def _inserting(count: int) -> str:
    return "INSERT INTO messages (id, queue, key, described, body, due) VALUES " + ",".join(
        ["(?, ?, ?, ?, ?, ?)"] * count
    )


def first_of(database: sqlite3.Connection, queue: str, key: str) -> int | None:
    """Return the number of the first waiting message of a key."""
    (first,) = database.execute(
        "SELECT min(number) FROM messages WHERE queue = ? AND key = ? AND is_dead = 0",
        (queue, key),
    ).fetchone()
    number: int | None = first
    return number
