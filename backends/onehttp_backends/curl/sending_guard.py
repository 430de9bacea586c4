"""Whether a request may go out on the socket that libcurl has chosen for it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Final, Protocol

import pycurl

from onehttp_backends.contract import Peer, TransferOptions
from onehttp_backends.curl.idle_limit import Sockets
from onehttp_backends.curl.names.places import leads_to_one_address
from onehttp_backends.curl.shelf import Shelf
from onehttp_backends.curl.signal_safe import data_callback, prereq_callback, sockopt_callback
from onehttp_backends.curl.sockets.lent import LentSocket
from onehttp_backends.curl.sockets.socket import Socket
from onehttp_backends.curl.tls.handshake import Handshake
from onehttp_backends.headers import last_status
from onehttp_backends.rules.public_addresses import is_public

_ASKING_AGAIN: Final = (b"401", b"407", b"417")
"""Credentials are wanted, or no ``Expect``: libcurl sends the request once more."""


class OpenedSockets(Sockets, Protocol):
    """The part of `SocketWatch` that a handle uses."""

    may_share: bool
    peers: dict[int, Peer]
    unseen: dict[int, int]

    @property
    def kept_on(self) -> Callable[[int], Socket | None]: ...

    def is_dead(self, own_port: int) -> bool: ...
    def carries(self, known: Socket) -> bool: ...


def _opens_one_socket(shelf: Shelf[Any]) -> bool:
    """Whether each of its transfers needs one socket, to an address, and libcurl calls nothing of
    Python before it has that, in which a signal handler could run."""
    options = shelf.options
    return (
        leads_to_one_address(shelf.origin, options.proxy)
        and not (shelf.is_one_shot or options.unix_socket)
        and options.peers == "any"
    )


class SendingGuard:
    """Callbacks that libcurl calls before it opens a socket, and before it sends a request."""

    __slots__ = (
        "_asked",
        "_guards_resend",
        "_may_be_http2",
        "_reads_log",
        "_repetitions",
        "_sent_into_dead",
        "_sent_with_head",
        "_watch",
        "always_connects",
        "full_connections",
        "handshake",
        "has_begun_sending",
        "head",
        "held_back",
        "may_open",
        "opens_unseen",
        "options",
        "raised",
        "received_before",
        "refused_peer",
        "resend_refused",
        "sent_on",
        "stream_refusals",
        "was_answered_early",
        "was_interrupted",
        "was_sent",
    )

    def __init__(self, options: TransferOptions, watch: OpenedSockets) -> None:
        self.options = options
        self._watch = watch
        self.raised = watch.raised
        """Where callbacks put what they have met, for whoever has called libcurl to raise."""
        self.head: list[bytes] = []
        self.always_connects: bool | None = False
        """None: not known."""
        self.handshake: Handshake | None = None
        self.has_begun_sending = False
        """Whether a request may have gone out of which libcurl counts nothing yet: it counts what
        TLS or HTTP/2 has taken, which may be several records or frames at a time. Not kept where
        neither is spoken."""
        self.was_sent = False
        """Whether some of it had gone out when it was put in again. What libcurl counts is of the
        time since."""
        self.sent_on: Socket | None = None
        """The kept connection of TLS that its request went out on, if it speaks HTTP/1."""
        self.received_before = 0
        """How many bytes had arrived on that before."""
        self.resend_refused = False
        self.refused_peer = ""
        self.was_answered_early = False
        """Whether it received bytes that cannot be its response, which were dropped."""
        self.was_interrupted = False
        """Whether libcurl ends the transfer because a signal handler raised in a callback."""
        self.stream_refusals: list[bytes] = []
        """What libcurl's log has said of them since the last sending; see `stream_refusals`."""
        self.full_connections: dict[bytes, int] = {}
        """What it has said of connections that take no stream more, and the limits of these."""
        self.held_back = False
        """Whether its transfer waits for another stream to be allowed; see `Http2StreamQueue`."""
        self.may_open = False
        """Whether it opens another connection rather than wait for that."""
        self.opens_unseen = False
        """Whether no callback tells of its socket; see `sockets.unseen`."""
        self._asked: Callable[[str, str, int, int], int] | None = None
        self._guards_resend: bool | None = False
        self._may_be_http2 = False
        self._reads_log: bool | None = False
        self._repetitions = 0
        self._sent_with_head = -1
        self._sent_into_dead = False

    def forget_sendings(self) -> None:
        """Reset the guard: another transfer begins, or the same one from its beginning."""
        self._sent_with_head = -1
        self._repetitions = 0
        self.resend_refused = self.was_answered_early = False
        self.has_begun_sending = self.was_sent = False
        if self._may_be_http2:
            self.held_back = self.may_open = False
            self.stream_refusals.clear()

    def receiving(self, take: Callable[[bytes], int | None]) -> Callable[[bytes], int | None]:
        """``take`` as a callback for parts of a response; 0 tells libcurl to end the transfer."""
        return data_callback(take, 0, self.note_interrupt)

    def noting_sockets(
        self, opening: Callable[[int, int], int], shelf: Shelf[Any]
    ) -> Callable[[int, int], int]:
        """``opening``, for ``SOCKOPTFUNCTION``; that of the engine itself is safe already."""

        def open_unless_shared(fd: int, purpose: int) -> int:
            if self._may_be_http2 and self._is_sent_enough():
                self.resend_refused = True  # as it would be on that connection
                return 1
            self.held_back = self._waits_for_stream(shelf)
            return 1 if self.held_back else opening(fd, purpose)

        if shelf.is_http1 or not self.options.reuse:
            is_engines = opening is self._watch.opening
            self.opens_unseen = is_engines and shelf.closes and _opens_one_socket(shelf)
            if self.opens_unseen:
                return self._watch.unseen.setdefault
            return opening if is_engines else sockopt_callback(opening, self.note_interrupt)
        return sockopt_callback(open_unless_shared, self.note_interrupt)

    def _waits_for_stream(self, shelf: Shelf[Any]) -> bool:
        """Whether to open no other connection beside the one that is in use: libcurl opens one for
        want of a stream, or has not been asked yet why it does."""
        if self.has_begun_sending or self.may_open or self.always_connects:
            return False
        is_in_use = self._may_be_http2 and shelf.shared and self._watch.carries(shelf.shared)
        return bool(is_in_use and (self.full_connections or not self._reads_log))

    def note_interrupt(self, error: BaseException) -> None:
        """Keep what a signal handler raised in a callback, to be raised once libcurl returns."""
        self.was_interrupted = True
        self.raised.append(error)

    def may_not_be_repeated(self) -> None:
        """Refuse any further repetition of this transfer."""
        self._repetitions = 1

    @property
    def is_stopped(self) -> bool:
        """Whether one of these rules has ended its transfer."""
        return (
            self.resend_refused
            or bool(self.refused_peer)
            or (self.handshake is not None and bool(self.handshake.refusal))
        )

    @property
    def is_wrapped(self) -> bool:
        """Whether more goes over its connection than HTTP, or may."""
        return self.handshake is not None or self.options.proxy is not None

    def _open_public(self, _purpose: int, address: Any) -> LentSocket | int:
        try:
            family, kind, protocol, (peer_ip, *_) = address
            if is_public(peer_ip):
                return LentSocket(socket.SocketType(family, kind, protocol))
            self.refused_peer = peer_ip
        except OSError:  # no descriptors left: treated like an address that refuses
            pass
        except BaseException as error:  # noqa: BLE001 - pycurl would print it instead
            self.note_interrupt(error)
        return int(pycurl.SOCKET_BAD)

    def asked(self) -> Callable[[str, str, int, int], int]:
        """For ``PREREQFUNCTION``."""
        if self.options.unix_socket:
            return self._may_send
        if self._asked is None:
            self._asked = prereq_callback(self._is_sending_allowed, self.note_interrupt)
        return self._asked

    def _may_send(self, peer_ip: str, _own_ip: str, _peer_port: int, own_port: int) -> int:
        try:
            is_allowed = self._is_sending_allowed(peer_ip, own_port)
        except BaseException as error:  # noqa: BLE001 - libcurl's next callback would meet it
            self.note_interrupt(error)
            is_allowed = False
        return int(pycurl.PREREQFUNC_OK if is_allowed else pycurl.PREREQFUNC_ABORT)

    def _is_sending_allowed(self, peer_ip: str, own_port: int) -> bool:
        # A kept connection may have been opened under options that allow private addresses.
        if self.options.peers == "public" and not is_public(peer_ip):
            self.refused_peer = peer_ip
            return False
        if self.handshake:
            if not self.handshake.may_send(own_port):
                return False
            self.sent_on = known = self._watch.kept_on(own_port)
            if known is not None:
                self.received_before = known.received_bytes()
        if not (self._guards_resend or self._may_be_http2):
            self.has_begun_sending = True
            return True
        # libcurl repeats a request, even a POST, when a kept connection ends before the first byte
        # of a response, and has no option to prevent it (curl#18417). It calls this before each
        # sending: a second one with no header received in between is such a repetition. It is
        # allowed if the first one went into a socket known to be dead, or, once, if the server
        # has refused its stream. A server that wants HTTP/1.1 after it has begun to answer
        # (HTTP_1_1_REQUIRED) is believed to have done something, and its bytes are no one else's.
        refusals = self.stream_refusals
        if self._may_be_http2 and self.head and not self._leads_on():
            self.resend_refused = True
            return False
        if len(self.head) == self._sent_with_head and not self._sent_into_dead:
            if self._is_sent_enough():
                self.resend_refused = True
                return False
            self._repetitions = 1
        if refusals:
            refusals.clear()
        self._sent_into_dead = self._watch.is_dead(own_port)
        self._sent_with_head = len(self.head)
        self.has_begun_sending = True  # at last: an exception before it keeps it from going out
        return True

    def _is_sent_enough(self) -> bool:
        """Whether to send it once more is a repetition, and one too many."""
        if len(self.head) != self._sent_with_head or self._sent_into_dead:
            return False
        return self._repetitions > 0 or bool(self._guards_resend and not self.stream_refusals)

    def _leads_on(self) -> bool:
        """Whether the answer that has come is one that libcurl follows by a request."""
        auth, status = self.options.auth, last_status(self.head)
        if auth is not None and (auth.asks_first or self.options.as_libcurl):
            return True  # by any: the first request had no body
        return status in _ASKING_AGAIN or (status[:1] == b"3" and self.options.max_redirects > 0)
