"""Redirects that libcurl follows by itself: the next hop's names are there in time.

libcurl cannot be stopped between two hops and go on later. But it can be told to wait in the
middle of a head: when the line with the next address comes, the transfer pauses until the names
on the way there are known. A hop that needs no lookup is libcurl's own affair.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urljoin

import pycurl

from onehttp_backends.contract import Proxy
from onehttp_backends.curl.libcurl import Easy
from onehttp_backends.curl.names.places import Place, places


class Hops:
    """Reads the heads that one handle receives for where they lead."""

    __slots__ = (
        "_easy",
        "_first_stops",
        "_head",
        "_is_redirect",
        "_proxy",
        "_stops",
        "_url",
        "paused",
        "wanted",
    )

    def __init__(
        self, easy: Easy, origin: str, head: list[bytes], proxy: Proxy | None, paused: list[Easy]
    ) -> None:
        self._easy = easy
        self._head = head
        self.paused = paused
        """Where the handle is put when it pauses."""
        self._proxy = proxy
        self._first_stops = [0] if places(origin, proxy) else []
        self._stops = self._first_stops.copy()
        self._url = origin
        self._is_redirect = False
        self.wanted: list[Place] = []
        """Of the next hop, while the transfer is paused for them."""

    @property
    def guard(self) -> Callable[[], int]:
        """For ``RESOLVER_START_FUNCTION``: not 0 where libcurl would look a name up."""
        return self._stops.__len__

    def begin(self, url: str) -> None:
        """A transfer begins."""
        self._url = url
        self._is_redirect = False
        self.wanted = []
        self._stops[:] = self._first_stops

    def note(self, line: bytes) -> int | None:
        """A line of a head (``HEADERFUNCTION``)."""
        if line.startswith(b"HTTP/"):
            self._is_redirect = line.partition(b" ")[2][:1] == b"3"
        elif self._is_redirect and line[:9].lower() == b"location:":
            if self.wanted:
                self.wanted = []  # the same line once more: go on
            elif wanted := self._next(line[9:]):
                self.wanted = wanted
                self.paused.append(self._easy)
                return int(pycurl.WRITEFUNC_PAUSE)
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
