"""Whether a request may go out on the socket that libcurl has chosen for it."""

from __future__ import annotations

import socket
from typing import Any, Protocol

import pycurl

from onehttp_backends.contract import TransferOptions
from onehttp_backends.curl.idle_limit import Sockets
from onehttp_backends.curl.stream_refusals import StreamRefusals
from onehttp_backends.curl.tls.handshake import Handshake
from onehttp_backends.rules.public_addresses import is_public


class OpenedSockets(Sockets, Protocol):
    """What a handle asks of those who know all sockets."""

    def is_dead(self, own_port: int) -> bool: ...


class SendingGuard:
    """What libcurl asks before it opens a socket, and before each sending of a request."""

    __slots__ = (
        "_guards_resend",
        "_may_be_http2",
        "_repetitions",
        "_sent_into_dead",
        "_sent_with_head",
        "_watch",
        "handshake",
        "head",
        "options",
        "refused_peer",
        "resend_refused",
        "stream_refusals",
        "was_answered_early",
        "was_interrupted",
    )

    def __init__(self, options: TransferOptions, watch: OpenedSockets) -> None:
        self.options = options
        self._watch = watch
        self.head: list[bytes] = []
        self.handshake: Handshake | None = None
        self.resend_refused = False
        self.refused_peer = ""
        self.was_answered_early = False
        """What has come was no answer to its request, and is forgotten."""
        self.was_interrupted = False
        """A callback met an exception that was not its own, and libcurl has ended the transfer."""
        self.stream_refusals = StreamRefusals(watch.raised)
        self._guards_resend: bool | None = False
        self._may_be_http2 = False
        self._repetitions = 0
        self._sent_with_head = -1
        self._sent_into_dead = False

    def forget_sendings(self) -> None:
        """Another transfer begins, or the same from its beginning."""
        self._sent_with_head = -1
        self._repetitions = 0
        self.resend_refused = self.was_answered_early = False
        self.stream_refusals.forget()

    def may_not_be_repeated(self) -> None:
        """It goes out for the last time, whatever becomes of it."""
        self._repetitions = 1

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
        if not (self._guards_resend or self._may_be_http2):
            return True
        # libcurl repeats a request by itself when a kept connection ends before the first
        # byte of an answer, a POST too, and has no option against it (curl#18417). It asks
        # here before each sending: a second one with no header received in between is such a
        # repetition. It may go on if the first went into a socket we knew to be dead, or, once,
        # if the server has refused the stream it came on.
        if len(self.head) == self._sent_with_head and not self._sent_into_dead:
            if self._repetitions or (self._guards_resend and not self.stream_refusals):
                self.resend_refused = True
                return False
            self._repetitions = 1
        self.stream_refusals.forget()
        self._sent_into_dead = self._watch.is_dead(own_port)
        self._sent_with_head = len(self.head)
        return True


class LentSocket:
    """A socket for pycurl, which keeps a copy of its descriptor and lets go of this at once."""

    __slots__ = ("_socket",)

    def __init__(self, made: socket.socket) -> None:
        self._socket = made

    def fileno(self) -> int:
        return self._socket.fileno()

    def __del__(self) -> None:
        self._socket.close()
