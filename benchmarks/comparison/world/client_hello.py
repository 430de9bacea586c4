"""What a client shows of itself before TLS is agreed upon."""

from __future__ import annotations

import socket

_HEADER = 5
_BEFORE_SESSION = 4 + 2 + 32


class Hello:
    """Takes the first record of each connection, and says no."""

    def __init__(self) -> None:
        self.ciphers: list[int] = []

    def serve(self, connection: socket.socket) -> None:
        """Note what is offered."""
        head = connection.recv(_HEADER, socket.MSG_WAITALL)
        record = connection.recv(int.from_bytes(head[3:], "big"), socket.MSG_WAITALL)
        session_end = _BEFORE_SESSION + 1 + record[_BEFORE_SESSION]
        size = int.from_bytes(record[session_end : session_end + 2], "big")
        offered = record[session_end + 2 : session_end + 2 + size]
        self.ciphers = [int.from_bytes(offered[n : n + 2], "big") for n in range(0, size, 2)]
        connection.close()

    @property
    def has_grease(self) -> bool:
        """Whether ciphers that do not exist are offered (RFC 8701), which Chrome alone began."""
        return any(each & 0x0F0F == 0x0A0A and each >> 8 == each & 0xFF for each in self.ciphers)
