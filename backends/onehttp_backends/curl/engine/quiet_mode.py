"""Many small transfers on kept HTTP/1 connections, without libcurl's reports of socket changes.

libcurl reports twice per transfer, which is a fifth of what a small one costs, and the reports say
nothing new: the socket of a kept connection is already registered for reading. In this mode the
engine asks libcurl for the socket of a transfer once its request has been sent, and makes libcurl
read by pausing and resuming the transfer, as `recovery` does. Anything that does not fit ends the
mode, and libcurl reports all sockets again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

import pycurl

from onehttp_backends.curl.engine.early_answers import EARLY, is_unheard, stays_unheard
from onehttp_backends.curl.engine.recovery import tell_of
from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.libcurl import Easy, Multi
from onehttp_backends.curl.sockets import SocketWatch
from onehttp_backends.curl.sockets.socket import FITS_AT_ONCE_BYTES
from onehttp_backends.curl.sockets.unheard import unheard_bytes

_ACTIVE_SOCKET: Final = pycurl.ACTIVESOCKET
_REQUEST_SIZE: Final = pycurl.REQUEST_SIZE
_PAUSE: Final = pycurl.PAUSE_RECV
_GO_ON: Final = pycurl.PAUSE_CONT
_TIMEOUT: Final = pycurl.SOCKET_TIMEOUT


class QuietMode:
    """Whether the mode is on, and which transfer uses which socket. Only the driver may use it."""

    def __init__(self, multi: Multi, running: Mapping[Easy, Transfer], watch: SocketWatch) -> None:
        self._multi = multi
        self._act, self._timeout = multi.socket_action, multi.timeout
        self._running = running
        self._watch = watch
        self.is_on = False
        self._made = 0
        """How many sockets libcurl had made when the mode began."""
        self._added: list[Transfer] = []
        """Transfers in the multi that libcurl has perhaps not begun yet."""
        self._users: dict[int, Transfer] = {}
        """Transfers by socket."""
        self._fds: dict[Transfer, int] = {}

    def begins(self, inbox: deque[Transfer]) -> bool:
        """Whether the mode is on, now that the transfers of ``inbox`` are about to be added."""
        if not self.is_on:
            idle = len(self._watch.idle)
            if self._running or not 1 < len(inbox) <= idle or not _is_fit(inbox[0]):
                return False
            self._watch.stop_listening(self._multi)
            self._made = self._watch.made
            self.is_on = True
        return True

    def add(self, transfer: Transfer, may_find_connection: bool) -> None:
        """Note that a transfer is about to be added; end the mode if it does not fit."""
        if may_find_connection and _is_fit(transfer):
            self._added.append(transfer)
        else:
            self.end()

    def end(self) -> None:
        """End the mode: libcurl reports again, also the sockets of transfers that have begun."""
        if not self.is_on:
            return
        watch = self._watch
        reports = watch.reports
        was_missing, reports.is_incomplete = reports.is_incomplete, True
        watch.listen(self._multi)
        told, ended = set[int](), set[int]()
        for transfer in list(self._running.values()):
            if transfer.handle is not None and transfer not in self._added:
                known = told if tell_of(transfer.handle, watch) else ended
                known.add(transfer.handle.getinfo(_ACTIVE_SOCKET))
        for fd in ended - told:  # libcurl, which was silent, does not report those
            watch.note_idle(fd)
        self._added.clear()
        self._users.clear()
        self._fds.clear()
        self.is_on = False
        reports.is_incomplete = was_missing

    def act(self) -> None:
        """Let libcurl do what is due, and find out which sockets the added transfers use."""
        # libcurl does not report a timeout that is unchanged, so it is asked for it.
        if self._timeout() == 0:
            self._act(_TIMEOUT, 0)
        if self.is_on:
            self._note_begun()

    def _note_begun(self) -> None:
        watch = self._watch
        begun, self._added = self._added, []
        has_missed = watch.made != self._made or watch.reports.is_incomplete
        if has_missed or not all(map(self._has_socket, begun)):
            self.end()

    def _has_socket(self, transfer: Transfer) -> bool:
        """Whether a transfer that was begun has ended, or its socket is known from now on."""
        handle, users, watch = transfer.handle, self._users, self._watch
        if handle is None:  # cancelled
            return True
        fd: int = handle.getinfo(_ACTIVE_SOCKET)
        other = users.get(fd)
        if other is not None and other.handle is not None:
            # One of the two has ended during `act`, and the other uses its connection now.
            if bool(handle.head) is bool(other.handle.head):
                return False
            if handle.head:
                return True
        if not (watch.note_busy(fd) and 0 < handle.getinfo(_REQUEST_SIZE) <= FITS_AT_ONCE_BYTES):
            return False
        users[fd] = transfer
        self._fds[transfer] = fd
        return True

    def let_read(
        self, events: list[tuple[int, int]], fail: Callable[[Transfer, int, str], None]
    ) -> None:
        """Let libcurl read, and fail what was answered too early; see `EarlyAnswers.let_read`."""
        watch = self._watch
        reading: list[tuple[Handle, int]] = []
        early: list[tuple[Transfer, Handle, int]] = []
        for fd, _ in events:
            transfer = self._users.get(fd)
            handle = None if transfer is None else transfer.handle
            if transfer is None or handle is None:
                self.end()
                return
            if unheard_bytes(fd) and not handle.head and is_unheard(handle, watch, fd):
                early.append((transfer, handle, fd))
            reading.append((handle, fd))
            pause = handle.pause
            try:
                pause(_PAUSE)
                pause(_GO_ON)
            except pycurl.error:  # it has ended, and will be reaped
                pass
        self.act()
        for handle, fd in reading:
            # When a connection ends, or after a challenge, libcurl may use another kept connection.
            is_begun = handle.head and not handle.options.auth
            if not is_begun and handle.getinfo(_ACTIVE_SOCKET) != fd:
                self.end()
                break
        if early:
            self.end()
        for transfer, handle, fd in early:
            if stays_unheard(handle, watch, fd):
                handle.forget_answer()
                watch.mistrust(fd)
                fail(transfer, *EARLY)

    def leave(self, transfer: Transfer) -> None:
        """Note that a transfer has ended."""
        fd = self._fds.pop(transfer, -1)
        if self._users.get(fd) is transfer:
            self._watch.note_idle(fd)
            del self._users[fd]


def _is_fit(transfer: Transfer) -> bool:
    handle = transfer.handle
    return (
        transfer.is_of_many
        and handle is not None
        and handle.shelf.is_simple
        and not handle.shelf.may_be_http2
        and transfer.request.body is None
    )
