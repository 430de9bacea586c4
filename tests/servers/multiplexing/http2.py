"""An HTTP/2 server on package ``h2``: cleartext by prior knowledge, or TLS with ALPN."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived

from servers.multiplexing.looped import LoopedServer


class Http2Server(LoopedServer):
    """Answers ``ok``, save to ``/silent``; ``hold`` answers are kept back until so many wait."""

    def __init__(self, tls: ssl.SSLContext | None = None, hold: int = 0) -> None:
        super().__init__()
        self._tls = tls
        self._hold = hold
        self.connections = 0
        self.requests = 0
        self.heads: list[dict[str, str]] = []
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    async def _listen(self) -> tuple[int, Callable[[], None]]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls, backlog=512)
        return server.sockets[0].getsockname()[1], server.close

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = H2Connection(H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        waiting: list[int] = []
        try:
            while data := await reader.read(65536):
                for event in connection.receive_data(data):
                    if isinstance(event, RequestReceived):
                        self.requests += 1
                        self.heads.append({name.decode(): value.decode()
                                           for name, value in event.headers})  # fmt: skip
                        self.bodies.append(b"")
                        if (b":path", b"/silent") not in event.headers:
                            waiting.append(event.stream_id)
                    elif isinstance(event, DataReceived):
                        self.bodies[-1] += event.data
                        connection.acknowledge_received_data(
                            event.flow_controlled_length, event.stream_id
                        )
                if len(waiting) >= self._hold:
                    for stream in waiting:
                        headers = [(":status", "200"), ("content-length", "2")]
                        connection.send_headers(stream, headers)
                        connection.send_data(stream, b"ok", end_stream=True)
                    waiting.clear()
                writer.write(connection.data_to_send())
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.transport.abort()
