"""Answers that go on without a byte of theirs: chunks with an extension, or padding, of no end.

libcurl skips what a chunk's size is followed by, and counts none of it, so no limit on a body or a
head ends that. Who drives looks now and then what has come over a connection in which neither
grew.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import termios
from typing import Final

import pycurl

from onehttp_backends.curl.libcurl import Easy

ROUNDS: Final = 8
"""Turns between two looks, at least, so that fast responses are never looked at.

In one turn libcurl reads megabytes, if they are there.
"""
MOST_BYTES: Final = 128 * 1024
"""What may come beside an answer while that does not go on."""
ENDLESS_PADDING: Final = f"more than {MOST_BYTES} bytes between two of the answer"
_libc: Final = ctypes.CDLL(None)
_BYTES_RECEIVED: Final = 128
"""The offset in Linux's ``struct tcp_info``."""


class Padding:
    """Observes the response of one transfer."""

    __slots__ = ("_easy", "_grown", "_head", "_received")

    def __init__(self, easy: Easy, head: list[bytes]) -> None:
        self._easy = easy
        self._head = head
        self._grown = -1
        self._received = 0

    def is_too_much(self) -> bool:
        """Whether nothing of the answer, and much else, has come since some earlier look."""
        head = self._head
        if not (head and head[0].startswith(b"HTTP/1")):
            return False  # none has begun; or others share the connection
        getinfo = self._easy.getinfo
        grown = getinfo(pycurl.HEADER_SIZE) + getinfo(pycurl.SIZE_DOWNLOAD_T)
        received = _bytes_taken(getinfo(pycurl.ACTIVESOCKET))
        if grown != self._grown:
            self._grown, self._received = grown, received
        return received - self._received > MOST_BYTES


def _bytes_taken(fd: int) -> int:
    """Over a connection so far, without what waits in the kernel for a transfer that has paused; 0
    for what is no TCP socket."""
    info = ctypes.create_string_buffer(_BYTES_RECEIVED + 8)
    size = ctypes.byref(ctypes.c_uint32(len(info)))
    waiting = ctypes.c_int(0)
    _libc.ioctl(fd, termios.FIONREAD, ctypes.byref(waiting))
    _libc.getsockopt(fd, socket.IPPROTO_TCP, socket.TCP_INFO, info, size)
    received: int = struct.unpack_from("=Q", info, _BYTES_RECEIVED)[0]
    return received - waiting.value
