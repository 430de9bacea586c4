"""One socket of libcurl's, and what the kernel says of it."""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import socket
import struct
import sys
import termios
import time
from typing import Final

# Not a `socket` object for a moment: it would close libcurl's descriptor when an exception comes
# in between, and a copy of the descriptor cannot be had when there are no more.
_libc: Final = ctypes.CDLL(None)
_ADDRESS_BYTES: Final = 128
_LAST_DATA_RECEIVED: Final = 52
"""Its offset in Linux's ``struct tcp_info``, in milliseconds; the next one likewise."""
_LAST_ACK_RECEIVED: Final = 56
_BYTES_ACKNOWLEDGED: Final = 120
_BYTES_RECEIVED: Final = 128
_INFO_BYTES: Final = 136
_Info: Final = ctypes.c_char * _INFO_BYTES
FITS_AT_ONCE_BYTES: Final = 16 * 1024
"""A request of at most this size fits into any socket buffer, so to send it never waits."""
TICK_S: Final = 0.02
"""The error of the kernel's clock for these values."""
AFTER_S: Final = 0.01
"""How long a socket must be silent before libcurl is shown it once more (see `SecondLooks`); a
forgotten answer is late by this time."""
AFTER_MS: Final = round(1000 * AFTER_S)


class Socket:
    """A socket of libcurl's. Its descriptor number may have belonged to other sockets before."""

    __slots__ = ("_acknowledged", "_acknowledged_at", "event_at", "fd", "inode", "interest",
                 "is_kept", "is_multiplexed", "is_shut", "port", "silent_at")  # fmt: skip

    def __init__(self, fd: int, inode: int) -> None:
        self.fd = fd
        self.inode = inode
        """0 for a pipe or eventfd that libcurl uses internally."""
        self.interest = 0
        self.is_kept = False
        """Whether it has carried a response."""
        self.is_multiplexed = False
        self.port = 0
        """The local port, once it has carried a response of HTTP/1; 0 if it has none."""
        self.is_shut = False
        """Whether it was found dead while idle and shut down: data sent on it afterwards is
        lost."""
        self.event_at = 0.0
        """When it last had an event, by the monotonic clock; see `SocketWatch.is_stamping`."""
        self.silent_at = 0.0
        """When a transfer timed out on it without receiving a byte, by the same clock."""
        self._acknowledged = 0
        self._acknowledged_at = 0.0

    def takes_more(self) -> bool:
        """Whether the kernel takes bytes to send."""
        room = select.poll()
        room.register(self.fd, select.POLLOUT)
        return bool(room.poll(0))

    def is_open(self) -> bool:
        """Whether its descriptor number still belongs to this socket."""
        try:
            return self.inode != 0 and os.fstat(self.fd).st_ino == self.inode
        except OSError:
            return False

    def own_port(self) -> int:
        """The local port; 0 if it has none."""
        address = ctypes.create_string_buffer(_ADDRESS_BYTES)
        _libc.getsockname(self.fd, address, ctypes.byref(ctypes.c_uint32(_ADDRESS_BYTES)))
        family, port = struct.unpack_from("=H2s", address)
        return int.from_bytes(port, "big") if family in (socket.AF_INET, socket.AF_INET6) else 0

    def is_silent(self) -> bool:
        """Whether a transfer has timed out on it, and no byte has arrived since."""
        return bool(self.silent_at) and self.has_heard_nothing_for(
            time.monotonic() - self.silent_at
        )

    def has_heard_nothing_for(self, seconds: float) -> bool:
        """Whether no byte has arrived for that long; False if it is no TCP socket."""
        silent_ms: int = struct.unpack_from("=I", self._info(), _LAST_DATA_RECEIVED)[0]
        return silent_ms / 1000 + TICK_S >= seconds

    def acknowledged_at(self) -> float:
        """When the peer last acknowledged new bytes, by the monotonic clock.

        A peer that does not read acknowledges as well, each time the kernel probes its window. So
        an acknowledgement counts only if the number of acknowledged bytes has grown since the last
        call, and the result is only as exact as calls are frequent.
        """
        info = self._info()
        acknowledged: int = struct.unpack_from("=Q", info, _BYTES_ACKNOWLEDGED)[0]
        if acknowledged > self._acknowledged:
            self._acknowledged = acknowledged
            ago_ms: int = struct.unpack_from("=I", info, _LAST_ACK_RECEIVED)[0]
            self._acknowledged_at = time.monotonic() - ago_ms / 1000
        return self._acknowledged_at

    def taken_bytes(self) -> int:
        """How many of the bytes that have arrived were taken from the kernel."""
        waiting = bytearray(4)
        try:
            fcntl.ioctl(self.fd, termios.FIONREAD, waiting)
        except OSError:  # closed meanwhile
            return 0
        # Asked for first, it errs to more taken than there is: some may arrive in between.
        return self.received_bytes() - int.from_bytes(waiting, sys.byteorder)

    def received_bytes(self) -> int:
        """How many bytes have arrived on it since it was made; 0 if it is no TCP socket."""
        received: int = struct.unpack_from("=Q", self._info(), _BYTES_RECEIVED)[0]
        return received

    def _info(self) -> ctypes.Array[ctypes.c_char]:
        """``struct tcp_info``; all zeros if it is no TCP socket."""
        info = _Info()  # in less than half the time of `create_string_buffer`
        size = ctypes.byref(ctypes.c_uint32(_INFO_BYTES))
        _libc.getsockopt(self.fd, socket.IPPROTO_TCP, socket.TCP_INFO, info, size)
        return info

    def wait_for_kernel(self) -> None:
        """Wait until the kernel has finished its current work on the socket."""
        self.has_heard_nothing_for(0)  # the call takes the lock of the socket

    def tell_of_little_sent(self, unsent_bytes: int) -> None:
        """Report the socket as writable only while at most ``unsent_bytes`` are unsent."""
        # Other sockets than TCP refuse this, which does no harm.
        number = ctypes.c_int(unsent_bytes)
        _libc.setsockopt(
            self.fd, socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, ctypes.byref(number), 4
        )

    def shut_down(self) -> None:
        """Shut the connection down; libcurl notices that before it uses the socket again."""
        _libc.shutdown(self.fd, socket.SHUT_RDWR)
        self.is_shut = True
