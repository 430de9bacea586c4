"""libcurl's sockets as the kernel sees them: one epoll set, kept current, idle ones watched.

A socket stays registered for reading from its first use until the kernel drops it at close.
While a transfer uses it, an event is libcurl's business. While none does, an event means the
server has closed it, or has sent something nobody asked for. libcurl looks at an idle
connection at most once a second, so it would use the first and deliver the second as the
answer to the next call: such a socket is shut down here, which libcurl does notice.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
from typing import Final

import pycurl

READABLE: Final = select.EPOLLIN | select.EPOLLRDHUP
_INTEREST: Final = {
    pycurl.POLL_NONE: READABLE,
    pycurl.POLL_IN: READABLE,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: READABLE | select.EPOLLOUT,
    pycurl.POLL_REMOVE: READABLE,
}
MAX_EVENTS: Final = 4096
MAX_DEAD_PORTS: Final = 4096


class SocketWatch:
    """The epoll set of one engine. Only the thread that drives the engine may use it,
    save `wake`, and `fileno`, which any event loop may watch: it is readable when there is
    something to do."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._wake_fd, select.EPOLLIN)
        self._interest: dict[int, int] = {}
        self._busy: set[int] = set()
        self.idle: set[int] = set()
        """Sockets that no transfer uses; closed ones may be among them, none is missing."""
        self._opened: dict[int, int] = {}  # fd -> inode: a number may be somebody else's by now
        self.is_behind = False
        """There may be more events than the last wait has returned."""
        self.multiplexed: set[int] = set()
        self.dead_ports: set[int] = set()

    @property
    def wake_fd(self) -> int:
        return self._wake_fd

    def fileno(self) -> int:
        return self._epoll.fileno()

    def wake(self) -> None:
        """Let the driver's wait return; from any thread."""
        os.eventfd_write(self._wake_fd, 1)

    def drain_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake_fd)

    def opened(self, fd: int, _purpose: int) -> int:
        """libcurl has made a socket (``SOCKOPTFUNCTION``)."""
        # The number may have been another socket of ours, closed without a word.
        self._interest.pop(fd, None)
        self._busy.discard(fd)
        self.idle.discard(fd)
        self.multiplexed.discard(fd)
        self._opened[fd] = os.fstat(fd).st_ino
        return int(pycurl.SOCKOPT_OK)

    def changed(self, what: int, fd: int, _multi: object, _data: object) -> None:
        """libcurl's interest in a socket has changed (``M_SOCKETFUNCTION``)."""
        if what == pycurl.POLL_REMOVE:
            self._busy.discard(fd)
            if fd in self._opened:
                self.idle.add(fd)
        else:
            self._busy.add(fd)
            self.idle.discard(fd)
        interest = _INTEREST[what]
        if self._interest.get(fd) != interest:
            self._register(fd, interest)

    def poll(self, wait_s: float) -> list[tuple[int, int]]:
        """Wait for events (-1: for ever); return (fd, CSELECT mask) of those libcurl must see.

        Idle sockets are dealt with before the caller can put one to use.
        """
        ready: list[tuple[int, int]] = []
        busy = self._busy
        found = self._epoll.poll(wait_s, MAX_EVENTS)
        self.is_behind = len(found) == MAX_EVENTS
        for fd, events in found:
            if fd in busy:
                ready.append((fd, _select_mask(events)))
            elif fd == self._wake_fd:
                self.drain_wake()
            else:
                self._drop_idle(fd)
        return ready

    def sweep(self) -> None:
        """Shut down the idle sockets that are dead or hold a stray response."""
        for fd, _ in self._epoll.poll(0, MAX_EVENTS):
            if fd not in self._busy and fd != self._wake_fd:
                self._drop_idle(fd)

    def watch_idle(self, fd: int) -> None:
        """Watch a socket that was used without `changed` being told."""
        if fd not in self._busy:
            self.idle.add(fd)
        if fd not in self._interest:
            self._register(fd, READABLE)

    def inherited_fds(self) -> list[int]:
        """The sockets that are still open and still libcurl's."""
        return [fd for fd, inode in self._opened.items() if _inode(fd) == inode]

    def close(self) -> None:
        """Let go of the kernel objects; the sockets stay libcurl's."""
        self._epoll.close()
        os.close(self._wake_fd)

    def _register(self, fd: int, interest: int) -> None:
        # libcurl closes a socket and gets the same number again without a word: what we know
        # of a number may be of its predecessor, which the kernel has dropped from the set.
        if fd in self._interest:
            with contextlib.suppress(FileNotFoundError):
                self._epoll.modify(fd, interest)
                self._interest[fd] = interest
                return
        try:
            self._epoll.register(fd, interest)
        except FileExistsError:  # the predecessor lives on in a forked child
            self._epoll.modify(fd, interest)
        self._interest[fd] = interest

    def _drop_idle(self, fd: int) -> None:
        if fd in self._interest:
            del self._interest[fd]
        self.idle.discard(fd)
        with contextlib.suppress(OSError):  # closed by libcurl since
            self._epoll.unregister(fd)
        # HTTP/2 peers may send pings and settings at any time, and name the stream of a
        # response; resolver pipes have no peer. Only HTTP/1 sockets are mistrusted.
        if fd in self.multiplexed or self._opened.get(fd) != _inode(fd):
            return
        with socket.socket(fileno=os.dup(fd)) as dead, contextlib.suppress(OSError):
            if len(self.dead_ports) >= MAX_DEAD_PORTS:
                self.dead_ports.clear()
            name = dead.getsockname()
            if len(name) > 1:
                self.dead_ports.add(name[1])
            dead.shutdown(socket.SHUT_RDWR)


def _select_mask(events: int) -> int:
    mask = 0
    if events & ~select.EPOLLOUT:
        mask = pycurl.CSELECT_IN
    if events & select.EPOLLOUT:
        mask |= pycurl.CSELECT_OUT
    if events & (select.EPOLLERR | select.EPOLLHUP):
        mask |= pycurl.CSELECT_ERR
    return mask


def _inode(fd: int) -> int | None:
    try:
        return os.fstat(fd).st_ino
    except OSError:
        return None
