"""Bells: wake-ups for a driver that waits for events."""

from __future__ import annotations

import contextlib
import os
import select


class Bell:
    """An eventfd. After `close` its number may belong to another file."""

    __slots__ = ("fd",)

    def __init__(self) -> None:
        self.fd = _eventfd()

    def twin(self) -> OwnedBell:
        """A bell for the same eventfd that stays open for as long as somebody may ring it."""
        return OwnedBell(os.dup(self.fd))

    def ring(self) -> None:
        if self.fd >= 0:
            os.eventfd_write(self.fd, 1)

    def silence(self) -> None:
        with contextlib.suppress(BlockingIOError):  # silent already
            os.eventfd_read(self.fd)

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


class OwnedBell:
    """A bell that is closed with its object only, so whoever can ring it finds it open."""

    __slots__ = ("_owner",)

    def __init__(self, fd: int = -1) -> None:
        # An epoll object closes whatever descriptor it was given, in C: what a signal handler
        # raises in a `__del__` reaches nobody.
        self._owner = select.epoll.fromfd(fd if fd >= 0 else _eventfd())

    @property
    def fd(self) -> int:
        return self._owner.fileno()

    def ring(self) -> None:
        os.eventfd_write(self.fd, 1)


def _eventfd() -> int:
    return os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
