"""The SQLite database under a store: opened once in each process, used by one thread at a time."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import random
from typing import Final, TypeAlias

from onehttp.errors import QueueStoreError

logger = logging.getLogger("onehttp")
BUSY_S: Final = 30.0
"""How long a transaction waits for those of other processes."""
_AGAIN_S: Final = 0.004
"""At most, between two looks whether somebody else still writes."""
_LOT_SIZE: Final = 64
LOT: Final = f"({', '.join('?' * _LOT_SIZE)})"
"""In a statement: the numbers of a lot."""
_SUFFIXES: Final = ("", "-wal", "-shm")
_Files: TypeAlias = "tuple[tuple[int, int] | None, ...]"
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


class Database:
    """One file, for all processes of a machine; made if missing, for the owner alone.

    Args:
        schema: makes what it lacks.
        after_boot: a statement to run if the machine has started since the last time.
    """

    def __init__(
        self, path: str | os.PathLike[str], schema: Sequence[str], after_boot: str
    ) -> None:
        self.path = Path(path).absolute()
        self._schema = schema
        self._after_boot = after_boot
        self._reset()
        _databases.add(self)

    def _reset(self) -> None:
        self._using = threading.Lock()  # guards _connection
        self._connection: sqlite3.Connection | None = None
        self._files: _Files = ()
        """The open files: the database, its log and the index of the log."""

    def __del__(self) -> None:
        # Nobody uses it any more. sqlite3 complains of what is open then (Python 3.13).
        connection: sqlite3.Connection | None = getattr(self, "_connection", None)
        if connection is not None:
            connection.close()

    def abandon(self) -> None:
        """In a forked child: the connection is the parent's, and is not closed."""
        if self._connection is not None:
            _of_parents.append(self._connection)
        self._reset()

    @contextmanager
    def used(self) -> Iterator[sqlite3.Connection]:
        """The connection, for this thread alone.

        Raises:
            QueueStoreError: whatever SQLite says; nothing is changed then.
        """
        with self._using:
            try:
                if self._connection is not None and self._files != (found := self._files_now()):
                    self._leave(self._connection, found)
                yield self._connection or self._open()
            except sqlite3.Error as error:
                raise QueueStoreError(f"{self.path}: {error}") from None

    @contextmanager
    def changed(self) -> Iterator[sqlite3.Connection]:
        """The same in one transaction, which is on the disk when this ends."""
        with self.used() as connection, transaction(connection):
            yield connection

    def close(self) -> None:
        """Close it; the next use opens it again."""
        with self._using:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _files_now(self) -> _Files:
        """The files at their paths now. Writing into a deleted file would be no error."""
        return tuple(_file_at(f"{self.path}{suffix}") for suffix in _SUFFIXES)

    def _leave(self, connection: sqlite3.Connection, found: _Files) -> None:
        """Files that are no longer at their paths, or not all of them."""
        is_held = found[0] is not None and found[0] == self._files[0]
        if is_held and None in found:  # nobody has begun another log, whose pages this would mix up
            (is_busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if is_busy:
                raise sqlite3.OperationalError("its log was removed, and cannot be brought in yet")
            logger.error("%s: its log was removed; what that held is kept", self.path)
        else:
            logger.error("%s: it was removed or replaced, with what it held", self.path)
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
            # Not one that is there: to close it would end all locks that this process has on it.
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
    """Switch to the write-ahead log. When several open a new database, SQLite lets one wait, and
    refuses others."""
    _insist(lambda: connection.execute("PRAGMA journal_mode = WAL"))


def _insist(work: Callable[[], object]) -> None:
    """Try until nobody else has the lock."""
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
    """SQLite itself looks whether it may write ever more seldom, in the end ten times a second: who
    comes to processes that write all the time would wait for many seconds."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        # Immediate: a reader that becomes a writer would fail where another was faster.
        _insist(lambda: connection.execute("BEGIN IMMEDIATE"))
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_S * 1000:.0f}")


@contextmanager
def transaction(connection: sqlite3.Connection, done: list[object] | None = None) -> Iterator[None]:
    """All of it or nothing. All: then there is something in ``done``, whatever exception a signal
    handler raises right after it."""
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
    """By 64, the last one made so many with what is in it. Each statement lets other threads run
    and waits for its turn again, so few of them are faster by more than their own time."""
    for start in range(0, len(numbers), _LOT_SIZE):
        lot = list(numbers[start : start + _LOT_SIZE])
        yield lot + lot[-1:] * (_LOT_SIZE - len(lot))


def since_boot_s() -> float:
    """The kernel's time, which all processes share and nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_of_parents: Final[list[sqlite3.Connection]] = []
"""Kept for ever: to close one in a child takes away the locks that its parent has on the file."""


def _after_fork_in_child() -> None:
    for database in list(_databases):
        database.abandon()


os.register_at_fork(after_in_child=_after_fork_in_child)
