"""Tasks are woken though a signal handler has raised while asyncio was about to wake them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from onehttp_backends.contract import Outcome, Request
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl.driving.waking import Waking
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering
from stand_ins.pieces import in_awaited_pieces

ROUNDS = 3


class LateError(Exception):
    """As timeout libraries raise it."""


@pytest.fixture
def backend() -> Iterator[PycurlBackend]:
    engine = PycurlBackend()
    yield engine
    engine.close()


def hit(loop: asyncio.AbstractEventLoop, when: int, is_after: bool, told: list[object]) -> None:
    """Raise in the ``when``-th wake-up of a task, before it is put off or after.

    Args:
        told: gets the exceptions that come to the loop's exception handler.
    """
    call_soon: Callable[..., asyncio.Handle] = loop.call_soon
    left = when

    def interrupted(callback: Any, *arguments: Any, context: Any = None) -> asyncio.Handle:
        nonlocal left
        is_wake_up = bool(arguments) and isinstance(arguments[0], asyncio.Future)
        left -= is_wake_up and isinstance(getattr(callback, "__self__", None), asyncio.Task)
        is_hit = is_wake_up and left == -1
        if is_hit:
            left -= 1
        if is_hit and not is_after:
            raise LateError
        handle = call_soon(callback, *arguments, context=context)
        if is_hit:
            raise LateError
        return handle

    loop.call_soon = interrupted  # type: ignore[method-assign, assignment]
    loop.set_exception_handler(lambda _loop, context: told.append(context.get("exception")))


async def whole(backend: PycurlBackend, request: Request) -> Outcome:
    return await backend.aperform(request)


@pytest.mark.parametrize("when", range(ROUNDS))
@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("ask", [whole, in_awaited_pieces])
def test_the_answer_comes_once(
    backend: PycurlBackend,
    ask: Callable[[PycurlBackend, Request], Coroutine[Any, Any, Outcome]],
    is_after: bool,
    when: int,
) -> None:
    told: list[object] = []
    with RawServer(keep_answering) as server:

        async def main() -> None:
            hit(asyncio.get_running_loop(), when, is_after, told)
            request = Request("GET", server.url, total_timeout_s=PATIENCE_S)
            for _ in range(ROUNDS):
                response: Any = await ask(backend, request)
                assert (response.status, response.body) == (200, b"ok")

        asyncio.run(asyncio.wait_for(main(), 2 * PATIENCE_S))
    assert [type(error) for error in told] == [LateError], (
        "the handler's exception is not swallowed"
    )


def test_a_task_that_has_been_woken_is_not_looked_at_again() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        waking = Waking(loop)
        future: asyncio.Future[int] = loop.create_future()
        task = asyncio.ensure_future(_result_of(future))
        await asyncio.sleep(0)  # it waits now
        hit(loop, 0, False, [])
        with pytest.raises(LateError):
            waking.tell(future, 7)
        assert len(waking.sleepers) == 1
        waking.look()
        assert await task == 7
        waking.look()
        assert not waking.sleepers

    asyncio.run(main())


async def _result_of(future: asyncio.Future[int]) -> int:
    return await future
