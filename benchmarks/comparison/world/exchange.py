"""One request as it came, and the socket to answer it on."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Seen:
    """A request, and which connection it came on."""

    connection: int
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body_bytes: int
    body: bytes = field(repr=False)
    """Its first MiB."""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def host(self) -> str:
        """As asked for: of the target where that is a whole URL, as a proxy gets it."""
        return urlsplit(self.target).hostname or self.header("Host").partition(":")[0]

    def header(self, name: str) -> str:
        """The values of that name, joined by commas."""
        return ", ".join(value for each, value in self.headers if each.lower() == name.lower())


class GoneError(Exception):
    """The other end has closed."""


class Reader:
    """Reads requests off a connection."""

    KEPT = 1 << 20

    def __init__(self, connection: socket.socket, number: int, count: Counted) -> None:
        self._stream = connection.makefile("rb")
        self._number = number
        self._count = count

    def request(self) -> Seen:
        """The next one, with its body.

        Raises:
            GoneError: there is none.
        """
        words = self._line().split()
        if len(words) != 3:
            raise GoneError
        headers = []
        while line := self._line():
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        given = {name.lower(): value for name, value in headers}
        self._size, self._body = 0, b""
        if "chunked" in given.get("transfer-encoding", ""):
            while size := int(self._line().partition(";")[0], 16):
                self._take(size)
                self._line()
            self._line()
        else:
            self._take(int(given.get("content-length", 0)))
        return Seen(self._number, words[0], words[1], tuple(headers), self._size, self._body)

    def close(self) -> None:
        """Let go of the connection."""
        self._stream.close()

    def _line(self) -> str:
        line = self._stream.readline(65536)
        if not line.endswith(b"\n"):
            raise GoneError
        return line.strip().decode("latin-1")

    def _take(self, size: int) -> None:
        while size:
            piece = self._stream.read1(min(size, 65536))
            if not piece:
                raise GoneError
            size -= len(piece)
            self._size += len(piece)
            self._count.received += len(piece)
            if len(self._body) < self.KEPT:
                self._body += piece


@dataclass
class Counted:
    """Bytes of bodies, by all connections of a server."""

    received: int = 0
    sent: int = 0


def answered(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode("latin-1") + body
