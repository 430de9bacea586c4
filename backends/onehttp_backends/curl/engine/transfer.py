"""A transfer on its way, and what it asks of whoever drives."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.receiving.padding import Padding
from onehttp_backends.optional.streaming import StreamLimits


class Driving(Protocol):
    """What a transfer asks of whoever drives the engine."""

    def enqueue(self, transfer: Transfer) -> None:
        """Put it in, and see to it that somebody drives."""


class Flow:
    """What passes between a transfer and who reads it: filled by the driver, emptied by them."""

    __slots__ = ("head", "is_awaited", "limits", "on_stir", "pieces", "taken")

    def __init__(
        self, limits: StreamLimits, pieces: deque[bytes], on_stir: Callable[[], None]
    ) -> None:
        self.limits = limits
        self.pieces = pieces
        """Of the answer's body, not taken yet."""
        self.taken = 0
        """Bytes taken."""
        self.head: Response | None = None
        """The answer without its body, once that much is there."""
        self.is_awaited = True
        """Somebody waits who does not drive, or may."""
        self.on_stir = on_stir
        """Lets who waits look again. Never raises."""


class Transfer:
    """One request in the engine's hands. It has ended when ``outcome`` is set, and not before.

    Whatever the driver does to it may be done again, since an exception may come in between:
    ``outcome`` is set once, ``handle`` is None from the moment it is nobody's or somebody else's,
    and `deliver` tells whoever waits no more than once.
    """

    __slots__ = ("deadline", "handle", "helm", "is_cancelled", "outcome", "padding", "request",
                 "was_admitted")  # fmt: skip

    flow: Flow | None = None
    """Of a transfer whose bodies pass piece by piece."""
    runs_callback = False
    """Telling whoever waits means running code of theirs: done by who does not drive."""

    def __init__(self, helm: Driving, handle: Handle, request: Request) -> None:
        self.helm = helm
        self.handle: Handle | None = handle
        self.request = request
        self.outcome: Outcome | None = None
        self.is_cancelled = False
        self.was_admitted = False
        """Whether libcurl has had it in its hands."""
        self.padding: Padding | None = None
        """What was seen of its answer, once it has lasted."""
        total_s = request.total_timeout_s  # as `time_limits` has it, without a call
        if total_s is None:
            total_s = request.options.total_timeout_s
        self.deadline = time.monotonic() + total_s if total_s else math.inf
        """When it should have ended, by the monotonic clock."""

    def left_s(self) -> float:
        """Seconds until then, as libcurl takes a limit: 0 where there is none."""
        if self.deadline == math.inf:
            return 0.0
        return max(0.001, self.deadline - time.monotonic())

    def deliver(self) -> None:
        """Tell whoever waits that there is an outcome. Never raises, whatever they have become."""

    def cancel(self) -> bool:
        """End it with a `CancelledError`; False when it had ended already."""
        if self.outcome is not None:
            return False
        self.is_cancelled = True
        self.helm.enqueue(self)
        return True
