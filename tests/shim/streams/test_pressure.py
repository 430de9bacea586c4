"""Who reads slowly lets the server wait, and costs no memory meanwhile."""

from __future__ import annotations

import asyncio

import onehttp
from servers.raw import OK, Peer, RawServer

MIB = 1 << 20
SIZE = 256 * MIB
"""More than all buffers on the way hold together."""
MOST_HELD = 64 * MIB
"""What those may hold: the kernel's on both sides, and a few MiB of ours."""
OTHERS = 100
"""Calls made meanwhile, which drive."""


class Counting:
    """Gives a large body, and counts what it has got rid of."""

    def __init__(self) -> None:
        self.sent = 0

    def __call__(self, peer: Peer) -> None:
        while request := peer.request():
            if not request.startswith(b"GET /large"):
                peer.send(OK)
                continue
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
            for _ in range(SIZE // MIB):
                peer.send(bytes(MIB))
                self.sent += MIB


def test_while_others_drive_no_more_comes_than_is_read(api: str) -> None:
    counting = Counting()
    with RawServer(counting) as s, onehttp.stream("GET", f"{s.url}/large") as response:
        pieces = response.iter_bytes()
        read = len(next(pieces))
        for _ in range(OTHERS):
            assert onehttp.request("GET", s.url).body == b"ok"
        assert counting.sent < MOST_HELD
        assert read + sum(map(len, pieces)) == SIZE
    assert counting.sent == SIZE


def test_a_loop_reads_ahead_no_further_than_that(api: str) -> None:
    counting = Counting()

    async def main(url: str) -> int:
        async with onehttp.astream("GET", f"{url}/large") as response:
            pieces = response.iter_bytes()
            read = len(await anext(pieces))
            for _ in range(OTHERS):
                assert (await onehttp.arequest("GET", url)).body == b"ok"
            assert counting.sent < MOST_HELD
            async for piece in pieces:
                read += len(piece)
            return read

    with RawServer(counting) as server:
        assert asyncio.run(main(server.url)) == SIZE
