"""A thread that waits for its transfer, and drives when nobody else does."""

from __future__ import annotations

import contextlib
import threading
import time

from onehttp_backends.contract import Request
from onehttp_backends.curl.driving.waiting import overdue_at
from onehttp_backends.curl.engine.ownership import LOOK_AGAIN_S
from onehttp_backends.curl.engine.transfer import Driving, Transfer
from onehttp_backends.curl.handle import Handle


class BlockingTransfer(Transfer):
    """A thread waits for its bell, which says nothing but: look again."""

    __slots__ = ("_bell",)

    def __init__(self, helm: Driving, handle: Handle, request: Request) -> None:
        super().__init__(helm, handle, request)
        self._bell = threading.Lock()
        self._bell.acquire()

    def ring(self) -> None:
        """Let it look again; from any thread, as often as one likes."""
        with contextlib.suppress(RuntimeError):  # rung already
            self._bell.release()

    def deliver(self) -> None:
        self.ring()

    def wait(self) -> bool:
        """Wait for the bell, no longer than `LOOK_AGAIN_S`; whether it has rung."""
        left_s = overdue_at(self) - time.monotonic()
        return self._bell.acquire(timeout=max(0.0, min(LOOK_AGAIN_S, left_s)))
