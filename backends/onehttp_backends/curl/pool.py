"""Idle handles, kept by options and origin for their next use."""

from __future__ import annotations

import weakref
from collections import deque

from onehttp_backends.bodies.upload import Sending
from onehttp_backends.contract import Request, TransferOptions
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.libcurl import Easy
from onehttp_backends.curl.reading.phase import has_begun_tls
from onehttp_backends.curl.sending_guard import OpenedSockets
from onehttp_backends.curl.shelf import Shelf
from onehttp_backends.curl.stream_handle import StreamHandle
from onehttp_backends.curl.tls.handshake import Made
from onehttp_backends.errors import RequestError
from onehttp_backends.headers import BLANK_LINES, is_cut_off
from onehttp_backends.optional.streaming import StreamLimits
from onehttp_backends.rules.at_sight import origin_at_sight
from onehttp_backends.rules.request_rules import check_options, check_request

MAX_SHELVES = 1024


class HandlePool:
    """Idle handles by (options, origin).

    Any thread may take and give back handles without a lock: each step is one atomic operation of a
    dict or a list.
    """

    def __init__(self, watch: OpenedSockets, paused: deque[Easy]) -> None:
        self._watch = watch
        self._paused = paused
        self._named_badly: set[str] = set()
        """Origins whose certificates say wrongly whose they are."""
        # Keyed by the identity of the options: equal options of two connections stay apart. It
        # cannot come back while it is a key, since the shelf keeps its options.
        self._shelves: dict[tuple[int, str], Shelf[Handle]] = {}
        self._made: set[weakref.ref[Made]] = set()

    @property
    def made(self) -> list[Made]:
        """Of every handle that still exists, idle or in use."""
        return [made for each in list(self._made) if (made := each()) is not None]

    def take(self, options: TransferOptions, origin: str) -> Handle:
        """An idle handle for these, or a new one.

        Raises:
            RequestError: the options hold something that cannot be set.
        """
        shelf = self._shelves.get((id(options), origin))
        if shelf is None:
            check_options(options)
            for key in list(self._shelves)[: 1 - MAX_SHELVES]:
                self._forget_shelf(key)
            shelf = self._shelves.setdefault((id(options), origin), Shelf(options, origin))
        idle = shelf.idle
        try:
            handle = idle.pop()
            if _has_reader(handle) and (first := idle[:1]) and not _has_reader(first[0]):
                idle.append(handle)
                handle = idle.pop(0)
            return handle
        except IndexError:
            handle = Handle(shelf, self._watch, self._paused, self._named_badly)
            self._made.add(weakref.ref(handle.made, self._made.discard))
            return handle

    def prepared(self, request: Request, origin: str = "") -> Handle:
        """A handle ready to run ``request``, once that has passed every check.

        Args:
            origin: that of a request which has passed before.

        Raises:
            RequestError: it is not fit to be sent.
        """
        handle: Handle | None = None
        try:
            known = origin or origin_at_sight(request) or check_request(request)
            handle = self.take(request.options, known)
            handle.prepare(request)
        except RequestError as error:  # after any other nothing is known of the handle
            if handle is not None:
                self.give_back(handle)
            raise error.with_traceback(None) from None  # its frames hold what the call was given
        return handle

    def make_for_stream(
        self, request: Request, origin: str, limits: StreamLimits, sending: Sending | None
    ) -> StreamHandle:
        """A new handle for one streamed transfer.

        Raises:
            RequestError: libcurl refuses a part of the request or of its options.
        """
        handle = StreamHandle(
            request, origin, limits, sending, self._watch, self._paused, self._named_badly
        )
        self._made.add(weakref.ref(handle.made, self._made.discard))
        return handle

    def give_back(self, handle: Handle) -> None:
        """Keep a handle that is in no multi for its next use, as the last thing done with it.

        One that was interrupted, or is not as it should be, is not given back but let go of.
        """
        shelf, head = handle.shelf, handle.head
        is_full = len(shelf.idle) >= shelf.keeps
        if is_full:
            shelf.note_head(head)
            is_full = len(shelf.idle) >= shelf.keeps
        if (
            is_full
            or shelf.is_forgotten
            or (head and head[-1] not in BLANK_LINES and is_cut_off(head))
            or (handle.handshake and shelf.options.proxy and _remembers_tls(handle))
        ):
            handle.close()
            if handle.handshake:
                # With a copy of it left, epoll would tell of a socket whose number is another's.
                handle.handshake.let_go()
            if not (shelf.has_answered or shelf.is_forgotten):
                self._forget_shelf((id(shelf.options), shelf.origin))
        elif handle.clear():
            shelf.idle.append(handle)

    def forget(self, options: TransferOptions) -> None:
        """Close the idle handles of these options, whatever their origin."""
        wanted = id(options)
        for key in list(self._shelves):
            if key[0] == wanted:
                self._forget_shelf(key)

    def let_go(self) -> None:
        """Let go of what handshakes hold, without closing a handle."""
        for made in self.made:
            if made.handshake:
                made.handshake.let_go()

    def close(self) -> None:
        """Close every idle handle."""
        for key in list(self._shelves):
            self._forget_shelf(key)

    def _forget_shelf(self, key: tuple[int, str]) -> None:
        shelf = self._shelves.pop(key, None)
        if shelf is None:  # another thread was faster
            return
        shelf.is_forgotten = True
        while shelf.idle:
            try:
                handle = shelf.idle.pop()
            except IndexError:  # another thread has taken the last one
                break
            handle.close()


def _has_reader(handle: Handle) -> bool:
    """Whether the last response may still be asked for its facts. To read them before the handle is
    used takes 5 % of a call. Tasks that are woken one after the other find their own as it was when
    they were woken, and those before it dropped."""
    unread = handle.unread_by
    return unread is not None and unread() is not None


def _remembers_tls(handle: Handle) -> bool:
    """Whether of its next transfer nobody could tell if TLS behind a proxy was begun."""
    handshake = handle.handshake
    return handshake is not None and handshake.is_new and has_begun_tls(handle)
