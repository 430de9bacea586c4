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
    """The next request with its body, chunks taken off; None when the client has gone."""
    head = _until(peer, b"\r\n\r\n")
    if not head:
        return None
    request = Asked(head, b"")
    if request.header("transfer-encoding").lower() == "chunked":
        body = b""
        while size := int(_until(peer, b"\r\n") or b"0", 16):
            body += _exactly(peer, size + 2)[:size]
        _until(peer, b"\r\n")
        return Asked(head, body)
    return Asked(head, _exactly(peer, int(request.header("content-length") or 0)))


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
            break
        found += more
    return bytes(found)
