"""Blocking transfers that leave no connection behind, though they may take several requests.

Options that close the connection after each call (``reuse=False``) and follow redirects or
answer challenges need it open in between: libcurl's ``FORBID_REUSE`` would give every one of
these requests a connection of its own. So such a transfer gets a multi of its own, which
takes its connections along when it is closed.
"""

from __future__ import annotations

import contextlib
import math
import select
import threading
import time
from collections import Counter
from typing import Final

import pycurl

from onehttp_backends.contract import Outcome, Peer, Request, TransferOptions
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.libcurl import LIBCURL, Multi
from onehttp_backends.curl.outcome import read_error, read_response
from onehttp_backends.errors import CurlCode, Phase, TransferError, idle_text
from onehttp_backends.immortal import make_immortal

_EVENTS: Final = {
    pycurl.POLL_NONE: 0,
    pycurl.POLL_IN: select.POLLIN,
    pycurl.POLL_OUT: select.POLLOUT,
    pycurl.POLL_INOUT: select.POLLIN | select.POLLOUT,
}


def needs_one_shot(options: TransferOptions) -> bool:
    """Whether a transfer may be several requests on a connection that must not outlive it."""
    return not options.reuse and (options.max_redirects > 0 or options.auth is not None)


class OneShotCounts:
    """What became of the one-shot transfers of one engine."""

    def __init__(self) -> None:
        self._counting = threading.Lock()  # guards the counts: callers run side by side
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


def perform_one_shot(handle: Handle, request: Request, counts: OneShotCounts) -> Outcome:
    """Run one transfer to its end in the calling thread, beside whatever the engine does."""
    multi = LIBCURL.multi()
    easy = handle.easy
    easy.setopt(pycurl.FORBID_REUSE, 0)
    outcome: Outcome | None = None
    opened = 0
    multi.add_handle(easy)
    try:
        code, text = _run(multi, handle.options.idle_timeout_s or math.inf)
        opened = easy.getinfo(pycurl.NUM_CONNECTS)
        if code == 0 or handle.was_truncated:
            peer = Peer(easy.getinfo(pycurl.PRIMARY_IP) or "", easy.getinfo(pycurl.PRIMARY_PORT))
            outcome = read_response(handle, request, opened, peer)
        else:
            outcome = read_error(handle, request, code, text)
    finally:
        in_lookup = read_error(handle, request, 42, "").phase is Phase.LOOKUP
        multi.remove_handle(easy)
        if in_lookup:
            make_immortal(multi)  # closing it would wait for the lookup
        else:
            multi.close()
        easy.setopt(pycurl.FORBID_REUSE, 1)
        counts.note(outcome, opened)
    return outcome


def _run(multi: Multi, idle_timeout_s: float) -> tuple[int, str]:
    """Drive the only transfer of a multi; return libcurl's code and text."""
    poller = select.poll()

    def changed(what: int, fd: int, _multi: object, _data: object) -> None:
        if what == pycurl.POLL_REMOVE:
            with contextlib.suppress(KeyError):
                poller.unregister(fd)
        else:
            poller.register(fd, _EVENTS[what])

    multi.setopt(pycurl.M_SOCKETFUNCTION, changed)
    running = multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)[1]
    idle_at = time.monotonic() + idle_timeout_s
    while running:
        ready = poller.poll(_wait_ms(multi.timeout(), idle_at))
        if ready:
            idle_at = time.monotonic() + idle_timeout_s
        elif time.monotonic() >= idle_at:
            return CurlCode.OPERATION_TIMEDOUT, idle_text(idle_timeout_s)
        for fd, events in ready:
            running = multi.socket_action(fd, _select_mask(events))[1]
        if running and multi.timeout() == 0:
            running = multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)[1]
    _, _, failed = multi.info_read()
    return (failed[0][1], failed[0][2]) if failed else (0, "")


def _wait_ms(timeout_ms: int, idle_at: float) -> float:
    if idle_at == math.inf:
        return timeout_ms
    idle_ms = max(0.0, (idle_at - time.monotonic()) * 1000)
    return idle_ms if timeout_ms < 0 else min(idle_ms, timeout_ms)


def _select_mask(events: int) -> int:
    mask = 0
    if events & ~select.POLLOUT:
        mask = pycurl.CSELECT_IN
    if events & select.POLLOUT:
        mask |= pycurl.CSELECT_OUT
    return mask
