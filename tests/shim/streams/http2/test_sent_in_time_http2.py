"""Over HTTP/2, too, what has been given is sent while its source waits for what it leads to.

The server allows so many bytes at once, and libcurl keeps what is above that.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, StreamEnded

import onehttp
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer
from stand_ins.streams.uploads import MIB, Unseekable

COUNT = 5
WINDOW = 65535
"""What a server allows at first (RFC 9113, 6.5.2)."""
LARGE = 4 * WINDOW
"""More than the server allows and libcurl keeps of a stream, and less than libcurl reads ahead."""
SIZES = [1, WINDOW - 1, WINDOW, WINDOW + 1, MIB // 4, MIB + 1, 8 * MIB + 1]


class Counting:
    """Takes the body of one request, and tells of each piece that is there as a whole."""

    def __init__(self, size: int) -> None:
        self.came = threading.Semaphore(0)
        self._size = size

    def __call__(self, peer: Peer) -> None:
        http2, held = H2Connection(H2Configuration(client_side=False)), 0
        http2.initiate_connection()
        peer.send(http2.data_to_send())
        while data := peer.socket.recv(65536):
            for event in http2.receive_data(data):
                if isinstance(event, DataReceived):
                    held += len(event.data)
                    if length := event.flow_controlled_length:
                        http2.acknowledge_received_data(length, event.stream_id)
                    while held >= self._size:
                        held -= self._size
                        self.came.release()
                elif isinstance(event, StreamEnded):
                    http2.send_headers(event.stream_id, [(":status", "200")])
                    http2.send_data(event.stream_id, b"ok", end_stream=True)
            peer.send(http2.data_to_send())


class InStep:
    """Bodies whose next piece is given when the server has the one before."""

    def __init__(self, size: int) -> None:
        self.counting = Counting(size)
        self._size = size

    def _has_come(self) -> bool:
        return self.counting.came.acquire(timeout=PATIENCE_S)

    def generated(self) -> Iterator[bytes]:
        for _ in range(COUNT):
            yield bytes(self._size)
            assert self._has_come()

    async def awaited(self) -> AsyncIterator[bytes]:
        for _ in range(COUNT):
            yield bytes(self._size)
            assert await asyncio.to_thread(self._has_come)

    def file(self) -> Any:
        pieces = self.generated()

        class File(Unseekable):
            def read(self, _: int | None = -1) -> bytes:
                return next(pieces, b"")

        return File()


WAYS = {
    "thread": InStep.generated,
    "thread, file": InStep.file,
    "thread, stream": InStep.generated,
    "task": InStep.generated,
    "task, awaited": InStep.awaited,
    "task, stream": InStep.generated,
    "task, stream, awaited": InStep.awaited,
}


def sent(connection: onehttp.Connection, way: str, body: Any) -> bytes:
    if way == "thread, stream":
        with connection.stream("PUT", "/", body=body) as response:
            return b"".join(response.iter_bytes())
    if way.startswith("thread"):
        return connection.request("PUT", "/", body=body).body

    async def send() -> bytes:
        if "stream" not in way:
            return (await connection.arequest("PUT", "/", body=body)).body
        async with connection.astream("PUT", "/", body=body) as response:
            return b"".join([piece async for piece in response.iter_bytes()])

    return asyncio.run(send())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", WAYS)
def test_each_piece_is_there_before_the_next_is_asked_for(size: int, way: str) -> None:
    in_step = InStep(size)
    with RawServer(in_step.counting, receive_buffer_bytes=None if size > MIB else 4096) as server:
        onehttp.init({"version": 1, "connections": {"api": {
            "url": server.url, "http_version": "2-prior-knowledge", "timeout": 10 * PATIENCE_S,
        }}})  # fmt: skip
        assert sent(onehttp.connection("api"), way, WAYS[way](in_step)) == b"ok"


@pytest.mark.parametrize("way", ["thread", "task"])
def test_who_waits_for_it_costs_no_turns(way: str) -> None:
    """The server allows nothing more for now, and the source waits: so does the driver."""
    goes_on = threading.Event()
    counting = Counting(2 * WINDOW)

    def holding(peer: Peer) -> None:
        http2 = H2Connection(H2Configuration(client_side=False))
        http2.initiate_connection()
        peer.send(http2.data_to_send())
        held: list[tuple[int, int]] = []
        while sum(length for _, length in held) < WINDOW:
            held += [
                (event.stream_id, event.flow_controlled_length or 0)
                for event in http2.receive_data(peer.socket.recv(65536))
                if isinstance(event, DataReceived)
            ]
            peer.send(http2.data_to_send())
        turns.append(_turns())
        assert not goes_on.wait(0.3)  # in which a driver that does not wait takes 1,000s of turns
        turns.append(_turns())
        for number, length in held:
            http2.acknowledge_received_data(length, number)
        peer.send(http2.data_to_send())
        number, left = held[0][0], LARGE - WINDOW
        while left:
            for event in http2.receive_data(peer.socket.recv(65536)):
                if isinstance(event, DataReceived) and event.flow_controlled_length:
                    left -= event.flow_controlled_length
                    http2.acknowledge_received_data(event.flow_controlled_length, number)
            peer.send(http2.data_to_send())
        counting.came.release()
        http2.send_headers(number, [(":status", "200")])
        http2.send_data(number, b"ok", end_stream=True)
        peer.send(http2.data_to_send())
        peer.wait_for_close()

    def source() -> Iterator[bytes]:
        yield bytes(LARGE)
        assert counting.came.acquire(timeout=PATIENCE_S)

    turns: list[int] = []
    with RawServer(holding) as server:
        onehttp.init({"version": 1, "connections": {"api": {
            "url": server.url, "http_version": "2-prior-knowledge", "timeout": 10 * PATIENCE_S,
        }}})  # fmt: skip
        assert sent(onehttp.connection("api"), way, source()) == b"ok"
    assert turns[1] - turns[0] < 100


def _turns() -> int:
    backend: Any = onehttp.backend()
    turns: int = backend._living().ownership.turns
    return turns
