"""An event loop as driver: one reader on the engine's epoll descriptor, and one timer.

The loop watches a second epoll set that holds the engine's, armed for one event at a time.
While another thread drives it stays disarmed, so that the loop does not spin on events that
are somebody else's.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
from collections import deque
from typing import Protocol

from onehttp_backends.contract import Outcome, Request
from onehttp_backends.curl.engine import Engine
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.transfer import Driving, Transfer

_ARMED = select.EPOLLIN | select.EPOLLONESHOT


class Sharing(Driving, Protocol):
    """What a loop asks of the helm."""

    engine: Engine

    def try_turn(self) -> bool:
        """One turn without waiting, if nobody else drives."""

    def ensure_driven(self) -> None:
        """Wake the driver, or make sure there is one."""


class LoopTransfer(Transfer):
    """A task of an event loop waits."""

    __slots__ = ("future", "loop_driver")

    def __init__(
        self,
        helm: Driving,
        handle: Handle,
        request: Request,
        loop_driver: LoopDriver,
        future: asyncio.Future[Outcome],
    ) -> None:
        super().__init__(helm, handle, request)
        self.loop_driver = loop_driver
        self.future = future

    def deliver(self) -> None:
        self.loop_driver.deliver(self)


class LoopDriver:
    """One running loop's share in an engine. Its methods run in the loop's thread, save `arm`
    and `deliver`, which the driver calls from wherever it is."""

    def __init__(self, helm: Sharing, loop: asyncio.AbstractEventLoop) -> None:
        self.in_flight = 0
        self._helm = helm
        self._loop = loop
        self._is_driving = False
        self._is_turn_due = False
        self._ended: deque[LoopTransfer] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._watch = select.epoll()
        self._watch.register(helm.engine.watch.fileno(), 0)
        loop.add_reader(self._watch.fileno(), self.turn)

    def submit(self, handle: Handle, request: Request) -> LoopTransfer:
        """Start a transfer together with all others of this round of the loop."""
        transfer = LoopTransfer(self._helm, handle, request, self, self._loop.create_future())
        self.in_flight += 1
        self._helm.engine.inbox.append(transfer)
        if not self._is_turn_due:
            self._is_turn_due = True
            self._loop.call_soon(self.turn)
        return transfer

    def turn(self) -> None:
        """Drive for one turn, if nobody else does."""
        self._is_turn_due = False
        self._is_driving = True
        try:
            has_driven = self._helm.try_turn()
        finally:
            self._is_driving = False
        if not has_driven:
            self._helm.ensure_driven()

    def arm(self) -> None:
        """Let the loop take over when there is something to do. The helm is still held."""
        self._watch.modify(self._helm.engine.watch.fileno(), _ARMED)
        timeout_ms = self._helm.engine.wait_ms()
        if timeout_ms < 0:
            return
        if self._is_driving:
            self._set_timer(timeout_ms / 1000)
        else:
            with contextlib.suppress(RuntimeError):  # the loop was closed
                self._loop.call_soon_threadsafe(self._set_timer, timeout_ms / 1000)

    def deliver(self, transfer: LoopTransfer) -> None:
        """A transfer of this loop has ended."""
        self.in_flight -= 1
        if self._is_driving:
            if not transfer.future.done():
                assert transfer.outcome is not None
                transfer.future.set_result(transfer.outcome)
            return
        self._ended.append(transfer)
        if len(self._ended) == 1:
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits
                self._loop.call_soon_threadsafe(self._flush)

    def close(self) -> None:
        """Let go of the descriptor; the loop may be closed already."""
        if not self._loop.is_closed():
            self._loop.remove_reader(self._watch.fileno())
            if self._timer:
                self._timer.cancel()
        self._watch.close()

    def _flush(self) -> None:
        while self._ended:
            transfer = self._ended.popleft()
            if not transfer.future.done():
                assert transfer.outcome is not None
                transfer.future.set_result(transfer.outcome)

    def _set_timer(self, delay_s: float) -> None:
        # One that is due earlier will do: it asks libcurl again. So a burst of transfers, each
        # with its own deadline, costs one timer.
        due = self._loop.time() + delay_s
        if self._timer is not None:
            if not self._timer.cancelled() and self._loop.time() <= self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self.turn()
