"""Requests as a server reads them whose bodies come in chunks."""

from __future__ import annotations

from typing import NamedTuple

from servers.raw import Peer


class Asked(NamedTuple):
    """One request."""

    head: bytes
    body: bytes

    @property
    def line(self) -> str:
        return self.head.split(b"\r\n", 1)[0].decode()

    def header(self, name: str) -> str:
        """The value of a header; empty where there is none."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.decode("latin-1").partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return ""


def asked(peer: Peer) -> Asked | None:
    """The next request with its body, chunks taken off; None when the client has gone, perhaps in
    the middle of one."""
    head = _until(peer, b"\r\n\r\n")
    if not head:
        return None
    request = Asked(head, b"")
    if request.header("transfer-encoding").lower() == "chunked":
        body = b""
        while line := _until(peer, b"\r\n"):
            chunk = _exactly(peer, int(line, 16) + 2)
            if not chunk or chunk == b"\r\n":
                return Asked(head, body) if chunk else None
            body += chunk[:-2]
        return None
    length = int(request.header("content-length") or 0)
    body = _exactly(peer, length)
    return Asked(head, body) if len(body) == length else None


def _until(peer: Peer, end: bytes) -> bytes:
    found = b""
    while not found.endswith(end):
        one = peer.socket.recv(1)
        if not one:
            return b""
        found += one
    return found[: -len(end)]


def _exactly(peer: Peer, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        more = peer.socket.recv(min(size - len(found), 1 << 20))
        if not more:
            return b""
        found += more
    return bytes(found)
