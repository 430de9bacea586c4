"""How many streams a server takes at a time: the calls above that wait, on one connection."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import trustme

from conftest import server_context
from onehttp_backends.contract import Backend, Outcome, Request, Response, TransferOptions
from onehttp_backends.registry import load
from servers.multiplexing.limited_http2 import (
    ALL,
    AnswersInCrowds,
    Connection,
    LimitedServer,
    answers,
)
from servers.multiplexing.payments import PATIENT
from servers.patience import PATIENCE_S
from stand_ins.driving.crowds import CROWDS, Crowd, in_tasks


def requests(method: str, url: str, options: TransferOptions, count: int) -> list[Request]:
    body = b"1" if method == "POST" else None
    return [Request(method, f"{url}/{n}", body=body, options=options) for n in range(count)]


def check(server: LimitedServer, outcomes: list[Outcome], count: int) -> None:
    texts = {outcome.text for outcome in outcomes if isinstance(outcome, Response)}
    assert texts == {f"/{n}" for n in range(count)}, [
        outcome for outcome in outcomes if not isinstance(outcome, Response)
    ]
    assert sorted(server.taken) == sorted(["/first", *texts])  # each once


@pytest.fixture
def engine() -> Iterator[Backend]:
    """The double has a wait of its own (httpcore's), and no connection beside the first."""
    made = load("pycurl")()
    yield made
    made.close()


@pytest.fixture(params=["http", "https"])
def secured(
    request: pytest.FixtureRequest, authority: trustme.CA, trusting: TransferOptions
) -> tuple[ssl.SSLContext | None, TransferOptions]:
    if request.param == "http":
        return None, PATIENT
    options = replace(trusting, total_timeout_s=60, connect_timeout_s=60)
    return server_context(authority, "127.0.0.1", alpn="h2"), options


@pytest.mark.parametrize("crowd", CROWDS)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("limit", [1, 2, 100])
def test_a_crowd_waits_on_one_connection(
    backend: Backend,
    secured: tuple[ssl.SSLContext | None, TransferOptions],
    limit: int,
    method: str,
    crowd: Crowd,
) -> None:
    context, options = secured
    count = limit + 20
    with LimitedServer([limit], answers, context) as server:
        backend.perform(Request("GET", f"{server.url}/first", options=options))
        outcomes = crowd(backend, requests(method, server.url, options, count))
        check(server, outcomes, count)
        assert (server.connections, server.refused) == (1, [])


@pytest.mark.parametrize("crowd", CROWDS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_crowd_that_knows_no_limit_learns_it_from_few_refusals(
    engine: Backend,
    secured: tuple[ssl.SSLContext | None, TransferOptions],
    method: str,
    crowd: Crowd,
) -> None:
    """Those that go out before the server has said a word are refused, twice at most; they do not
    all connect for themselves then."""
    context, options = secured
    with LimitedServer([1], answers, context) as server:
        outcomes = crowd(engine, requests(method, server.url, options, 50))
        server.taken.append("/first")
        check(server, outcomes, 50)
        assert server.connections < 25


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_limit_that_is_lowered(engine: Backend, method: str) -> None:
    with LimitedServer([50], answers) as server:

        def lowers(connection: Connection, number: int) -> None:
            connection.allow(1)
            connection.answer(number)
            server.script = answers

        server.script = lowers
        engine.perform(Request("GET", f"{server.url}/first", options=PATIENT))
        check(server, in_tasks(engine, requests(method, server.url, PATIENT, 50)), 50)
        assert (server.connections, server.refused, server.most) == (1, [], 1)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_limit_that_is_raised_while_they_wait(engine: Backend, method: str) -> None:
    """None ends any more, until twenty are open at a time."""
    with LimitedServer([1], answers) as server:

        def raises(connection: Connection, number: int) -> None:
            connection.allow(20)
            server.script = AnswersInCrowds(20)

        engine.perform(Request("GET", f"{server.url}/first", options=PATIENT))
        server.script = raises
        check(server, in_tasks(engine, requests(method, server.url, PATIENT, 60)), 60)
        assert (server.connections, server.refused, server.most) == (1, [], 20)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_limit_of_none_at_all(engine: Backend, method: str) -> None:
    """On a connection that takes no stream nobody waits for one."""
    with LimitedServer([1, 2], answers) as server:

        def closes(connection: Connection, number: int) -> None:
            connection.allow(0)
            connection.answer(number)
            server.script = answers

        server.script = closes
        engine.perform(Request("GET", f"{server.url}/first", options=PATIENT))
        check(server, in_tasks(engine, requests(method, server.url, PATIENT, 20)), 20)
        assert server.connections < 10


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("limit", [101, 150, ALL])
def test_more_than_a_hundred_are_followed_by_another_connection(
    engine: Backend, limit: int, method: str
) -> None:
    """None waits for one that takes long, where a server does not ask for less."""
    is_followed = threading.Event()

    def waits(connection: Connection, number: int) -> None:
        if connection.peer.number > 1:
            is_followed.set()
            connection.answer(number)
        elif len(connection.open) == 101:
            assert is_followed.wait(PATIENCE_S)
            for each in list(connection.open):
                connection.answer(each)
            server.script = answers

    with LimitedServer([limit], answers) as server:
        engine.perform(Request("GET", f"{server.url}/first", options=PATIENT))
        server.script = waits
        check(server, in_tasks(engine, requests(method, server.url, PATIENT, 150)), 150)
        assert (server.connections, server.refused) == (2, [])
