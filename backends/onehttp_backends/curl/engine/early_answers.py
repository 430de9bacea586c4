"""Responses that came before anything of their request had arrived.

A server may send one unasked while the next request of a kept connection is on its way to it, such
as a 408 because the connection was idle.

Each TCP segment says how many of our bytes the peer has received. What comes in a segment that
acknowledges nothing of a request is no response to it. For later segments nothing can be told,
since a response of HTTP/1 does not name its request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import pycurl

from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.libcurl import Easy, Multi
from onehttp_backends.curl.reading.heads import UNASKED_SCHEMES
from onehttp_backends.curl.sockets import SocketWatch
from onehttp_backends.curl.sockets.unheard import unheard_bytes
from onehttp_backends.curl.stream_handle import StreamHandle
from onehttp_backends.errors import CurlCode

EARLY: Final = (int(CurlCode.GOT_NOTHING), "an answer came before the request had arrived")
LARGEST_BYTES: Final = 16 * 1024
"""For larger requests, TLS adds more bytes than the peer may acknowledge at first."""
_RECORD_BYTES: Final = 21
"""What a record of TLS has besides its content, at least."""
_IN: Final = pycurl.CSELECT_IN
_ACTIVE_SOCKET: Final = pycurl.ACTIVESOCKET


def is_unheard(handle: Handle, watch: SocketWatch, fd: int) -> bool:
    """Whether the bytes about to be read were sent before anything of the request had arrived."""
    if not unheard_bytes(fd):
        return False
    known = watch.socket(fd)
    if known is None or known.is_multiplexed or not known.is_kept or handle.options.unix_socket:
        return False
    # Each small piece of a body is a record of TLS, which adds more than may be heard of it.
    if handle.is_wrapped and isinstance(handle, StreamHandle) and handle.sending is not None:
        return False
    sent_bytes: int = handle.easy.getinfo(pycurl.REQUEST_SIZE)
    if not 0 < sent_bytes <= LARGEST_BYTES or handle.easy.getinfo(pycurl.NUM_CONNECTS):
        return False
    # The kernel shows what has come a moment before it looks at what the same segment has heard.
    known.wait_for_kernel()
    return unheard_bytes(fd) >= sent_bytes


def stays_unheard(handle: Handle, watch: SocketWatch, fd: int) -> bool:
    """Whether libcurl has now read a response, although nothing of the request was acknowledged.

    The bytes may also have been something else: the end of the connection, after which libcurl
    tries another one; or a ticket of TLS. A response then came later, after the request had
    arrived.
    """
    if not handle.head or handle.easy.getinfo(pycurl.NUM_CONNECTS):
        return False
    if handle.easy.getinfo(_ACTIVE_SOCKET) not in (fd, -1):
        return False  # the connection had ended, and another one has answered since
    known = watch.socket(fd)
    if not handle.is_wrapped or known is None or not known.is_open():
        return True
    known.wait_for_kernel()
    sent_bytes: int = handle.easy.getinfo(pycurl.REQUEST_SIZE)
    return unheard_bytes(fd) >= sent_bytes


def arrived_before(handle: Handle, watch: SocketWatch) -> bool:
    """Whether part of the answer had arrived before its request was sent, on a kept connection.

    A TLS library reads whatever has arrived, and decrypts one record after the other. A response
    that the server sent unasked, in a record of its own, waits there where `SocketWatch` cannot
    see it, and would be taken for the next answer. The kernel's counts show it: of the bytes that
    have arrived since the request went out, fewer were taken than the answer has.
    """
    getinfo, options = handle.getinfo, handle.options
    if handle.sent_on is None or getinfo(pycurl.NUM_CONNECTS):
        return False
    is_challenged = options.auth is not None and options.auth.schemes & ~UNASKED_SCHEMES
    if is_challenged or (options.max_redirects and getinfo(pycurl.REDIRECT_COUNT)):
        return False  # what is counted may have come on several connections
    known = watch.socket(getinfo(_ACTIVE_SOCKET))
    # None: the connection has ended. Another one: libcurl's two have the same local port.
    if known is None or known is not handle.sent_on or known.is_multiplexed:
        return False
    answer_bytes: int = getinfo(pycurl.HEADER_SIZE) + getinfo(pycurl.SIZE_DOWNLOAD_T)
    taken_bytes = known.taken_bytes() - handle.received_before
    return taken_bytes < answer_bytes + _RECORD_BYTES and known.is_open()


def withdrawn(handle: Handle, watch: SocketWatch) -> tuple[int, str]:
    """Discard an answer that arrived before its request, and its connection.

    Returns:
        What the transfer has ended with; (0, "") if it was no such answer.
    """
    if not arrived_before(handle, watch):
        return 0, ""
    watch.mistrust(handle.getinfo(_ACTIVE_SOCKET))
    handle.forget_answer()
    return EARLY


class EarlyAnswers:
    """Checks sockets before libcurl reads them. Only the driver may use it."""

    def __init__(self, multi: Multi, running: Mapping[Easy, Transfer], watch: SocketWatch) -> None:
        self._multi = multi
        self._running = running
        self._watch = watch

    def let_read(
        self, events: list[tuple[int, int]], fail: Callable[[Transfer, int, str], None]
    ) -> None:
        """Have libcurl process its sockets, and end the transfers that were answered too early."""
        socket = self._watch.socket
        for fd, mask in events:
            known = socket(fd) if mask & _IN else None
            transfer: Transfer | None = None
            if known and known.is_kept and not known.is_multiplexed and unheard_bytes(fd):
                transfer = self._unheard(fd)
            self._multi.socket_action(fd, mask)
            handle = None if transfer is None else transfer.handle
            if transfer and handle and stays_unheard(handle, self._watch, fd):
                handle.forget_answer()
                self._watch.mistrust(fd)
                fail(transfer, *EARLY)

    def _unheard(self, fd: int) -> Transfer | None:
        for transfer in list(self._running.values()):
            handle = transfer.handle
            if handle is None or handle.head or handle.getinfo(_ACTIVE_SOCKET) != fd:
                continue
            return transfer if is_unheard(handle, self._watch, fd) else None
        return None
