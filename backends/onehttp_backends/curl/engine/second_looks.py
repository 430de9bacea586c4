"""Sockets that several transfers share are shown to libcurl once more when they have fallen silent.

A new HTTP/2 connection on which five requests went out at once, all answered by one packet: libcurl
8.23 reads it, finishes four of the five, and now and then forgets that it has the answer to the
last. The socket has nothing more to tell, so that call would wait to its limit (seen once in some
sixty such crowds on a loaded machine). Told once more that the socket is readable, libcurl looks at
all transfers on it, and finds the answer.

So is what it has found wrong with a connection as a whole: it sends the server a GOAWAY, and the
transfers hear of it when it looks at them next, though the server may go on saying nothing.

libcurl also reads without an event: when a transfer begins on a connection, whoever lets it begin,
and when it is shown one. What a look has read is looked at again, therefore.
"""

from __future__ import annotations

import time

import pycurl

from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.libcurl import Multi
from onehttp_backends.curl.sockets import SocketWatch
from onehttp_backends.curl.sockets.socket import AFTER_S


class SecondLooks:
    """Sockets to show once more, the longest silent first. Only the driver may use this."""

    __slots__ = ("_due", "_left", "_multi", "_watch", "begun")

    def __init__(self, multi: Multi, watch: SocketWatch) -> None:
        self._multi = multi
        self._watch = watch
        self._due: dict[int, float] = {}
        """When to look again (monotonic clock), for each socket that was read from since the last
        look."""
        self._left = 0
        """How many transfers there were after the last look."""
        self.begun: list[Transfer] = []
        """Transfers that have just been added, and perhaps share a connection."""

    def note(self, events: list[tuple[int, int]]) -> None:
        """Note events that libcurl has just processed."""
        if self._watch.may_share:
            for fd, _ in events:
                self._note(fd)

    def _note_begun(self) -> None:
        begun = self.begun
        while begun:
            handle = begun.pop().handle
            if handle is not None:
                self._note(handle.getinfo(pycurl.ACTIVESOCKET))

    def look(self) -> None:
        """Show libcurl the sockets that have been silent for long enough, once it has gone on."""
        if self.begun:
            self._note_begun()
        while self._due:
            fd, due_at = next(iter(self._due.items()))
            if due_at > time.monotonic():
                return
            has_changed = self._watch.is_shared(fd) and self._show(fd)
            self._due.pop(fd, None)
            if has_changed:
                self._note(fd)

    def _show(self, fd: int) -> bool:
        """Whether libcurl has ended something, or has read what was to be an event otherwise."""
        known, left = self._watch.socket(fd), self._left
        taken_bytes = known.taken_bytes() if known else 0
        _, self._left = self._multi.socket_action(fd, pycurl.CSELECT_IN)
        return self._left != left or (known is not None and known.taken_bytes() != taken_bytes)

    def sooner_ms(self, timeout_ms: float) -> float:
        """The shorter of ``timeout_ms`` (-1 = none) and the time until the next look is due."""
        while self._due:
            fd, due_at = next(iter(self._due.items()))
            if self._watch.is_shared(fd):
                left_ms = max(0.0, (due_at - time.monotonic()) * 1000)
                return left_ms if timeout_ms < 0 else min(left_ms, timeout_ms)
            del self._due[fd]
        return timeout_ms

    def _note(self, fd: int) -> None:
        self._due.pop(fd, None)
        if self._watch.is_shared(fd):
            self._due[fd] = time.monotonic() + AFTER_S
