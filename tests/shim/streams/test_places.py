"""A place among the limits is held until the body has ended, however that comes about."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import onehttp
from servers.raw import Peer, RawServer, answering

HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"


def giving_a_body(peer: Peer) -> None:
    while peer.request():
        peer.send(WHOLE)


def giving_half(peer: Peer) -> None:
    peer.request()
    peer.send(HALF)
    peer.request()


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(giving_a_body) as running:
        yield running


def limited(engine: str, url: str, **more: Any) -> Any:
    """A connection with one place, which nobody waits for."""
    limits = {"concurrent": 1, "wait": 0}
    named = {"api": {"url": url, "limits": limits, **more}}
    onehttp.init({"version": 1, "connections": named}, backend=engine)
    return onehttp.connection("api")


def is_free(api: Any) -> bool:
    found: bool = api.counters.in_flight == 0
    return found


def test_nobody_else_gets_it_meanwhile(engine: str, server: RawServer) -> None:
    api = limited(engine, server.url)
    with api.stream("GET") as response:
        with pytest.raises(onehttp.LimitReachedError):
            api.get()
        assert response.read() == b"body"
        assert api.get().body == b"body"
    assert is_free(api)


def leaves(response: Any) -> None:
    del response


def reads(response: Any) -> None:
    assert b"".join(response.iter_bytes()) == b"body"
    assert is_free(onehttp.connection("api"))


def closes(response: Any) -> None:
    response.close()
    assert is_free(onehttp.connection("api"))


def raises(response: Any) -> None:
    del response
    raise KeyError


@pytest.mark.parametrize("do", [leaves, reads, closes, raises])
def test_a_thread_returns_its_permit_at_the_end_of_the_body(
    engine: str, server: RawServer, do: Callable[[Any], None]
) -> None:
    api = limited(engine, server.url)
    for _ in range(2):
        try:
            with api.stream("GET") as response:
                assert not is_free(api)
                do(response)
        except KeyError:
            assert do is raises
        assert is_free(api)


@pytest.mark.parametrize("do", [leaves, closes, raises])
def test_a_task_returns_its_permit_at_the_end_of_the_body(
    engine: str, server: RawServer, do: Callable[[Any], None]
) -> None:
    api = limited(engine, server.url)

    async def main() -> None:
        for _ in range(2):
            try:
                async with api.astream("GET") as response:
                    assert not is_free(api)
                    do(response)
            except KeyError:
                assert do is raises
            assert is_free(api)
        async with api.astream("GET") as response:
            assert await response.read() == b"body"
            assert is_free(api)

    asyncio.run(main())


def test_what_breaks_off_gives_it_back(engine: str) -> None:
    with RawServer(answering(HALF)) as server:
        api = limited(engine, server.url)
        with api.stream("GET") as response:
            with pytest.raises(onehttp.DisconnectedError):
                response.read()
            assert is_free(api)

        async def main() -> None:
            async with api.astream("GET") as response:
                with pytest.raises(onehttp.DisconnectedError):
                    await response.read()
                assert is_free(api)

        asyncio.run(main())


def test_who_is_cancelled_gives_it_back(engine: str) -> None:
    with RawServer(giving_half) as server:
        api = limited(engine, server.url)

        async def reading(has_begun: asyncio.Event) -> None:
            async with api.astream("GET") as response:
                has_begun.set()
                await response.read()

        async def main() -> None:
            has_begun = asyncio.Event()
            task = asyncio.ensure_future(reading(has_begun))
            await has_begun.wait()
            assert not is_free(api)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert is_free(api)

        asyncio.run(main())


@pytest.mark.parametrize("way", ["thread", "task"])
def test_who_forgets_it_gives_it_back_to_the_collector(
    engine: str, server: RawServer, way: str
) -> None:
    api = limited(engine, server.url)
    loop = asyncio.new_event_loop()
    try:
        if way == "thread":
            response = api.stream("GET").__enter__()
        else:
            response = loop.run_until_complete(api.astream("GET").__aenter__())
        assert not is_free(api)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            del response
            gc.collect()
        assert is_free(api)
    finally:
        loop.close()


def test_a_loop_that_is_closed_gives_it_back(engine: str, server: RawServer) -> None:
    api = limited(engine, server.url)
    loop = asyncio.new_event_loop()
    response = loop.run_until_complete(api.astream("GET").__aenter__())
    assert not is_free(api)
    loop.close()
    assert is_free(api)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del response
        gc.collect()
    assert is_free(api)  # once, and not twice
    with api.stream("GET"), pytest.raises(onehttp.LimitReachedError):
        api.get()


def test_another_attempt_does_not_wait_for_the_place_of_the_first(engine: str) -> None:
    def failing_first(peer: Peer) -> None:
        while peer.request():
            if len(busy.requests) == 1:
                peer.send(b"HTTP/1.1 503 Busy\r\nContent-Length: 100000\r\n\r\nfirst")
                return
            peer.send(WHOLE)

    with RawServer(failing_first) as busy:
        again = {"attempts": 2, "backoff": {"base": 0.001}}
        api = limited(engine, busy.url, retry=again)
        with api.stream("GET") as response:
            assert (response.status, response.read()) == (200, b"body")
        assert is_free(api)


def test_a_body_that_is_sent_holds_it_until_the_whole_answer_is_there(
    engine: str, server: RawServer
) -> None:
    api = limited(engine, server.url)
    for _ in range(2):
        assert api.put(body=iter([b"row"])).body == b"body"
        assert is_free(api)
