"""Waiters: threads that wait for their transfers, and drive if nobody else does."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable
from typing import Protocol

from onehttp_backends.contract import Outcome, Request
from onehttp_backends.curl.driving.waiting import overdue_at
from onehttp_backends.curl.engine.ownership import LOOK_AGAIN_S
from onehttp_backends.curl.engine.transfer import Driving, Transfer
from onehttp_backends.curl.handle import Handle


class Waiter(Protocol):
    """What a thread waits with. Its bell has no meaning other than: look again."""

    @property
    def outcome(self) -> Outcome | None:
        """None as long as there is something to wait for."""

    @property
    def transfers(self) -> Iterable[Transfer]:
        """The transfers that have not ended, as far as is known."""

    @property
    def deadline(self) -> float:
        """The earliest of their deadlines, by the monotonic clock."""

    def ring(self) -> None:
        """Make it look again. Any thread may call this, any number of times."""

    def wait(self) -> bool:
        """Wait for the bell, but not longer than `LOOK_AGAIN_S`; whether it was rung."""


class BlockingTransfer(Transfer):
    """A transfer that a thread waits for."""

    __slots__ = ("_bell",)

    def __init__(self, helm: Driving, handle: Handle, request: Request) -> None:
        super().__init__(helm, handle, request)
        self._bell = threading.Lock()
        self._bell.acquire()

    @property
    def transfers(self) -> Iterable[Transfer]:
        return (self,)

    def ring(self) -> None:
        """See `Waiter`."""
        with contextlib.suppress(RuntimeError):  # rung already
            self._bell.release()

    def deliver(self) -> None:
        self.ring()

    def wait(self) -> bool:
        """See `Waiter`."""
        return self._bell.acquire(timeout=wait_s(self))


def wait_s(waiter: Waiter) -> float:
    """Seconds until a waiter looks again without being rung."""
    return max(0.0, min(LOOK_AGAIN_S, overdue_at(waiter) - time.monotonic()))
