"""Sockets that several transfers share are shown to libcurl once more when they have fallen silent.

A new HTTP/2 connection on which five requests went out at once, all answered by one packet: libcurl
8.23 reads it, finishes four of the five, and now and then forgets that it has the answer to the
last. The socket has nothing more to tell, so that call would wait to its limit (seen once in some
sixty such crowds on a loaded machine). Told once more that the socket is readable, libcurl looks at
all transfers on it, and finds the answer.
"""

from __future__ import annotations

import time
from typing import Final

import pycurl

from onehttp_backends.curl.libcurl import Multi
from onehttp_backends.curl.sockets import SocketWatch

AFTER_S: Final = 0.01
"""How long such a socket must be silent; a forgotten answer is late by this time."""


class SecondLooks:
    """Sockets to show once more, the longest silent first. Only the driver may use this."""

    __slots__ = ("_due", "_multi", "_watch")

    def __init__(self, multi: Multi, watch: SocketWatch) -> None:
        self._multi = multi
        self._watch = watch
        self._due: dict[int, float] = {}
        """When to look again (monotonic clock), for each socket with an event since the last
        look."""

    def note(self, events: list[tuple[int, int]]) -> None:
        """Note events that libcurl has just processed."""
        due = self._due
        for fd, _ in events:
            due.pop(fd, None)
            if self._watch.is_shared(fd):
                due[fd] = time.monotonic() + AFTER_S

    def look(self) -> None:
        """Show libcurl the sockets that have been silent for long enough since their last event."""
        while self._due:
            fd, due_at = next(iter(self._due.items()))
            if due_at > time.monotonic():
                return
            if self._watch.is_shared(fd):
                self._multi.socket_action(fd, pycurl.CSELECT_IN)
            self._due.pop(fd, None)

    def sooner_ms(self, timeout_ms: float) -> float:
        """The shorter of ``timeout_ms`` (-1 = none) and the time until the next look is due."""
        while self._due:
            fd, due_at = next(iter(self._due.items()))
            if self._watch.is_shared(fd):
                left_ms = max(0.0, (due_at - time.monotonic()) * 1000)
                return left_ms if timeout_ms < 0 else min(left_ms, timeout_ms)
            del self._due[fd]
        return timeout_ms
