"""Transfers of one engine whose answers have no end that would ever come: nothing but padding, or
another protocol. Where there are many, they are looked at a few at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.libcurl import Easy
from onehttp_backends.curl.receiving.padding import ENDLESS_PADDING, ROUNDS, Padding
from onehttp_backends.curl.receiving.switching import SWITCHED
from onehttp_backends.errors import CurlCode

Failing: TypeAlias = Callable[[Transfer, int, str], None]

EVERY_S: Final = 0.25
FEW: Final = 16
SHARE: Final = 8
"""One of so many of those that run is looked at at once, and `FEW` more."""


class EndlessAnswers:
    """Looks at all that run, in turns. For the driver only."""

    def __init__(self, running: Mapping[Easy, Transfer]) -> None:
        self._running = running
        self._next: list[Easy] = []
        self._due = 0.0
        self.has_begun = False
        """Whether a transfer was put in since the last look. libcurl reads as soon as it has sent,
        without an event."""
        self._unseen = 0
        """How many are to be looked at because something has come, which will not come again."""

    def look(self, turns: int, has_come: bool, fail: Failing) -> None:
        """After so many turns, the last of which has brought something or not, end those that have
        no end; of many, the next few, when it is time for it."""
        running = self._running
        if not running:
            self._unseen = 0
            return
        if has_come or self.has_begun:
            self.has_begun = False
            if len(running) > FEW:
                self._unseen = len(self._next) + len(running)
            else:
                for transfer in list(running.values()):
                    _end_switched(transfer, fail)
        if self._unseen or not turns % ROUNDS:
            now = time.monotonic()
            if now >= self._due:
                self._due = now + EVERY_S
                self._look_at_a_few(fail)

    def sooner_ms(self, timeout_ms: float) -> float:
        """When the next few are due, if that is sooner; -1 is never."""
        if not self._unseen:
            return timeout_ms
        due_ms = max(0.0, (self._due - time.monotonic()) * 1000)
        return due_ms if timeout_ms < 0 else min(timeout_ms, due_ms)

    def _look_at_a_few(self, fail: Failing) -> None:
        if not self._next:
            self._next = list(self._running)
        count = FEW + len(self._running) // SHARE
        few, self._next = self._next[-count:], self._next[:-count]
        self._unseen = max(0, self._unseen - count)
        for easy in few:
            transfer = self._running.get(easy)
            if transfer is not None and not _end_switched(transfer, fail):
                _end_padded(transfer, fail)


def _end_switched(transfer: Transfer, fail: Failing) -> bool:
    handle = transfer.handle
    if handle is None or not handle.head or not handle.has_switched:
        return False
    fail(transfer, CurlCode.GOT_NOTHING, SWITCHED)
    return True


def _end_padded(transfer: Transfer, fail: Failing) -> None:
    handle = transfer.handle
    if handle is None or handle.is_parked:
        return
    if transfer.padding is None:
        transfer.padding = Padding(handle.easy, handle.head)
    if transfer.padding.is_too_much():
        fail(transfer, CurlCode.RECV_ERROR, ENDLESS_PADDING)
