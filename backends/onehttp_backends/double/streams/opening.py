"""`optional.streaming` for the double."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import dataclasses
import math
import time
from collections.abc import Callable, Coroutine, Iterator
from queue import SimpleQueue
from typing import Any, Protocol

from onehttp_backends.bodies.gathering import agathered, gathered
from onehttp_backends.contract import Request, Response
from onehttp_backends.double.answers import Table
from onehttp_backends.double.background import Running, answered, cancelled
from onehttp_backends.double.clients import Clients
from onehttp_backends.double.coming.arriving import Arriving, pace_of
from onehttp_backends.double.coming.cut import break_of
from onehttp_backends.double.streams.exchange import StreamExchange
from onehttp_backends.double.streams.sent import PIECE_BYTES, SentBody, attend, of_more
from onehttp_backends.errors import TransferError
from onehttp_backends.optional.streaming import Opening, StreamLimits
from onehttp_backends.time_limits import total_s


class Carrying(Protocol):
    """The part of the double that is used here."""

    _table: Table | None
    _clients: Clients
    _is_closed: bool
    _loop: asyncio.AbstractEventLoop | None

    def _perform(self, request: Request, is_open: bool) -> Response: ...
    async def _aperform(self, request: Request, is_open: bool) -> Response: ...
    def _check(self, request: Request) -> None: ...
    def _wait(self, work: Coroutine[Any, Any, Any], request: Request) -> Any: ...
    def _start(self, work: Coroutine[Any, Any, Any]) -> Running: ...
    def _running_loop(self) -> asyncio.AbstractEventLoop | None: ...
    def _note(self, response: Response, opened: int, reused: int) -> None: ...
    def _note_failure(self) -> None: ...
    def _refuse_from_within(self, work: Coroutine[Any, Any, Any]) -> None: ...


class DoubleResponse:
    """An answer whose body is still to be read; see `OpenResponse`."""

    def __init__(
        self,
        double: Carrying,
        request: Request,
        response: Response,
        source: StreamExchange | Arriving | None,
    ) -> None:
        self.response = copy.copy(response)  # the other may be told of as a whole
        self.is_coded = isinstance(source, StreamExchange) and request.options.decompress
        self._double = double
        self._loop = double._loop
        """The one that reads it; a forked child's is another."""
        self._request = request
        self._source = source
        self._is_over = False
        body = response.body
        self._cut = [body[at : at + PIECE_BYTES] for at in range(0, len(body), PIECE_BYTES)]
        self._break = break_of(response, request)
        """The error after the last piece, if any."""
        self.response.body = b""

    def take(self) -> list[bytes]:
        """See `OpenResponse`."""
        if self._source is None or self._is_over:
            return self._next_cut()
        self._check()
        try:
            return self._kept(self._double._wait(self._source.next_piece(), self._request))
        except TransferError as error:
            raise self._told(error) from error.__cause__

    async def atake(self) -> list[bytes]:
        """See `OpenResponse`."""
        if self._source is None or self._is_over:
            return self._next_cut()
        self._check()
        running = self._double._start(self._source.next_piece())
        running.waited_for_on = asyncio.get_running_loop()
        future: Any = running.future
        try:
            return self._kept(await asyncio.wrap_future(future))
        except asyncio.CancelledError:
            if running.future.cancelled() and running.is_closed_under:
                raise cancelled(self._request) from None
            running.cancel()
            raise
        except TransferError as error:
            raise self._told(error) from error.__cause__

    def close(self) -> None:
        """See `OpenResponse`."""
        self._cut.clear()
        self._break = None
        loop = self._double._loop
        is_here = loop is self._loop  # not so in a forked child
        if self._source is not None and loop is not None and is_here and not self._is_over:
            self._is_over = True
            asyncio.run_coroutine_threadsafe(self._source.aclose(), loop)

    def _next_cut(self) -> list[bytes]:
        if not self._cut and self._break is not None:
            raise self._break
        return [self._cut.pop(0)] if self._cut else []

    def _check(self) -> None:
        if self._double._is_closed or self._loop is None or self._double._loop is not self._loop:
            raise cancelled(self._request)

    def _told(self, error: TransferError) -> TransferError:
        """What it ended with, if it was not closed by somebody who did not want to wait."""
        return cancelled(self._request) if self._is_over else error

    def _kept(self, piece: object) -> list[bytes]:
        if isinstance(piece, bytes) and piece:
            return [piece]
        if isinstance(self._source, StreamExchange) and self._source.end_timings:
            self.response._facts = self._source.end_timings, self.response.peer
        self.close()
        return []


class StreamingDouble:
    """The part of the double that implements `optional.streaming`."""

    def open(self: Carrying, opening: Opening) -> DoubleResponse:
        """See `Streaming`."""
        request, limits, sending, on_sent = opening
        if self._table is not None:
            request = _in_process(request, gathered(sending, on_sent))
            left_s = limits.ends_at - time.monotonic()
            return _opened_here(self, request, limits, left_s, self._perform(request, True))
        self._check(request)
        on_sent = of_more(sending, on_sent)
        asked: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        body = None if sending is None else SentBody(sending, asked.put)
        exchange = StreamExchange(self._clients, request, limits, body)
        work = exchange.run()
        self._refuse_from_within(work)
        running = self._start(work)
        running.future.add_done_callback(lambda _: asked.put(None))
        with _until_opened(self, running):
            while (done := asked.get()) is not None:
                if sending is not None and sending.wants_more:
                    sending.pull()
                if on_sent is not None:
                    on_sent()
                done()
            response = _result(running, request)
        return _opened(self, request, response, exchange)

    async def aopen(self: Carrying, opening: Opening) -> DoubleResponse:
        """See `Streaming`."""
        request, limits, sending, on_sent = opening
        if self._table is not None:
            request = _in_process(request, await agathered(sending, on_sent))
            left_s = limits.ends_at - time.monotonic()
            response = await self._aperform(request, True)
            return _opened_here(self, request, limits, left_s, response)
        self._check(request)
        loop = asyncio.get_running_loop()
        asked: asyncio.Queue[Callable[[], None] | None] = asyncio.Queue()

        def ask(done: Callable[[], None] | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits
                loop.call_soon_threadsafe(asked.put_nowait, done)

        body = None if sending is None else SentBody(sending, ask)
        exchange = StreamExchange(self._clients, request, limits, body)
        running = self._start(exchange.run())
        running.waited_for_on = loop
        running.future.add_done_callback(lambda _: ask(None))
        with _until_opened(self, running):
            await attend(asked, sending, of_more(sending, on_sent))
            response = _result(running, request)
        return _opened(self, request, response, exchange)


def _result(running: Running, request: Request) -> Response:
    if running.future.cancelled():
        raise cancelled(request)
    return answered(running.future.result())


@contextlib.contextmanager
def _until_opened(double: Carrying, running: Running) -> Iterator[None]:
    """What fails on the way to the head ends what is under way, and counts if it is a transfer."""
    try:
        yield
    except BaseException as error:
        running.cancel()
        if isinstance(error, TransferError):
            double._note_failure()
        raise


def _opened(
    double: Carrying, request: Request, response: Response, exchange: StreamExchange
) -> DoubleResponse:
    double._note(response, exchange.opened, 0 if exchange.opened else 1)
    return DoubleResponse(double, request, response, exchange)


def _opened_here(
    double: Carrying, request: Request, limits: StreamLimits, left_s: float, response: Response
) -> DoubleResponse:
    """Of an answer in process, where all may take ``left_s`` from the request on."""
    pace = pace_of(response, request)
    if pace is None:
        return DoubleResponse(double, request, response, None)
    double._running_loop()  # reads it
    if pace.is_moved and left_s < math.inf:
        left_s = total_s(request) or left_s  # real time has nothing to do with it
    arriving = Arriving(response, request, pace, limits.idle_s, left_s)
    return DoubleResponse(double, request, response, arriving)


def _in_process(request: Request, body: bytes | None) -> Request:
    options = dataclasses.replace(request.options, max_body_bytes=0)
    if body is not None:
        request = request._replace(body=body)
    return request._replace(options=options)
