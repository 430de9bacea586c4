"""The sockets over which queries go from the server's processes to those that send them.

Made before the server forks, and kept by the library, so that every process has them whatever
script it has read. Each lane is a pair of SOCK_SEQPACKET: packets have boundaries, many may write,
and whoever of the sending processes is idle reads. What a lane holds is limited by the kernel
(net.core.wmem_max), hence several of them.
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
"""Of each lane; the kernel may allow less."""
FRAME_BYTES: Final = 32 << 10
"""What does not fit into a packet of this size goes along as a file in memory."""
_MARK: Final = b"in the file"


class Lanes:
    """All lanes. Any process writes to them; the processes that send queries read from them."""

    def __init__(self) -> None:
        self._pairs = [_pair() for _ in range(LANES)]
        self._files = _pair()
        """Its packets come with a descriptor each: a read that expects none is cheaper."""
        self._watch: select.epoll | None = None

    def send(self, frame: bytes) -> None:
        """Hand a frame over, without waiting.

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
        raise BlockingIOError(errno.EAGAIN, f"{LANES} lanes are full")

    def receive(self, most: int) -> Iterator[bytes]:
        """Up to ``most`` frames that are there."""
        for number, _ in self._ready(most):
            sock = self._by_number[number]
            try:
                if sock is self._files[0]:
                    yield _file_of(sock)
                    continue
                for _ in range(most):
                    yield sock.recv(FRAME_BYTES)
                    most -= 1
            except BlockingIOError:
                continue  # another process was faster

    def fileno(self) -> int:
        """Readable when there is a frame."""
        return self._watched().fileno()

    def close(self) -> None:
        """Let go of them; in the server they last as long as its processes."""
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


def _file_of(sock: socket.socket) -> bytes:
    _, descriptors, _, _ = socket.recv_fds(sock, len(_MARK), 1)
    (descriptor,) = descriptors
    with open(descriptor, "rb") as file:
        file.seek(0)
        return file.read()
