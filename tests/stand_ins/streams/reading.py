"""The ways to read a response piece by piece, as one function: what a test says of all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

import onehttp
from servers.raw import Peer

T = TypeVar("T")
Reading = Callable[["Reader"], T]


class Reader:
    """One response, whoever waits for it: its methods block."""

    def __init__(self, response: Any, wait: Callable[[Awaitable[Any]], Any] | None) -> None:
        self.response = response
        self._wait = wait

    def read(self) -> bytes:
        found: bytes = self._waited(self.response.read())
        return found

    def save(self, path: Any, **how: Any) -> int:
        written: int = self._waited(self.response.save(path, **how))
        return written

    def iter(self, what: str, *how: Any, **named: Any) -> Iterator[Any]:
        """``iter_bytes``, ``iter_text`` or ``iter_lines``."""
        made = getattr(self.response, what)(*how, **named)
        if self._wait is None:
            yield from made
            return
        done = object()
        while (piece := self._wait(_next(made, done))) is not done:
            yield piece

    def _waited(self, made: Any) -> Any:
        return made if self._wait is None else self._wait(made)


async def _next(made: AsyncIterator[Any], done: object) -> Any:
    return await anext(made, done)


def blocking(do: Reading[T], method: str, url: str, **call: Any) -> T:
    """In this thread."""
    with onehttp.stream(method, url, **call) as response:
        return do(Reader(response, None))


def awaited(do: Reading[T], method: str, url: str, **call: Any) -> T:
    """In a task of a loop."""
    loop = asyncio.new_event_loop()
    context = onehttp.astream(method, url, **call)
    try:
        reader = Reader(loop.run_until_complete(context.__aenter__()), loop.run_until_complete)
        try:
            return do(reader)
        finally:
            loop.run_until_complete(context.__aexit__(None, None, None))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


WAYS = (blocking, awaited)


def giving(body: bytes, *headers: str) -> Callable[[Peer], None]:
    """Answers every request with this body."""
    head = "".join(f"{line}\r\n" for line in ("HTTP/1.1 200 OK", *headers))

    def behave(peer: Peer) -> None:
        while peer.request():
            peer.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    return behave
