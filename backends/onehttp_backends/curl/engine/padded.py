"""Transfers of one engine whose answers may be nothing but padding, looked at a few at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.libcurl import Easy
from onehttp_backends.curl.receiving.padding import TEXT, Padding
from onehttp_backends.errors import CurlCode

EVERY_S: Final = 0.25
FEW: Final = 16
SHARE: Final = 8
"""One of so many of those that run is looked at at once, and `FEW` more."""


class PaddedAnswers:
    """Looks at all that run, in turns. For the driver only."""

    def __init__(self, running: Mapping[Easy, Transfer]) -> None:
        self._running = running
        self._next: list[Easy] = []
        self._due = 0.0

    def look(self, fail: Callable[[Transfer, int, str], None]) -> None:
        """End those of the next few that have had too much; do nothing before it is time for it."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + EVERY_S
        if not self._next:
            self._next = list(self._running)
        count = FEW + len(self._running) // SHARE
        few, self._next = self._next[-count:], self._next[:-count]
        for easy in few:
            transfer = self._running.get(easy)
            if transfer is not None and _has_too_much(transfer):
                fail(transfer, CurlCode.RECV_ERROR, TEXT)


def _has_too_much(transfer: Transfer) -> bool:
    handle = transfer.handle
    if handle is None or handle.is_parked:
        return False
    if transfer.padding is None:
        transfer.padding = Padding(handle.easy, handle.head)
    return transfer.padding.is_too_much()
