"""libcurl's sockets as the kernel sees them: one epoll set, kept current, idle ones watched.

A socket stays registered for reading from its first use until the kernel drops it at close.
While a transfer uses it, an event is libcurl's business. While none does, an event means the
server has closed it, or has sent something nobody asked for. libcurl looks at an idle
connection at most once a second, so it would use the first and deliver the second as the
answer to the next call: such a socket is shut down here, which libcurl does notice.

Descriptors come back, sockets do not: what is known of one is in an object of its own, made when
libcurl opens it. A number of which we know the object is compared with its inode before the
kernel is asked to do anything to it that cannot be undone.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable
from typing import Final

import pycurl

from onehttp_backends.curl.bell import Bell
from onehttp_backends.curl.libcurl import EPOLL_OF_POLL, Easy, Hearing, Multi, select_mask
from onehttp_backends.curl.sockets.socket import Socket

READABLE: Final = select.EPOLLIN | select.EPOLLRDHUP
_CLOSED_BY_PEER: Final = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
_IN: Final = pycurl.CSELECT_IN
_POLL_IN: Final = pycurl.POLL_IN
_REMOVE: Final = pycurl.POLL_REMOVE
MAX_EVENTS: Final = 4096
_FEW_EVENTS: Final = 32
"""What a look asks for that is to find none: Python makes room for as many as are asked for."""


class SocketWatch:
    """The epoll set of one engine. Only the thread that drives the engine may use it,
    save `wake`, and `fileno`, which any event loop may watch: it is readable when there is
    something to do."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.bell = Bell()
        self.wake_fd: Final = self.bell.fd
        with contextlib.suppress(FileExistsError):  # a child forked just now has, for both
            self._epoll.register(self.wake_fd, select.EPOLLIN)
        self._sockets: dict[int, Socket] = {}
        self.socket: Callable[[int], Socket | None] = self._sockets.get
        """The socket that has this number now."""
        self.made = 0
        """How many sockets libcurl has made, of which ``newest`` is the last."""
        self.newest = -1
        self._busy: set[int] = set()
        self.idle: set[Socket] = set()
        """Sockets that no transfer uses; closed ones may be among them, none is missing."""
        self.is_behind = False
        """There may be more events than the last wait has returned."""
        self.held: dict[Easy, int] = {}
        """Of paused transfers: what comes over these waits for them, and is no stray response."""
        self._shut: set[Socket] = set()
        self._silent: set[Socket] = set()
        self.is_listening: bool | None = False
        """Whether libcurl tells what it wants of its sockets; None: not known."""
        self.is_stamping = False
        """Whether sockets keep the time of their last event."""
        self.hearing = Hearing(self._change, self._opened)
        self.opening = self.hearing.opening
        """libcurl has made a socket (``SOCKOPTFUNCTION``)."""
        self.raised = self.hearing.raised
        """What callbacks of libcurl's must not raise, for the driver to raise."""

    def fileno(self) -> int:
        return self._epoll.fileno()

    def wake(self) -> None:
        """Let the driver's wait return; from any thread."""
        self.bell.ring()

    def _opened(self, fd: int) -> None:
        # The number may have been another socket of ours, closed without a word.
        self._forget(fd)
        self._sockets[fd] = Socket(fd, os.fstat(fd).st_ino)
        self.newest = fd
        self.made += 1

    def is_shared(self, fd: int) -> bool:
        """Whether several transfers may use it, and one does now."""
        return (
            fd in self._busy
            and (known := self._sockets.get(fd)) is not None
            and known.is_multiplexed
        )

    def adopt(self, fd: int) -> None:
        """A connection uses this socket, whose making may have been missed."""
        known = self._sockets.get(fd)
        if known is None or not known.is_open():
            self._opened(fd)

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
            self._register(known, interest)

    def listen(self, multi: Multi) -> None:
        """Have libcurl tell about the sockets of this multi from now on."""
        if self.is_listening is not True:
            self.is_listening = None
            multi.setopt(pycurl.M_SOCKETFUNCTION, self.hearing.change)
            self.is_listening = True

    def stop_listening(self, multi: Multi) -> None:
        """Have libcurl tell nothing."""
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
        most = min(MAX_EVENTS, len(self._sockets) + 2)  # one more than can come
        found = self._epoll.poll(wait_s, most)
        self.is_behind = len(found) == most
        for event in found:
            fd, events = event
            if fd in busy:  # nearly always for reading, of which both say 1
                ready.append(event if events == _IN else (fd, select_mask(events)))
            elif fd == self.wake_fd:
                self._drain_wake()
            else:
                self._drop_idle(fd, events)
        if self.is_stamping and ready:
            self._stamp(ready)
        return ready

    def is_ready(self, fd: int, event: int, wait_s: float) -> bool:
        """Wait for an event: whether it is this one of this busy socket, and that alone. Any other
        stays for `poll`."""
        if self._epoll.poll(wait_s, 2) != [(fd, event)]:
            return False
        if self.is_stamping and (known := self._sockets.get(fd)) is not None:
            known.event_at = time.monotonic()
        return True

    def sweep(self, has_polled: bool = False) -> None:
        """Shut down the idle sockets that are dead, silent, or hold a stray response.

        Args:
            has_polled: `poll` has just done so, and told of nothing that libcurl would act upon.
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
        """Watch a socket that a transfer was made on, perhaps without libcurl's telling."""
        known = self._sockets.get(fd)
        if known is None:
            return
        known.is_kept = True
        if is_multiplexed:
            known.is_multiplexed = self.is_stamping = True
        if fd not in self._busy:
            self.idle.add(known)
        if not known.interest:
            self._register(known, READABLE)

    def note_busy(self, fd: int) -> None:
        """A transfer uses it, which libcurl has not told."""
        known = self._sockets.get(fd)
        if known is not None:
            self._busy.add(fd)
            self.idle.discard(known)

    def mistrust(self, fd: int) -> None:
        """Let no further transfer be made on it."""
        known = self._sockets.get(fd)
        if known is not None and known.is_open():
            known.shut_down()
            self._shut.add(known)

    def note_timeout(self, fd: int, waited_s: float) -> Socket | None:
        """A transfer has waited so long for its answer on this socket, to its limit.

        Returns:
            The socket, if nobody else was told anything either: nothing new should use it. It is
            shut down once nobody does, unless something comes.
        """
        known = self._sockets.get(fd)
        if known is None or not known.is_open() or not known.has_heard_nothing_for(waited_s):
            return None
        known.silent_at = time.monotonic()
        self._silent.add(known)
        return known

    def release(self, easy: Easy, has_ended: bool) -> None:
        """A transfer is paused no longer: it goes on, or has ended."""
        known = self._sockets.get(self.held.pop(easy, -1))
        if known and not known.interest and known.fd not in self.held.values() and known.is_open():
            self.idle.add(known) if has_ended else self._busy.add(known.fd)
            self._register(known, READABLE)

    def assume_nothing(self) -> None:
        """Changes were missed, and libcurl is to tell all anew: until then all sockets are idle."""
        for fd in list(self._busy):
            known = self._sockets.get(fd)
            if known is not None and known.inode:
                self.idle.add(known)
        self._busy.clear()

    def is_dead(self, own_port: int) -> bool:
        """Whether what goes out from this port goes into a socket that was shut down here.

        A live one may have the number again while libcurl still keeps the dead one: then not.
        """
        if not self._shut:
            return False
        self._shut = {known for known in self._shut if known.is_open()}
        if all(known.own_port() != own_port for known in self._shut):
            return False
        alive = (known for known in self.open_sockets() if not known.is_shut)
        return all(known.own_port() != own_port for known in alive)

    def open_sockets(self) -> list[Socket]:
        """The sockets that are still open and still libcurl's. Any thread may ask."""
        return [known for known in list(self._sockets.values()) if known.is_open()]

    def let_go(self, goes_on: bool) -> None:
        """Close our copies of libcurl's sockets, which is not to use them any more.

        Args:
            goes_on: it will, since a signal handler has forked in the middle of its doing. Their
                numbers must not become those of what the child opens now: all of them are this
                epoll set's, of which nothing can be read or sent.
        """
        for known in self.open_sockets():
            if goes_on:
                os.dup2(self.fileno(), known.fd, inheritable=False)
            else:
                os.close(known.fd)

    def close(self) -> None:
        """Let go of the kernel objects; the sockets stay libcurl's."""
        self._epoll.close()
        self.bell.close()
        self.hearing.close()

    def _forget(self, fd: int) -> None:
        known = self._sockets.pop(fd, None)
        if known is not None:
            self.idle.discard(known)
            self._busy.discard(fd)
            if not known.inode:
                with contextlib.suppress(OSError):
                    self._epoll.unregister(fd)

    def _drain_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.wake_fd)

    def _stamp(self, ready: list[tuple[int, int]]) -> None:
        now = time.monotonic()
        for fd, _ in ready:
            known = self._sockets.get(fd)
            if known is not None:
                known.event_at = now

    def _register(self, known: Socket, interest: int) -> None:
        fd = known.fd
        known.interest = 0  # unknown, should one of the next calls fail
        try:
            self._epoll.modify(fd, interest)
        except FileNotFoundError:  # new, or closed without a word and opened again
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
        # HTTP/2 peers may send pings and settings at any time, and name the stream of a
        # response: only what has been closed is mistrusted, and watched for from then on.
        if known is not None and known.is_multiplexed and not events & _CLOSED_BY_PEER:
            self._register(known, select.EPOLLRDHUP)
            return
        with contextlib.suppress(OSError):  # closed by libcurl since
            self._epoll.unregister(fd)
        if known is not None:
            known.interest = 0
            self.idle.discard(known)
            self.mistrust(fd)
