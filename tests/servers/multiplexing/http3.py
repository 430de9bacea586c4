"""A server of HTTP/3 (aioquic's QUIC) that answers each request with itself, in a thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import trustme
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent

from servers.multiplexing.looped import LoopedServer


class _Answering(QuicConnectionProtocol):
    """One connection."""

    server: Http3Server

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._http: H3Connection | None = None
        self._bodies: dict[int, bytes] = {}
        self._heads: dict[int, list[tuple[bytes, bytes]]] = {}

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ProtocolNegotiated):
            self._http = H3Connection(self._quic)
            self.server.connections += 1
        if self._http is None:
            return
        for found in self._http.handle_event(event):
            if isinstance(found, HeadersReceived):
                self._heads[found.stream_id] = found.headers
            if isinstance(found, DataReceived):
                self._bodies[found.stream_id] = self._bodies.get(found.stream_id, b"") + found.data
            if isinstance(found, (HeadersReceived, DataReceived)) and found.stream_ended:
                self._answer(self._http, found.stream_id)

    def _answer(self, http: H3Connection, stream: int) -> None:
        head, body = self._heads.pop(stream), self._bodies.pop(stream, b"")
        self.server.requests.append((dict(head), body))
        content = dict(head)[b":path"] + b" " + body
        length = str(len(content)).encode()
        http.send_headers(
            stream, [(b":status", b"200"), (b"content-length", length), (b"x-of", b"http3")]
        )
        http.send_data(stream, content, end_stream=True)
        self.transmit()


class Http3Server(LoopedServer):
    """Listens at ``127.0.0.1:port`` (UDP) with a certificate for these names."""

    def __init__(
        self,
        authority: trustme.CA,
        folder: Path,
        port: int = 0,
        names: tuple[str, ...] = ("localhost", "127.0.0.1"),
    ) -> None:
        super().__init__(port)
        self.requests: list[tuple[dict[bytes, bytes], bytes]] = []
        self.connections = 0
        certificate = authority.issue_cert(*names)
        chain, key = folder / "h3-chain.pem", folder / "h3-key.pem"
        chain.write_bytes(b"".join(each.bytes() for each in certificate.cert_chain_pems))
        certificate.private_key_pem.write_to_path(key)
        self._configuration = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=False)
        self._configuration.load_cert_chain(chain, key)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    async def _listen(self) -> tuple[int, Callable[[], None]]:
        class Answering(_Answering):
            server = self

        server = await serve(
            "127.0.0.1", self.port, configuration=self._configuration, create_protocol=Answering
        )
        assert server._transport is not None
        return server._transport.get_extra_info("sockname")[1], server.close
