"""What a server of HTTP/2 has refused it has not done: it is sent once more, by any method."""

from __future__ import annotations

import asyncio
import collections
import queue
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from conftest import server_context
from onehttp_backends.contract import (
    Backend,
    Outcome,
    Request,
    Response,
    TransferOptions,
)
from onehttp_backends.errors import DisconnectedError, ProtocolError, Sent, TransferError
from onehttp_backends.registry import load
from servers.multiplexing.payments import (
    CALM_DOWN,
    CANCEL,
    INTERNAL,
    NEEDS_HTTP_1_1,
    PATIENT,
    REFUSED,
    Script,
    may_have_been_acted_on,
    sent,
)
from servers.multiplexing.scripted_http2 import Stream, scripted
from servers.nginx import limited_per_connection
from servers.patience import PATIENCE_S


def refuses_the_first(stream: Stream) -> None:
    if stream.peer.number == 1:
        stream.reset(REFUSED)
    else:
        stream.answer()


def refuses_the_second(stream: Stream) -> None:
    if stream.peer.number == 1 and stream.number > 1:
        stream.reset(REFUSED)
    else:
        stream.answer()


def goes_away_below(stream: Stream) -> None:
    if stream.peer.number == 1 and stream.number > 1:
        stream.go_away(last_stream=1)
    else:
        stream.answer()


def goes_away_below_and_hangs_up(stream: Stream) -> None:
    goes_away_below(stream)
    if stream.peer.number == 1 and stream.number > 1:
        stream.hang_up()


def goes_away_after_five(code: int) -> Script:
    def script(stream: Stream) -> None:
        last = 9 if stream.peer.number == 1 else 2**31 - 1
        if stream.number <= last:
            stream.answer()
        if stream.number == last:
            stream.go_away(last, code)

    return script


def goes_away_from_all(stream: Stream) -> None:
    if stream.peer.number == 1:
        stream.go_away(last_stream=0)
    else:
        stream.answer()


def refuses_always(stream: Stream) -> None:
    stream.reset(REFUSED)


def hangs_up_on_the_second(stream: Stream) -> None:
    if stream.peer.number == 1 and stream.number > 1:
        stream.hang_up()
    else:
        stream.answer()


def resets_the_second(code: int) -> Script:
    def script(stream: Stream) -> None:
        if stream.number > 1:
            stream.reset(code)
        else:
            stream.answer()

    return script


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE", "PUT", "PATCH"])
@pytest.mark.parametrize(
    "script",
    [
        refuses_the_first,
        refuses_the_second,
        goes_away_below,
        goes_away_below_and_hangs_up,
        goes_away_from_all,
    ],
)
def test_what_was_refused_is_sent_once_more(backend: Backend, script: Script, method: str) -> None:
    is_first = script in (refuses_the_first, goes_away_from_all)
    with scripted(script) as server:
        if not is_first:
            backend.perform(Request("GET", server.url, options=PATIENT))
        assert backend.perform(sent(method, server.url)).status == 200
        assert server.targets.count(f"{method} /pay") == 2


@pytest.mark.parametrize("script", [refuses_the_second, goes_away_below])
def test_every_way_of_calling_sends_once_more(backend: Backend, script: Script) -> None:
    outcomes: queue.Queue[Outcome] = queue.Queue()

    async def awaited() -> None:
        await backend.aperform(Request("GET", server.url, options=PATIENT))
        assert (await backend.aperform(sent("POST", server.url))).status == 200

    with scripted(script) as server:
        asyncio.run(awaited())
        assert server.targets.count("POST /pay") == 2
    with scripted(script) as server:
        for request in (Request("GET", server.url, options=PATIENT), sent("POST", server.url)):
            backend.submit(request, outcomes.put)
            assert isinstance(outcomes.get(timeout=PATIENCE_S), Response)
        assert server.targets.count("POST /pay") == 2


@pytest.mark.parametrize("method", ["POST", "DELETE", "GET"])
def test_what_is_always_refused_is_given_up(backend: Backend, method: str) -> None:
    """After one more attempt, and (of the engine, which tries beside others first) one on a
    connection of its own."""
    with scripted(refuses_always) as server:
        with pytest.raises(DisconnectedError) as caught:
            backend.perform(sent(method, server.url))
        assert len(server.requests) == {"pycurl": 3, "httpx": 2}[backend.name]
        assert caught.value.sent is Sent.NO
        # Nothing of that is kept for the next.
        with pytest.raises(DisconnectedError):
            backend.perform(sent(method, server.url))
        assert len(server.requests) == {"pycurl": 6, "httpx": 4}[backend.name]


@pytest.mark.parametrize("code", [INTERNAL, CANCEL])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_stream_that_was_reset_may_have_been_acted_on(
    backend: Backend, code: int, method: str
) -> None:
    with scripted(resets_the_second(code)) as server:
        backend.perform(Request("GET", server.url, options=PATIENT))
        with pytest.raises(ProtocolError) as caught:
            backend.perform(sent(method, server.url))
        assert (caught.value.code, caught.value.sent) == (92, Sent.MAYBE)
        assert server.targets.count(f"{method} /pay") == 1


def test_a_connection_that_ended_may_have_been_acted_on(backend: Backend) -> None:
    may_have_been_acted_on(backend, hangs_up_on_the_second, DisconnectedError)


def test_a_safe_request_on_a_connection_that_ended_is_sent_once_more(backend: Backend) -> None:
    with scripted(hangs_up_on_the_second) as server:
        backend.perform(Request("GET", server.url, options=PATIENT))
        assert backend.perform(sent("GET", server.url)).status == 200
        assert server.targets.count("GET /pay") == 2


@pytest.fixture
def either(authority: trustme.CA) -> ssl.SSLContext:
    """A server's context that speaks HTTP/2, and HTTP/1.1 to whom will not."""
    context = server_context(authority, "127.0.0.1")
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(
    ("is_first", "ends"), [(True, "stream"), (False, "stream"), (True, "connection")]
)
def test_what_needs_http_1_1_is_sent_over_it(
    backend: Backend,
    either: ssl.SSLContext,
    trusting: TransferOptions,
    method: str,
    is_first: bool,
    ends: str,
) -> None:
    def script(stream: Stream) -> None:
        if (is_first or stream.number > 1) and ends == "stream":
            stream.reset(NEEDS_HTTP_1_1)
        elif is_first or stream.number > 1:
            stream.go_away(0, NEEDS_HTTP_1_1)
        else:
            stream.answer()

    with scripted(script, either) as server:
        if not is_first:
            backend.perform(Request("GET", server.url, options=trusting))
        response = backend.perform(sent(method, server.url, trusting))
        assert (response.status, response.http_version) == (200, "1.1")
        assert server.targets.count(f"{method} /pay") == 2


@pytest.mark.parametrize("is_warm", [True, False])
def test_more_streams_than_the_server_takes_wait(
    backend: Backend, either: ssl.SSLContext, trusting: TransferOptions, is_warm: bool
) -> None:
    options = replace(trusting, total_timeout_s=60, connect_timeout_s=60)

    async def crowd() -> None:
        request = sent("POST", server.url, options)
        if is_warm:
            await backend.aperform(request)
        await asyncio.gather(*(backend.aperform(request) for _ in range(50)))

    with scripted(Stream.answer, either, max_streams=1) as server:
        asyncio.run(crowd())
        assert server.targets.count("POST /pay") == 50 + is_warm
        assert server.connections < 10


@pytest.fixture
def engine() -> Iterator[Backend]:
    """Of crowds the double is no example: httpcore gives up streams that a GOAWAY lets go on."""
    made = load("pycurl")()
    yield made
    made.close()


@pytest.mark.usefixtures("debian")
def test_posts_survive_that_nginx_takes_so_many_on_a_connection(
    engine: Backend, authority: trustme.CA, trusting: TransferOptions, tmp_path: Path
) -> None:
    options = replace(trusting, total_timeout_s=60, connect_timeout_s=60)
    outcomes: collections.Counter[object] = collections.Counter()
    numbers = iter(range(400))

    async def post_in_turn(url: str) -> None:
        for number in numbers:
            request = Request("POST", f"{url}/{number}", body=b"pay=1", options=options)
            try:
                outcomes[(await engine.aperform(request)).status] += 1
            except TransferError as error:
                outcomes[error.sent] += 1

    async def crowd(url: str) -> None:
        await asyncio.gather(*(post_in_turn(url) for _ in range(20)))

    with limited_per_connection(authority, tmp_path, requests=100) as nginx:
        asyncio.run(crowd(nginx.url))
    assert outcomes == {200: 400}
    answered = nginx.log.read_text().splitlines()
    assert len(answered) == len({line.split('"')[1] for line in answered}) == 400


@pytest.mark.parametrize("method", ["POST", "DELETE", "GET"])
@pytest.mark.usefixtures("debian")
def test_none_of_a_crowd_is_lost_to_a_server_that_takes_two_on_a_connection(
    engine: Backend, authority: trustme.CA, trusting: TransferOptions, tmp_path: Path, method: str
) -> None:
    options = replace(trusting, total_timeout_s=PATIENCE_S, connect_timeout_s=PATIENCE_S)

    async def crowd(url: str) -> list[Response]:
        asked = (engine.aperform(sent(method, f"{url}/{n}", options)) for n in range(50))
        return await asyncio.gather(*asked)

    with limited_per_connection(authority, tmp_path, requests=2) as nginx:
        found = asyncio.run(crowd(nginx.url))
    assert [response.status for response in found] == [200] * 50
    answered = nginx.log.read_text().splitlines()
    assert len(answered) == len({line.split('"')[1] for line in answered}) == 50


@pytest.mark.parametrize("way", ["threads", "callbacks"])
@pytest.mark.parametrize("code", [0, CALM_DOWN])
def test_a_crowd_goes_on_when_its_connection_goes_away(
    engine: Backend, way: str, code: int
) -> None:
    outcomes: queue.Queue[Outcome] = queue.Queue()

    def perform() -> None:
        try:
            outcomes.put(engine.perform(sent("POST", server.url)))
        except TransferError as error:
            outcomes.put(error)

    with scripted(goes_away_after_five(code)) as server:
        engine.perform(Request("GET", server.url, options=PATIENT))
        for _ in range(20):
            if way == "threads":
                threading.Thread(target=perform).start()
            else:
                engine.submit(sent("POST", server.url), outcomes.put)
        found = [outcomes.get(timeout=PATIENCE_S) for _ in range(20)]
    assert [getattr(outcome, "status", outcome) for outcome in found] == [200] * 20
