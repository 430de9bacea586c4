"""The idle limit: a transfer that has not moved for a given time is ended.

libcurl's own limit (``LOW_SPEED_TIME``) counts whole seconds. Here the driver stamps each event of
a socket. It looks at a transfer only at the time when its limit would be over if nothing had
moved since the last look. The transfer then ends, or is looked at again when its limit counts
from the last movement. So the cost does not depend on the number of events or bytes; a heap
tells which transfer to look at next.

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
from onehttp_backends.curl.signal_safe import notice_callback
from onehttp_backends.errors import idle_text

MIN_ROOM: Final = 64
UNSENT_BYTES: Final = 16 * 1024
"""How many bytes of an upload the kernel may hold unsent, if its socket may be shared. This many
bytes must move within the limit."""
LOOKS: Final = 4
"""How many times per limit the kernel is asked about an upload. It knows when the peer last
acknowledged something, but only the total of what it acknowledged."""


class MovingSocket(Protocol):
    """The part of `Socket` that idle limits use."""

    event_at: float

    def acknowledged_at(self) -> float: ...
    def tell_of_little_sent(self, unsent_bytes: int) -> None: ...


class Sockets(Protocol):
    """The part of `SocketWatch` that idle limits use."""

    raised: list[BaseException]
    """Exceptions from inside libcurl's callbacks, for the driver to raise."""

    opening: Callable[[int, int], int]
    """For ``SOCKOPTFUNCTION``."""

    def socket(self, fd: int, /) -> MovingSocket | None: ...


class Progress:
    """Tells when the current transfer of a handle with an idle limit last moved."""

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
        """Whether the request has a body. The kernel accepts megabytes of it at once, and reports
        nothing until a third is sent: on a slow line the transfer would seem to stand still."""
        self.start(0, 0.0)
        if not shelf.is_http1:
            note = notice_callback(self._note_counts, 4, sockets.raised.append)
            easy.setopt(pycurl.XFERINFOFUNCTION, note)
            easy.setopt(pycurl.NOPROGRESS, 0)

    def start(self, number: int, now: float) -> None:
        """Begin a transfer; ``number`` tells it from earlier ones of the same handle."""
        self.number = number
        self._started_at = self._moved_at = now
        self._opened: MovingSocket | None = None
        self._counts = (0, 0, 0)

    def text(self) -> str:
        """The text of the error once the limit is over."""
        return idle_text(self.limit_s)

    def last_moved(self) -> float:
        """When the transfer last moved, by the monotonic clock."""
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
        # libcurl calls this whenever it looks at a transfer, even if nothing has moved.
        counts = (got, sent, len(self._head))
        if counts != self._counts:
            self._counts = counts
            self._moved_at = time.monotonic()

    def note_opened(self, fd: int, purpose: int) -> int:
        """The callback for ``SOCKOPTFUNCTION``: libcurl has opened a socket."""
        verdict = self._sockets.opening(fd, purpose)
        try:
            self._opened = self._shelf.opened = self._sockets.socket(fd)
            self._moved_at = time.monotonic()
            if self._opened is not None and not self._shelf.is_http1:
                # Of one stream among many, only the bytes handed to the kernel are known, so the
                # kernel must not take many at once. The small pieces cost a fifth more CPU.
                self._opened.tell_of_little_sent(UNSENT_BYTES)
        except BaseException as error:  # noqa: BLE001 - libcurl's next callback would meet it
            self._sockets.raised.append(error)
        return verdict


class IdleLimits:
    """The transfers of one engine that have an idle limit, in a heap by their next look."""

    def __init__(self, running: Container[Easy]) -> None:
        self._running = running
        self.due: list[tuple[float, int, Progress]] = []
        """The heap. Ended transfers stay until they reach the top, or until room is needed."""
        self._room = MIN_ROOM
        self._numbers = itertools.count(1)

    def watch(self, progress: Progress) -> None:
        """Watch a transfer that begins."""
        now = time.monotonic()
        progress.start(next(self._numbers), now)
        if len(self.due) >= self._room:
            self.due = [entry for entry in self.due if self._is_running(entry)]
            heapq.heapify(self.due)
            self._room = max(MIN_ROOM, 2 * len(self.due))
        self._put(progress, now, now)

    def next_idle(self, now: float) -> Progress | None:
        """Remove and return a transfer whose limit is over; None if there is none."""
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
        """The shorter of ``timeout_ms`` (-1 = none) and the time until the next look is due."""
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


class _Streamed(Protocol):
    """The part of `StreamHandle` that its limits look at."""

    ends_at: float

    @property
    def waits_for_us(self) -> bool: ...


class StreamProgress(Progress):
    """An idle limit that does not count while our own side is waited for; also the total limit."""

    __slots__ = ("handle",)

    handle: _Streamed

    def last_moved(self) -> float:
        moved_at = time.monotonic() if self.handle.waits_for_us else super().last_moved()
        return min(moved_at, self.handle.ends_at - self.limit_s)

    def touch(self) -> None:
        """Note that our side has caught up: from now on the peer is waited for."""
        self._moved_at = time.monotonic()

    def text(self) -> str:
        is_over = self.handle.ends_at <= time.monotonic()
        return "no end within the time limit" if is_over else super().text()
