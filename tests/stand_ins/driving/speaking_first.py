"""A server that says something before anything of a request has arrived."""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
import threading
import time
from pathlib import Path
from typing import Final

from servers.patience import PATIENCE_S
from servers.raw import OK, Peer

SO_ATTACH_FILTER: Final = 26
SO_MEMINFO: Final = 55
DROPS: Final = 8
ACKNOWLEDGEMENTS_ALONE: Final = (
    (0x30, 0, 0, 12),  # A = the length of the TCP header, in words, in its upper half
    (0x74, 0, 0, 4),
    (0x64, 0, 0, 2),
    (0x07, 0, 0, 0),  # X = A
    (0x80, 0, 0, 0),  # A = the length of the segment
    (0x1D, 0, 1, 0),  # nothing but its header?
    (0x06, 0, 0, 0xFFFF),  # it may pass
    (0x06, 0, 0, 0),  # it is lost, as on its way
)
STRAY: Final = {
    "whole": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nSTRAY",
    "for having been idle": b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\nSTRAY",
    "not at its end": b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nSTRAY",
    "interim": b"HTTP/1.1 103 Early Hints\r\nX: STRAY\r\n\r\n",
}


def grow_deaf(connection: socket.socket) -> None:
    """Let no byte arrive any more; what is sent goes out all the same."""
    code = ctypes.create_string_buffer(
        b"".join(struct.pack("=HBBI", *step) for step in ACKNOWLEDGEMENTS_ALONE)
    )
    program = struct.pack("@HP", len(ACKNOWLEDGEMENTS_ALONE), ctypes.addressof(code))
    connection.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


def lost(connection: socket.socket) -> int:
    """How many segments did not arrive."""
    numbers = connection.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * (DROPS + 1))
    return int(struct.unpack_from("=I", numbers, 4 * DROPS)[0])


def all_others_sleep() -> bool:
    """Whether no other thread of the process computes: whoever has sent waits for the answer."""
    own = threading.get_native_id()
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) != own:
            with contextlib.suppress(OSError):  # it has ended
                if (task / "stat").read_text().rpartition(") ")[2].startswith("R"):
                    return False
    return True


class SpeakingFirst:
    """Says something while the second request of its first connection is on its way."""

    def __init__(self, stray: bytes, at_once: int = 1) -> None:
        self.stray = stray
        self._begin = threading.Barrier(at_once)
        """Where the first requests of so many connections meet."""
        self.is_asked_again = threading.Event()
        """About to be: nothing else can get lost from then on."""

    def __call__(self, peer: Peer) -> None:
        if peer.number == 1 and peer.request():
            self._begin.wait(PATIENCE_S)
            grow_deaf(peer.socket)
            peer.send(OK)
            self.is_asked_again.wait(PATIENCE_S)
            before, ends_at = lost(peer.socket), time.monotonic() + PATIENCE_S
            # libcurl reads at once what is there by the time it has sent, and asks nobody.
            while (
                lost(peer.socket) == before or not all_others_sleep()
            ) and time.monotonic() < ends_at:
                peer.server.release.wait(0.001)
            peer.send(self.stray)
            peer.server.release.wait(PATIENCE_S)
            return
        is_of_the_first = peer.number <= self._begin.parties
        while peer.request():
            if is_of_the_first:
                self._begin.wait(PATIENCE_S)
                is_of_the_first = False
            peer.send(OK)
