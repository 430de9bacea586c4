"""What wakes a driver that waits for events."""

from __future__ import annotations

import os


class Bell:
    """An eventfd, whose number may be another's after the end."""

    fd = -1
    """Until it is made, which may be interrupted."""

    def __init__(self, fd: int = -1) -> None:
        self.fd = fd if fd >= 0 else os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def twin(self) -> OwnedBell:
        """Rings the same, and lasts as long as somebody may ring it."""
        return OwnedBell(os.dup(self.fd))

    def ring(self) -> None:
        if self.fd >= 0:
            os.eventfd_write(self.fd, 1)

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


class OwnedBell(Bell):
    """Closed with the object, and only so: whoever is about to ring it has it."""

    def __del__(self) -> None:
        self.close()
