"""The library under the double: ``httpx2`` where it is there, else ``httpx``.

Both have the same API; the elder has had no release since 2024. Nobody else imports either.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import httpcore
    import httpx
else:
    try:
        import httpcore2 as httpcore
        import httpx2 as httpx
    except ImportError:
        import httpcore
        import httpx

__all__ = ["LIBRARIES", "LIBRARY", "THREAD", "httpcore", "httpx"]

LIBRARIES: Final = ("httpx2", "httpx")
LIBRARY: Final = f"{httpx.__name__} {httpx.__version__}"
THREAD: Final = "onehttp-double"
"""The name of the thread that the exchanges of the double run in."""
_LOGGERS: Final = (
    httpx.__name__,
    *(
        f"{httpcore.__name__}.{part}"
        for part in ("connection", "http11", "http2", "proxy", "socks")
    ),
    *("hpack.hpack", "hpack.table"),
)


def _is_of_others(_record: logging.LogRecord) -> bool:
    return threading.current_thread().name != THREAD


# They log URLs with their queries, and headers with their cookies. What is said of calls is said by
# `onehttp.trace`, for every engine, without secrets.
for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_is_of_others)
