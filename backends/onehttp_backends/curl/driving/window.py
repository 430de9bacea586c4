"""Many transfers of one thread, with a limit on how many are in flight at once.

The thread drives like a blocking caller, from one response to the next. In between, while the code
runs that supplies requests and takes outcomes, it neither drives nor waits: it is not rung, and
another waiter drives.
"""

from __future__ import annotations

import contextlib
import math
import threading
from typing import Any, Generic, Protocol, TypeVar

from onehttp_backends.contract import Outcome, Request
from onehttp_backends.curl.driving.blocking import wait_s
from onehttp_backends.curl.engine.transfer import Driving, Transfer
from onehttp_backends.curl.handle import Handle
from onehttp_backends.observed import Attempt
from onehttp_backends.optional.batching import NONE_BRIEF, OnEnd

K = TypeVar("K")


class WaitsForAny(Protocol):
    """The part of the helm that a window uses."""

    def wait_for_any(self, window: Window[Any]) -> None:
        """Run its transfers until one of them has ended."""


class WindowTransfer(Transfer, Generic[K]):
    """A transfer of a window."""

    __slots__ = ("attempt", "brief", "key", "window")

    is_of_many = True

    def __init__(
        self,
        helm: Driving,
        handle: Handle,
        request: Request,
        window: Window[K],
        key: K,
        attempt: Attempt | None,
    ) -> None:
        Transfer.__init__(self, helm, handle, request)  # `super()` takes as long as this
        self.window = window
        self.key = key
        self.attempt = attempt
        self.brief = NONE_BRIEF if attempt else window.brief

    def deliver(self) -> None:
        """Tell the window; from whatever thread drives, and perhaps not only once."""
        window, outcome = self.window, self.outcome
        if outcome is not None and self in window.transfers:
            is_first = window.outcome is None
            window.ended[self] = window.outcome = outcome
            window.transfers.discard(self)
            if is_first:
                window.ring()


class Window(Generic[K]):
    """A `Waiter` whose outcome is that of the first of its transfers that has ended."""

    def __init__(self, brief: frozenset[int]) -> None:
        self.brief = brief
        self.outcome: Outcome | None = None
        self.transfers: set[WindowTransfer[K]] = set()
        self.ended: dict[WindowTransfer[K], Outcome] = {}
        self._bell = threading.Lock()
        self._bell.acquire()

    @property
    def deadline(self) -> float:
        return min((each.deadline for each in self.transfers.copy()), default=math.inf)

    def run(self, helm: WaitsForAny, on_done: OnEnd[K]) -> None:
        """Wait until one has ended, and call ``on_done`` once for each that has."""
        helm.wait_for_any(self)
        self.outcome = None  # first: what ends from here on may be said once more than it is there
        while self.ended:
            transfer = next(iter(self.ended))
            self.transfers.discard(transfer)
            outcome = self.ended.pop(transfer)
            if transfer.attempt is not None:
                transfer.attempt.ended(outcome)
            on_done(transfer.key, outcome)

    def cancel(self) -> None:
        """End the transfers in flight; no outcome that is left is wanted any more."""
        for transfer in dict.fromkeys((*self.transfers, *self.ended)):
            was_in_flight = transfer.cancel()
            if transfer.attempt is not None:
                transfer.attempt.ended(None if was_in_flight else transfer.outcome)

    def ring(self) -> None:
        """See `Waiter`."""
        with contextlib.suppress(RuntimeError):  # rung already
            self._bell.release()

    def wait(self) -> bool:
        """See `Waiter`."""
        return self._bell.acquire(timeout=wait_s(self))
