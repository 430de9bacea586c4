"""The SQLite database under a store: opened once in each process, used by one thread at a time."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import random
from typing import Final, TypeAlias

from onehttp.errors import QueueStoreError, ReentrantCallError
from onehttp_backends.forks import reentrant_lock

logger = logging.getLogger("onehttp")
BUSY_S: Final = 30.0
"""How long a transaction waits for transactions of other processes."""
_AGAIN_S: Final = 0.004
"""The longest interval between checks whether another process still writes."""
_LOT_SIZE: Final = 64
LOT: Final = f"({', '.join('?' * _LOT_SIZE)})"
"""The placeholders of a batch of numbers in a statement."""
_SUFFIXES: Final = ("", "-wal", "-shm")
_Files: TypeAlias = "tuple[tuple[int, int] | None, ...]"
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


class Database:
    """One file for all processes of a machine. It is created if missing, readable by its owner
    only.

    Args:
        schema: statements that create what is missing.
        after_boot: a statement to run if the machine has started since the last time.
    """

    def __init__(
        self, path: str | os.PathLike[str], schema: Sequence[str], after_boot: str
    ) -> None:
        self.path = Path(path).absolute()
        self._schema = schema
        self._after_boot = after_boot
        self._using = reentrant_lock()  # guards _connection
        self._reset()
        _databases.add(self)

    def _reset(self) -> None:
        self._is_used = False
        self._connection: sqlite3.Connection | None = None
        self._files: _Files = ()
        """The open files: the database, its log and the index of the log."""

    def __del__(self) -> None:
        # It is unused from now on. sqlite3 warns about open connections then (Python 3.13).
        connection: sqlite3.Connection | None = getattr(self, "_connection", None)
        if connection is not None:
            connection.close()

    def abandon(self) -> None:
        """In a forked child, drop the connection without closing it, because it is the parent's."""
        if self._connection is not None:
            _of_parents.append(self._connection)
        self._reset()

    @contextmanager
    def used(self) -> Iterator[sqlite3.Connection]:
        """Provide the connection to this thread only.

        Raises:
            QueueStoreError: SQLite has failed; nothing was changed.
            ReentrantCallError: called by a signal handler that has interrupted such a use.
        """
        with self._using:
            if self._is_used:
                raise ReentrantCallError(
                    f"{self.path}: a signal handler needs the queue that the thread it interrupted "
                    "is using; nothing was changed, hand it to another thread"
                )
            self._is_used = True
            try:
                if self._connection is not None and self._files != (found := self._files_now()):
                    self._leave(self._connection, found)
                yield self._connection or self._open()
            except sqlite3.Error as error:
                raise QueueStoreError(f"{self.path}: {error}") from None
            finally:
                self._is_used = False

    @contextmanager
    def changed(self) -> Iterator[sqlite3.Connection]:
        """Like `used`, in one transaction, which is on the disk when this ends."""
        with self.used() as connection, transaction(connection):
            yield connection

    def close(self) -> None:
        """Close the connection. The next use opens it again."""
        with self._using:
            if self._is_used:  # a signal handler's close: what it has interrupted goes on
                return
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _files_now(self) -> _Files:
        """Return the files at their paths now, because writing to a deleted file is no error."""
        return tuple(_file_at(f"{self.path}{suffix}") for suffix in _SUFFIXES)

    def _leave(self, connection: sqlite3.Connection, found: _Files) -> None:
        """Leave files that are no longer at their paths, or not all of them."""
        is_held = found[0] is not None and found[0] == self._files[0]
        # If another process had begun a new log, a checkpoint would corrupt it.
        if is_held and None in found:
            (is_busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if is_busy:
                raise sqlite3.OperationalError(
                    "its log was removed, and cannot be written back yet"
                )
            logger.error("%s: its log was removed; its content was written back", self.path)
        else:
            logger.error("%s: it was removed or replaced, and its messages are lost", self.path)
        self._connection = None
        connection.close()  # touches nothing of new ones: SQLite looks, too

    def _prepare(self, connection: sqlite3.Connection) -> None:
        boot = _BOOT.read_text().strip() if _BOOT.exists() else ""
        with transaction(connection):
            for statement in self._schema:
                connection.execute(statement)
            connection.execute("CREATE TABLE IF NOT EXISTS boots (id TEXT NOT NULL)")
            if connection.execute("SELECT id FROM boots").fetchone() != (boot,):
                connection.execute("DELETE FROM boots")
                connection.execute("INSERT INTO boots VALUES (?)", (boot,))
                connection.execute(self._after_boot)

    def _open(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Only a new file, because closing an existing one would release this process's locks.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            pass
        except OSError as error:
            raise QueueStoreError(f"{self.path}: {error.strerror}") from None
        main = _file_at(str(self.path))
        connection = sqlite3.connect(
            self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        try:
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = FULL")
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._files = connection, (main, *self._files_now()[1:])
        return connection


def _file_at(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log. If several processes open a new database, SQLite makes one
    wait and refuses the others."""
    _insist(lambda: connection.execute("PRAGMA journal_mode = WAL"))


def _insist(work: Callable[[], object]) -> None:
    """Retry until no other process holds the lock."""
    end = None
    while True:
        try:
            work()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            now = time.monotonic()
            end = now + BUSY_S if end is None else end
            if now >= end:
                raise
        time.sleep(_AGAIN_S * random())


def _begin(connection: sqlite3.Connection) -> None:
    """Begin a transaction. SQLite's own wait checks with growing intervals, up to a tenth of a
    second, so beside processes that write all the time it could take many seconds."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        # IMMEDIATE, because a reader that becomes a writer fails if another writer was faster.
        _insist(lambda: connection.execute("BEGIN IMMEDIATE"))
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_S * 1000:.0f}")


@contextmanager
def transaction(connection: sqlite3.Connection, done: list[object] | None = None) -> Iterator[None]:
    """Run all statements of the block or none. ``done`` is not empty if they were committed, even
    if a signal handler raises right after that."""
    done = [] if done is None else done
    try:
        _begin(connection)
        yield
        done.extend(map(connection.execute, ("COMMIT",)))  # in C: no handler runs in between
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def lots(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    """Split numbers into batches of 64; the last one is padded with its own numbers. Each statement
    lets other threads run and then waits for its turn, so fewer statements save more than their
    own time."""
    for start in range(0, len(numbers), _LOT_SIZE):
        lot = list(numbers[start : start + _LOT_SIZE])
        yield lot + lot[-1:] * (_LOT_SIZE - len(lot))


def since_boot_s() -> float:
    """Return the time since boot, which all processes share and which cannot be set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_of_parents: Final[list[sqlite3.Connection]] = []
"""Kept for ever, because closing one in a child releases the locks of its parent on the file."""


def _after_fork_in_child() -> None:
    for database in list(_databases):
        database.abandon()


os.register_at_fork(after_in_child=_after_fork_in_child)
