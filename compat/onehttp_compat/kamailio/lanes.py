"""The sockets that carry queries from the server's processes to the processes that send them.

They are made before the server forks, and the library keeps them, so every process has them
whichever script it has read. Each lane is a pair of SOCK_SEQPACKET sockets: they keep the
boundaries of packets, many processes can write, and any idle process reads. The kernel limits what
a lane can hold (net.core.wmem_max), so there are several.
"""

from __future__ import annotations

import errno
import os
import select
import socket
from collections.abc import Iterator
from typing import Final

LANES: Final = 8
SEND_BUFFER_BYTES: Final = 4 << 20
"""For each lane; the kernel may allow less."""
FRAME_BYTES: Final = 32 << 10
"""Larger frames are passed as a file in memory."""
_MARK: Final = b"in the file"


class Lanes:
    """All lanes. Any process writes to them; the processes that send queries read from them."""

    def __init__(self) -> None:
        self._pairs = [_pair() for _ in range(LANES)]
        self._files = _pair()
        """Packets of this lane come with a file descriptor each. Reads that expect none are
        cheaper."""
        self._watch: select.epoll | None = None

    def send(self, frame: bytes) -> None:
        """Pass a frame on, without waiting.

        Raises:
            OSError: every lane is full.
        """
        if len(frame) > FRAME_BYTES:
            self._send_file(frame)
            return
        first = os.getpid()
        for number in range(first, first + LANES):
            try:
                self._pairs[number % LANES][1].send(frame)
            except BlockingIOError:
                continue
            return
        raise BlockingIOError(errno.EAGAIN, f"all {LANES} lanes are full")

    def receive(self, most: int) -> Iterator[bytes]:
        """Return up to ``most`` frames that have arrived."""
        for number, _ in self._ready(most):
            sock = self._by_number[number]
            try:
                if sock is self._files[0]:
                    if _is_duplicable(sock):  # otherwise the frame waits in its lane
                        yield _file_of(sock)
                    continue
                for _ in range(most):
                    yield sock.recv(FRAME_BYTES)
                    most -= 1
            except BlockingIOError:
                continue  # another process has read it first

    def fileno(self) -> int:
        """A descriptor that is readable when there is a frame."""
        return self._watched().fileno()

    def close(self) -> None:
        """Close the sockets. In the server they stay open as long as its processes run."""
        if self._watch is not None:
            self._watch.close()
        for pair in (*self._pairs, self._files):
            for end in pair:
                end.close()

    def _send_file(self, frame: bytes) -> None:
        descriptor = os.memfd_create("onehttp", os.MFD_CLOEXEC)
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(frame)
            socket.send_fds(self._files[1], [_MARK], [descriptor])
        finally:
            os.close(descriptor)

    def _ready(self, most: int) -> list[tuple[int, int]]:
        return self._watched().poll(0, most)

    def _watched(self) -> select.epoll:
        if self._watch is None:
            readers = [*(pair[0] for pair in self._pairs), self._files[0]]
            self._by_number = {one.fileno(): one for one in readers}
            self._watch = select.epoll()
            for number in self._by_number:
                self._watch.register(number, select.EPOLLIN)
        return self._watch


def _pair() -> tuple[socket.socket, socket.socket]:
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (reader, writer):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        end.setblocking(False)
    return reader, writer


def _is_duplicable(sock: socket.socket) -> bool:
    """Whether this process can take one more descriptor. Otherwise the kernel drops the one that
    comes with a packet."""
    try:
        os.close(os.dup(sock.fileno()))
    except OSError:
        return False
    return True


def _file_of(sock: socket.socket) -> bytes:
    _, descriptors, _, _ = socket.recv_fds(sock, len(_MARK), 1)
    (descriptor,) = descriptors
    with open(descriptor, "rb") as file:
        file.seek(0)
        return file.read()
