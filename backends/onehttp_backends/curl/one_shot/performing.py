"""Blocking transfers that leave no connection behind, though they may take several requests.

Options that close the connection after each call (``reuse=False``) and follow redirects or
answer challenges need it open in between: libcurl's ``FORBID_REUSE`` would give every one of
these requests a connection of its own. So such a transfer gets a multi of its own, which
takes its connections along when it is closed.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import select
import time
from collections import Counter

import pycurl

from onehttp_backends.contract import Outcome, Request
from onehttp_backends.curl.bell import OwnedBell
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.libcurl import EPOLL_OF_POLL, LIBCURL, remove_once, select_mask
from onehttp_backends.curl.names.feeder import entry
from onehttp_backends.curl.names.lookup import Addresses
from onehttp_backends.curl.names.lookups import Names
from onehttp_backends.curl.names.waits import NameWaits
from onehttp_backends.curl.reading.outcome import fault_of, read_error, read_response
from onehttp_backends.curl.receiving.padding import ENDLESS_PADDING, ROUNDS, Padding
from onehttp_backends.curl.receiving.switching import SWITCHED, switched
from onehttp_backends.curl.sockets.reports import SocketReports
from onehttp_backends.curl.sockets.socket import AFTER_MS
from onehttp_backends.errors import CurlCode, TransferError, idle_text
from onehttp_backends.forks import reentrant_lock


class OneShotCounts:
    """Counts of the one-shot transfers of one engine."""

    def __init__(self) -> None:
        # Guards the counts: callers run side by side, one of them perhaps in a signal handler.
        self._counting = reentrant_lock()
        self.completed = self.failed = self.cancelled = self.opened = 0
        self.by_version: Counter[str] = Counter()

    @property
    def transfers(self) -> int:
        return self.completed + self.failed + self.cancelled

    def note(self, outcome: Outcome | None, opened: int) -> None:
        """One has ended; without outcome, by an exception in its caller's thread."""
        with self._counting:
            self.opened += opened
            if outcome is None:
                self.cancelled += 1
            elif isinstance(outcome, TransferError):
                self.failed += 1
            else:
                self.completed += 1
                self.by_version[outcome.http_version] += 1


def perform_one_shot(
    handle: Handle,
    request: Request,
    counts: OneShotCounts,
    names: Names,
    sends_request: bool = True,
) -> Outcome:
    """Run one transfer to its end in the calling thread, beside whatever the engine does.

    After an exception the handle is not as it was, and must not be used again.
    """
    easy = handle.easy
    outcome: Outcome | None = None
    opened = 0
    easy.setopt(pycurl.FORBID_REUSE, 0)
    shot = _OneShot(handle, request, names)
    try:
        code, text = shot.run()
        opened = easy.getinfo(pycurl.NUM_CONNECTS)
        if code == 0 or handle.was_truncated:
            fault = fault_of(handle, request) if sends_request else None
            if handle.has_switched:
                fault = switched(request)
            outcome = fault or read_response(handle, opened, handle.head.copy())
        else:
            outcome = read_error(handle, request, code, text)
    finally:
        shot.close()
        counts.note(outcome, opened)
    easy.setopt(pycurl.FORBID_REUSE, 1)
    return outcome


class _OneShot:
    """A transfer with a multi of its own."""

    def __init__(self, handle: Handle, request: Request, names: Names) -> None:
        self.handle = handle
        self.request = request
        self._multi = LIBCURL.multi()
        self._poller = select.poll()
        self._bell: OwnedBell | None = None
        self._waits: NameWaits[_OneShot] = NameWaits(names, self._multi, self._wake)
        self._failure: tuple[int, str] | None = None
        """The error that it ends with while it waits for a name."""
        self._raised_before = handle.raised
        if handle.hops:
            self._paused_before = handle.hops.paused
            handle.hops.paused = self._waits.paused
        self._known = [
            entry(place, answer)
            for place in handle.places
            if isinstance(answer := names.usable(handle.name(place)), Addresses)
        ]
        self._reports = SocketReports(self._change, lambda _fd: None)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._reports.on_change)
        self._raise_from(self._reports.raised)

    def run(self) -> tuple[int, str]:
        """Drive it to its end; return libcurl's code and text."""
        handle, waits = self.handle, self._waits
        if self._known:
            handle.easy.setopt(pycurl.RESOLVE, self._known)
        self._multi.add_handle(handle.easy)
        while True:
            code, text = self._run()
            if handle.is_parked or not (code and waits.takes(handle, self.request, code, text)):
                return code, text
            if handle.is_parked:
                waits.park(self)

    def close(self) -> None:
        """Let go of everything, the connections too."""
        handle = self.handle
        self._waits.close()
        self._raise_from(self._raised_before)
        if handle.hops:
            handle.hops.paused = self._paused_before
        remove_once(self._multi, handle.easy)
        if self._known:
            handle.easy.setopt(pycurl.RESOLVE, [])
        self._multi.close()
        self._bell = None

    def _raise_from(self, raised: list[BaseException]) -> None:
        """What its callbacks meet is this caller's, and not of whoever drives the engine."""
        self.handle.raised = raised
        if self.handle.hops:
            self.handle.hops.raised = raised

    def _run(self) -> tuple[int, str]:
        """Drive it until it ends, fails or is given up where it is parked."""
        multi, waits = self._multi, self._waits
        idle_timeout_s = self.handle.options.idle_timeout_s or math.inf
        running = self._act(pycurl.SOCKET_TIMEOUT, 0)
        idle_at = time.monotonic() + idle_timeout_s
        padding = Padding(self.handle.easy, self.handle.head)
        rounds = itertools.count(1)
        to_show: list[int] = []
        while running or self.handle.is_parked:
            if self.handle.head and self.handle.has_switched:
                return CurlCode.GOT_NOTHING, SWITCHED
            if not next(rounds) % ROUNDS and padding.is_too_much():
                return CurlCode.RECV_ERROR, ENDLESS_PADDING
            wait_ms = self._wait_ms(idle_at)
            if to_show:  # see `SecondLooks`
                wait_ms = AFTER_MS if wait_ms < 0 else min(wait_ms, AFTER_MS)
            ready = self._poller.poll(wait_ms)
            if ready:
                idle_at = time.monotonic() + idle_timeout_s
            elif time.monotonic() >= idle_at:
                return CurlCode.OPERATION_TIMEDOUT, idle_text(idle_timeout_s)
            for fd in () if ready else to_show:
                running = self._act(fd, pycurl.CSELECT_IN)
            to_show = [] if self.handle.shelf.is_http1 else [fd for fd, _ in ready]
            for fd, events in ready:
                if self._bell and fd == self._bell.fd:
                    os.eventfd_read(fd)
                else:
                    running = self._act(fd, select_mask(events))
            if waits.open or waits.paused:
                waits.turn(lambda _easy: self, self._fail)
                if self._failure:
                    return self._failure
                running = self._act(pycurl.SOCKET_TIMEOUT, 0)
            elif running and multi.timeout() == 0:
                running = self._act(pycurl.SOCKET_TIMEOUT, 0)
        _, _, failed = multi.info_read()
        return (failed[0][1], failed[0][2]) if failed else (0, "")

    def _fail(self, _: _OneShot, code: int, text: str) -> None:
        self._failure = (code, text)

    def _wait_ms(self, idle_at: float) -> float:
        timeout_ms: float = self._multi.timeout()
        if self._waits.open or self._waits.paused:
            if self._bell is None:
                # Before the look at what has been answered: nobody could wake us until now.
                self._bell = OwnedBell()
                self._poller.register(self._bell.fd, select.POLLIN)
            timeout_ms = self._waits.sooner_ms(timeout_ms)
        if idle_at == math.inf:
            return timeout_ms
        idle_ms = max(0.0, (idle_at - time.monotonic()) * 1000)
        return idle_ms if timeout_ms < 0 else min(idle_ms, timeout_ms)

    def _wake(self) -> None:
        if bell := self._bell:  # kept while it rings, whoever drops it meanwhile
            bell.ring()

    def _act(self, fd: int, mask: int) -> int:
        running = self._multi.socket_action(fd, mask)[1]
        if self._reports.raised:
            raise self._reports.raised.pop()
        return running

    def _change(self, what: int, fd: int) -> None:
        if what == pycurl.POLL_REMOVE:
            with contextlib.suppress(KeyError):
                self._poller.unregister(fd)
        else:
            self._poller.register(fd, EPOLL_OF_POLL[what] if what != pycurl.POLL_NONE else 0)
