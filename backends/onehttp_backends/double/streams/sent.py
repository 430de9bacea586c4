"""A body sent piece by piece, as httpx asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from onehttp_backends.bodies.upload import Sending
from onehttp_backends.double.library import httpx
from onehttp_backends.errors import (
    CurlCode,
    Sent,
    UploadError,
)
from onehttp_backends.optional.streaming import OnSent

PIECE_BYTES: Final = 16 * 1024
"""The size of pieces of in-process responses: as much as libcurl delivers at once."""

Attend = Callable[[Callable[[], None]], None]
"""Has the caller of a request look after the body that is sent, and be told when that is done."""


class SentBody(httpx.AsyncByteStream):
    """A body as httpx sends it; what its caller has to do for it is left to `attend`."""

    def __init__(self, sending: Sending, attend: Attend) -> None:
        self._sending = sending
        self._attend = attend

    @property
    def given(self) -> int:
        """Bytes until now."""
        return self._sending.taken

    async def __aiter__(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        if not self._sending.rewind():
            raise UploadError(
                CurlCode.SEND_FAIL_REWIND, "the body cannot be sent again", sent=Sent.YES
            )
        while not self._sending.is_over:
            piece = self._sending.take(PIECE_BYTES)
            if piece:
                yield piece
            elif piece is not None:
                return
            attended = asyncio.Event()

            def tell(attended: asyncio.Event = attended) -> None:
                loop.call_soon_threadsafe(attended.set)

            self._attend(tell)
            await attended.wait()


def of_more(sending: Sending | None, on_sent: OnSent | None) -> OnSent | None:
    """``on_sent``, called only if more was sent since: the first time httpx asks, nothing was."""
    if sending is None or on_sent is None:
        return None
    told = 0

    def tell() -> None:
        nonlocal told
        if sending.taken != told:
            told = sending.taken
            on_sent()

    return tell


async def attend(
    asked: asyncio.Queue[Callable[[], None] | None],
    sending: Sending | None,
    on_sent: OnSent | None,
) -> None:
    """Do what the caller has to until the answer is there; it ends a source that still waits."""
    pulling: asyncio.Future[None] | None = None
    next_ask = asyncio.ensure_future(asked.get())
    try:
        while (done := await next_ask) is not None:
            next_ask = asyncio.ensure_future(asked.get())
            if sending is not None and sending.wants_more:
                pulling = asyncio.ensure_future(sending.apull())
                await asyncio.wait({pulling, next_ask}, return_when=asyncio.FIRST_COMPLETED)
                if not pulling.done():
                    continue  # what has come instead is the end
                pulling.result()
            if on_sent is not None:
                on_sent()
            done()
    finally:
        next_ask.cancel()
        if pulling is not None and not pulling.done():
            pulling.cancel()
            await asyncio.wait({pulling})
