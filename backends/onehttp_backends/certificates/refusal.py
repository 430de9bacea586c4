"""How a server says that it does not like its client's certificate, or that there is none.

Under TLS 1.3 it looks at that when the client has the handshake behind it, and is sending already.
Its alert then meets the request; who cannot send any more never comes to read it, and sees a
connection reset like any other.
"""

from __future__ import annotations

import contextlib
import fcntl
import operator
import os
import re
import socket
import struct
import sys
import termios
from typing import Final

REFUSED: Final = "the server refuses the client certificate, or that there is none"
_ALERT_HEAD: Final = b"\x17\x03\x03\x00\x13"
_ALERT_BYTES: Final = 24
"""An encrypted record of TLS 1.3 with an alert in it: two bytes, their type, and a tag of 16 behind
a head of 5. Nothing else is as short (RFC 8446, 5.2 and 6)."""
_BYTES_RECEIVED: Final = struct.Struct("128xQ")
"""Of the kernel's ``struct tcp_info``."""
_ABOUT_CERTIFICATES: Final = re.compile(
    r" alert (?:certificate \w+|bad certificate|unsupported certificate|unknown ca|access denied)"
)


def is_of_a_certificate(text: str) -> bool:
    """Whether OpenSSL's text tells of an alert about the certificate that it was shown."""
    return _ABOUT_CERTIFICATES.search(text) is not None


class HandshakeEnd:
    """A copy of a socket whose handshake has just ended: who fails on the socket closes it before
    anybody can look."""

    __slots__ = ("_received", "_socket")

    def __init__(self, fd: int) -> None:
        # Of the family only the constructor would want to know.
        self._socket = socket.SocketType(socket.AF_INET, socket.SOCK_STREAM, 0, os.dup(fd))
        before, received = -1, self._all_received()
        while received != before:  # something came between the two questions
            before = received
            unread = int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)
            received = self._all_received()
        self._received = received - unread

    @property
    def has_only_alert(self) -> bool:
        """Whether an alert is all that has come since, read or not."""
        return self._all_received() - self._received == _ALERT_BYTES

    @property
    def has_alert_unread(self) -> bool:
        """Whether an alert waits to be read from the socket."""
        with contextlib.suppress(OSError):
            flags = socket.MSG_PEEK | socket.MSG_DONTWAIT
            return self._socket.recv(len(_ALERT_HEAD), flags) == _ALERT_HEAD
        return False

    def shut_down(self) -> None:
        """End the connection."""
        with contextlib.suppress(OSError):  # it is already
            self._socket.shutdown(socket.SHUT_RDWR)

    def _all_received(self) -> int:
        told = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_RECEIVED.size)
        (received,) = _BYTES_RECEIVED.unpack(told)
        return int(received)

    # Found and called without an instruction of Python, at which a signal handler could be run:
    # what is raised in a `__del__` reaches nobody. There is no socket if no descriptor was left.
    __del__ = property(operator.attrgetter("_socket.close"))
