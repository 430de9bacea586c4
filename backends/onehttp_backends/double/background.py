"""The loop that carries the double's transfers over sockets, in a thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os

from onehttp_backends.contract import Outcome


class Running:
    """A transfer on the background loop."""

    def __init__(self, future: concurrent.futures.Future[Outcome]) -> None:
        self.future = future
        self.is_closed_under = False

    def cancel(self) -> bool:
        """End it with a `CancelledError`; False when it had ended already."""
        return not self.future.done() and self.future.cancel()


def run_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Run ``loop`` until it is stopped, then end its tasks; a thread of its own does."""
    process = os.getpid()
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(asyncio.sleep(0))  # lets transports close
    finally:
        if os.getpid() == process:
            loop.close()
