"""An HTTP/2 server that says how many streams it takes at a time, and refuses those above."""

from __future__ import annotations

import ssl
import struct
import threading
from collections.abc import Callable
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes, Settings

from servers.raw import Peer, RawServer

_SETTINGS, _MOST_STREAMS, _REFUSED = 4, 3, 7
ALL: Final = 2**31 - 1


class Connection:
    """One of a client's. What it does with a request is up to the server's script."""

    def __init__(self, peer: Peer, limit: int) -> None:
        self.peer = peer
        self.open: dict[int, str] = {}
        """Streams that are not answered yet, and the paths that these ask for."""
        self._http2 = H2Connection(H2Configuration(client_side=False))
        # It would end a connection with one stream too many.
        limits = {SettingCodes.MAX_CONCURRENT_STREAMS: ALL}
        self._http2.local_settings = Settings(client=False, initial_values=limits)
        self._http2.initiate_connection()
        self._limit = limit
        self.allow(limit)

    def allow(self, limit: int) -> None:
        """Say that so many streams are taken from now on."""
        frame = struct.pack(">IBIHI", 6 << 8 | _SETTINGS, 0, 0, _MOST_STREAMS, limit)
        self.peer.send(self._http2.data_to_send() + frame)
        self._limit = limit

    def begin(self, number: int) -> None:
        """Begin an answer whose body does not come."""
        self._http2.send_headers(number, [(":status", "200")])

    def answer(self, number: int) -> None:
        path = self.open.pop(number)
        self._http2.send_headers(number, [(":status", "200")])
        self._http2.send_data(number, path.encode(), end_stream=True)

    def flush(self) -> None:
        self.peer.send(self._http2.data_to_send())

    def receive(self, server: LimitedServer) -> bool:
        """Take what has come; False: the client has gone."""
        data = self.peer.socket.recv(65536)
        events = self._http2.receive_data(data) if data else []
        reset = {event.stream_id for event in events if isinstance(event, StreamReset)}
        for event in events:
            if isinstance(event, RequestReceived):
                path = dict(event.headers)[b":path"].decode()
                if event.stream_id in reset:
                    continue  # gone already
                if len(self.open) >= self._limit:
                    server.refused.append(path)
                    self._http2.reset_stream(event.stream_id, _REFUSED)
                else:
                    server.taken.append(path)
                    self.open[event.stream_id] = path
                    server.most = max(server.most, len(self.open))
            elif isinstance(event, DataReceived) and event.flow_controlled_length:
                self._http2.increment_flow_control_window(event.flow_controlled_length)
            elif isinstance(event, StreamReset):
                self.open.pop(event.stream_id, None)
            elif isinstance(event, StreamEnded) and event.stream_id in self.open:
                server.script(self, event.stream_id)
        if data:
            self.flush()
        return bool(data)


Script = Callable[[Connection, int], None]


class LimitedServer(RawServer):
    """Runs ``script`` for each request that is taken. ``limits`` are those of its connections, in
    their order, and the last one of all that follow."""

    def __init__(
        self, limits: list[int], script: Script, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(self._behave, tls)
        self.limits = limits
        self.script = script
        self.taken: list[str] = []
        self.refused: list[str] = []
        self.most = 0
        """How many streams of a connection were open at a time."""

    def _behave(self, peer: Peer) -> None:
        connection = Connection(peer, self.limits[min(peer.number, len(self.limits)) - 1])
        while connection.receive(self):
            pass


def answers(connection: Connection, number: int) -> None:
    """Answers at once."""
    connection.answer(number)


class AnswersInCrowds:
    """Answers when so many streams are open at a time as it is told to wait for; those with a path
    that ends with ``/held`` not at all."""

    def __init__(self, crowd: int) -> None:
        self.crowd = crowd
        self.holds = threading.Event()
        """Set once it holds one."""

    def __call__(self, connection: Connection, number: int) -> None:
        if connection.open[number].endswith("/held"):
            self.holds.set()
        elif len(connection.open) >= self.crowd:
            for each in list(connection.open):
                connection.answer(each)
