"""Writes the log of the library into the log of the server, because a daemon has no other place for
it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from onehttp_compat.kamailio.own_config import DRIVE_ROUTE
from onehttp_compat.kamailio.shared.page import SharedPage

LOGGERS: Final = ("onehttp", "onehttp_compat")
SILENCE_S: Final = 5.0
"""Seconds without a sign of a process that sends queries, after which the caller is warned; and the
shortest time between two such warnings."""
_legacy = logging.getLogger("onehttp_compat.legacy")


class ServerLog(logging.Handler):
    """Writes records by ``KSR.err``, ``KSR.warn`` and similar functions."""

    def __init__(self, ksr: Any) -> None:
        super().__init__()
        self._writers: tuple[tuple[int, Callable[[str], object]], ...] = (
            (logging.ERROR, ksr.err),
            (logging.WARNING, ksr.warn),
            (logging.INFO, ksr.info),
            (logging.NOTSET, ksr.dbg),
        )
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            # Text is passed as UTF-8 that ends with NUL.
            text = self.format(record).encode("utf-8", "backslashreplace").decode()
            write = next(write for level, write in self._writers if record.levelno >= level)
            for line in text.replace("\0", "\\0").splitlines():
                write(line + "\n")
        except Exception:  # noqa: BLE001 - as every handler of the standard library
            self.handleError(record)


def log_to_server(ksr: Any) -> None:
    """Write all log messages of the library to the server's log, at the levels of the server."""
    handler = ServerLog(ksr)
    for name in LOGGERS:
        logging.getLogger(name).addHandler(handler)


def warning_once(page: SharedPage) -> Callable[[str, FrameType], None]:
    """Return a function that logs each place of legacy calls once in the life of the server."""

    def tell(text: str, frame: FrameType) -> None:
        place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        if page.is_new(f"{place} {text.partition(';')[0]}"):
            _legacy.warning("%s: %s", place, text)

    return tell


class QueryMessages:
    """The messages of one process about queries in trouble, each kind ever more rarely."""

    def __init__(self) -> None:
        self._log = logging.getLogger("onehttp_compat.tm")
        self._late = 0
        self._told_of_silence_at = 0.0

    def silence(self, silence_s: float) -> None:
        """No process has worked on queries for ``silence_s`` seconds."""
        if silence_s <= SILENCE_S:
            return
        now = time.monotonic()
        if now - self._told_of_silence_at > SILENCE_S:
            self._told_of_silence_at = now
            self._log.error(
                "no process has worked on queries for %.0f s: that of rtimer is stopped, or a "
                "callback blocks it, or the script has no %s",
                silence_s,
                DRIVE_ROUTE,
            )

    def refused(self, query_id: str, error: OSError, count: int) -> None:
        """A query cannot be handed over, the ``count``-th in this server."""
        if _is_to_tell(count):
            self._log.error(
                "query %s cannot be handed over (%s), nor could %d before it: the processes of "
                "rtimer are too slow, stopped, or too few; see mode= and net.core.wmem_max",
                query_id,
                error.strerror,
                count - 1,
            )

    def late(self) -> None:
        """A transaction has ended before the answer of its query."""
        self._late += 1
        if _is_to_tell(self._late):
            self._log.warning(
                "fr_timer of tm has ended a transaction before the answer of its query, as %d "
                "before it in this process (or max_inv_lifetime, after several queries): let the "
                "timeout of queries be shorter",
                self._late - 1,
            )


def _is_to_tell(count: int) -> bool:
    """Whether it is the 1st, 2nd, 4th, 8th, ... of its kind."""
    return count & (count - 1) == 0
