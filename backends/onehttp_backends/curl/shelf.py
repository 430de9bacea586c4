"""The idle handles of one (options, origin), and the state that they share."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, Generic, TypeVar

from onehttp_backends.contract import HttpVersion, TransferOptions
from onehttp_backends.rules.status_lines import OF_ANY_VERSION, OF_HTTP1, StatusLine

H = TypeVar("H")
MAX_IDLE_PER_SHELF = 1024
MAX_PLAIN_HEAD_BYTES = 4096


def is_one_shot(options: TransferOptions) -> bool:
    """Whether a transfer may send several requests on a connection that must not outlive it."""
    return not options.reuse and (options.max_redirects > 0 or options.auth is not None)


class Shelf(Generic[H]):
    """The free list of the handles of one (options, origin), and the state that they share."""

    __slots__ = ("closes", "has_answered", "idle", "is_forgotten", "is_http1", "is_one_shot",
                 "is_simple", "keeps", "may_be_http2", "opened", "options", "origin", "plain_head",
                 "shared", "silent", "status_lines")  # fmt: skip

    def __init__(self, options: TransferOptions, origin: str) -> None:
        self.options = options  # keeps their id() from being used for others
        self.origin = origin
        self.idle: list[H] = []
        self.is_forgotten = False
        self.has_answered = False
        """Whether the origin has ever sent a response."""
        self.keeps = 0
        """How many idle handles it keeps: none until the origin has answered once, because URLs
        from strangers may name any number of origins that never do."""
        self.is_one_shot = is_one_shot(options)
        self.is_simple = options.reuse and not (
            options.low_speed or options.idle_timeout_s or options.max_redirects or options.proxy
        )
        """Whether no limit depends on the time of single events, and transfers stay on one origin's
        connections: see `QuietMode`."""
        self.opened: Any = None
        """The last socket opened by a transfer with an idle limit, which HTTP/2 streams share."""
        self.shared: Any = None
        """The socket over which the last answer of HTTP/2 or HTTP/3 has come."""
        self.silent: Any = None
        """A socket on which a transfer reached its time limit without receiving a byte."""
        self.is_http1 = options.http_version is HttpVersion.HTTP_1_1 or (
            origin.startswith("http:")
            and options.http_version is not HttpVersion.HTTP_2_PRIOR_KNOWLEDGE
        )
        self.closes = self.is_http1 and not options.reuse
        """Whether each request has a connection of its own, which no other request will use."""
        self.status_lines = OF_HTTP1 if self.is_http1 else OF_ANY_VERSION
        self.may_be_http2 = not self.is_http1
        """Whether its next connection may speak HTTP/2, judging by earlier ones."""
        self.plain_head: tuple[list[bytes], StatusLine | None] = [], None
        """The lines of a head that was found to be whole and clear, and what its first one says. Of
        the next answers those with the same lines need no other look: all of a second, often."""

    def note_head(self, head: Sized) -> None:
        """Note the head of a response: from the first one on, handles are kept."""
        if head and not self.has_answered:
            self.has_answered = True
            # An easy handle cannot be made to forget the authentication it was challenged for.
            if not (self.options.auth and self.options.auth.each_time):
                self.keeps = MAX_IDLE_PER_SHELF

    def note_plain_head(self, head: list[bytes], line: StatusLine | None) -> None:
        """Note a head that a response was made of, and that nothing was wrong with."""
        if line is not None and sum(map(len, head)) <= MAX_PLAIN_HEAD_BYTES:
            self.plain_head = head, line

    def avoids_connections(self) -> bool:
        """Whether transfers must not share connections, because one that is open has gone
        silent."""
        silent = self.silent
        if silent is None:
            return False
        if not silent.is_shut and silent.is_open() and silent.is_silent():
            return True
        self.silent = None
        return False
