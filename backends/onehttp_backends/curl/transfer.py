"""A transfer on its way, and the three kinds of people who wait for one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from onehttp_backends.contract import Outcome, Request
from onehttp_backends.curl.handle import Handle

logger = logging.getLogger("onehttp")


class Driving(Protocol):
    """What a transfer asks of whoever drives the engine."""

    def enqueue(self, transfer: Transfer) -> None:
        """Put it in, and see to it that somebody drives."""

    def note_callback_error(self) -> None:
        """A callback has raised."""


class Transfer:
    """One request in the engine's hands. It has ended when ``outcome`` is set, and not before."""

    __slots__ = ("handle", "helm", "is_cancelled", "outcome", "request")

    needs_thread = False
    """Nobody blocks for it and no event loop drives it: the engine's own thread must."""

    def __init__(self, helm: Driving, handle: Handle, request: Request) -> None:
        self.helm = helm
        self.handle = handle
        self.request = request
        self.outcome: Outcome | None = None
        self.is_cancelled = False

    def deliver(self) -> None:
        """Tell whoever waits. Called once, by the driver."""

    def cancel(self) -> bool:
        """End it with a `CancelledError`; False when it had ended already."""
        if self.outcome is not None:
            return False
        self.is_cancelled = True
        self.helm.enqueue(self)
        return True


class BlockingTransfer(Transfer):
    """A thread waits in ``wakeup``; it rings for the outcome, or to say: you drive now."""

    __slots__ = ("has_helm", "is_abandoned", "wakeup")

    def __init__(self, helm: Driving, handle: Handle, request: Request) -> None:
        super().__init__(helm, handle, request)
        self.wakeup = threading.Lock()
        self.wakeup.acquire()
        self.has_helm = False
        self.is_abandoned = False

    def deliver(self) -> None:
        self.wakeup.release()


class CallbackTransfer(Transfer):
    """A function waits."""

    __slots__ = ("on_done",)

    needs_thread = True

    def __init__(
        self,
        helm: Driving,
        handle: Handle,
        request: Request,
        on_done: Callable[[Outcome], None],
    ) -> None:
        super().__init__(helm, handle, request)
        self.on_done = on_done

    def deliver(self) -> None:
        assert self.outcome is not None
        try:
            self.on_done(self.outcome)
        except BaseException:
            self.helm.note_callback_error()
            logger.exception("a transfer's callback failed: %r", self.on_done)
