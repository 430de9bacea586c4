"""Writes the log of the library into the log of the server, because a daemon has no other place for
it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from onehttp_compat.kamailio.shared.page import SharedPage

LOGGERS: Final = ("onehttp", "onehttp_compat")
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
