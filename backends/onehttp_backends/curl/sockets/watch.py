"""The epoll set with libcurl's sockets, and the watch over idle ones.

A socket stays registered for reading from its first use until it is closed. While a transfer uses
it, its events are passed to libcurl. While none does, an event means that the server has closed
the connection or has sent something unasked. libcurl checks an idle connection at most once a
second: it would use the closed one, and take the stray bytes for the response of the next call.
Such a socket is therefore shut down here, which libcurl does notice.

Descriptor numbers are reused, so each socket has an object of its own, made when libcurl opens it.
Before anything irreversible is done to a descriptor, its inode is compared with that object's.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable
from typing import Final

import pycurl

from onehttp_backends.contract import Peer
from onehttp_backends.curl.bell import Bell
from onehttp_backends.curl.libcurl import EPOLL_OF_POLL, Easy, Multi, select_mask
from onehttp_backends.curl.sockets.reports import SocketReports
from onehttp_backends.curl.sockets.socket import Socket

READABLE: Final = select.EPOLLIN | select.EPOLLRDHUP
_CLOSED_BY_PEER: Final = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
_IN: Final = pycurl.CSELECT_IN
_POLL_IN: Final = pycurl.POLL_IN
_REMOVE: Final = pycurl.POLL_REMOVE
MAX_EVENTS: Final = 4096
_FEW_EVENTS: Final = 32
"""Asked for where usually none are ready: `epoll.poll` allocates memory for this many."""


class SocketWatch:
    """The epoll set of one engine. Only the driver may use it, except for `wake` and `fileno`.

    Any event loop may watch `fileno`: it is readable when there is work for a driver.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.bell = Bell()
        self.wake_fd: Final = self.bell.fd
        with contextlib.suppress(FileExistsError):  # done already, by a child forked in here
            self._epoll.register(self.wake_fd, select.EPOLLIN)
        self._sockets: dict[int, Socket] = {}
        self.socket: Callable[[int], Socket | None] = self._sockets.get
        """The socket that has a descriptor number at present."""
        self.spent: Socket | None = None
        """A socket that was closed with its only transfer. The next one of its number takes it."""
        self._by_port: dict[int, Socket] = {}
        self.kept_on: Callable[[int], Socket | None] = self._by_port.get
        """The one with this local port that has carried a response of HTTP/1, perhaps of many."""
        self.made = 0
        """How many sockets libcurl has opened; ``newest`` is the number of the last."""
        self.newest = -1
        self._busy: set[int] = set()
        self.idle: set[Socket] = set()
        """All sockets that no transfer uses, perhaps with some that were closed."""
        self.is_behind = False  # whether there may be more events than the last wait has returned
        self.held: dict[Easy, int] = {}
        """Sockets of paused transfers: bytes that arrive on these are no stray response."""
        self._shut: set[Socket] = set()
        self._silent: set[Socket] = set()
        self.is_listening: bool | None = False
        """Whether libcurl reports what it waits for on its sockets; None if unknown."""
        self.may_share = False
        """Whether there are handles whose connections may carry several transfers at once."""
        self.peers: dict[int, Peer] = {}  # by libcurl's numbers of their connections
        self.is_stamping = False
        """Whether `Socket.event_at` is kept up to date."""
        self.reports = SocketReports(self._change, self.note_opened)
        self.opening = self.reports.on_open
        self.unseen: dict[int, int] = {}
        """See `unseen`: its ``setdefault`` takes a socket, and gives its purpose, as `opening`."""
        self.raised = self.reports.raised
        """Exceptions from inside libcurl's callbacks, for the driver to raise."""

    def fileno(self) -> int:
        return self._epoll.fileno()

    def wake(self) -> None:
        """Make the driver's wait return. Any thread may call this."""
        self.bell.ring()

    def note_opened(self, fd: int) -> None:
        inode, spent = os.fstat(fd).st_ino, self.spent
        if spent is not None and spent.fd == fd:
            spent.inode, self.spent = inode, None
        else:  # the closing of the number's last socket was not reported
            self._forget(fd)
            self._sockets[fd] = Socket(fd, inode)
        self.newest = fd
        self.made += 1

    def is_shared(self, fd: int) -> bool:
        """Whether the socket is in use and can carry several transfers at once, as it may while no
        response has come over it."""
        return (
            fd in self._busy
            and (known := self._sockets.get(fd)) is not None
            and (known.is_multiplexed or not known.is_kept)
        )

    def carries(self, known: Socket) -> bool:
        """Whether transfers that are driven by turns are in flight over the socket."""
        return self.is_listening is True and known.fd in self._busy and known.is_open()

    def adopt(self, fd: int) -> None:
        """Make sure that a socket in use is known: its opening may have been missed."""
        known = self._sockets.get(fd)
        if known is None or not known.is_open():
            self.note_opened(fd)

    def _change(self, what: int, fd: int) -> None:
        known, interest = self._sockets.get(fd), READABLE
        if what == _REMOVE:
            self._busy.discard(fd)
            if known is None:
                return
            if self.held and fd in self.held.values():
                interest = 0
            elif known.inode:
                self.idle.add(known)
            else:  # a pipe, wanted again with the next transfer; its number may be another's then
                known.interest = 0
                return
        else:
            self._busy.add(fd)
            if known is None:  # a pipe of libcurl's own
                known = self._sockets[fd] = Socket(fd, 0)
            self.idle.discard(known)
            if what != _POLL_IN:
                interest = EPOLL_OF_POLL[what]
        if known.interest != interest:
            self.register(known, interest)

    def listen(self, multi: Multi) -> None:
        """Have libcurl report the sockets of this multi from now on."""
        if self.is_listening is not True:
            self.is_listening = self.spent = None
            multi.setopt(pycurl.M_SOCKETFUNCTION, self.reports.on_change)
            self.is_listening = True

    def stop_listening(self, multi: Multi) -> None:
        """Have libcurl report no sockets any more."""
        if self.is_listening is not False:
            self.is_listening = None
            multi.setopt(pycurl.M_SOCKETFUNCTION, None)
            self.is_listening = False

    def poll(self, wait_s: float) -> list[tuple[int, int]]:
        """Wait for events (-1: for ever); return (fd, CSELECT mask) of those libcurl must see.

        Idle sockets are dealt with before the caller can put one to use.
        """
        ready: list[tuple[int, int]] = []
        busy = self._busy
        most = min(MAX_EVENTS, len(self._sockets) + 2)  # one more than can be ready
        found = self._epoll.poll(wait_s, most)
        self.is_behind = len(found) == most
        for event in found:
            fd, events = event
            if fd in busy:  # nearly always reading: 1 in both notations
                ready.append(event if events == _IN else (fd, select_mask(events)))
            elif fd == self.wake_fd:
                self.bell.silence()
            else:
                self._drop_idle(fd, events)
        if self.is_stamping and ready:
            now = time.monotonic()
            for fd, _ in ready:
                if (known := self._sockets.get(fd)) is not None:
                    known.event_at = now
        return ready

    def is_ready(self, fd: int, event: int, wait_s: float) -> bool:
        """Wait for events; True if there is exactly this one, of this busy socket.

        Any other event stays pending for `poll`.
        """
        if self._epoll.poll(wait_s, 2) != [(fd, event)]:
            return False
        if self.is_stamping and (known := self._sockets.get(fd)) is not None:
            known.event_at = time.monotonic()
        return True

    def sweep(self, has_polled: bool = False) -> None:
        """Shut down the idle sockets that are dead, silent, or hold a stray response.

        Args:
            has_polled: `poll` has just looked at all sockets, and returned no event.
        """
        if self._silent:
            self._drop_silent()
        if has_polled:
            return
        found = self._epoll.poll(0, _FEW_EVENTS)
        if len(found) == _FEW_EVENTS:
            found = self._epoll.poll(0, MAX_EVENTS)
        for fd, events in found:
            if fd not in self._busy and fd != self.wake_fd:
                self._drop_idle(fd, events)

    def note_use(self, fd: int, is_multiplexed: bool) -> None:
        """Watch a socket that a transfer has used, even if libcurl did not report it."""
        known = self._sockets.get(fd)
        if known is None:
            return
        known.is_kept = True
        if is_multiplexed:
            known.is_multiplexed = self.is_stamping = True
        elif port := known.own_port():
            known.port = port
            self._by_port[port] = known
        if fd not in self._busy:
            self.idle.add(known)
        if not known.interest:
            self.register(known, READABLE)

    def note_busy(self, fd: int) -> bool:
        """Note that a transfer uses the socket, which libcurl did not report. True if the socket is
        registered for reading."""
        known = self._sockets.get(fd)
        if known is None:
            return False
        self._busy.add(fd)
        self.idle.discard(known)
        return known.interest == READABLE

    def note_idle(self, fd: int) -> None:
        """Note that no transfer uses the socket any more, which libcurl did not report."""
        known = self._sockets.get(fd)
        if known is not None:
            self.idle.add(known)
            self._busy.discard(fd)

    def mistrust(self, fd: int) -> None:
        """Shut the socket down, so that no further transfer uses it."""
        known = self._sockets.get(fd)
        if known is not None and known.is_open():
            self._shut.add(known)  # if an exception comes next, `is_dead` does the rest
            known.shut_down()

    def note_timeout(self, fd: int, waited_s: float) -> Socket | None:
        """Note that a transfer has waited this long on the socket, and timed out.

        Returns:
            The socket, if no other transfer received anything on it either. New transfers should
            avoid it; it is shut down once no transfer uses it, unless something arrives first.
        """
        known = self._sockets.get(fd)
        if known is None or not known.is_open() or not known.has_heard_nothing_for(waited_s):
            return None
        known.silent_at = time.monotonic()
        self._silent.add(known)
        return known

    def release(self, easy: Easy, has_ended: bool) -> None:
        """Note that a paused transfer goes on, or has ended."""
        known = self._sockets.get(self.held.pop(easy, -1))
        if known and not known.interest and known.fd not in self.held.values() and known.is_open():
            self.idle.add(known) if has_ended else self._busy.add(known.fd)
            self.register(known, READABLE)

    def assume_nothing(self) -> None:
        """Take all sockets for idle: reports were missed, and libcurl will repeat all of them."""
        for fd in list(self._busy):
            known = self._sockets.get(fd)
            if known is not None and known.inode:
                self.idle.add(known)
        self._busy.clear()

    def is_dead(self, own_port: int) -> bool:
        """Whether the socket with this local port is one that was shut down here.

        False if a live socket has the same port: libcurl may not have closed the dead one yet.
        """
        if not self._shut:
            return False
        self._shut = {known for known in self._shut if known.is_open()}
        for cut_off in (known for known in self._shut if not known.is_shut):
            cut_off.shut_down()
        if all(known.own_port() != own_port for known in self._shut):
            return False
        alive = (known for known in self.open_sockets() if not known.is_shut)
        return all(known.own_port() != own_port for known in alive)

    def open_sockets(self) -> list[Socket]:
        """The sockets that are still open and belong to libcurl. Any thread may call this."""
        return [known for known in list(self._sockets.values()) if known.is_open()]

    def close(self) -> None:
        """Close epoll set and bell. The sockets still belong to libcurl."""
        self._epoll.close()
        self.bell.close()
        self.reports.close()

    def _forget(self, fd: int) -> None:
        known = self._sockets.pop(fd, None)
        if known is not None:
            self.idle.discard(known)
            self._busy.discard(fd)
            if self._by_port.get(known.port) is known:
                del self._by_port[known.port]
            if not known.inode:
                with contextlib.suppress(OSError):
                    self._epoll.unregister(fd)

    def register(self, known: Socket, interest: int) -> None:
        """Have the epoll set tell of these events of a socket, until libcurl's next report."""
        fd = known.fd
        known.interest = 0  # in case one of the next calls fails
        try:
            self._epoll.modify(fd, interest)
        except FileNotFoundError:  # new, or closed unreported and opened again
            self._epoll.register(fd, interest)
        known.interest = interest

    def _drop_silent(self) -> None:
        for known in list(self._silent):
            is_here = self._sockets.get(known.fd) is known and known.is_open()
            is_silent = is_here and known.is_silent()
            if not (is_silent and known.fd in self._busy):
                self._silent.discard(known)
                if is_silent:
                    self._drop_idle(known.fd, _CLOSED_BY_PEER)

    def _drop_idle(self, fd: int, events: int) -> None:
        known = self._sockets.get(fd)
        if known is not None and events == select.EPOLLOUT:  # libcurl's last report was missed
            self.register(known, READABLE)
            return
        # An HTTP/2 peer may send pings and settings at any time, and its responses name their
        # stream. So only a closed connection is shut down, and only closing is watched for now.
        if known is not None and known.is_multiplexed and not events & _CLOSED_BY_PEER:
            self.register(known, select.EPOLLRDHUP)
            return
        with contextlib.suppress(OSError):  # libcurl has closed it meanwhile
            self._epoll.unregister(fd)
        if known is not None:
            known.interest = 0
            self.idle.discard(known)
            self.mistrust(fd)
