"""The idle limit: a transfer of which nothing has moved for so long is ended.

libcurl's own (``LOW_SPEED_TIME``) counts whole seconds. Here the driver stamps each event of a
socket, and looks at a transfer only when its limit would be over had nothing moved since the
last look: it is put off by what its last movement leaves, or it ends. A thousand bytes cost no
more than one, and what is due next is the top of a heap.

| where a transfer is                        | what counts as movement                          |
|--------------------------------------------|--------------------------------------------------|
| lookup                                     | nothing                                          |
| connecting, TLS                            | a socket opened for it; every event of it        |
| waiting for a connection others are making | every event of that                              |
| on a socket of its own                     | every event of it, so every byte in and out      |
| a stream among others (HTTP/2, HTTP/3)     | the request sent; its own header lines and bytes |
"""

from __future__ import annotations

import heapq
import itertools
import socket
import time
from collections.abc import Callable, Container
from typing import Any, Final, TypeAlias

import pycurl

from onehttp_backends.curl.libcurl import Easy
from onehttp_backends.curl.shelf import Shelf

SocketOpened: TypeAlias = Callable[[int, int], int]

MIN_ROOM: Final = 64
UNSENT_BYTES: Final = 16 * 1024
"""How much of an upload may wait in the kernel unsent: what has to move within the limit."""


class Progress:
    """When something last moved in the transfer that a handle with an idle limit runs."""

    __slots__ = (
        "_counts",
        "_head",
        "_moved_at",
        "_opened_fd",
        "_shelf",
        "_started_at",
        "easy",
        "limit_s",
        "number",
    )

    def __init__(
        self, easy: Easy, shelf: Shelf[Any], head: list[bytes], opened: SocketOpened
    ) -> None:
        self.easy = easy
        self.limit_s = shelf.options.idle_timeout_s
        self._shelf = shelf
        self._head = head
        self.start(0, 0.0)

        def note_opened(fd: int, purpose: int) -> int:
            self._opened_fd = shelf.opened_fd = fd
            self._moved_at = time.monotonic()
            _tell_of_little_sent(fd)
            return opened(fd, purpose)

        easy.setopt(pycurl.SOCKOPTFUNCTION, note_opened)
        if not shelf.is_http1:
            easy.setopt(pycurl.XFERINFOFUNCTION, self._note_counts)
            easy.setopt(pycurl.NOPROGRESS, 0)

    def start(self, number: int, now: float) -> None:
        """A transfer begins; it is told by its number from others that the handle has run."""
        self.number = number
        self._started_at = self._moved_at = now
        self._opened_fd = -1
        self._counts = (0, 0, 0)

    def last_moved(self, events_at: dict[int, float]) -> float:
        """When, by the monotonic clock; ``events_at`` tells of each socket's last event."""
        if self._may_share_socket():
            sent_us = self.easy.getinfo(pycurl.PRETRANSFER_TIME_T)
            return max(self._moved_at, self._started_at + float(sent_us) / 1e6)
        fd = self.easy.getinfo(pycurl.ACTIVESOCKET)
        if fd < 0:  # not connected yet
            fd = self._opened_fd if self._opened_fd >= 0 else self._shelf.opened_fd
        return max(self._moved_at, events_at.get(fd, 0.0))

    def _may_share_socket(self) -> bool:
        if self._shelf.is_http1 or self.easy.getinfo(pycurl.REQUEST_SIZE) == 0:
            return False
        return not (self._head and self._head[0].startswith(b"HTTP/1"))

    def _note_counts(self, _to_get: int, got: int, _to_send: int, sent: int) -> None:
        # libcurl calls at every look at a transfer, whether or not something came of it.
        counts = (got, sent, len(self._head))
        if counts != self._counts:
            self._counts = counts
            self._moved_at = time.monotonic()


def _tell_of_little_sent(fd: int) -> None:
    # The kernel takes megabytes at once and then says nothing until a third of them is gone:
    # on a slow line an upload would seem to stand still.
    connection = socket.socket(fileno=fd)
    if connection.type is socket.SOCK_STREAM and connection.family is not socket.AF_UNIX:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    connection.detach()


class IdleLimits:
    """The transfers of one engine that have an idle limit, the next one due on top."""

    def __init__(self, running: Container[Easy]) -> None:
        self._running = running
        self.due: list[tuple[float, int, Progress]] = []
        """A heap. Ended transfers stay in it until they come up, or there is no more room."""
        self._room = MIN_ROOM
        self._events_at: dict[int, float] = {}
        self._numbers = itertools.count(1)

    def watch(self, progress: Progress) -> None:
        """A transfer begins."""
        now = time.monotonic()
        progress.start(next(self._numbers), now)
        if len(self.due) >= self._room:
            self.due = [entry for entry in self.due if self._is_running(entry)]
            heapq.heapify(self.due)
            self._room = max(MIN_ROOM, 2 * len(self.due))
        self._put(progress, now)

    def see(self, events: list[tuple[int, int]]) -> float:
        """Stamp the sockets of ``events``; return the time."""
        now = time.monotonic()
        for fd, _ in events:
            self._events_at[fd] = now
        return now

    def next_idle(self, now: float) -> Progress | None:
        """One whose limit is over, no longer watched; None when there is none (any more)."""
        while self.due and self.due[0][0] <= now:
            entry = heapq.heappop(self.due)
            if self._is_running(entry):
                progress = entry[2]
                moved_at = progress.last_moved(self._events_at)
                if moved_at + progress.limit_s <= now:
                    return progress
                self._put(progress, moved_at)
        return None

    def sooner_ms(self, timeout_ms: float) -> float:
        """What comes first: the next look at a transfer, or ``timeout_ms`` (-1 = never)."""
        while self.due and not self._is_running(self.due[0]):
            heapq.heappop(self.due)
        if not self.due:
            return timeout_ms
        left_ms = max(0.0, (self.due[0][0] - time.monotonic()) * 1000)
        return left_ms if timeout_ms < 0 else min(left_ms, timeout_ms)

    def _put(self, progress: Progress, moved_at: float) -> None:
        heapq.heappush(self.due, (moved_at + progress.limit_s, progress.number, progress))

    def _is_running(self, entry: tuple[float, int, Progress]) -> bool:
        _, number, progress = entry
        return number == progress.number and progress.easy in self._running
