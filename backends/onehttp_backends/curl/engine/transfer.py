"""A transfer in flight, and its link to the driver."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.receiving.padding import Padding
from onehttp_backends.optional.batching import NONE_BRIEF
from onehttp_backends.optional.streaming import StreamLimits


class Driving(Protocol):
    """The part of the helm that a transfer uses."""

    def enqueue(self, transfer: Transfer) -> None:
        """Add a transfer to the inbox, and make sure that there is a driver."""


class Flow:
    """The channel between the driver, which fills it, and the reader of a streamed response."""

    __slots__ = ("head", "is_awaited", "is_followed", "limits", "on_stir", "pieces", "taken")

    def __init__(
        self, limits: StreamLimits, pieces: deque[bytes], on_stir: Callable[[], None]
    ) -> None:
        self.limits = limits
        self.pieces = pieces
        """Pieces of the body that the reader has not taken yet."""
        self.taken = 0
        """The number of bytes that the reader has taken."""
        self.head: Response | None = None
        """The response without its body, once its head is complete."""
        self.is_awaited = True
        """Whether a reader waits that does not drive, or may not."""
        self.is_followed = False
        """Whether the reader wants to know how much of the request's body was sent."""
        self.on_stir = on_stir
        """Called when there is something new: makes the reader look again. Never raises."""


class Transfer:
    """A request that was given to the engine. It has ended once ``outcome`` is set.

    An exception may interrupt the driver, so each of its steps can be repeated: ``outcome`` is set
    once, ``handle`` becomes None before the handle is used for another transfer, and `deliver`
    informs the waiter at most once.
    """

    __slots__ = ("deadline", "handle", "helm", "is_cancelled", "outcome", "padding", "request",
                 "was_admitted")  # fmt: skip

    is_of_many: bool = False
    """Whether its caller runs many transfers at a time: see `QuietMode`."""
    brief: frozenset[int] = NONE_BRIEF
    """Statuses of which the caller needs nothing else; see `Batching.perform_all`."""

    flow: Flow | None = None
    """The channel to the reader, if the response is streamed."""
    runs_callback = False
    """Whether `deliver` runs the caller's code, which must not happen while driving."""

    def __init__(self, helm: Driving, handle: Handle, request: Request) -> None:
        self.helm = helm
        self.handle: Handle | None = handle
        self.request = request
        self.outcome: Outcome | None = None
        self.is_cancelled = False
        self.was_admitted = False
        """Whether it was ever added to the multi."""
        self.padding: Padding | None = None
        """Observations about its response, if that takes long."""
        total_s = request.total_timeout_s  # as in `time_limits`, without the cost of a call
        if total_s is None:
            total_s = request.options.total_timeout_s
        self.deadline = time.monotonic() + total_s if total_s else math.inf
        """When its time is over, by the monotonic clock; infinite without a limit."""

    def left_s(self) -> float:
        """Seconds until the deadline, in the form of libcurl's limits: 0 means no limit."""
        if self.deadline == math.inf:
            return 0.0
        return max(0.001, self.deadline - time.monotonic())

    def deliver(self) -> None:
        """Tell the waiter that there is an outcome. Never raises, even if the waiter is gone."""

    def give_up(self, outcome: Outcome) -> None:
        """End it, whoever drives; its handle is still to be taken out, as of one that is
        cancelled. The outcome comes first: without one it would be taken for cancelled."""
        self.outcome = self.outcome or outcome
        self.is_cancelled = True

    def cancel(self) -> bool:
        """End it with a `CancelledError`; False if it had ended already."""
        if self.outcome is not None:
            return False
        self.is_cancelled = True
        self.helm.enqueue(self)
        return True
