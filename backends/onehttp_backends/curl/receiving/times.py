"""The times of a transfer that has ended, asked of libcurl only where somebody wants to know."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import pycurl

TIMES_OF_ANY: Final[tuple[int, ...]] = (
    pycurl.QUEUE_TIME_T,
    pycurl.PRETRANSFER_TIME_T,
    pycurl.POSTTRANSFER_TIME_T,
    pycurl.STARTTRANSFER_TIME_T,
    pycurl.TOTAL_TIME_T,
)
"""Times of a transfer on whatever connection: `Response` takes them for those of a kept one."""
_RUNNING: Final = "running"
"""In pycurl's words for a handle whose multi is at work."""
_PAUSE_S: Final = 0.001
_MOST_LOOKS: Final = 2000


class UnreadTimes:
    """The `TIMES_OF_ANY` of the last transfer of a handle. To ask for them takes 7 % of a call.

    libcurl keeps them until the handle is used again or closed, so `Handle.keep_times` reads them
    before that, if a response still refers to them. Any thread may call `read`.
    """

    # Not compiled: weak references lead here.
    __slots__ = ("__weakref__", "_getinfo", "_times")

    def __init__(self, getinfo: Callable[[int], Any]) -> None:
        self._getinfo = getinfo
        self._times: tuple[int, ...] | None = None

    def read(self) -> tuple[int, ...]:
        """The times, in microseconds."""
        looks = 0
        while self._times is None:
            try:
                times = tuple(map(self._getinfo, TIMES_OF_ANY))
            except pycurl.error as error:
                # Whoever sees an outcome as soon as it is there may come while the driver takes the
                # handle out of its multi.
                looks += 1
                if self._times is None and (looks > _MOST_LOOKS or _RUNNING not in str(error)):
                    raise
                time.sleep(_PAUSE_S)
                continue
            # Another thread may have used the handle meanwhile. It has kept the times before that,
            # so as long as there are none, those that were just read are of the right transfer.
            if self._times is None:
                self._times = times
        return self._times
