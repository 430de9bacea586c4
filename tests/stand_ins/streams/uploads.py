"""What bodies that are read while they are sent may come from, and a server that takes them."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onehttp
from servers.raw import Peer
from stand_ins.streams.chunked import Asked, asked

MIB = 1 << 20
WHOLE = os.urandom(3 * MIB + 11)
PIECES = [WHOLE[at : at + 300_000] for at in range(0, len(WHOLE), 300_000)]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Uploads:
    """Takes what is sent, and answers in turn."""

    def __init__(self, *answers: bytes) -> None:
        self.asked: list[Asked] = []
        self._answers = list(answers)

    def __call__(self, peer: Peer) -> None:
        while request := asked(peer):
            self.asked.append(request)
            peer.send(self._answers.pop(0) if self._answers else OK)


def sent_in_thread(method: str, url: str, **call: Any) -> onehttp.Response:
    return onehttp.request(method, url, **call)


def sent_in_task(method: str, url: str, **call: Any) -> onehttp.Response:
    async def send() -> onehttp.Response:
        return await onehttp.arequest(method, url, **call)

    return asyncio.run(send())


class Unseekable(io.BytesIO):
    """A pipe, as far as anybody can see."""

    def seekable(self) -> bool:
        return False


def generated() -> Iterator[bytes]:
    yield from PIECES


class Repeatable:
    def __iter__(self) -> Iterator[bytes]:
        return iter(PIECES)


def regular(tmp_path: Path) -> Any:
    (tmp_path / "x").write_bytes(WHOLE)
    return (tmp_path / "x").open("rb")


SOURCES: dict[str, tuple[Callable[[Path], Any], bool]] = {
    "file": (regular, True),
    "bytes in memory": (lambda _: io.BytesIO(WHOLE), True),
    "pipe": (lambda _: Unseekable(WHOLE), False),
    "generator": (lambda _: generated(), False),
    "list": (lambda _: PIECES, False),
    "iterable": (lambda _: Repeatable(), False),
    "memoryviews": (lambda _: [memoryview(piece) for piece in PIECES], False),
    "with empty pieces": (lambda _: [b"", *PIECES, b"", bytearray()], False),
}
"""What makes a body, and whether its size is known."""
REPEATABLE = {"file", "bytes in memory", "list", "iterable", "memoryviews", "with empty pieces"}
