"""Who is interrupted while he stores for others, too, behind whatever he calls: the others are told
the truth, and the store is as good as before."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

import onehttp
from onehttp.durable import sqlite_incoming
from onehttp.durable.message import Message
from onehttp.durable.sqlite_store import SqliteStore
from servers.patience import PATIENCE_S, until
from stand_ins.injection import Interrupt

DURABLE: Final = str(Path(sqlite_incoming.__file__).parent)
FEWEST_PLACES: Final = 15


class Signal:
    """Its handler raises behind one of the functions of C that the store calls: where Python runs
    handlers of what came during the call."""

    def __init__(self, number: int) -> None:
        self._left = number
        self.place = ""

    def look(self, frame: FrameType, event: str, called: Any) -> None:
        if event != "c_return" or not frame.f_code.co_filename.startswith(DURABLE):
            return
        if frame.f_code.co_name == "__del__":
            return  # Python would print it, and tell nobody
        self._left -= 1
        if self._left < 0 and not self.place:
            self.place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
            raise Interrupt(f"behind {called.__name__} at {self.place}")


def message(id: str) -> Message:
    return Message(id=id, queue="cdr", key=None, connection="api", method="POST", url="/x",
                   headers=(), body=b"x")  # fmt: skip


def interrupted_behind(number: int, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> str:
    """Store by one call what two bring, one of whom a signal comes to; where that was."""
    told: dict[str, BaseException | None] = {}
    signal = Signal(number)
    write = store._incoming._write

    def put(id: str) -> None:
        try:
            store.put(message(id))
            told[id] = None
        except onehttp.OnehttpError as error:
            told[id] = error

    def write_for_both(batch: sqlite_incoming._StoredBatch) -> None:
        monkeypatch.undo()
        other.start()
        until(lambda: len(batch.puts) == 2)
        sys.setprofile(signal.look)
        try:
            write(batch)
        finally:
            sys.setprofile(None)

    other = threading.Thread(target=put, args=("other",), daemon=True)
    after = threading.Thread(target=put, args=("after",), daemon=True)
    monkeypatch.setattr(store._incoming, "_write", write_for_both)
    try:
        store.put(message("interrupted"))
    except Interrupt:
        assert signal.place
    other.join(PATIENCE_S)
    after.start()
    after.join(PATIENCE_S)
    assert told.keys() == {"other", "after"}, f"{signal.place}: somebody waits for ever"
    assert told["after"] is None, f"{signal.place}: {told['after']}"
    stored = sorted(each.message.id for each in store.take("cdr", 10, 60))
    assert len(stored) == len(set(stored)), signal.place
    assert ("other" in stored) == (told["other"] is None), f"{signal.place}: {told['other']}"
    return signal.place


def test_other_threads_learn_whether_their_messages_were_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: list[str] = []
    while not places or places[-1]:
        store = SqliteStore(tmp_path / f"{len(places)}.db")
        places.append(interrupted_behind(len(places), store, monkeypatch))
        store.close()
    assert len(set(places)) > FEWEST_PLACES, places
