"""A database that several open at once, and that one process opens more than once."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

import onehttp
from onehttp.durable import sqlite_database
from onehttp.durable.message import Message
from onehttp.durable.sqlite_database import Database, _begin, _write_ahead, transaction
from onehttp.durable.sqlite_store import SqliteStore
from servers.patience import PATIENCE_S

_ANOTHER = """
import sys
from onehttp.durable.message import Message
from onehttp.durable.sqlite_store import SqliteStore
store = SqliteStore(sys.argv[1])
for line in sys.stdin:
    store.put(Message(id=line.strip(), queue="cdr", key=None, connection="api", method="POST",
                      url="/x", headers=(), body=b"x"))
    print("stored", flush=True)
"""
_BEGINS = """
import sqlite3, sys
try:
    sqlite3.connect(sys.argv[1], timeout=0).execute("BEGIN IMMEDIATE")
except sqlite3.OperationalError as error:
    print(error)
"""


class Refusing:
    """A connection that says these before it does what it is asked, settings excepted."""

    def __init__(self, *errors: str) -> None:
        self.errors = list(errors)
        self.asked = 0
        self.busy_timeouts: list[str] = []

    def execute(self, statement: str) -> None:
        setting, _, value = statement.partition(" = ")
        if setting == "PRAGMA busy_timeout":
            self.busy_timeouts.append(value)
            return
        self.asked += 1
        if self.errors:
            raise sqlite3.OperationalError(self.errors.pop(0))


def test_who_is_refused_while_others_open_it_tries_again() -> None:
    connection: Any = Refusing("database is locked", "database is locked")
    _write_ahead(connection)
    assert connection.asked == 3


def test_who_waits_to_write_looks_again_soon_however_long_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("onehttp.durable.sqlite_database.time.sleep", slept.append)
    connection: Any = Refusing(*["database is locked"] * 500)
    _begin(connection)
    assert len(slept) == 500
    assert max(slept) < 0.005
    assert connection.busy_timeouts == ["0", "30000"]


def test_waiting_for_a_lock_ends_after_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("onehttp.durable.sqlite_database.time.monotonic", lambda: now[0])

    def sleep(seconds: float) -> None:
        now[0] += 1.0 + seconds

    monkeypatch.setattr("onehttp.durable.sqlite_database.time.sleep", sleep)
    connection: Any = Refusing(*["database is locked"] * 500)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        _begin(connection)
    assert 25 < connection.asked < 35
    assert connection.busy_timeouts == ["0", "30000"]


def test_what_is_wrong_otherwise_is_told_at_once() -> None:
    connection: Any = Refusing("disk I/O error", "database is locked")
    with pytest.raises(sqlite3.OperationalError, match="disk"):
        _write_ahead(connection)
    assert connection.asked == 1


def test_many_open_a_new_one_at_once(tmp_path: Path) -> None:
    failures: list[BaseException] = []
    for number in range(10):
        together = threading.Barrier(6)

        def opens(path: Path, together: threading.Barrier = together) -> None:
            together.wait(PATIENCE_S)
            try:
                SqliteStore(path).close()
            except BaseException as error:  # noqa: BLE001 - the test tells
                failures.append(error)

        path = tmp_path / f"{number}.db"
        threads = [threading.Thread(target=opens, args=(path,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert failures == []


def test_to_open_it_again_ends_no_lock_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "q.db"
    first, second = (Database(path, (), "SELECT 1") for _ in range(2))
    with first.used() as connection, transaction(connection):
        monkeypatch.setattr(sqlite_database, "BUSY_S", 0.0)
        with pytest.raises(onehttp.QueueStoreError, match="locked"), second.used():
            pass
        command = [sys.executable, "-c", _BEGINS, str(path)]
        told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "locked" in told.stdout
    second.close()
    first.close()


def _removed(folder: Path) -> None:
    for file in folder.glob("q.db*"):
        file.unlink()


def _folder_removed(folder: Path) -> None:
    _removed(folder)
    folder.rmdir()


def _replaced(folder: Path) -> None:
    another = SqliteStore(folder / "another.db")
    another.put(_message("of the other"))
    another.close()
    _removed(folder)
    (folder / "another.db").rename(folder / "q.db")


@pytest.mark.parametrize("is_closed", [False, True])
@pytest.mark.parametrize("what", [_removed, _folder_removed, _replaced])
def test_what_is_acknowledged_is_in_the_file_that_there_is(
    tmp_path: Path, what: Callable[[Path], None], is_closed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "folder"
    publisher, worker = SqliteStore(folder / "q.db"), SqliteStore(folder / "q.db")
    publisher.put(_message("gone"))
    assert [each.message.id for each in worker.take("cdr", 10, 60.0)] == ["gone"]
    if is_closed:
        publisher.close()
        worker.close()
    what(folder)
    before = ["of the other"] if what is _replaced else []
    publisher.put(_message("1"))
    publisher.put(_message("2"))
    assert [each.message.id for each in worker.take("cdr", 10, 60.0)] == [*before, "1", "2"]
    told = [each for each in caplog.records if "removed or replaced" in each.getMessage()]
    assert len(told) == (0 if is_closed else 2)
    for store in (publisher, worker):
        store.close()
    again = SqliteStore(folder / "q.db")
    assert [each.waiting for each in again.lengths()] == [len(before) + 2]
    again.close()


@pytest.mark.parametrize("gone", [["-wal"], ["-shm"], ["-wal", "-shm"]])
@pytest.mark.parametrize("is_noticed_by_another", [False, True])
def test_nothing_is_lost_where_the_log_alone_is_removed(
    tmp_path: Path,
    gone: list[str],
    is_noticed_by_another: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "q.db"
    store = SqliteStore(path)
    store.put(_message("1"))
    with _another(path) as process:
        by_another = partial(_put_by, process)
        by_another("2")
        store.put(_message("3"))
        for suffix in gone:
            path.with_name(f"q.db{suffix}").unlink()
        ways: list[Callable[[str], None]] = [lambda text: store.put(_message(text)), by_another]
        for text, put in zip("45", reversed(ways) if is_noticed_by_another else ways, strict=True):
            put(text)
    with _another(path) as process:  # which was not there before
        _put_by(process, "6")
    assert [each.message.id for each in store.take("cdr", 10, 60.0)] == list("123456")
    store.close()
    assert "removed" in caplog.text


def _another(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _ANOTHER, str(path)], stdin=PIPE, stdout=PIPE, text=True, bufsize=1
    )


def _put_by(process: subprocess.Popen[str], id: str) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{id}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "stored\n"


def _message(id: str) -> Message:
    return Message(id=id, queue="cdr", key=None, connection="api", method="POST", url="/x",
                   headers=(), body=b"x")  # fmt: skip
