"""What is told of the body of one answer, whichever way a call on the connection ``c`` is made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import onehttp
from servers.patience import PATIENCE_S

Told = tuple[Any, ...]


def _end(error: onehttp.TransferError) -> Told:
    return type(error).__name__, error.code, error.phase, error.sent


def _whole(method: str, **call: Any) -> Told:
    response = onehttp.connection("c").request(method, "/x", **call)
    return response.status, response.body, response.truncated


def _awaited(method: str, **call: Any) -> Told:
    response = asyncio.run(onehttp.connection("c").arequest(method, "/x", **call))
    return response.status, response.body, response.truncated


def _submitted(method: str, **call: Any) -> Told:
    result = onehttp.connection("c").submit(method, "/x", **call).result(PATIENCE_S)
    if result.error is not None:
        raise result.error
    assert result.response is not None
    return result.response.status, result.response.body, result.response.truncated


def _streamed(method: str, **call: Any) -> Told:
    came = bytearray()
    try:
        with onehttp.connection("c").stream(method, "/x", **call) as response:
            for piece in response.iter_bytes():
                came += piece
            return response.status, bytes(came)
    except onehttp.TransferError as error:
        return *_end(error), bytes(came)


def _streamed_in_a_task(method: str, **call: Any) -> Told:
    came = bytearray()

    async def read() -> Told:
        async with onehttp.connection("c").astream(method, "/x", **call) as response:
            async for piece in response.iter_bytes():
                came.extend(piece)
            return response.status, bytes(came)

    try:
        return asyncio.run(read())
    except onehttp.TransferError as error:
        return *_end(error), bytes(came)


WAYS: Final = {
    "request": _whole,
    "arequest": _awaited,
    "submit": _submitted,
    "stream": _streamed,
    "astream": _streamed_in_a_task,
}


def told(ask: Callable[..., Told], method: str, **call: Any) -> Told:
    """What came of it: status, body and more, or how the error is told of."""
    try:
        return ask(method, **call)
    except onehttp.TransferError as error:
        return _end(error)
