"""A server of HTTP/3 (aioquic's QUIC) that answers with the name of what it speaks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent

BODY = b"HTTP/3"
START_S = 30


class Answering(QuicConnectionProtocol):
    """One connection."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._http: H3Connection | None = None

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ProtocolNegotiated):
            self._http = H3Connection(self._quic)
        if self._http is None:
            return
        for found in self._http.handle_event(event):
            if isinstance(found, HeadersReceived):
                size = str(len(BODY)).encode()
                head = [(b":status", b"200"), (b"content-length", size)]
                self._http.send_headers(found.stream_id, head)
                self._http.send_data(found.stream_id, BODY, end_stream=True)
                self.transmit()


@contextmanager
def http3(certificate: Path, key: Path) -> Iterator[str]:
    """Its URL, while it runs in a thread."""
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=False)
    configuration.load_cert_chain(certificate, key)
    loop, ready, ports = asyncio.new_event_loop(), threading.Event(), []

    async def begin() -> QuicServer:
        return await serve("127.0.0.1", 0, configuration=configuration, create_protocol=Answering)

    def run() -> None:
        server = loop.run_until_complete(begin())
        assert server._transport is not None
        ports.append(server._transport.get_extra_info("sockname")[1])
        ready.set()
        loop.run_forever()
        server.close()
        loop.run_until_complete(asyncio.sleep(0))  # the transport closes in its own time
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    if not ready.wait(START_S):
        raise RuntimeError("the server of HTTP/3 has not begun")
    try:
        yield f"https://127.0.0.1:{ports[0]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
