"""Easy handles: made once per options and origin, and reused with as few setopts as possible.

A handle never serves another origin or another connection's options: libcurl keeps credentials,
digest state and cookies in it, and several of its security faults came from handles that changed
origin.
"""

from __future__ import annotations

import io
import weakref
from collections import deque
from typing import ClassVar

import pycurl

from onehttp_backends.contract import Request, Response
from onehttp_backends.curl.idle_limit import Progress
from onehttp_backends.curl.libcurl import LIBCURL, Easy
from onehttp_backends.curl.message_settings import (
    EXPECT_THRESHOLD_BYTES,
    KEEP_BODY_BYTES,
    MessageSettings,
)
from onehttp_backends.curl.names.hops import STOP, Hops
from onehttp_backends.curl.names.lookup import FAMILIES, Name
from onehttp_backends.curl.names.places import Place, places
from onehttp_backends.curl.names.wait import Wait
from onehttp_backends.curl.options import announced_bytes, apply_options, milliseconds
from onehttp_backends.curl.receiving.decoding import Decoding
from onehttp_backends.curl.receiving.facts import facts_of
from onehttp_backends.curl.receiving.passing_by import PassingBy
from onehttp_backends.curl.receiving.switching import has_switched
from onehttp_backends.curl.sending_guard import OpenedSockets
from onehttp_backends.curl.shelf import Shelf
from onehttp_backends.curl.tls.handshake import Handshake, Made
from onehttp_backends.response import Facts
from onehttp_backends.rules.framing import check_framing
from onehttp_backends.rules.request_rules import LARGEST_NUMBER
from onehttp_backends.rules.url_paths import asked_url

UNKNOWN_S = -1.0
_URL, _POST_FIELDS = pycurl.URL, pycurl.POSTFIELDS


class Handle(MessageSettings):
    """An easy handle, its settings, and the response that it is receiving."""

    __slots__ = ("_body", "_connect_timeout_s", "_last", "_rest", "_total_timeout_s",
                 "_url", "asked_url", "body", "decoding", "hops", "kept_bytes", "made",
                 "passes_redirects_by", "places", "progress", "scope", "shelf",
                 "unread_by", "wait", "waited_us", "was_truncated")  # fmt: skip

    progress_of: ClassVar[type[Progress]] = Progress

    def __init__(
        self,
        shelf: Shelf[Handle],
        watch: OpenedSockets,
        paused: deque[Easy],
        named_badly: set[str],
    ) -> None:
        options = shelf.options
        super().__init__(LIBCURL.easy(), options, watch)
        self.shelf = shelf
        self.body = io.BytesIO()
        self.was_truncated, self.kept_bytes = False, 0
        self._url = self.asked_url = ""
        """The URL as it goes out: libcurl takes out dot segments."""
        self._body: bytes | None = None
        self._last: tuple[object, ...] = ()  # the last request, if it had no body and is all set
        self._rest: tuple[object, ...] = ()
        """All of it but method, URL and what the body was: with the same, another body is to do."""
        self.unread_by: weakref.ref[Response] | None = None  # the last one, if it has no facts yet
        self._total_timeout_s = options.total_timeout_s
        self._connect_timeout_s = options.connect_timeout_s
        apply_options(setopt := self.easy.setopt, options)
        if not shelf.is_http1:
            watch.may_share = True
            # Without it a burst of calls to an HTTP/2 origin opens a connection for each. To
            # others: whoever comes after a reset in the middle of a request would wait for what
            # becomes of that connection, which is nothing, until its time is over (curl 8.23).
            setopt(pycurl.PIPEWAIT, 1)
        opening = watch.opening
        self.progress: Progress | None = None
        if options.idle_timeout_s:
            self.progress = self.progress_of(self.easy, shelf, self.head, watch)
            opening = self.progress.note_opened
        if shelf.origin[:6].lower() == "https:":
            is_strict = options.tls.verify_host and not options.as_libcurl
            self.handshake = Handshake(
                self.easy, shelf.origin, opening, watch.raised, named_badly if is_strict else None
            )
            opening = self.handshake.opening
            setopt(pycurl.PREREQFUNCTION, self.asked())
        setopt(pycurl.SOCKOPTFUNCTION, self.noting_sockets(opening, shelf))
        self.made = Made(self.easy, self.handshake)
        self.wait: Wait | None = None
        self.scope, self.waited_us = 0, 0
        """How long it had waited for names when its transfer last began."""
        self.places = [] if options.unix_socket else places(shelf.origin, options.proxy)
        """The places to look up before it can connect."""
        self.hops: Hops | None = None
        if options.max_redirects:
            self.hops = Hops(self.easy, shelf.origin, options.proxy, self.head, watch.raised)
            self.hops.paused = paused
            setopt(pycurl.HEADERFUNCTION, self.receiving(self.hops.note))
            setopt(pycurl.RESOLVER_START_FUNCTION, self.hops.guard)
        else:
            setopt(pycurl.HEADERFUNCTION, self.head.append)
            if self.places:
                setopt(pycurl.RESOLVER_START_FUNCTION, STOP)
        self.decoding: Decoding | None = None
        if options.decompress:
            self.decoding = Decoding(options, self.head, self.body)
            setopt(pycurl.WRITEFUNCTION, self.receiving(self._decode))
        elif options.max_body_bytes and options.body_policy == "truncate":
            setopt(pycurl.WRITEFUNCTION, self.receiving(self._keep_what_fits))
        else:
            setopt(pycurl.WRITEFUNCTION, self.body.write)
        self.passes_redirects_by: bool | None = False
        if options.peers == "public":
            setopt(pycurl.OPENSOCKETFUNCTION, self._open_public)
            setopt(pycurl.PREREQFUNCTION, self.asked())

    def prepare(self, request: Request) -> None:
        """Set the options that differ from the handle's last transfer.

        Raises:
            RequestError: a header cannot be sent.
        """
        if self.unread_by is not None:
            self.settle()
        is_as_set = self.shelf.may_be_http2 is self._may_be_http2
        if request == self._last and is_as_set and self._verb[0]:
            return
        url = request.url
        # What the easy handle is set to is forgotten before it is set and remembered after: an
        # exception in between, a signal handler's too, must leave nothing believed that is not so.
        if url != self._url:
            self._url, self._last = "", ()
            self.asked_url = asked_url(url) if "%" in url or "/." in url else url
            self.setopt(_URL, url if url.isascii() else self._in_bytes(url))
            self._url = url
        body = request.body
        rest: tuple[object, ...] = request
        rest = rest[2:] if body is None else (rest[2], b"", *rest[4:])
        if rest == self._rest and is_as_set and request.method == self._verb[0]:
            if body is None:
                self._last = request
                return
            if len(body) < EXPECT_THRESHOLD_BYTES and not (
                self._expects_nothing or self._frames_itself
            ):
                self.setopt(_POST_FIELDS, body)
                self._body = body
                return
        self._last = self._rest = ()
        self._set(request)
        if not self.hops:
            self._rest, self._last = rest, request if body is None else ()

    def _set(self, request: Request) -> None:
        """Set the options that differ, except for the URL."""
        setopt = self.setopt
        if self.hops:
            self.hops.begin(request.url)
        elif request.passes_redirects_by is not self.passes_redirects_by:
            self._pass_redirects_by(request.passes_redirects_by)
        body = request.body
        verb = (request.method, body is not None)
        may_be_http2 = self.shelf.may_be_http2
        if verb != self._verb or may_be_http2 is not self._may_be_http2:
            self._set_verb(verb, may_be_http2)
        is_large = body is not None and len(body) >= EXPECT_THRESHOLD_BYTES
        expects_nothing = is_large and not self.options.expect_continue
        if self.progress:
            self.progress.sends = verb[1]
        if body is not None:
            setopt(_POST_FIELDS, body)
            self._body = body
        headers = request.headers
        if (
            headers is not self._headers and headers != self._headers
        ) or expects_nothing is not self._expects_nothing:
            self._set_headers(headers, body, expects_nothing)
        elif self._frames_itself:
            check_framing(headers, body)
        total_s = request.total_timeout_s
        if total_s is None:
            total_s = self.options.total_timeout_s
        if total_s != self._total_timeout_s:
            self._total_timeout_s = UNKNOWN_S
            setopt(pycurl.TIMEOUT_MS, milliseconds(total_s))
            self._total_timeout_s = total_s
        connect_s = request.connect_timeout_s
        if connect_s is None:
            connect_s = self.options.connect_timeout_s
        if connect_s != self._connect_timeout_s:
            self._connect_timeout_s = UNKNOWN_S
            setopt(pycurl.CONNECTTIMEOUT_MS, milliseconds(connect_s))
            self._connect_timeout_s = connect_s

    def facts(self) -> Facts | None:
        """See `Unread`."""
        return facts_of(self.getinfo, self._watch.peers, self.options.unix_socket)

    def settle(self) -> None:
        """Let the last response read its facts, if it still exists, before libcurl forgets them."""
        if self.unread_by is not None and (response := self.unread_by()) is not None:
            response.settled()
        self.unread_by = None

    def close(self) -> None:
        """Close the easy handle, which is in no multi."""
        self.settle()
        self.easy.close()

    def look_for_connection(self, may_find_one: bool) -> None:
        """Let libcurl look for an idle connection, or spare it that when there is none.

        It walks every connection to the origin, the busy ones too: with 10,000 in flight that
        is half of what a transfer costs (curl 8.23). What may be HTTP/2 has to look: it can
        share a busy connection, but not one that has gone silent.
        """
        shelf = self.shelf
        always_connects = (shelf.is_http1 and not may_find_one) or shelf.avoids_connections()
        if always_connects is not self.always_connects and shelf.options.reuse:
            self._set_always_connects(always_connects)

    @property
    def pause_bits(self) -> int:
        """The directions that are paused, in libcurl's bits."""
        return 0

    @property
    def is_parked(self) -> bool:
        """Whether its transfer waits outside of the multi, for a name or a stream."""
        return self.held_back or (self.wait is not None and self.wait.is_parked)

    def name(self, place: Place) -> Name:
        """The name to look up before it can connect to ``place``."""
        return Name(place.host, FAMILIES[self.options.ip_version])

    @property
    def has_switched(self) -> bool:
        """Whether the protocol was switched; the legacy modules take that for a response."""
        return has_switched(self.head) and not self.options.as_libcurl

    def begin_again(self, limits_s: tuple[float, float], elapsed_s: float, scope: int) -> None:
        """Its transfer is about to begin again: ``elapsed_s`` are over of the limits in all and
        to connect, and what is link-local belongs to the interface ``scope``."""
        setopt = self.easy.setopt
        self.note_sent()
        self._last = self._rest = ()
        self._total_timeout_s = self._connect_timeout_s = UNKNOWN_S
        total_s, connect_s = (limit_s and max(0.001, limit_s - elapsed_s) for limit_s in limits_s)
        setopt(pycurl.TIMEOUT_MS, milliseconds(total_s))
        setopt(pycurl.CONNECTTIMEOUT_MS, milliseconds(connect_s))
        self.waited_us = round(elapsed_s * 1e6)
        if scope != self.scope:
            self.scope = -1
            setopt(pycurl.ADDRESS_SCOPE, scope)
            self.scope = scope

    def connect_anew(self, left_s: float) -> None:
        """Open a connection for the next attempt, whatever idle ones there are, and let it take no
        longer than what is left to the transfer (0 = no limit)."""
        self._set_always_connects(True)
        self.forget_sendings()
        self.limit_to(left_s)

    def limit_to(self, left_s: float) -> None:
        """Limit its transfer to ``left_s`` from now on (0 = no limit)."""
        self._last = self._rest = ()
        self._total_timeout_s = UNKNOWN_S
        self.easy.setopt(pycurl.TIMEOUT_MS, milliseconds(left_s))

    def forget_answer(self) -> None:
        """Drop the response: it belongs to another request, or its caller has it already."""
        self.was_answered_early = True
        self.body.seek(0)
        self.body.truncate()
        self.head.clear()
        self.was_truncated, self.kept_bytes = False, 0
        if self.decoding:
            self.decoding.clear()

    def clear(self) -> bool:
        """Forget the last response, and its request's body when that was large.

        False: it cannot be used again, since memory ran out while the response gathered.
        """
        try:
            self.forget_answer()
        except ValueError:  # it is closed: all that a BytesIO says of it
            return False
        self.was_answered_early = self.was_interrupted = False
        self.has_begun_sending = self.was_sent = False
        self.refused_peer = ""
        if self.handshake and self.handshake.is_new:
            self.handshake.clear()
        self.wait, self.waited_us = None, 0
        if self._guards_resend or self._may_be_http2:
            self.forget_sendings()
        if self._body is not None:
            if len(self._body) > KEEP_BODY_BYTES:
                self.easy.setopt(pycurl.POSTFIELDS, b"")
            self._body = None
        return True

    def _set_always_connects(self, always_connects: bool) -> None:
        self.always_connects = None
        self.easy.setopt(pycurl.FRESH_CONNECT, int(always_connects))
        self.always_connects = always_connects

    def _pass_redirects_by(self, passes_by: bool) -> None:
        options, setopt = self.options, self.easy.setopt
        self.passes_redirects_by = None
        write = self._keep_what_fits if options.body_policy == "truncate" else self.body.write
        if passes_by or self.decoding:
            # libcurl would end it for a length that is announced, before the head is whole.
            self._most_announced = LARGEST_NUMBER if passes_by else announced_bytes(options)
            self._verb = ("", False)  # with which it is set
            if self.decoding is None:
                self.decoding = Decoding(options, self.head, self.body)
            write = self._decode
        passing = PassingBy(self, write)
        note = self.receiving(passing.note) if passes_by else self.head.append
        setopt(pycurl.HEADERFUNCTION, note)
        setopt(pycurl.WRITEFUNCTION, self.receiving(passing.write if passes_by else write))
        self.passes_redirects_by = passes_by

    def _decode(self, chunk: bytes) -> int:
        assert self.decoding is not None
        taken = self.decoding.write(chunk)
        self.was_truncated = self.decoding.is_full
        return taken

    def _keep_what_fits(self, chunk: bytes) -> int:
        # Returning less than was given ends the transfer with code 23: the wanted early stop.
        room = self.options.max_body_bytes - self.kept_bytes
        if len(chunk) > room:
            self.body.write(chunk[:room])
            self.was_truncated = True
            return 0
        self.body.write(chunk)
        self.kept_bytes += len(chunk)
        return len(chunk)
