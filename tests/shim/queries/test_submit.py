"""submit: callbacks, routes by name, cancelling, and routes that fail."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

import onehttp
from servers.raw import RawServer, echo, keep_answering, silent


def test_a_route_gets_the_result_and_the_callers_data(api: str) -> None:
    came: list[onehttp.Result] = []
    ran = threading.Event()

    @onehttp.route("REPLY")
    def reply(result: onehttp.Result) -> None:
        came.append(result)
        ran.set()

    with RawServer(echo) as server:
        query = onehttp.submit("GET", f"{server.url}/r", route="REPLY", xdata={"call": 7})
        assert ran.wait(30)
    assert came[0].ok
    assert came[0].query_id == query.id
    assert came[0].xdata == {"call": 7}
    assert came[0].response is not None
    assert came[0].response.text.startswith("GET /r ")


def test_a_failure_comes_as_a_result(api: str) -> None:
    with RawServer(silent) as server:
        result = onehttp.submit("GET", server.url, timeout=0.05).result(30)
    assert not result.ok
    assert isinstance(result.error, onehttp.TimeoutError)
    assert result.response is None


def test_a_query_can_be_awaited(api: str) -> None:
    async def both() -> tuple[onehttp.Result, onehttp.Result]:
        query = onehttp.submit("GET", server.url)
        return await query, await query

    with RawServer(keep_answering) as server:
        first, second = asyncio.run(both())
    assert first is second
    assert first.ok


def test_a_cancelled_query_ends_with_that_error(api: str) -> None:
    with RawServer(silent) as server:
        query = onehttp.submit("GET", server.url, timeout=30)
        assert query.cancel()
        result = query.result(30)
        assert isinstance(result.error, onehttp.CancelledError)
        assert not query.cancel()


def test_an_unknown_route_sends_nothing(api: str) -> None:
    @onehttp.route("HTTP_REPLY")
    def reply(result: onehttp.Result) -> None:
        raise AssertionError(result)

    with RawServer(keep_answering) as server:
        with pytest.raises(onehttp.UnknownRouteError, match="did you mean 'HTTP_REPLY'"):
            onehttp.submit("GET", server.url, route="HTTP_REPLAY")
        assert onehttp.stats().transfers == 0


def test_a_route_that_raises_is_logged_and_the_worker_lives_on(
    api: str, caplog: pytest.LogCaptureFixture
) -> None:
    ran = threading.Semaphore(0)

    def broken(result: onehttp.Result) -> None:
        ran.release()
        raise ZeroDivisionError("route")

    with RawServer(keep_answering) as server, caplog.at_level(logging.ERROR, logger="onehttp"):
        for _ in range(10):
            onehttp.submit("GET", server.url, route=broken)
        for _ in range(10):
            assert ran.acquire(timeout=30)
        onehttp.shutdown(30)
    assert len([line for line in caplog.messages if "broken failed" in line]) == 10


def test_waiting_too_short_says_so_and_the_query_goes_on(api: str) -> None:
    with RawServer(silent) as server:
        query = onehttp.submit("GET", server.url, timeout=30)
        with pytest.raises(TimeoutError, match=f"query {query.id}"):
            query.result(0)
        query.cancel()
        query.result(30)


def test_a_connection_submits_too(engine: str) -> None:
    with RawServer(echo) as server:
        document = {"version": 1, "connections": {"api": {"url": f"{server.url}/v1"}}}
        onehttp.init(document, backend=engine)
        result = onehttp.connection("api").submit("POST", "/x", json=1).result(30)
    assert result.response is not None
    assert result.response.text.startswith("POST /v1/x ")
