"""Sources that cannot wait unnoticed are asked for some pieces in a row."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

import onehttp
from onehttp_backends.bodies import fed_upload
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer
from stand_ins.streams.uploads import OK, Uploads, sent_in_task, sent_in_thread


def pieces(seed: int) -> list[bytes]:
    """Short and long ones, and some without content."""
    chosen = random.Random(seed)
    longest = chosen.choice([3, 1000, 70_000, 300_000])
    return [chosen.randbytes(chosen.randrange(longest)) for _ in range(chosen.randrange(40))]


async def at_once(given: list[bytes]) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


async def waiting_at_times(given: list[bytes]) -> AsyncIterator[bytes]:
    for number, piece in enumerate(given):
        yield piece
        if number % 3 == 2:
            await asyncio.sleep(0)


WAYS: list[tuple[Callable[..., onehttp.Response], Callable[[list[bytes]], Any]]] = [
    (sent_in_thread, list),
    (sent_in_thread, tuple),
    (sent_in_task, list),
    (sent_in_task, at_once),
    (sent_in_task, waiting_at_times),
]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("sent", "source"), WAYS)
def test_what_is_given_in_a_row_arrives_as_it_is(
    api: str,
    server: RawServer,
    taken: Uploads,
    seed: int,
    sent: Callable[..., onehttp.Response],
    source: Callable[[list[bytes]], Any],
) -> None:
    given = pieces(seed)
    whole = b"".join(given)
    known = {"Content-Length": str(len(whole))}
    for headers in ({}, known):
        response = sent("PUT", server.url, headers=headers, body=source(given))
        assert response.status == 200
    assert [request.body for request in taken.asked] == [whole, whole]


@pytest.mark.parametrize("too_many", [-1, 1])
@pytest.mark.parametrize(("sent", "source"), WAYS)
def test_the_last_byte_waits_for_the_end_of_the_source(
    api: str,
    too_many: int,
    sent: Callable[..., onehttp.Response],
    source: Callable[[list[bytes]], Any],
) -> None:
    came: list[bytes] = []
    has_ended = threading.Event()

    def take(peer: Peer) -> None:
        while more := peer.socket.recv(65536):
            came.append(more)
        has_ended.set()

    given = [b"abc"] * 5
    headers = {"Content-Length": str(15 - too_many)}
    with RawServer(take) as server:
        with pytest.raises(onehttp.UploadError):
            sent("PUT", server.url, headers=headers, body=source(given))
        onehttp.shutdown()
        if api == "pycurl":
            assert has_ended.wait(PATIENCE_S)
    body = b"".join(came).partition(b"\r\n\r\n")[2]
    assert len(body) < 15 - too_many


@pytest.mark.parametrize("size", [1, 1000, 70_000])
def test_what_was_given_in_a_row_is_there_before_the_source_waits(api: str, size: int) -> None:
    count = 5
    is_there = threading.Event()

    def take(peer: Peer) -> None:
        stream = peer.socket.makefile("rb")
        while stream.readline() not in (b"\r\n", b""):
            pass
        held = 0
        while length := int(stream.readline() or b"0", 16):
            held += len(stream.read(length + 2)) - 2
            if held == count * size:
                is_there.set()
        peer.send(OK)

    async def source() -> AsyncIterator[bytes]:
        for _ in range(2):
            for _ in range(count):
                yield bytes(size)
            assert await asyncio.to_thread(is_there.wait, PATIENCE_S)

    with RawServer(take) as server:
        assert sent_in_task("PUT", server.url, body=source()).body == b"ok"


def test_a_source_that_never_waits_lets_other_tasks_run(
    api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if api != "pycurl":
        pytest.skip("the double takes a body as a whole")
    monkeypatch.setattr(fed_upload, "ROW_PIECES", 3)

    async def source() -> AsyncIterator[bytes]:
        while True:
            yield b""

    async def main(url: str) -> None:
        call = asyncio.ensure_future(onehttp.arequest("PUT", url, body=source()))
        for _ in range(1000):
            await asyncio.sleep(0)
        assert not call.done()
        call.cancel()
        await asyncio.wait({call})

    def take(peer: Peer) -> None:
        while peer.socket.recv(65536):
            pass

    with RawServer(take) as server:
        asyncio.run(main(server.url))
    assert onehttp.stats().in_flight == 0
