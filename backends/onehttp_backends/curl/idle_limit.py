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
| on a socket of its own                     | every event of it; what the other side           |
|                                            | acknowledges, which the kernel is asked for      |
| a stream among others (HTTP/2, HTTP/3)     | the request sent; its own header lines and bytes |
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Container
from typing import Any, Final, Protocol

import pycurl

from onehttp_backends.curl.libcurl import Easy
from onehttp_backends.curl.shelf import Shelf
from onehttp_backends.errors import idle_text

MIN_ROOM: Final = 64
UNSENT_BYTES: Final = 16 * 1024
"""How much of an upload may wait in the kernel unsent, where its socket may be shared: what has to
move within the limit."""
LOOKS: Final = 4
"""How often within the limit the kernel is asked about an upload: it tells when it last heard of
the other side, and of what it heard only the sum."""


class MovingSocket(Protocol):
    """What is asked of a socket."""

    event_at: float

    def acknowledged_at(self) -> float: ...
    def tell_of_little_sent(self, unsent_bytes: int) -> None: ...


class Sockets(Protocol):
    """What is asked of those who know all sockets."""

    raised: list[BaseException]
    """What a callback of libcurl's must not raise, for the driver to raise."""

    opening: Callable[[int, int], int]
    """For ``SOCKOPTFUNCTION``."""

    def socket(self, fd: int, /) -> MovingSocket | None: ...


class Progress:
    """When something last moved in the transfer that a handle with an idle limit runs."""

    __slots__ = (
        "_counts",
        "_head",
        "_moved_at",
        "_opened",
        "_shelf",
        "_sockets",
        "_started_at",
        "easy",
        "limit_s",
        "number",
        "sends",
    )

    def __init__(self, easy: Easy, shelf: Shelf[Any], head: list[bytes], sockets: Sockets) -> None:
        self.easy = easy
        self.limit_s = shelf.options.idle_timeout_s
        self._shelf = shelf
        self._head = head
        self._sockets = sockets
        self.sends = False
        """The request has a body. The kernel takes megabytes of it at once and then says nothing
        until a third of them is gone: on a slow line it would seem to stand still."""
        self.start(0, 0.0)
        if not shelf.is_http1:
            easy.setopt(pycurl.XFERINFOFUNCTION, self._note_counts)
            easy.setopt(pycurl.NOPROGRESS, 0)

    def start(self, number: int, now: float) -> None:
        """A transfer begins; it is told by its number from others that the handle has run."""
        self.number = number
        self._started_at = self._moved_at = now
        self._opened: MovingSocket | None = None
        self._counts = (0, 0, 0)

    def text(self) -> str:
        """What its error says once the limit is over."""
        return idle_text(self.limit_s)

    def last_moved(self) -> float:
        """When, by the monotonic clock."""
        if self._may_share_socket():
            sent_us = self.easy.getinfo(pycurl.PRETRANSFER_TIME_T)
            return max(self._moved_at, self._started_at + float(sent_us) / 1e6)
        moving = self._sockets.socket(self.easy.getinfo(pycurl.ACTIVESOCKET))
        if moving is not None:
            acknowledged_at = moving.acknowledged_at() if self.sends else 0.0
            return max(self._moved_at, moving.event_at, acknowledged_at)
        moving = self._opened or self._shelf.opened  # not connected yet
        return max(self._moved_at, moving.event_at) if moving else self._moved_at

    def _may_share_socket(self) -> bool:
        if self._shelf.is_http1 or self.easy.getinfo(pycurl.REQUEST_SIZE) == 0:
            return False
        return not (self._head and self._head[0].startswith(b"HTTP/1"))

    def _note_counts(self, _to_get: int, got: int, _to_send: int, sent: int) -> None:
        # libcurl calls at every look at a transfer, whether or not something came of it.
        try:
            counts = (got, sent, len(self._head))
            if counts != self._counts:
                self._counts = counts
                self._moved_at = time.monotonic()
        except BaseException as error:  # noqa: BLE001 - a handler's; pycurl would print it
            self._sockets.raised.append(error)

    def note_opened(self, fd: int, purpose: int) -> int:
        """libcurl has made a socket (``SOCKOPTFUNCTION``)."""
        verdict = self._sockets.opening(fd, purpose)
        try:
            self._opened = self._shelf.opened = self._sockets.socket(fd)
            self._moved_at = time.monotonic()
            if self._opened is not None and not self._shelf.is_http1:
                # What one stream of many has sent is what libcurl could hand to the kernel. That
                # takes a fifth more CPU, in small pieces.
                self._opened.tell_of_little_sent(UNSENT_BYTES)
        except BaseException as error:  # noqa: BLE001 - libcurl's next callback would meet it
            self._sockets.raised.append(error)
        return verdict


class IdleLimits:
    """The transfers of one engine that have an idle limit, the next one due on top."""

    def __init__(self, running: Container[Easy]) -> None:
        self._running = running
        self.due: list[tuple[float, int, Progress]] = []
        """A heap. Ended transfers stay in it until they come up, or there is no more room."""
        self._room = MIN_ROOM
        self._numbers = itertools.count(1)

    def watch(self, progress: Progress) -> None:
        """A transfer begins."""
        now = time.monotonic()
        progress.start(next(self._numbers), now)
        if len(self.due) >= self._room:
            self.due = [entry for entry in self.due if self._is_running(entry)]
            heapq.heapify(self.due)
            self._room = max(MIN_ROOM, 2 * len(self.due))
        self._put(progress, now, now)

    def next_idle(self, now: float) -> Progress | None:
        """One whose limit is over, no longer watched; None when there is none (any more)."""
        while self.due and self.due[0][0] <= now:
            entry = heapq.heappop(self.due)
            if self._is_running(entry):
                progress = entry[2]
                moved_at = progress.last_moved()
                if moved_at + progress.limit_s <= now:
                    return progress
                self._put(progress, moved_at, now)
        return None

    def sooner_ms(self, timeout_ms: float) -> float:
        """What comes first: the next look at a transfer, or ``timeout_ms`` (-1 = never)."""
        while self.due and not self._is_running(self.due[0]):
            heapq.heappop(self.due)
        if not self.due:
            return timeout_ms
        left_ms = max(0.0, (self.due[0][0] - time.monotonic()) * 1000)
        return left_ms if timeout_ms < 0 else min(left_ms, timeout_ms)

    def _put(self, progress: Progress, moved_at: float, now: float) -> None:
        look_at = moved_at + progress.limit_s
        if progress.sends:
            look_at = min(look_at, now + progress.limit_s / LOOKS)
        heapq.heappush(self.due, (look_at, progress.number, progress))

    def _is_running(self, entry: tuple[float, int, Progress]) -> bool:
        _, number, progress = entry
        return number == progress.number and progress.easy in self._running
