"""The loop under the double ends with nothing left over."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from onehttp_backends.double.background import run_loop


@pytest.mark.filterwarnings("error")
def test_generators_that_nobody_reads_to_their_end_are_closed_with_it() -> None:
    """As what is left of a body beyond its limit: one within another, let go of just before."""
    closed: list[int] = []

    async def nested(depth: int) -> AsyncIterator[int]:
        try:
            if depth:
                async for each in nested(depth - 1):
                    yield each
            else:
                yield 1
                yield 2
        finally:
            await asyncio.sleep(0)  # as what it reads from is closed
            closed.append(depth)

    async def leave_early() -> None:
        async for _ in nested(4):
            break
        loop.stop()

    loop = asyncio.new_event_loop()
    running = threading.Thread(target=run_loop, args=(loop,))
    running.start()
    asyncio.run_coroutine_threadsafe(leave_early(), loop)
    running.join()
    assert sorted(closed) == [0, 1, 2, 3, 4]
    assert loop.is_closed()
