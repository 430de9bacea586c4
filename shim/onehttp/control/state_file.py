"""A file with the state of a process, for times when the process cannot answer by its socket.

An idle worker of Kamailio holds the interpreter, so it cannot answer questions. It writes what it
would answer to ``<pid>.json`` after a call, at most ten times a second.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from onehttp_backends.contract import Outcome
from onehttp_backends.hints.keywords import explained
from onehttp_backends.observed import Call, Observer

EVERY_S: Final = 0.1


class _Wanted:
    is_wanted = False
    leaving: LeftState | None = None


@explained
def leave_state() -> None:
    """Make this process and its children write state files beside their control sockets."""
    _Wanted.is_wanted = True


def is_wanted() -> bool:
    """Whether `leave_state` was called."""
    return _Wanted.is_wanted


@explained
def has_worked() -> None:
    """Note a change of the state of this process that is not a call."""
    if _Wanted.leaving is not None:
        _Wanted.leaving.leave_when_due()


class LeftState(Observer):
    """Writes the result of ``tell`` beside the control sockets of a directory."""

    def __init__(self, directory: str | os.PathLike[str], tell: Callable[[], Any]) -> None:
        self._directory = Path(directory)
        self._tell = tell
        self._due = 0.0
        self._leave()
        _Wanted.leaving = self
        os.register_at_fork(after_in_child=self._leave)

    def call_ends(self, call: Call, outcome: Outcome | None) -> None:
        self.leave_when_due()

    def leave_when_due(self) -> None:
        """Write it, at most ten times a second."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + EVERY_S
            self._leave()

    def _leave(self) -> None:
        path = state_file(self._directory, os.getpid())
        fresh = path.with_suffix(".fresh")
        text = json.dumps({"at": time.time(), "answer": self._tell()}, default=str)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        fresh.rename(path)


def state_file(directory: Path, pid: int) -> Path:
    """The path of the state file of a process."""
    return directory / f"{pid}.json"


def left_state(directory: Path, pid: int) -> tuple[Any, float] | None:
    """The state that a process has left, and its age in seconds; None if there is none."""
    try:
        told = json.loads(state_file(directory, pid).read_text())
    except (OSError, ValueError):
        return None
    return told["answer"], max(0.0, time.time() - told["at"])
