"""Calls the handler that answers in process, under the time limits of the request."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from onehttp_backends.contract import Request, Response
from onehttp_backends.double.answers import Handler, response_of
from onehttp_backends.double.coming.arriving import arrived, pace_of
from onehttp_backends.double.coming.cut import checked_whole, is_passed_by
from onehttp_backends.double.coming.pace import slow_text
from onehttp_backends.errors import (
    CurlCode,
    Phase,
    ReentrantCallError,
    Sent,
    TransferError,
    idle_text,
    transfer_error,
)
from onehttp_backends.shown import shown
from onehttp_backends.time_limits import total_s


def answer_now(
    handler: Handler,
    request: Request,
    wait: Callable[[Coroutine[Any, Any, Any]], Any],
    is_open: bool = False,
) -> Response:
    """The handler's response, for a blocking call.

    A plain function cannot be interrupted: if it takes longer than the request has time, its answer
    is discarded as late.

    Args:
        wait: runs a coroutine to its end, for handlers that are coroutine functions.
        is_open: leave the body to its reader, who may find that it breaks off.

    Raises:
        TransferError: the handler returned or raised one, or time was over (28).
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
    response = response_of(answer, request)
    if is_open and not is_passed_by(response, request):
        return response
    if pace_of(response, request) is None:
        return checked_whole(response, request)
    whole: Response = wait(arrived(response, request, total_s(request) or None))
    return whole


async def answer_of(handler: Handler, request: Request, is_open: bool = False) -> Response:
    """`answer_now`, for a task.

    Raises:
        TransferError: see `answer_now`.
    """
    began = time.monotonic()
    answer: Any = handler(request)
    if inspect.isawaitable(answer):
        answer = await _in_time(answer, request)
    else:
        _check_time(began, request)
    response = response_of(answer, request)
    if is_open and not is_passed_by(response, request):
        return response
    return await arrived(response, request, total_s(request) or None)


def patience_s(request: Request) -> float | None:
    """Seconds until the head of an answer has to be there; None without a limit."""
    limits_s = [limit_s for limit_s, _ in _limits(request)]
    return min(limits_s, default=None)


def late(request: Request) -> TransferError:
    """The error of a request whose answer did not come in time."""
    _, text = min(_limits(request))
    return transfer_error(
        CurlCode.OPERATION_TIMEDOUT,
        f"{shown(request)}: {text}",
        sent=Sent.MAYBE,
        phase=Phase.FIRST_BYTE,
    )


def _limits(request: Request) -> list[tuple[float, str]]:
    limit_s, options = total_s(request), request.options
    found = [(limit_s, f"no answer within {limit_s:g} s")] if limit_s else []
    if options.idle_timeout_s:
        found.append((options.idle_timeout_s, idle_text(options.idle_timeout_s)))
    if options.low_speed is not None:
        found.append((options.low_speed.time_s, slow_text(options.low_speed)))
    return found


async def _in_time(answer: Awaitable[Any], request: Request) -> Any:
    limit_s = patience_s(request)
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
    limit_s = patience_s(request)
    if limit_s is not None and time.monotonic() - began > limit_s:
        raise late(request)
