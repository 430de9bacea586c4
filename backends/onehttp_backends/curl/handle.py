"""Easy handles: made once per options and origin, then reused with as few setopts as possible.

A handle never serves another origin or another connection's options: libcurl keeps
credentials, digest state and cookies in it, and several of its security faults came from
handles that changed origin.
"""

from __future__ import annotations

import io
import itertools
import socket
from collections import deque
from typing import Any, Protocol

import pycurl

from onehttp_backends.contract import Request
from onehttp_backends.curl.handshake import Handshake
from onehttp_backends.curl.idle_limit import Progress, Sockets
from onehttp_backends.curl.libcurl import LIBCURL, Easy
from onehttp_backends.curl.names.hops import Hops
from onehttp_backends.curl.names.lookup import FAMILIES, Name
from onehttp_backends.curl.names.places import Place, places
from onehttp_backends.curl.names.wait import Wait
from onehttp_backends.curl.options import apply_options
from onehttp_backends.curl.shelf import Shelf
from onehttp_backends.errors import CurlCode, RequestError
from onehttp_backends.headers import HeaderPairs
from onehttp_backends.rules.framing import (
    CODING,
    CONNECTION,
    HOST,
    LENGTH,
    check_framing,
    closes_connection,
)
from onehttp_backends.rules.public_addresses import is_public
from onehttp_backends.rules.request_rules import SAFE_METHODS, check_headers
from onehttp_backends.rules.url_paths import asked_url

EXPECT_THRESHOLD_BYTES = 1024 * 1024
"""From this size on libcurl asks ``Expect: 100-continue`` and waits a second for the answer."""
KEEP_BODY_BYTES = 64 * 1024
"""A larger request body is let go of when its transfer ends, not when the handle is used again."""

_ENGINE_HEADERS = frozenset(
    {
        "accept",
        "content-length",
        "content-type",
        "expect",
        "host",
        "transfer-encoding",
        "user-agent",
    }
)
_GET = ("GET", False)
STOP = itertools.repeat(1).__next__
"""For ``RESOLVER_START_FUNCTION``: libcurl, about to look a name up, ends the transfer instead.
No Python function, so that no signal handler can run (and raise) in it."""
UNKNOWN_S = -1.0
NO_HEADERS: HeaderPairs = (("", ""),)
"""Those of no request: what a handle is set to is not known."""
_URL = pycurl.URL


class OpenedSockets(Sockets, Protocol):
    """What a handle asks of those who know all sockets."""

    def is_dead(self, own_port: int) -> bool: ...


class Handle:
    """One easy handle, what it is set to, and where its response gathers."""

    __slots__ = (
        "__weakref__",
        "_body",
        "_closes",
        "_connect_timeout_s",
        "_expects_nothing",
        "_frames_itself",
        "_guards_resend",
        "_headers",
        "_sent_into_dead",
        "_sent_with_head",
        "_total_timeout_s",
        "_url",
        "_verb",
        "_watch",
        "always_connects",
        "asked_url",
        "body",
        "easy",
        "handshake",
        "head",
        "hops",
        "kept_bytes",
        "options",
        "places",
        "progress",
        "refused_peer",
        "resend_refused",
        "scope",
        "shelf",
        "wait",
        "waited_us",
        "was_interrupted",
        "was_truncated",
    )

    def __init__(
        self,
        shelf: Shelf[Handle],
        watch: OpenedSockets,
        paused: deque[Easy],
        named_badly: set[str],
    ) -> None:
        options = shelf.options
        self.easy: Easy = LIBCURL.easy()
        self.shelf = shelf
        self.options = options
        self._watch = watch
        self.body = io.BytesIO()
        self.head: list[bytes] = []
        self.resend_refused = False
        self.refused_peer = ""
        self.was_truncated = False
        self.was_interrupted = False
        """A callback met an exception that was not its own, and libcurl has ended the transfer."""
        self.kept_bytes = 0
        self._url = ""
        self.asked_url = ""
        """The URL as it goes out: libcurl takes out dot segments."""
        self._verb = _GET
        self._body: bytes | None = None
        self._headers: HeaderPairs = ()
        self._expects_nothing = False
        self._frames_itself = False
        self._closes: bool | None = False
        self._guards_resend: bool | None = False
        self.always_connects: bool | None = False
        """None: not known."""
        self._total_timeout_s = options.total_timeout_s
        self._connect_timeout_s = options.connect_timeout_s
        self._sent_with_head = -1
        self._sent_into_dead = False
        setopt = self.easy.setopt
        apply_options(setopt, options)
        opening = watch.opening
        self.progress: Progress | None = None
        if options.idle_timeout_s:
            self.progress = Progress(self.easy, shelf, self.head, watch)
            opening = self.progress.note_opened
        self.handshake: Handshake | None = None
        if shelf.origin[:6].lower() == "https:":
            is_strict = options.tls.verify_host and not options.as_libcurl
            self.handshake = Handshake(
                self.easy, shelf.origin, opening, watch.raised, named_badly if is_strict else None
            )
            opening = self.handshake.opening
            setopt(pycurl.PREREQFUNCTION, self._may_send)
        setopt(pycurl.SOCKOPTFUNCTION, opening)
        self.scope = 0
        self.wait: Wait | None = None
        self.waited_us = 0
        """What a transfer had waited for names when it began for the last time."""
        self.places = places(shelf.origin, options.proxy)
        """What has to be looked up before it can connect."""
        self.hops: Hops | None = None
        if options.max_redirects:
            self.hops = Hops(self.easy, shelf.origin, options.proxy, self.head, watch.raised)
            self.hops.paused = paused
            setopt(pycurl.HEADERFUNCTION, self.hops.note)
            setopt(pycurl.RESOLVER_START_FUNCTION, self.hops.guard)
        else:
            setopt(pycurl.HEADERFUNCTION, self.head.append)
            if self.places:
                setopt(pycurl.RESOLVER_START_FUNCTION, STOP)
        if options.max_body_bytes and options.body_policy == "truncate":
            setopt(pycurl.WRITEFUNCTION, self._keep_what_fits)
        else:
            setopt(pycurl.WRITEFUNCTION, self.body.write)
        if options.peers == "public":
            setopt(pycurl.OPENSOCKETFUNCTION, self._open_public)
            setopt(pycurl.PREREQFUNCTION, self._may_send)

    def prepare(self, request: Request) -> None:
        """Set what differs from the handle's last transfer.

        Raises:
            RequestError: a header cannot be sent.
        """
        setopt = self.easy.setopt
        url = request.url
        # What the easy handle is set to is forgotten before it is set and remembered after: an
        # exception in between, a signal handler's too, must leave nothing believed that is not so.
        if url != self._url:
            self._url = ""
            self.asked_url = asked_url(url)
            setopt(_URL, url if url.isascii() else url.encode())
            self._url = url
        if self.hops:
            self.hops.begin(url)
        body = request.body
        if (verb := (request.method, body is not None)) != self._verb:
            self._set_verb(verb)
        expects_nothing = False
        if body is not None:
            setopt(pycurl.POSTFIELDS, body)
            self._body = body
            if len(body) >= EXPECT_THRESHOLD_BYTES:
                expects_nothing = not self.options.expect_continue
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

    def look_for_connection(self, may_find_one: bool) -> None:
        """Let libcurl look for an idle connection, or spare it that when there is none.

        It walks every connection to the origin, the busy ones too: with 10,000 in flight that
        is half of what a transfer costs (curl 8.23). What may be HTTP/2 has to look: it can
        share a busy connection.
        """
        shelf = self.shelf
        always_connects = shelf.is_http1 and not may_find_one
        if always_connects is not self.always_connects and shelf.options.reuse:
            self._set_always_connects(always_connects)

    @property
    def is_parked(self) -> bool:
        """Whether its transfer waits for a name, and the handle is in no multi meanwhile."""
        return self.wait is not None and self.wait.is_parked

    def name(self, place: Place) -> Name:
        """What has to be asked for before it can connect to ``place``."""
        return Name(place.host, FAMILIES[self.options.ip_version])

    @property
    def is_stopped(self) -> bool:
        """Whether its transfer was ended by one of the rules below."""
        return (
            self.resend_refused
            or bool(self.refused_peer)
            or (self.handshake is not None and bool(self.handshake.refusal))
        )

    def begin_again(self, limits_s: tuple[float, float], elapsed_s: float, scope: int) -> None:
        """Its transfer is about to begin again: ``elapsed_s`` are over of the limits in all and
        to connect, and what is link-local belongs to the interface ``scope``."""
        setopt = self.easy.setopt
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
        self._total_timeout_s = UNKNOWN_S
        self.easy.setopt(pycurl.TIMEOUT_MS, milliseconds(left_s))

    def clear(self) -> bool:
        """Forget the last response, and its request's body when that was large.

        False: it cannot be used again, since memory ran out while the response gathered.
        """
        if self.body.closed:  # all that a BytesIO says of it
            return False
        self.body.seek(0)
        self.body.truncate()
        self.head.clear()
        self.refused_peer = ""
        if self.handshake and self.handshake.is_new:
            self.handshake.clear()
        if self.wait:
            self.wait = None
            self.waited_us = 0
        if self._guards_resend:
            self._sent_with_head = -1
            self.resend_refused = False
        if self.kept_bytes or self.was_truncated:
            self.was_truncated = False
            self.kept_bytes = 0
        if self._body is not None:
            if len(self._body) > KEEP_BODY_BYTES:
                self.easy.setopt(pycurl.POSTFIELDS, b"")
            self._body = None
        return True

    def _set_always_connects(self, always_connects: bool) -> None:
        self.always_connects = None
        self.easy.setopt(pycurl.FRESH_CONNECT, int(always_connects))
        self.always_connects = always_connects

    def _set_verb(self, verb: tuple[str, bool]) -> None:
        method, has_body = verb
        setopt = self.easy.setopt
        self._verb = ("", False)  # unknown, should one of the next calls fail
        if method == "HEAD":
            if has_body:
                raise RequestError(CurlCode.BAD_FUNCTION_ARGUMENT, "HEAD: a body cannot be sent")
            setopt(pycurl.NOBODY, 1)
        else:
            setopt(pycurl.NOBODY, 0)
            setopt(pycurl.POST if has_body else pycurl.HTTPGET, 1)
        if (
            method == "HEAD"
            or (method == "GET" and not has_body)
            or (method == "POST" and has_body and not self.options.redirects_keep_method)
        ):
            self.easy.unsetopt(pycurl.CUSTOMREQUEST)
        else:
            setopt(pycurl.CUSTOMREQUEST, method)
        guards_resend = method not in SAFE_METHODS and not self.options.unsafe_resend
        if guards_resend is not self._guards_resend:
            self._guards_resend = None
            if guards_resend:
                setopt(pycurl.PREREQFUNCTION, self._may_send)
            elif self.options.peers == "any" and not self.handshake:
                self.easy.unsetopt(pycurl.PREREQFUNCTION)
            self._guards_resend = guards_resend
        self._verb = verb

    def _set_headers(self, headers: HeaderPairs, body: bytes | None, expects_nothing: bool) -> None:
        special = check_headers(headers)
        closes = CONNECTION in special and closes_connection(headers)
        self._headers = NO_HEADERS
        self._frames_itself = False
        if LENGTH in special or CODING in special or HOST in special:
            if self.options.as_libcurl:
                # What is not the body's length may leave bytes for the next request.
                closes = True
            else:
                check_framing(headers, body)
                self._frames_itself = True
        if closes is not self._closes:
            # libcurl does not read its caller's headers, and would use the connection again.
            self._closes = None
            self.easy.setopt(pycurl.FORBID_REUSE, int(closes or not self.options.reuse))
            self._closes = closes
        lines = [header_line(name, value, self.options.as_libcurl) for name, value in headers]
        if expects_nothing and not any(name.lower() == "expect" for name, _ in headers):
            lines.append("Expect:")
        if lines:
            self.easy.setopt(pycurl.HTTPHEADER, lines)
        else:
            self.easy.unsetopt(pycurl.HTTPHEADER)
        self._expects_nothing = expects_nothing
        self._headers = headers

    def _open_public(self, _purpose: int, address: Any) -> LentSocket | int:
        try:
            family, kind, protocol, (peer_ip, *_) = address
            if is_public(peer_ip):
                return LentSocket(socket.socket(family, kind, protocol))
            self.refused_peer = peer_ip
        except OSError:  # no more descriptors: like any address that cannot be connected to
            pass
        except BaseException as error:  # noqa: BLE001 - pycurl would print it
            self._watch.raised.append(error)
            self.was_interrupted = True
        return int(pycurl.SOCKET_BAD)

    def _may_send(self, peer_ip: str, _own_ip: str, _peer_port: int, own_port: int) -> int:
        try:
            is_allowed = self._is_sending_allowed(peer_ip, own_port)
        except BaseException as error:  # noqa: BLE001 - libcurl's next callback would meet it
            self._watch.raised.append(error)
            self.was_interrupted = True
            is_allowed = False
        return int(pycurl.PREREQFUNC_OK if is_allowed else pycurl.PREREQFUNC_ABORT)

    def _is_sending_allowed(self, peer_ip: str, own_port: int) -> bool:
        # A kept connection may be one that another connection's options allowed.
        if self.options.peers == "public" and not is_public(peer_ip):
            self.refused_peer = peer_ip
            return False
        if self.handshake and not self.handshake.may_send(own_port):
            return False
        if not self._guards_resend:
            return True
        # libcurl repeats a request by itself when a kept connection ends before the first
        # byte of an answer, a POST too, and has no option against it (curl#18417). It asks
        # here before each sending: a second one with no header received in between is such a
        # repetition. It may go on only if the first went into a socket we knew to be dead.
        is_repetition = len(self.head) == self._sent_with_head
        if is_repetition and not self._sent_into_dead:
            self.resend_refused = True
            return False
        self._sent_into_dead = self._watch.is_dead(own_port)
        self._sent_with_head = len(self.head)
        return True

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


class LentSocket:
    """A socket for pycurl, which keeps a copy of its descriptor and lets go of this at once."""

    __slots__ = ("_socket",)

    def __init__(self, made: socket.socket) -> None:
        self._socket = made

    def fileno(self) -> int:
        return self._socket.fileno()

    def __del__(self) -> None:
        self._socket.close()


def header_line(name: str, value: str, as_written: bool = False) -> str | bytes:
    """libcurl's notation of one header.

    ``Name:`` removes a header that libcurl would add, ``Name;`` sends one with an empty value.
    """
    if not as_written:
        value = value.strip(" \t")  # no part of it (RFC 9110, 5.5)
    if value:
        line = f"{name}: {value}"
        return line if line.isascii() else line.encode()
    return f"{name}:" if name.lower() in _ENGINE_HEADERS else f"{name};"


def milliseconds(seconds: float) -> int:
    """For libcurl, where 0 means no limit: a limit below a millisecond becomes one."""
    return max(1, round(seconds * 1000)) if seconds else 0
