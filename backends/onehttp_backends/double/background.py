"""The loop that carries the double's transfers over sockets, in a thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import types

from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.errors import CurlCode, Sent, TransferError, transfer_error
from onehttp_backends.shown import shown

logger = logging.getLogger("onehttp")


class Running:
    """A transfer on the background loop."""

    def __init__(self, future: concurrent.futures.Future[Outcome]) -> None:
        self.future = future
        self.is_closed_under = False
        self.waited_for_on: asyncio.AbstractEventLoop | None = None
        """The loop of the task that waits for it."""

    def cancel(self) -> bool:
        """End it with a `CancelledError`; False when it had ended already."""
        return not self.future.done() and self.future.cancel()

    def end_with_loop(self) -> None:
        """End it if the loop was closed: nobody waits for it any more."""
        if self.waited_for_on is not None and self.waited_for_on.is_closed():
            self.cancel()


def run_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Run ``loop`` until it is stopped, then end its tasks; a thread of its own does."""
    process = os.getpid()
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(_end_tasks())
        loop.run_until_complete(loop.shutdown_asyncgens())
        # Of generators that were collected meanwhile, in whatever thread, nothing is left to begin.
        loop.run_until_complete(_end_tasks())
    finally:
        if os.getpid() == process:
            loop.close()


async def _end_tasks() -> None:
    await asyncio.sleep(0)  # lets those begin that are about to
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in tasks:
            # The others close a generator that nobody has read to its end, as they are to.
            if isinstance(task.get_coro(), types.CoroutineType):
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # lets transports close, and generators within a generator begin to


def outcome_of(future: concurrent.futures.Future[Outcome]) -> Outcome:
    """The outcome of a transfer. A defect of the double itself becomes an error of the transfer."""
    error = future.exception()
    if error is None:
        return future.result()
    logger.error("the httpx double failed", exc_info=error)
    return transfer_error(CurlCode.FAILED_INIT, f"the httpx double failed: {error!r}")


def answered(outcome: Outcome) -> Response:
    """The response that an outcome is; raises the error that it is."""
    if isinstance(outcome, Response):
        return outcome
    raise outcome


def cancelled(request: Request) -> TransferError:
    """The error of a cancelled transfer."""
    return transfer_error(
        CurlCode.ABORTED_BY_CALLBACK, f"{shown(request)}: cancelled", sent=Sent.MAYBE
    )
