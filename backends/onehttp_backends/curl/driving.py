"""Who drives: one thread at a time holds the helm, and it is never left while work remains.

| who                    | drives when                                                       |
|------------------------|-------------------------------------------------------------------|
| a blocking caller      | it finds the helm free, or is handed it; until its own answer      |
| an event loop          | transfers of its tasks are in flight and nobody holds the helm     |
| the engine's thread    | transfers with callbacks are in flight and no caller is blocked    |
| a foreign loop         | it lends its time (`Helm.drive`)                                   |

`release` hands over in the order of the table: a blocked caller costs nothing extra, its
thread has to be woken anyway; the engine's thread next, since a loop may be busy elsewhere.

Why no transfer is left alone: whoever adds to the inbox does so *before* trying the helm, and
whoever frees the helm looks at the inbox *after* freeing it.
"""

from __future__ import annotations

import select
import threading
import time
from threading import get_ident
from typing import TYPE_CHECKING, Final

from onehttp_backends.contract import Outcome, Request
from onehttp_backends.curl.engine import SMALL_BODY_BYTES, Engine
from onehttp_backends.curl.event_loop import LoopDriver
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.outcome import cancelled
from onehttp_backends.curl.transfer import BlockingTransfer, Transfer
from onehttp_backends.errors import ReentrantCallError
from onehttp_backends.immortal import make_immortal

if TYPE_CHECKING:
    import asyncio


DRIVER_PATIENCE_S: Final = 1.0
REENTRANT: Final = (
    "called from a callback (or signal handler) that runs inside this engine's driver, "
    "which would wait for itself; hand the work to another thread"
)


class Helm:
    """The right to drive one engine, and the rules of handing it over."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # Held by the driver. A plain lock, so that one thread may acquire it and another
        # release it: that is what handing over is.
        self._helm = threading.Lock()
        # Guards only the moment in which the helm is offered to a blocked caller that may
        # be leaving (Ctrl-C) in the same instant.
        self._offer = threading.Lock()
        self._loop_drivers: dict[asyncio.AbstractEventLoop, LoopDriver] = {}
        self._thread: threading.Thread | None = None
        self._thread_bell = threading.Semaphore(0)
        self._driver = 0
        """The thread at the helm, to tell a call from within a callback from a busy engine."""
        self.is_closing = False

    # ---- blocking callers

    def perform(self, handle: Handle, request: Request) -> Outcome:
        """Run a transfer to its end in the calling thread."""
        engine = self.engine
        if not self._helm.acquire(blocking=False):
            if self._driver == get_ident():
                engine.pool.give_back(handle)
                raise ReentrantCallError(REENTRANT)
            transfer = BlockingTransfer(self, handle, request)
            engine.inbox.append(transfer)
            return self._see_through(transfer, is_driver=False)
        self._driver = get_ident()
        body = request.body
        is_alone = not engine.running and not engine.inbox and not self.is_closing
        is_small = body is None or len(body) <= SMALL_BODY_BYTES
        if is_alone and is_small and not handle.progress:
            try:
                outcome = engine.perform_alone(handle, request)
            except BaseException:
                self.release()
                raise
            if outcome is not None:
                self.release()
                return outcome
            transfer = BlockingTransfer(self, handle, request)
            engine.adopt(transfer)
        else:
            transfer = BlockingTransfer(self, handle, request)
            engine.inbox.append(transfer)
        transfer.has_helm = True
        return self._see_through(transfer, is_driver=True)

    def _see_through(self, transfer: BlockingTransfer, is_driver: bool) -> Outcome:
        try:
            # Not `has_helm`: with the helm handed over by now, the wakeup has rung or will.
            if not is_driver:
                if self._helm.acquire(blocking=False):
                    transfer.has_helm = True
                else:
                    if self.engine.is_asleep:
                        self.engine.watch.wake()
                    transfer.wakeup.acquire()
            if transfer.has_helm:
                self._driver = get_ident()
                self._drive_until_ended(transfer)
        except BaseException:
            with self._offer:
                transfer.is_abandoned = True
            transfer.is_cancelled = True
            self.engine.inbox.append(transfer)
            if not transfer.has_helm:
                self.ensure_driven()
            raise
        finally:
            if transfer.has_helm:
                self.release()
        assert transfer.outcome is not None
        return transfer.outcome

    def _drive_until_ended(self, transfer: BlockingTransfer) -> None:
        engine = self.engine
        while transfer.outcome is None:
            if engine.is_dead:
                # Closed meanwhile, or a callback has forked and this is the child.
                transfer.outcome = cancelled(transfer.request, "the engine is gone")
            elif self.is_closing:
                transfer.has_helm = False
                self._driver = 0
                self._helm.release()
                transfer.wakeup.acquire()  # whoever closes ends this transfer, and rings
            else:
                engine.turn(is_blocking=True)

    # ---- everybody

    def enqueue(self, transfer: Transfer) -> None:
        """Put a transfer (or its cancellation) in and see to it that somebody drives."""
        self.engine.inbox.append(transfer)
        self.ensure_driven()

    def note_callback_error(self) -> None:
        """A transfer's callback has raised."""
        self.engine.callback_errors += 1

    def ensure_driven(self) -> None:
        """Wake the driver, or make sure there is one."""
        if self._helm.acquire(blocking=False):
            self.release()
        elif self.engine.is_asleep:
            self.engine.watch.wake()

    def try_turn(self) -> bool:
        """One turn without waiting, if nobody else drives."""
        if not self._helm.acquire(blocking=False):
            return False
        self._driver = get_ident()
        try:
            self.engine.turn(is_blocking=False)
        finally:
            self.release()
        return True

    def drive(self, until_fd: int, deadline_s: float) -> bool:
        """Run transfers until ``until_fd`` is readable (True) or ``deadline_s`` has passed.

        For a process that belongs to another event loop and lends its time.
        """
        end = time.monotonic() + deadline_s
        if not self._helm.acquire(blocking=False):
            # Somebody else drives, and will not leave the helm to nobody.
            return _is_readable(until_fd, deadline_s)
        self._driver = get_ident()
        try:
            return self._drive_until_readable(until_fd, end)
        finally:
            self.release()

    def _drive_until_readable(self, until_fd: int, end: float) -> bool:
        engine = self.engine
        poller = select.poll()
        poller.register(until_fd, select.POLLIN)
        poller.register(engine.watch.fileno(), select.POLLIN)
        while not (engine.is_dead or self.is_closing):
            engine.turn(is_blocking=False)
            left_ms = max(0.0, (end - time.monotonic()) * 1000)
            timeout_ms = engine.wait_ms()
            engine.is_asleep = True
            # Whoever fills the inbox from here on sees that we sleep, and wakes us.
            wait_ms = 0 if engine.inbox else left_ms if timeout_ms < 0 else min(left_ms, timeout_ms)
            ready = poller.poll(wait_ms)
            engine.is_asleep = False
            if any(fd == until_fd for fd, _ in ready):
                return True
            if time.monotonic() >= end:
                return False
        return _is_readable(until_fd, max(0.0, end - time.monotonic()))

    def release(self) -> None:
        """Give up the helm: to whoever needs it next, or to nobody when nothing is left."""
        engine = self.engine
        while True:
            if engine.inbox:
                engine.admit()
            self._driver = 0
            if engine.running and not self.is_closing and self._hand_over():
                return
            self._helm.release()
            # Something may have come between the last look and the release.
            if not engine.inbox or not self._helm.acquire(blocking=False):
                return

    def _hand_over(self) -> bool:
        """True when the helm is now somebody else's; False: release it (lanes are armed)."""
        engine = self.engine
        while engine.blocked:
            transfer = next(iter(engine.blocked))
            del engine.blocked[transfer]
            with self._offer:
                if transfer.is_abandoned:
                    continue
                transfer.has_helm = True
            transfer.wakeup.release()
            return True
        if engine.thread_transfers:
            self._wake_thread()
            return True
        for loop_driver in list(self._loop_drivers.values()):
            if loop_driver.in_flight:
                loop_driver.arm()
        return False

    # ---- event loops

    def loop_driver(self, loop: asyncio.AbstractEventLoop) -> LoopDriver:
        """The driver of a running loop; made on its first transfer."""
        loop_driver = self._loop_drivers.get(loop)
        if loop_driver is None:
            for other in [each for each in self._loop_drivers if each.is_closed()]:
                self._loop_drivers.pop(other).close()
            loop_driver = self._loop_drivers[loop] = LoopDriver(self, loop)
        return loop_driver

    # ---- the engine's thread

    def _wake_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="onehttp-engine", daemon=True)
            self._thread.start()
        self._thread_bell.release()

    def _run(self) -> None:
        engine = self.engine
        while True:
            self._thread_bell.acquire()
            if engine.is_dead:
                return
            self._driver = get_ident()
            try:
                while (engine.thread_transfers or engine.inbox) and not self.is_closing:
                    engine.turn(is_blocking=True)
                    if engine.is_dead:  # a callback has forked: this is the child
                        return
            finally:
                self.release()

    # ---- the end

    def close(self, grace_s: float) -> None:
        """Wait up to ``grace_s`` for what is in flight, end the rest, let go of libcurl.

        Raises:
            ReentrantCallError: called from a callback of this very engine.
        """
        if self._driver == get_ident():
            raise ReentrantCallError(REENTRANT)
        self.is_closing = True
        engine = self.engine
        end = time.monotonic() + grace_s
        if not self._take_over(end + DRIVER_PATIENCE_S):
            make_immortal(engine.multi)  # a callback holds its driver up: leave it all to it
            return
        self._driver = get_ident()
        while not engine.is_idle() and time.monotonic() < end:
            self._turn_before(end)
        engine.cancel_all("the engine was closed")
        for loop_driver in self._loop_drivers.values():
            loop_driver.close()
        self._loop_drivers.clear()
        engine.close()
        if self._thread is not None:
            self._thread_bell.release()
        self.release()

    def _take_over(self, deadline: float) -> bool:
        # A driver comes back from its turn when woken, and sees that the engine is closing.
        while not self._helm.acquire(timeout=0.005):
            self.engine.watch.wake()
            if time.monotonic() > deadline:
                return False
        return True

    def _turn_before(self, end: float) -> None:
        engine = self.engine
        left_ms = max(0.0, (end - time.monotonic()) * 1000)
        timeout_ms = engine.wait_ms()
        poller = select.poll()
        poller.register(engine.watch.fileno(), select.POLLIN)
        poller.poll(left_ms if timeout_ms < 0 else min(left_ms, timeout_ms))
        engine.turn(is_blocking=False)


def _is_readable(fd: int, wait_s: float) -> bool:
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return bool(poller.poll(wait_s * 1000))
