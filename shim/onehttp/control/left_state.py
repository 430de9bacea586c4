"""The state of a process left in a file beside its socket, for processes whose threads stand still.

A worker of Kamailio holds the interpreter while it is idle, so that nobody can ask it then. It
leaves what it would say in ``<pid>.json`` after a call, ten times a second at most.
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
    """Have this process and its children leave their state wherever they have control sockets."""
    _Wanted.is_wanted = True


def is_wanted() -> bool:
    """Whether somebody has asked for it."""
    return _Wanted.is_wanted


@explained
def has_worked() -> None:
    """This process has done something that is told of it, and is no call on its engine."""
    if _Wanted.leaving is not None:
        _Wanted.leaving.leave_when_due()


class LeftState(Observer):
    """Writes what ``tell`` returns, beside the control sockets of a directory."""

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
        """Ten times a second at most."""
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
    """Where a process leaves its state."""
    return directory / f"{pid}.json"


def left_state(directory: Path, pid: int) -> tuple[Any, float] | None:
    """What a process has left, and how many seconds ago; None: nothing."""
    try:
        told = json.loads(state_file(directory, pid).read_text())
    except (OSError, ValueError):
        return None
    return told["answer"], max(0.0, time.time() - told["at"])
