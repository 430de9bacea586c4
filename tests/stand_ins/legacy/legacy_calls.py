"""Legacy calls as tests make them, and answers to them."""

from __future__ import annotations

from onehttp_compat.server import LegacyServer
from servers.raw import Behaviour, Peer


def response(status: int, body: bytes = b"", *headers: str) -> bytes:
    head = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status} S\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


def connected(server: LegacyServer, *definitions: str) -> LegacyServer:
    for definition in definitions:
        server.modparam("http_client", "httpcon", definition)
    return server


def query(server: LegacyServer, *arguments: str) -> tuple[int, object]:
    code = server.call("http_client_query", (*arguments, "$var(x)"))
    return code, server.pv.get("$var(x)")


def connect(server: LegacyServer, *arguments: str) -> tuple[int, object]:
    code = server.call("http_connect", (*arguments, "$var(x)"))
    return code, server.pv.get("$var(x)")


def keep(body: bytes) -> Behaviour:
    """Answers every request with ``body``."""

    def behave(peer: Peer) -> None:
        while peer.request():
            peer.send(body)

    return behave
