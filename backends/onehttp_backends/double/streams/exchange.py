"""One transfer over httpx whose answer is read piece by piece."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator

from onehttp_backends.contract import Request, Timings
from onehttp_backends.double.clients import Clients
from onehttp_backends.double.codes import FAULTS, error_of
from onehttp_backends.double.exchange import Exchange
from onehttp_backends.double.judging.speed import TooSlowError
from onehttp_backends.double.judging.stream_refusals import is_behind_all
from onehttp_backends.double.library import httpx
from onehttp_backends.double.received import check_end
from onehttp_backends.double.streams.sent import SentBody
from onehttp_backends.errors import (
    TransferError,
    idle_text,
)
from onehttp_backends.optional.streaming import StreamLimits
from onehttp_backends.shown import shown


class StreamExchange(Exchange):
    """An exchange that ends with the head of the response, and leaves its body to a reader."""

    def __init__(
        self,
        clients: Clients,
        request: Request,
        limits: StreamLimits,
        body: SentBody | None,
    ) -> None:
        super().__init__(clients, request)
        self._limits = limits
        self._sent_body = body
        self._answer: httpx.Response | None = None
        self._pieces: AsyncIterator[bytes] | None = None
        self._body_bytes = 0
        self.end_timings: Timings | None = None
        """Of the whole body, once it has come."""

    @property
    def _idle_s(self) -> float:
        return super()._idle_s if self._sent_body is None else self._limits.idle_s

    def _passed(self) -> int:
        return super()._passed() + (self._sent_body.given if self._sent_body else 0)

    def _wired(self, made: httpx.Request) -> httpx.Request:
        if self._sent_body is not None:
            made.stream = self._sent_body
        return made

    def _of_body(self, request: Request) -> tuple[int, int]:
        return 0, 0  # counted by who reads

    async def _received(self, answer: httpx.Response, request: Request) -> tuple[bytes, bool, bool]:
        self._answer = answer
        self._pieces = answer.aiter_raw()
        return b"", False, False

    async def _drop_if_more_came(self, answer: httpx.Response) -> None:
        if answer is not self._answer:  # else who reads does, at the end
            await super()._drop_if_more_came(answer)

    async def _finish(self, answer: httpx.Response) -> None:
        if answer is not self._answer:
            await answer.aclose()

    async def _let_go(self) -> None:
        if self._answer is None:
            await super()._let_go()

    async def next_piece(self) -> bytes:
        """The next piece; b"" at the end.

        Raises:
            TransferError: it will not come.
        """
        answer, pieces, limits = self._answer, self._pieces, self._limits
        if answer is None or pieces is None:
            return b""  # a redirect that is passed by
        place = shown(self._request)
        left_s = limits.ends_at - time.monotonic()
        answer.request.extensions["timeout"]["read"] = limits.idle_s or None
        try:
            wanted = self._speed.while_fast_enough(lambda: self._next(pieces, answer))
            piece = await asyncio.wait_for(wanted, None if left_s == math.inf else left_s)
            self._received_bytes += len(piece)
            if not piece:
                check_end(answer, place)
                self.end_timings = self._timings()
                if answer.http_version.startswith("HTTP/1"):
                    await super()._drop_if_more_came(answer)
        except TransferError:
            raise
        except TooSlowError:
            raise self._too_slow() from None
        except FAULTS as error:
            is_idle = isinstance(error, httpx.TimeoutException)
            text = idle_text(limits.idle_s) if is_idle else ""
            raise error_of(error, self._progress, place, text) from None
        return piece

    async def aclose(self) -> None:
        """Read no more."""
        answer, self._answer = self._answer, None
        if answer is not None:
            with contextlib.suppress(*FAULTS):
                await answer.aclose()
        await self._let_go()

    async def _next(self, pieces: AsyncIterator[bytes], answer: httpx.Response) -> bytes:
        try:
            piece = await anext(pieces, b"")
        except httpx.RemoteProtocolError as error:
            if self._request.options.as_libcurl or not is_behind_all(
                error, answer, self._body_bytes
            ):
                raise
            return b""
        self._body_bytes += len(piece)
        return piece
