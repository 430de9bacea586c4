"""A thread that waits for its transfer, or for many, and drives when nobody else does."""

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
    """What a thread waits for. Its bell says nothing but: look again."""

    @property
    def outcome(self) -> Outcome | None:
        """None: there is still something to wait for."""

    @property
    def transfers(self) -> Iterable[Transfer]:
        """Those that have not ended, as far as is known."""

    @property
    def deadline(self) -> float:
        """When the first of them should have ended, by the monotonic clock."""

    def ring(self) -> None:
        """Let it look again; from any thread, as often as one likes."""

    def wait(self) -> bool:
        """Wait for the bell, no longer than `LOOK_AGAIN_S`; whether it has rung."""


class BlockingTransfer(Transfer):
    """A thread waits for this one."""

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
    """Seconds until it is to look again by itself."""
    return max(0.0, min(LOOK_AGAIN_S, overdue_at(waiter) - time.monotonic()))
