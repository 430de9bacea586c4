"""A handler is asked, under the time limits of the request."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from onehttp_backends.contract import Request, Response
from onehttp_backends.double.answers import Handler, response_of
from onehttp_backends.double.cut import checked_whole
from onehttp_backends.errors import (
    CurlCode,
    Phase,
    ReentrantCallError,
    Sent,
    TransferError,
    transfer_error,
)
from onehttp_backends.shown import shown


def answer_now(
    handler: Handler,
    request: Request,
    wait: Callable[[Coroutine[Any, Any, Any]], Any],
    is_open: bool = False,
) -> Response:
    """Ask from a blocking call; ``wait`` runs what a coroutine function gives to its end.

    Of an answer that ``is_open`` the body is left to who reads it, and may break off.

    A plain function cannot be stopped: where it takes longer than the request has time, its answer
    comes too late.

    Raises:
        TransferError: the handler answered with one, or raised it, or time was over (28).
    """
    began = time.monotonic()
    answer: Any = handler(request)
    if inspect.isawaitable(answer):
        try:
            answer = wait(_in_time(answer, request))
        except ReentrantCallError:
            if inspect.iscoroutine(answer):
                answer.close()  # else it would complain of never having been awaited
            raise
    else:
        _check_time(began, request)
    return _settled(answer, request, is_open)


async def answer_of(handler: Handler, request: Request, is_open: bool = False) -> Response:
    """Ask in a task.

    Raises:
        TransferError: as of `answer_now`.
    """
    began = time.monotonic()
    answer: Any = handler(request)
    if inspect.isawaitable(answer):
        answer = await _in_time(answer, request)
    else:
        _check_time(began, request)
    return _settled(answer, request, is_open)


def _settled(answer: object, request: Request, is_open: bool) -> Response:
    response = response_of(answer, request)
    return response if is_open else checked_whole(response, request)


def total_s(request: Request) -> float | None:
    """Seconds that the whole may take; None without a limit."""
    limit_s = request.total_timeout_s
    return (request.options.total_timeout_s if limit_s is None else limit_s) or None


def late(request: Request) -> TransferError:
    """The error of a request whose answer did not come in time."""
    return transfer_error(
        CurlCode.OPERATION_TIMEDOUT,
        f"{shown(request)}: no answer within {total_s(request):g} s",
        sent=Sent.MAYBE,
        phase=Phase.FIRST_BYTE,
    )


async def _in_time(answer: Awaitable[Any], request: Request) -> Any:
    limit_s = total_s(request)
    asked = asyncio.ensure_future(answer)
    done, _ = await _waited(asked, limit_s)
    if not done:
        raise late(request)
    return asked.result()


async def _waited(asked: asyncio.Future[Any], limit_s: float | None) -> Any:
    """Unlike `asyncio.wait_for` this tells a limit from a `TimeoutError` of the handler's own."""
    try:
        return await asyncio.wait([asked], timeout=limit_s)
    finally:
        asked.cancel()


def _check_time(began: float, request: Request) -> None:
    limit_s = total_s(request)
    if limit_s is not None and time.monotonic() - began > limit_s:
        raise late(request)
