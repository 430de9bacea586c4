"""One socket of libcurl's, and what the kernel says of it."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
import termios
import time
from collections.abc import Callable
from typing import Final, TypeAlias

# Not a `socket` object for a moment: it would close libcurl's descriptor when an exception comes
# in between, and a copy of the descriptor cannot be had when there are no more.
_libc: Final = ctypes.CDLL(None)
_ADDRESS_BYTES: Final = 128
_LAST_DATA_RECEIVED: Final = 52
"""Where ``struct tcp_info`` of Linux has it, in milliseconds; the one behind it likewise."""
_LAST_ACK_RECEIVED: Final = 56
_BYTES_ACKNOWLEDGED: Final = 120
_INFO_BYTES: Final = 128
TICK_S: Final = 0.02
"""What the kernel's clock for it may be wrong by."""
Ioctl: TypeAlias = Callable[[int, int, bytearray], object]


def unheard_bytes(
    fd: int, ioctl: Ioctl = fcntl.ioctl, wanted: int = termios.TIOCOUTQ, zero: bytes = bytes(4)
) -> int:
    """How many bytes of ours the other side has not acknowledged; of no TCP socket: any number."""
    number = bytearray(4)  # `bytes` are refused first, with a message that nobody is to read
    try:
        ioctl(fd, wanted, number)
    except OSError:
        return 0
    return 0 if number == zero else int.from_bytes(number, sys.byteorder)


class Socket:
    """One socket from its making on, whatever numbers it shares with its predecessors."""

    __slots__ = ("_acknowledged", "_acknowledged_at", "event_at", "fd", "inode", "interest",
                 "is_kept", "is_multiplexed", "is_shut", "silent_at")  # fmt: skip

    def __init__(self, fd: int, inode: int) -> None:
        self.fd = fd
        self.inode = inode
        """0: libcurl's own (a pipe, an eventfd), which has no peer."""
        self.interest = 0
        self.is_kept = False
        """It has carried an answer."""
        self.is_multiplexed = False
        self.is_shut = False
        """Found dead while idle, and shut down: what goes into it from then on goes nowhere."""
        self.event_at = 0.0
        """When it was last ready, by the monotonic clock; kept for multiplexed ones."""
        self.silent_at = 0.0
        """When a transfer had waited here to its limit without a byte having come, by the same."""
        self._acknowledged = 0
        self._acknowledged_at = 0.0

    def is_open(self) -> bool:
        """Whether the number is still this socket's."""
        try:
            return self.inode != 0 and os.fstat(self.fd).st_ino == self.inode
        except OSError:
            return False

    def own_port(self) -> int:
        """The port at our end; 0 for what has none."""
        address = ctypes.create_string_buffer(_ADDRESS_BYTES)
        _libc.getsockname(self.fd, address, ctypes.byref(ctypes.c_uint32(_ADDRESS_BYTES)))
        family, port = struct.unpack_from("=H2s", address)
        return int.from_bytes(port, "big") if family in (socket.AF_INET, socket.AF_INET6) else 0

    def is_silent(self) -> bool:
        """Whether a transfer has waited here in vain, and nothing has come since."""
        return bool(self.silent_at) and self.has_heard_nothing_for(
            time.monotonic() - self.silent_at
        )

    def has_heard_nothing_for(self, seconds: float) -> bool:
        """Whether nothing has come for so long; False for what is no TCP socket."""
        silent_ms: int = struct.unpack_from("=I", self._info(), _LAST_DATA_RECEIVED)[0]
        return silent_ms / 1000 + TICK_S >= seconds

    def acknowledged_at(self) -> float:
        """When the other side last acknowledged bytes that it had not before, by the monotonic
        clock; as exact as looks are frequent.

        Who does not read acknowledges too, each time it is asked whether there is room: so the
        latest of what has come since the last look is taken for what was new.
        """
        info = self._info()
        acknowledged: int = struct.unpack_from("=Q", info, _BYTES_ACKNOWLEDGED)[0]
        if acknowledged > self._acknowledged:
            self._acknowledged = acknowledged
            ago_ms: int = struct.unpack_from("=I", info, _LAST_ACK_RECEIVED)[0]
            self._acknowledged_at = time.monotonic() - ago_ms / 1000
        return self._acknowledged_at

    def _info(self) -> ctypes.Array[ctypes.c_char]:
        """``struct tcp_info``; zeros for what is no TCP socket."""
        info = ctypes.create_string_buffer(_INFO_BYTES)
        size = ctypes.byref(ctypes.c_uint32(_INFO_BYTES))
        _libc.getsockopt(self.fd, socket.IPPROTO_TCP, socket.TCP_INFO, info, size)
        return info

    def wait_for_kernel(self) -> None:
        """Let the kernel come to the end of what it is doing with the socket."""
        self.has_heard_nothing_for(0)  # takes the lock

    def tell_of_little_sent(self, unsent_bytes: int) -> None:
        """Be writable only while no more than ``unsent_bytes`` wait in the kernel."""
        # What is no TCP socket refuses, and does not matter.
        number = ctypes.c_int(unsent_bytes)
        _libc.setsockopt(
            self.fd, socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, ctypes.byref(number), 4
        )

    def shut_down(self) -> None:
        """Let nothing pass it any more; libcurl sees that before it uses it again."""
        self.is_shut = True
        _libc.shutdown(self.fd, socket.SHUT_RDWR)
