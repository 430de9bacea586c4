"""The ways to wait for one transfer, as one function: what a test says of all of them."""

from __future__ import annotations

import asyncio
import dataclasses
import queue
from collections.abc import Callable

from onehttp_backends.contract import Backend, Outcome, Request
from onehttp_backends.errors import TransferError
from servers.patience import PATIENCE_S
from stand_ins.loops import of_kind

Way = Callable[[Backend, Request], Outcome]


def blocking(backend: Backend, request: Request) -> Outcome:
    """In this thread."""
    try:
        return backend.perform(request)
    except TransferError as error:
        return error


def awaited(backend: Backend, request: Request) -> Outcome:
    """In an event loop."""

    async def wait() -> Outcome:
        try:
            return await backend.aperform(request)
        except TransferError as error:
            return error

    return asyncio.run(wait())


def awaited_on_uvloop(backend: Backend, request: Request) -> Outcome:
    """In a loop of another make."""
    with of_kind("uvloop"):
        return awaited(backend, request)


def called_back(backend: Backend, request: Request) -> Outcome:
    """By a callback, on whatever thread drives."""
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    backend.submit(request, outcomes.put)
    return outcomes.get(timeout=PATIENCE_S)


def one_shot(backend: Backend, request: Request) -> Outcome:
    """In this thread, on a multi of its own."""
    options = dataclasses.replace(request.options, reuse=False, max_redirects=1)
    return blocking(backend, request._replace(options=options))


WAYS: tuple[Way, ...] = (blocking, awaited, awaited_on_uvloop, called_back, one_shot)
