"""Calls in scopes and task groups of anyio, on each kind of loop.

A scope of anyio cancels a task again and again until the task has left it, so also while a call
that was cancelled awaits its own cleaning up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Final

import anyio
import pytest

import onehttp
from servers.raw import Peer, RawServer, keep_answering, silent

each_loop = pytest.mark.usefixtures("each_loop")

SOON_S: Final = 0.05
"""After this a scope is left whose call never ends."""


def stalling(peer: Peer) -> None:
    """Sends a head and a part of the body, no more."""
    while peer.request():
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")


def run(main: Callable[[], Awaitable[None]]) -> None:
    """In the loop of this test, like `asyncio.run`; no task is left over."""

    async def alone() -> None:
        await main()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    is_uvloop = "uvloop" in type(asyncio.get_event_loop_policy()).__module__
    anyio.run(alone, backend_options={"use_uvloop": is_uvloop})


@pytest.fixture
def good() -> Iterator[RawServer]:
    with RawServer(keep_answering) as server:
        yield server


@pytest.fixture
def bad(
    request: pytest.FixtureRequest, engine: str, good: RawServer
) -> Iterator[onehttp.Connection]:
    """A connection with one permit, to a server that does not answer in full."""
    behave = getattr(request, "param", silent)
    with RawServer(behave) as server:
        config = {"bad": {"url": server.url, "limits": 1}, "good": {"url": good.url}}
        onehttp.init({"version": 1, "connections": config}, backend=engine)
        yield onehttp.connection("bad")


async def nothing_is_left_of(bad: onehttp.Connection) -> None:
    assert bad.counters.in_flight == 0
    assert onehttp.stats().in_flight == 0
    assert (await onehttp.connection("good").arequest("GET", "/")).status == 200


@each_loop
def test_a_scope_that_is_over_ends_a_call(bad: onehttp.Connection) -> None:
    async def main() -> None:
        for _ in range(3):  # the only permit is given back each time
            with anyio.move_on_after(SOON_S) as scope:
                await bad.arequest("GET", "/")
            assert scope.cancelled_caught
        await nothing_is_left_of(bad)

    run(main)


@each_loop
@pytest.mark.parametrize("bad", [stalling], indirect=True)
def test_a_cancelled_scope_ends_a_stream(bad: onehttp.Connection) -> None:
    async def main() -> None:
        for _ in range(3):
            with anyio.CancelScope() as scope:
                async with bad.astream("GET", "/") as response:
                    async for _piece in response.iter_bytes():
                        scope.cancel()  # so the wait for the next piece is cancelled
            assert scope.cancelled_caught
        await nothing_is_left_of(bad)

    run(main)


@each_loop
def test_a_cancelled_scope_ends_the_source_of_a_body(bad: onehttp.Connection) -> None:
    ends: list[str] = []

    async def source(scope: anyio.CancelScope) -> AsyncIterator[bytes]:
        try:
            yield b"a part"
            scope.cancel()
            await anyio.sleep_forever()
        finally:
            ends.append("closed")

    async def main() -> None:
        for _ in range(3):
            with anyio.CancelScope() as scope:
                async with bad.astream("POST", "/", body=source(scope)):
                    pass
            assert scope.cancelled_caught
        await nothing_is_left_of(bad)
        assert ends == ["closed"] * 3

    run(main)


@each_loop
def test_a_call_that_fails_ends_those_beside_it(bad: onehttp.Connection) -> None:
    class ItsOwnError(Exception):
        pass

    async def fail() -> None:
        response = await onehttp.connection("good").arequest("GET", "/")
        raise ItsOwnError(response.status)

    async def main() -> None:
        failed: list[BaseException] = []
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(bad.arequest, "GET", "/")
                group.start_soon(fail)
        except BaseException as error:  # noqa: BLE001 (a group, which Python 3.10 has no name for)
            failed += getattr(error, "exceptions", [error])
        assert [type(error) for error in failed] == [ItsOwnError]
        await nothing_is_left_of(bad)

    run(main)


@each_loop
def test_a_shielded_call_goes_on(bad: onehttp.Connection) -> None:
    statuses: list[int] = []

    async def main() -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            with anyio.CancelScope(shield=True):
                response = await onehttp.connection("good").arequest("GET", "/")
                statuses.append(response.status)
            await bad.arequest("GET", "/")
        assert scope.cancelled_caught
        assert statuses == [200]
        await nothing_is_left_of(bad)

    run(main)
