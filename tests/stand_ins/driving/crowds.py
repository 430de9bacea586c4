"""The ways to make many calls at once."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Final

from onehttp_backends.contract import Backend, Outcome, Request
from onehttp_backends.errors import TransferError
from servers.patience import PATIENCE_S

Crowd = Callable[[Backend, list[Request]], list[Outcome]]


def in_tasks(backend: Backend, requests: list[Request]) -> list[Outcome]:
    """In one event loop; the outcomes are in the order of the requests."""

    async def one(request: Request) -> Outcome:
        try:
            return await backend.aperform(request)
        except TransferError as error:
            return error

    async def all_of_them() -> list[Outcome]:
        return await asyncio.gather(*map(one, requests))

    return asyncio.run(all_of_them())


def in_threads(backend: Backend, requests: list[Request]) -> list[Outcome]:
    """Each in a thread of its own."""
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def one(request: Request) -> None:
        try:
            outcomes.put(backend.perform(request))
        except TransferError as error:
            outcomes.put(error)

    for request in requests:
        threading.Thread(target=one, args=(request,), daemon=True).start()
    return [outcomes.get(timeout=PATIENCE_S) for _ in requests]


def called_back(backend: Backend, requests: list[Request]) -> list[Outcome]:
    """With callbacks."""
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    for request in requests:
        backend.submit(request, outcomes.put)
    return [outcomes.get(timeout=PATIENCE_S) for _ in requests]


CROWDS: Final[tuple[Crowd, ...]] = (in_tasks, in_threads, called_back)
