"""What has been given is sent before more is asked for: who gives may wait for what it leads to."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import onehttp
from onehttp_backends.bodies.fed_upload import _FedSending
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer
from stand_ins.streams.uploads import MIB, OK, sent_in_task, sent_in_thread

COUNT = 5
SIZES = [1, 1000, MIB // 4, MIB + 1, 8 * MIB + 1]
"""The last is more than the kernel takes at once."""
A_LITTLE = 1000
"""The server takes so many bytes at once, so that who sends has to wait for it."""


class Reluctant(io.RawIOBase):
    """Reads a socket, a little at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        return self._connection.recv_into(memoryview(room)[:A_LITTLE])


class Counting:
    """Takes bodies in chunks, and tells of each piece that is there as a whole."""

    def __init__(self, size: int, answer_after: int = COUNT) -> None:
        self.came = threading.Semaphore(0)
        self._size = size
        self._answer_after = answer_after

    def __call__(self, peer: Peer) -> None:
        stream = io.BufferedReader(Reluctant(peer.socket), A_LITTLE)
        while stream.readline() not in (b"\r\n", b""):
            pass
        pieces = held = 0
        while size := int(stream.readline() or b"0", 16):
            held += len(stream.read(size + 2)) - 2
            while held >= self._size:
                held -= self._size
                pieces += 1
                self.came.release()
                if pieces == self._answer_after < COUNT:
                    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        peer.send(OK if self._answer_after >= COUNT else b"1\r\ny\r\n0\r\n\r\n")


def in_step(counting: Counting, size: int) -> Iterator[bytes]:
    for _ in range(COUNT):
        yield bytes(size)
        assert counting.came.acquire(timeout=PATIENCE_S)


async def in_step_awaited(counting: Counting, size: int) -> AsyncIterator[bytes]:
    for _ in range(COUNT):
        yield bytes(size)
        assert await asyncio.to_thread(counting.came.acquire, timeout=PATIENCE_S)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("sent", "source"),
    [(sent_in_thread, in_step), (sent_in_task, in_step), (sent_in_task, in_step_awaited)],
    ids=["thread", "task", "awaited"],
)
def test_each_piece_is_there_before_the_next_is_asked_for(
    api: str, size: int, sent: Callable[..., onehttp.Response], source: Callable[..., Any]
) -> None:
    counting = Counting(size)
    with RawServer(counting, receive_buffer_bytes=4096) as server:
        assert sent("PUT", server.url, body=source(counting, size)).body == b"ok"


@pytest.mark.parametrize("sent", [sent_in_thread, sent_in_task], ids=["thread", "task"])
def test_a_source_that_was_quick_may_wait_all_the_same(
    api: str, sent: Callable[..., onehttp.Response]
) -> None:
    """So that its pieces are asked for in rows when it waits for what the server says to one."""
    quick = 2000
    counting = Counting(1000, quick + COUNT)

    def source() -> Iterator[bytes]:
        for number in range(quick + COUNT):
            yield bytes(1000)
            if number >= quick:
                while counting.came.acquire(blocking=False):
                    came.append(None)
                while len(came) <= number:
                    assert counting.came.acquire(timeout=PATIENCE_S)
                    came.append(None)

    came: list[None] = []
    with RawServer(counting) as server:
        assert sent("PUT", server.url, body=source()).body == b"ok"


@pytest.mark.parametrize("sent", [sent_in_thread, sent_in_task], ids=["thread", "task"])
@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_has_come_by_a_pipe_is_sent_before_the_rest_is_there(
    api: str, sent: Callable[..., onehttp.Response], kind: str
) -> None:
    counting = Counting(1000)
    ours, theirs = socket.socketpair() if kind == "socket" else (None, None)
    reading, writing = os.pipe() if theirs is None else (-1, os.dup(theirs.fileno()))
    if theirs is not None:
        theirs.close()

    def write() -> None:
        with open(writing, "wb", buffering=0) as pipe:
            for _ in range(COUNT):
                pipe.write(bytes(1000))
                assert counting.came.acquire(timeout=PATIENCE_S)

    writer = threading.Thread(target=write)
    writer.start()
    file = open(reading, "rb") if ours is None else ours.makefile("rb")  # noqa: SIM115
    with RawServer(counting) as server, file:
        assert sent("PUT", server.url, body=file).body == b"ok"
    writer.join(PATIENCE_S)
    if ours is not None:
        ours.close()


def test_who_has_the_head_goes_on_sending(api: str) -> None:
    if api != "pycurl":
        pytest.skip("what the double stands on reads no answer before all is sent")
    counting = Counting(1000, answer_after=2)

    async def main() -> bytes:
        has_head = asyncio.Event()

        async def source() -> AsyncIterator[bytes]:
            for number in range(COUNT):
                yield bytes(1000)
                if number == 1:
                    await has_head.wait()

        with RawServer(counting) as server:
            async with onehttp.astream("POST", server.url, body=source()) as response:
                has_head.set()
                return b"".join([piece async for piece in response.iter_bytes()])

    assert asyncio.run(main()) == b"xy"


def test_who_reads_no_further_ends_the_source(api: str) -> None:
    if api != "pycurl":
        pytest.skip("what the double stands on reads no answer before all is sent")
    ended: list[str] = []

    async def main() -> None:
        async def source() -> AsyncIterator[bytes]:
            try:
                yield bytes(2000)
                await asyncio.Event().wait()
            finally:
                ended.append("source")

        with RawServer(Counting(1000, answer_after=2)) as server:
            async with onehttp.astream("POST", server.url, body=source()) as response:
                assert response.status == 200
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    asyncio.run(main())
    assert ended == ["source"]
    assert onehttp.stats().in_flight == 0


def test_a_source_is_asked_in_one_task(api: str) -> None:
    """So that what it opens in one step can be closed in another."""
    if api != "pycurl":
        pytest.skip("the double asks in a task for each piece")
    tasks: list[object] = []

    async def source() -> AsyncIterator[bytes]:
        for _ in range(COUNT):
            tasks.append(asyncio.current_task())
            await asyncio.sleep(0)
            yield bytes(1000)

    with RawServer(Counting(1000)) as server:
        assert sent_in_task("PUT", server.url, body=source()).status == 200
    assert len(tasks) == COUNT
    assert len(set(tasks)) == 1


def test_a_loop_has_its_turns_while_a_source_has_always_more(api: str) -> None:
    turns: list[None] = []

    async def main() -> int:
        async def turn() -> None:
            while True:
                turns.append(None)
                await asyncio.sleep(0)

        def source() -> Iterator[bytes]:
            for _ in range(100_000):
                if len(turns) > 3:
                    break
                yield bytes(1000)

        turning = asyncio.ensure_future(turn())
        with RawServer(Counting(1000)) as server:
            response = await onehttp.arequest("PUT", server.url, body=source())
        turning.cancel()
        return response.status

    assert asyncio.run(main()) == 200
    assert len(turns) > 3


@pytest.mark.parametrize("kind", ["file", "pieces"])
def test_progress_is_told_while_it_is_sent(sent: Callable[..., Any], kind: str) -> None:
    size = 32 * MIB
    told: list[int] = []
    may_read = threading.Event()

    def note(progress: onehttp.Progress) -> None:
        told.append(progress.sent)
        may_read.set()

    def holding(peer: Peer) -> None:
        stream = peer.socket.makefile("rb")
        while stream.readline() not in (b"\r\n", b""):
            pass
        assert may_read.wait(PATIENCE_S)
        left = size
        while left:
            left -= len(stream.read(min(left, MIB)))
        peer.send(OK)

    with RawServer(holding) as server, tempfile.TemporaryFile() as file:
        os.truncate(file.fileno(), size)
        body = file if kind == "file" else (bytes(MIB) for _ in range(size // MIB))
        sent("PUT", server.url, body=body, progress=note, headers={"Content-Length": str(size)})
    assert any(0 < each < size for each in told)
    assert 0 not in told
    assert told == sorted(told)
    assert told[-1] == size


def test_no_body_is_asked_for_in_vain_while_its_task_lets_others_run(
    api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if api != "pycurl":
        pytest.skip("the double asks in a task for each piece")
    monkeypatch.setattr("onehttp_backends.curl.driving.streams.SLICE_S", 0.0)
    monkeypatch.setattr("onehttp_backends.bodies.fed_upload.ROW_PIECES", 1)
    taken: list[bytes | None] = []
    take = _FedSending.take

    def noted(sending: _FedSending, most: int) -> bytes | None:
        taken.append(take(sending, most))
        return taken[-1]

    monkeypatch.setattr(_FedSending, "take", noted)
    others_ran = 0

    async def pieces(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"piece"

    async def other(until: asyncio.Event) -> None:
        nonlocal others_ran
        while not until.is_set():
            others_ran += 1
            await asyncio.sleep(0)

    async def main() -> onehttp.Response:
        is_over = asyncio.Event()
        beside = asyncio.create_task(other(is_over))
        response = await onehttp.arequest("PUT", server.url, body=pieces(COUNT * 20))
        is_over.set()
        await beside
        return response

    with RawServer(Counting(5, COUNT * 20)) as server:
        assert asyncio.run(main()).status == 200
    assert others_ran > COUNT * 20
    assert taken.count(None) < COUNT
