"""A server that does exactly what a test says with each connection: for lies and bad manners."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final

from servers.patience import PATIENCE_S

if TYPE_CHECKING:
    from typing_extensions import Self

OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Behaviour = Callable[["Peer"], None]


class Peer:
    """One accepted connection."""

    def __init__(self, server: RawServer, connection: socket.socket, number: int) -> None:
        self.server = server
        self.socket = connection
        self.number = number
        self.has_hung_up = False
        self._buffer = b""

    def request(self) -> bytes:
        """The next request, head and body; empty when the client has gone."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return b""
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        pieces, missing = [rest], length - len(rest)
        while missing > 0:
            if not (piece := self.socket.recv(65536)):
                return b""
            pieces.append(piece)
            missing -= len(piece)
        rest = b"".join(pieces)
        self._buffer = rest[length:]
        request = head + b"\r\n\r\n" + rest[:length]
        self.server.requests.append(request)
        return request

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reset(self) -> None:
        """End with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def hang_up(self) -> None:
        """End with FIN alone, and read on (`wait_for_close`): what is unread would reset it."""
        self.has_hung_up = True
        self.socket.shutdown(socket.SHUT_WR)

    def wait_for_close(self) -> None:
        """Read until the client goes."""
        while self._more():
            pass

    def _more(self) -> bool:
        data = self.socket.recv(65536)
        self._buffer += data
        return bool(data)


class RawServer:
    """Runs ``behaviour`` in a thread for each connection, and closes it afterwards.

    ``requests`` are those that arrived; ``release`` is an event that behaviours may wait for, set
    when the server stops.
    """

    def __init__(
        self,
        behaviour: Behaviour,
        tls: ssl.SSLContext | None = None,
        receive_buffer_bytes: int | None = None,
        unix_path: str | None = None,
    ) -> None:
        self._behaviour = behaviour
        self._tls = tls
        self.requests: list[bytes] = []
        self.release = threading.Event()
        self._accepted = 0
        self._markers: dict[int, threading.Event] = {}
        if unix_path is None:
            self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(unix_path)
            self._listener.listen()
        if receive_buffer_bytes:
            size = receive_buffer_bytes
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        self._open: set[socket.socket] = set()
        self.port: int = 0 if unix_path else self._listener.getsockname()[1]
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def targets(self) -> list[str]:
        """``METHOD /path`` of every request, in order."""
        return [b" ".join(request.split(b" ", 2)[:2]).decode() for request in self.requests]

    @property
    def connections(self) -> int:
        """How many were made until now, also those that the accepting thread has yet to see."""
        with socket.socket() as marker:
            # Connections are accepted in their order: when ours is, all before it were.
            marker.bind(("127.0.0.1", 0))
            seen = self._markers[marker.getsockname()[1]] = threading.Event()
            marker.connect(("127.0.0.1", self.port))
            assert seen.wait(PATIENCE_S), "the server accepts no connection"
        return self._accepted

    def __enter__(self) -> Self:
        self._owner = os.getpid()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if os.getpid() != self._owner:
            return  # a forked child: the listener is its parent's
        self.release.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            connection.close()
        self._thread.join(PATIENCE_S)

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._listener.accept()
            except OSError:
                return
            port = address[1] if address else 0
            if marker := self._markers.pop(port, None):
                connection.close()
                marker.set()
                continue
            self._accepted += 1
            self._open.add(connection)
            threading.Thread(
                target=self._serve, args=(connection, self._accepted), daemon=True
            ).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        raw = connection
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self._behaviour(Peer(self, connection, number))
        except OSError:
            return  # the client has gone, or the test is over
        finally:
            self._open.discard(raw)
            connection.close()


def keep_answering(peer: Peer) -> None:
    """An ordinary server with one answer."""
    while peer.request():
        peer.send(OK)


def echo(peer: Peer) -> None:
    """Answers every request with itself."""
    while request := peer.request():
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(request) + request)


def answering(data: bytes) -> Behaviour:
    """Sends ``data`` after the first request, then closes."""

    def behave(peer: Peer) -> None:
        if peer.request():
            peer.send(data)

    return behave


def silent(peer: Peer) -> None:
    """Reads, and never answers."""
    peer.wait_for_close()


def redirecting_to(location: str, status: int = 302) -> Behaviour:
    """Answers every request with a redirect."""

    def behave(peer: Peer) -> None:
        while peer.request():
            head = f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
            peer.send(head.encode())

    return behave
