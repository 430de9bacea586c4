"""Clients that show a certificate, and a server that tells which."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from servers.raw import Peer, RawServer


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """A client certificate and its key."""

    name: str
    cert: bytes
    key: bytes

    def write(self, folder: Path, *, cert: bool = True, key: bool = True) -> None:
        """As ``cert.pem`` and ``key.pem``."""
        if cert:
            (folder / "cert.pem").write_bytes(self.cert)
        if key:
            (folder / "key.pem").write_bytes(self.key)


def client_identity(authority: trustme.CA, name: str) -> ClientIdentity:
    """A new one, with this common name."""
    issued = authority.issue_cert(f"{name}.example", common_name=name)
    cert = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
    return ClientIdentity(name, cert, issued.private_key_pem.bytes())


def mutual_context(
    authority: trustme.CA, is_required: bool = True, version: ssl.TLSVersion | None = None
) -> ssl.SSLContext:
    """For a server at 127.0.0.1 that asks its clients for certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED if is_required else ssl.CERT_OPTIONAL
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


def common_name(connection: ssl.SSLSocket) -> str:
    """Of the certificate that the other side has shown; empty without one."""
    certificate = connection.getpeercert() or {}
    names: Any = certificate.get("subject", ())
    for ((key, value),) in names:
        if key == "commonName":
            return str(value)
    return ""


def tell_identity(peer: Peer) -> None:
    """Answers every request with the client's common name."""
    assert isinstance(peer.socket, ssl.SSLSocket)
    name = common_name(peer.socket).encode()
    while peer.request():
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(name) + name)


def identity_server(authority: trustme.CA, is_required: bool = True) -> RawServer:
    return RawServer(tell_identity, mutual_context(authority, is_required))
