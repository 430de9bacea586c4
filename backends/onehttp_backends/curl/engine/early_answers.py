"""Answers that came before anything of their request had arrived: what a server says unasked while
the next request of a kept connection is on its way to it, such as a 408 for having been idle.

Each segment of TCP tells how much of the other side's bytes has come. What comes in one that has
heard nothing of a request is no answer to it. Of what is sent later than that nothing tells: an
answer of HTTP/1 has no name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import pycurl

from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.libcurl import Easy, Multi
from onehttp_backends.curl.sockets import SocketWatch
from onehttp_backends.curl.sockets.socket import unheard_bytes
from onehttp_backends.curl.stream_handle import StreamHandle
from onehttp_backends.errors import CurlCode

EARLY: Final = (int(CurlCode.GOT_NOTHING), "an answer came before the request had arrived")
LARGEST_BYTES: Final = 16 * 1024
"""Of a larger request TLS adds more than may be heard of it at first."""
_IN: Final = pycurl.CSELECT_IN
_ACTIVE_SOCKET: Final = pycurl.ACTIVESOCKET


def is_unheard(handle: Handle, watch: SocketWatch, fd: int) -> bool:
    """Whether nothing of a request had arrived when that was sent which is now to be read."""
    if not unheard_bytes(fd):
        return False
    known = watch.socket(fd)
    if known is None or known.is_multiplexed or not known.is_kept or handle.options.unix_socket:
        return False
    # Each small piece of a body is a record of TLS, which adds more than may be heard of it.
    if is_wrapped(handle) and isinstance(handle, StreamHandle) and handle.sending is not None:
        return False
    sent_bytes: int = handle.easy.getinfo(pycurl.REQUEST_SIZE)
    if not 0 < sent_bytes <= LARGEST_BYTES or handle.easy.getinfo(pycurl.NUM_CONNECTS):
        return False
    # The kernel shows what has come a moment before it looks at what the same segment has heard.
    known.wait_for_kernel()
    return unheard_bytes(fd) >= sent_bytes


def stays_unheard(handle: Handle, watch: SocketWatch, fd: int) -> bool:
    """Whether an answer has been read since, and is none to a request that nothing was heard of.

    What was there to be read may have been something else: the end, upon which libcurl tries
    another connection; of TLS, a ticket. The answer then came later, and the request before it.
    """
    if not handle.head or handle.easy.getinfo(pycurl.NUM_CONNECTS):
        return False
    known = watch.socket(fd)
    if not is_wrapped(handle) or known is None or not known.is_open():
        return True
    known.wait_for_kernel()
    sent_bytes: int = handle.easy.getinfo(pycurl.REQUEST_SIZE)
    return unheard_bytes(fd) >= sent_bytes


def is_wrapped(handle: Handle) -> bool:
    """Whether more goes over its connection than HTTP, or may."""
    return handle.handshake is not None or handle.options.proxy is not None


class EarlyAnswers:
    """Looks at sockets before libcurl does. For the driver only."""

    def __init__(self, multi: Multi, running: Mapping[Easy, Transfer], watch: SocketWatch) -> None:
        self._multi = multi
        self._running = running
        self._watch = watch

    def let_read(
        self, events: list[tuple[int, int]], fail: Callable[[Transfer, int, str], None]
    ) -> None:
        """Have libcurl act on its sockets, and end what was answered too early."""
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
