"""An awaitable is awaited as ever, and whoever asked is told before it waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator
from typing import Any

import pytest

from onehttp_backends.bodies.noticed_waits import NoticedWait


async def given() -> str:
    return "given"


async def waiting() -> str:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return "waited"


async def failing() -> str:
    await asyncio.sleep(0)
    raise OSError("its own")


class Plain:
    """Its steps are a plain iterator, without `send`, `throw` and `close`."""

    def __await__(self) -> Generator[Any, Any, None]:
        steps: Any = iter([None, None])
        return steps  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("make", "told", "result"), [(given, 0, "given"), (waiting, 1, "waited"), (Plain, 1, None)]
)
def test_a_wait_is_told_once_before_it_begins(make: Any, told: int, result: object) -> None:
    times: list[str] = []

    async def main() -> None:
        step = NoticedWait(make(), lambda: times.append("told"))
        assert await step == result
        assert step.has_waited == bool(told)

    asyncio.run(main())
    assert len(times) == told


def test_what_it_raises_comes_out() -> None:
    async def main() -> None:
        with pytest.raises(OSError, match="its own"):
            await NoticedWait(failing(), None)

    asyncio.run(main())


def test_a_cancellation_reaches_what_is_awaited() -> None:
    met: list[str] = []

    async def hanging() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            met.append("cancelled")
            await asyncio.sleep(0)
            return "in time"
        raise AssertionError

    async def main() -> str:
        async def awaits() -> str:
            found: str = await NoticedWait(hanging(), None)
            return found

        task = asyncio.ensure_future(awaits())
        await asyncio.sleep(0)
        task.cancel()
        return await task

    assert asyncio.run(main()) == "in time"
    assert met == ["cancelled"]


def test_what_the_teller_raises_is_raised_where_it_waits() -> None:
    closed: list[str] = []

    async def source() -> AsyncIterator[int]:
        try:
            await waiting()
            yield 1
        finally:
            closed.append("closed")

    def broken() -> None:
        raise RuntimeError("cannot")

    async def main() -> None:
        with pytest.raises(RuntimeError, match="cannot"):
            await NoticedWait(source().__anext__(), broken)
        assert closed == ["closed"]

    asyncio.run(main())


def test_one_that_is_given_up_is_closed() -> None:
    closed: list[str] = []

    async def hanging() -> None:
        try:
            await waiting()
        finally:
            closed.append("closed")

    async def main() -> None:
        steps = NoticedWait(hanging(), None).__await__()
        next(steps)
        steps.close()

    asyncio.run(main())
    assert closed == ["closed"]
