"""Counts the legacy calls of each place, as JSON lines that many processes append to one file.

A line contains the number of calls at a place since the last line of that process. The first call
is written at once, later ones every few seconds and at exit. A process that is killed loses the
last seconds of its counts, but no place. Each line is appended by one write, so lines are never
mixed.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

VARIABLE: Final = "ONEHTTP_LEGACY_FILE"
DEFAULT_FILE: Final = "onehttp-legacy.jsonl"
VERSION: Final = 1
FLUSH_S: Final = 5.0
_log = logging.getLogger("onehttp_compat")


@dataclass(slots=True)
class _Counter:
    path: str
    line: int
    module: str
    name: str
    count: int = 0


class CallRecorder:
    """The counts of one process.

    Args:
        file: made when the first call is recorded.
        flush_s: seconds between two writes of the counts.
    """

    def __init__(self, file: Path, flush_s: float = FLUSH_S) -> None:
        self.file = file
        self._flush_s = flush_s
        self._counters: list[_Counter] = []
        self._due = 0.0
        self._pid = 0
        self._writing = threading.Lock()
        """Guards the counts while they are read for writing."""
        self._has_failed = False

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> CallRecorder:
        """Return a recorder for the file that ``ONEHTTP_LEGACY_FILE`` names."""
        return cls(Path(environment.get(VARIABLE) or DEFAULT_FILE))

    def counter(self, path: str, line: int, module: str, name: str) -> Callable[[], None]:
        """Return the function to call for each call at a place."""
        counter = _Counter(path, line, module, name)
        with self._writing:
            self._counters.append(counter)
        is_first = True

        def count() -> None:
            nonlocal is_first
            if os.getpid() != self._pid:
                self._begin()
            counter.count += 1
            if is_first or time.monotonic() >= self._due:
                is_first = False
                self.flush()

        return count

    def flush(self) -> None:
        """Write the counts that were not written yet. If the file cannot be written, that is logged
        once."""
        with self._writing:
            self._due = time.monotonic() + self._flush_s
            lines = [_line(one) for one in self._counters if one.count]
            for one in self._counters:
                one.count = 0
        try:
            if lines:
                self._append(lines)
        except OSError as error:
            if not self._has_failed:
                self._has_failed = True
                _log.error("%s: legacy calls are not recorded: %s", self.file, error.strerror)

    def _append(self, lines: list[bytes]) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self.file, flags, 0o644)
        try:
            for line in lines:
                os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def _begin(self) -> None:
        """Start in a forked process. The counts of its parent are written by the parent."""
        if self._pid:
            self._writing = threading.Lock()  # a thread of the parent may have held it
            for one in self._counters:
                one.count = 0
        else:
            atexit.register(self.flush)
        self._pid = os.getpid()


def _line(one: _Counter) -> bytes:
    said = {
        "version": VERSION,
        "time": round(time.time(), 3),
        "pid": os.getpid(),
        "path": one.path,
        "line": one.line,
        "module": one.module,
        "name": one.name,
        "count": one.count,
    }
    return json.dumps(said).encode() + b"\n"
