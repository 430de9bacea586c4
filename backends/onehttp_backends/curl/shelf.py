"""Where the idle handles of one (options, origin) lie, and what all of them share."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, Generic, TypeVar

from onehttp_backends.contract import HttpVersion, TransferOptions
from onehttp_backends.rules.status_lines import OF_ANY_VERSION, OF_HTTP1

H = TypeVar("H")
MAX_IDLE_PER_SHELF = 1024


class Shelf(Generic[H]):
    """Where the idle handles of one (options, origin) lie."""

    __slots__ = ("closes", "has_answered", "idle", "is_forgotten", "is_http1", "is_one_shot",
                 "keeps", "may_be_http2", "opened", "options", "origin", "silent",
                 "status_lines")  # fmt: skip

    def __init__(self, options: TransferOptions, origin: str) -> None:
        self.options = options  # kept, so that no other options get their identity
        self.origin = origin
        self.idle: list[H] = []
        self.is_forgotten = False
        self.has_answered = False
        """Something has come from the origin, ever."""
        self.keeps = 0
        """How many idle handles it keeps; none for an origin that has never answered, of which
        there may be any number: dead names, in URLs of strangers."""
        self.is_one_shot = not options.reuse and (
            options.max_redirects > 0 or options.auth is not None
        )
        """A transfer may be several requests on a connection that must not outlive it."""
        self.opened: Any = None
        """The last socket opened under an idle limit: what its HTTP/2 streams wait for."""
        self.silent: Any = None
        """A socket on which one of its transfers has waited in vain."""
        self.is_http1 = options.http_version is HttpVersion.HTTP_1_1 or (
            origin.startswith("http:")
            and options.http_version is not HttpVersion.HTTP_2_PRIOR_KNOWLEDGE
        )
        self.closes = self.is_http1 and not options.reuse
        """Each request has a connection of its own, which nobody else can come to use."""
        self.status_lines = OF_HTTP1 if self.is_http1 else OF_ANY_VERSION
        self.may_be_http2 = not self.is_http1
        """What its next connection may speak, as far as those before it tell."""

    def note_head(self, head: Sized) -> None:
        """What has come of a response: from the first on handles are kept."""
        if head and not self.has_answered:
            self.has_answered = True
            # An easy handle remembers what it was challenged for, and nothing makes it forget.
            if not (self.options.auth and self.options.auth.each_time):
                self.keeps = MAX_IDLE_PER_SHELF

    def avoids_connections(self) -> bool:
        """Whether others still use a connection that is silent, which libcurl would give us too."""
        silent = self.silent
        if silent is None:
            return False
        if not silent.is_shut and silent.is_open() and silent.is_silent():
            return True
        self.silent = None
        return False
