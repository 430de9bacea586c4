"""Redirects that libcurl follows by itself: their names are resolved in time.

libcurl cannot be stopped between two hops and continued later. But a transfer can be paused in the
middle of a head: at the line with the next address, until the names in it are resolved. Hops that
need no lookup are left to libcurl.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from typing import Final
from urllib.parse import urljoin

import pycurl

from onehttp_backends.contract import Proxy
from onehttp_backends.curl.libcurl import Easy
from onehttp_backends.curl.names.places import Place, places
from onehttp_backends.headers import BLANK_LINES, begins_head

STOP: Final = itertools.repeat(1).__next__
"""For ``RESOLVER_START_FUNCTION``: libcurl, about to look a name up, ends the transfer instead.
No Python function, so that no signal handler can run (and raise) in it."""


class Hops:
    """Reads the redirects in the heads that one handle receives."""

    __slots__ = (
        "_easy",
        "_first_stops",
        "_head",
        "_is_redirect",
        "_last",
        "_may_go_on",
        "_proxy",
        "_stops",
        "_url",
        "paused",
        "raised",
        "wanted",
    )

    def __init__(
        self,
        easy: Easy,
        origin: str,
        proxy: Proxy | None,
        head: list[bytes],
        raised: list[BaseException],
    ) -> None:
        self._easy = easy
        self._proxy = proxy
        self._head = head
        self.raised = raised
        self._first_stops = [0] if places(origin, proxy) else []
        self._stops = self._first_stops.copy()
        self._url = origin
        self._is_redirect = self._may_go_on = False
        self._last = b""
        """The last status line."""
        self.paused: deque[Easy] = deque()
        """The set that the handle is added to when it pauses."""
        self.wanted: list[Place] = []
        """The names of the next hop that the paused transfer waits for."""

    @property
    def guard(self) -> Callable[[], int]:
        """The callback for ``RESOLVER_START_FUNCTION``: not 0 if libcurl would look a name up."""
        return self._stops.__len__

    def begin(self, url: str) -> None:
        """Begin a transfer."""
        self._url = url
        self._is_redirect = False
        self._may_go_on = False
        self._stops[:] = self._first_stops

    def go_on(self) -> None:
        """Continue: the names are resolved, or cannot be. libcurl passes the same line once
        more."""
        self._may_go_on = True

    def note(self, line: bytes) -> int | None:
        """Take a line of a head (``HEADERFUNCTION``)."""
        try:
            return self._note(line)
        except BaseException as error:  # noqa: BLE001 - raised by who has called libcurl
            self.raised.append(error)
        # A signal's handler raises once: what it broke off is done now, from the beginning.
        return self._note(line)

    def _note(self, line: bytes) -> int | None:
        if line.startswith(b"HTTP/") and begins_head(line, b"".join(self._head[-1:]), self._last):
            self._last = line
            self._is_redirect = line.partition(b" ")[2][:1] == b"3"
        elif line in BLANK_LINES:
            self._is_redirect = False  # what may still come are trailers
        elif self._is_redirect and line[:9].lower() == b"location:":
            if not self._may_go_on and (wanted := self._next(line[9:])):
                self.wanted = wanted
                self.paused.append(self._easy)
                return int(pycurl.WRITEFUNC_PAUSE)
            self._may_go_on = False
        if not self._head or self._head[-1] is not line:
            self._head.append(line)
        return None

    def _next(self, location: bytes) -> list[Place]:
        try:
            self._url = urljoin(self._url, location.strip().decode("latin-1"))
        except ValueError:
            return []  # libcurl will say what is wrong with it
        return self._leads_to(self._url)

    def _leads_to(self, url: str) -> list[Place]:
        found = places(url, self._proxy)
        self._stops[:] = [0] if found else []
        return found
