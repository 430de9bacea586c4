"""An HTTP/2 server that does what a test says with each request: for refusals and bad manners."""

from __future__ import annotations

import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, RequestReceived, StreamEnded
from h2.settings import SettingCodes, Settings

from servers.raw import OK, Peer, RawServer

_GOAWAY = 7
_RESET = 3


@dataclass(frozen=True)
class Stream:
    """One request that has come whole."""

    peer: Peer
    http2: H2Connection
    number: int
    """Of the stream: 1, 3, 5 ... on each connection."""
    target: bytes

    def answer(self) -> None:
        self.http2.send_headers(self.number, [(":status", "200")])
        self.http2.send_data(self.number, b"ok", end_stream=True)

    def reset(self, code: int) -> None:
        self.http2.reset_stream(self.number, code)

    def go_away(self, last_stream: int, code: int = 0) -> None:
        """Take no stream above this one; those below go on (`H2Connection` would end them all)."""
        self.flush()
        self.peer.send(struct.pack(">IBIII", 8 << 8 | _GOAWAY, 0, 0, last_stream, code))

    def hang_up(self) -> None:
        """Close the connection without a word more; what still comes is read, and ignored.

        Closed with something unread, it would be reset, and what was sent might be lost with it.
        """
        self.flush()
        self.peer.hang_up()

    def cut(self) -> None:
        """Close the connection at once: what is unread resets it."""
        self.flush()
        self.peer.socket.close()

    def flush(self) -> None:
        self.peer.send(self.http2.data_to_send())


def scripted(
    script: Callable[[Stream], None],
    tls: ssl.SSLContext | None = None,
    max_streams: int | None = None,
) -> RawServer:
    """Runs ``script`` for each request. ``targets`` of the server has them as ``METHOD /path``.

    Over TLS, whoever chooses HTTP/1.1 is answered.
    """

    def behave(peer: Peer) -> None:
        chosen = (
            peer.socket.selected_alpn_protocol() if isinstance(peer.socket, ssl.SSLSocket) else ""
        )
        if chosen == "http/1.1":
            while peer.request():
                peer.send(OK)
            return
        http2 = H2Connection(H2Configuration(client_side=False))
        if max_streams is not None:
            limits = {SettingCodes.MAX_CONCURRENT_STREAMS: max_streams}
            http2.local_settings = Settings(client=False, initial_values=limits)
        http2.initiate_connection()
        targets: dict[int, bytes] = {}
        peer.send(http2.data_to_send())
        while data := peer.socket.recv(65536):
            for event in http2.receive_data(data):
                if isinstance(event, RequestReceived):
                    fields = dict(event.headers)
                    targets[event.stream_id] = fields[b":path"]
                    peer.server.requests.append(fields[b":method"] + b" " + fields[b":path"] + b" ")
                elif isinstance(event, StreamEnded):
                    number = event.stream_id
                    script(Stream(peer, http2, number, targets.pop(number)))
                    if peer.has_hung_up:
                        peer.wait_for_close()
                        return
            peer.send(http2.data_to_send())

    return RawServer(behave, tls)


def answering_at_once(code: int) -> Callable[[Peer], None]:
    """Answers, whole, when the head of a request has come, and resets its stream."""

    def behave(peer: Peer) -> None:
        http2 = H2Connection(H2Configuration(client_side=False))
        http2.initiate_connection()
        peer.send(http2.data_to_send())
        while data := peer.socket.recv(65536):
            events = http2.receive_data(data)
            if any(isinstance(event, ConnectionTerminated) for event in events):
                return
            for event in events:
                if isinstance(event, RequestReceived):
                    number = event.stream_id
                    peer.server.requests.append(b"x")
                    http2.send_headers(number, [(":status", "413"), ("content-length", "2")])
                    http2.send_data(number, b"no", end_stream=True)
                    reset = struct.pack(">IBII", 4 << 8 | _RESET, 0, number, code)
                    peer.send(http2.data_to_send() + reset)
                elif isinstance(event, DataReceived) and event.flow_controlled_length:
                    http2.increment_flow_control_window(event.flow_controlled_length)
            peer.send(http2.data_to_send())

    return behave


def nothing(_: Stream) -> None:
    """Say nothing."""


def head(stream: Stream) -> None:
    """Begin an answer."""
    stream.http2.send_headers(stream.number, [(":status", "200")])


def part(stream: Stream) -> None:
    """Begin an answer and its body."""
    head(stream)
    stream.http2.send_data(stream.number, b"part")
