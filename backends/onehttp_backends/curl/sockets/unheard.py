"""What a peer has not heard yet. Each call asks for that, so this is compiled."""

from __future__ import annotations

import fcntl
import sys
import termios
from collections.abc import Callable
from typing import TypeAlias

Ioctl: TypeAlias = Callable[[int, int, bytearray], object]


def unheard_bytes(
    fd: int, ioctl: Ioctl = fcntl.ioctl, wanted: int = termios.TIOCOUTQ, zero: bytes = bytes(4)
) -> int:
    """How many sent bytes the peer has not acknowledged; meaningless if it is no TCP socket.

    Nobody passes the last three: as defaults they are looked up once, not at each call."""
    number = bytearray(4)  # with `bytes`, `ioctl` fails first and tries again: slower
    try:
        ioctl(fd, wanted, number)
    except OSError:
        return 0
    return 0 if number == zero else int.from_bytes(number, sys.byteorder)
