"""A SOCKS 5 proxy for one kind of errand: CONNECT, without credentials, to loopback."""

from __future__ import annotations

import socket
from collections.abc import Callable

_METHOD = b"\x05\x00"
_CONNECTED = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00"
_ADDRESS_BYTES = {1: 4, 4: 16}
_NAME = 3


class Socks:
    """Hands each connection over to ``serve`` once it is made."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self.connected = 0
        self._serve = serve

    def serve(self, connection: socket.socket) -> None:
        """The proxy's side of one connection."""

        def take(size: int) -> bytes:
            return connection.recv(size, socket.MSG_WAITALL)

        version, methods = take(2)
        if version != 5:  # takes this for another kind of proxy
            connection.close()
            return
        take(methods)
        connection.sendall(_METHOD)
        kind = take(4)[3]
        take((take(1)[0] if kind == _NAME else _ADDRESS_BYTES[kind]) + 2)
        self.connected += 1
        connection.sendall(_CONNECTED)
        self._serve(connection)
