"""Calls that wait until the server takes another stream end in time, whatever ends them."""

from __future__ import annotations

import itertools
import os
import queue
from typing import Final

import pytest

from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl.engine import http2_stream_queue
from onehttp_backends.errors import CancelledError, Phase, Sent, TimeoutError
from onehttp_backends.optional.streaming import Opening
from servers.multiplexing.limited_http2 import AnswersInCrowds, Connection, LimitedServer, answers
from servers.multiplexing.payments import PATIENT
from servers.patience import PATIENCE_S
from stand_ins.driving.crowds import CROWDS, Crowd, in_tasks
from stand_ins.injection import Injector, Interrupt, Lines
from stand_ins.pieces import LIMITS
from stand_ins.processes import child

QUEUE_FILE: Final = http2_stream_queue.__file__
METHODS: Final = pytest.mark.parametrize("method", ["GET", "POST"])


def request(method: str, url: str, limit_s: float | None = None) -> Request:
    body = b"1" if method == "POST" else None
    return Request(method, url, body=body, options=PATIENT, total_timeout_s=limit_s)


class Held:
    """A server that takes one stream at a time, and a call that keeps it until it is cancelled."""

    def __init__(self, backend: PycurlBackend, server: LimitedServer) -> None:
        script = AnswersInCrowds(1)
        server.script = script
        backend.perform(request("GET", f"{server.url}/first"))
        self.outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        held = request("GET", f"{server.url}/held")
        self.transfer = backend.submit(held, self.outcomes.put)
        assert script.holds.wait(PATIENCE_S)

    def let_go(self) -> None:
        self.transfer.cancel()
        assert isinstance(self.outcomes.get(timeout=PATIENCE_S), CancelledError)


@METHODS
@pytest.mark.parametrize("crowd", CROWDS)
def test_their_time_ends_while_they_wait(backend: PycurlBackend, method: str, crowd: Crowd) -> None:
    with LimitedServer([1], answers) as server:
        held = Held(backend, server)
        behind = [request(method, f"{server.url}/{n}", 0.05 + n / 1000) for n in range(20)]
        for outcome in crowd(backend, behind):
            assert isinstance(outcome, TimeoutError), outcome
            assert (outcome.code, outcome.sent, outcome.phase) == (28, Sent.NO, Phase.QUEUE)
        held.let_go()
        response = backend.perform(request(method, f"{server.url}/next"))
        assert (response.text, server.connections) == ("/next", 1)
        assert server.taken == ["/first", "/held", "/next"]
        assert backend.stats().in_flight == 0


@METHODS
def test_they_are_cancelled_while_they_wait(backend: PycurlBackend, method: str) -> None:
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    with LimitedServer([1], answers) as server:
        held = Held(backend, server)
        behind = [
            backend.submit(request(method, f"{server.url}/{n}"), outcomes.put) for n in range(20)
        ]
        for transfer in behind[::2]:
            transfer.cancel()
        for _ in behind[::2]:
            error = outcomes.get(timeout=PATIENCE_S)
            assert isinstance(error, CancelledError), error
            assert error.sent is Sent.NO
        held.let_go()
        for _ in behind[1::2]:
            assert isinstance(outcomes.get(timeout=PATIENCE_S), Response)
        assert server.connections == 1
        assert sorted(server.taken[2:]) == sorted(f"/{n}" for n in range(1, 20, 2))
        assert backend.stats().in_flight == 0


def test_the_engine_is_closed_while_they_wait(backend: PycurlBackend) -> None:
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    with LimitedServer([1], answers) as server:
        held = Held(backend, server)
        for n in range(20):
            backend.submit(request("POST", f"{server.url}/{n}"), outcomes.put)
        backend.close()
        for _ in range(20):
            error = outcomes.get(timeout=PATIENCE_S)
            assert isinstance(error, CancelledError), error
            assert error.sent is Sent.NO
        assert isinstance(held.outcomes.get(timeout=PATIENCE_S), CancelledError)
        assert server.taken == ["/first", "/held"]


@METHODS
def test_their_connection_dies(backend: PycurlBackend, method: str) -> None:
    def dies(connection: Connection, _number: int) -> None:
        server.script = answers
        connection.peer.socket.close()

    with LimitedServer([1], answers) as server:
        backend.perform(request("GET", f"{server.url}/first"))
        server.script = dies
        requests = [request(method, f"{server.url}/{n}") for n in range(20)]
        outcomes = in_tasks(backend, requests)
        lost = [outcome for outcome in outcomes if not isinstance(outcome, Response)]
        assert len(lost) == (method == "POST")  # the one of which nobody knows
        assert len(server.taken) == 22 - (method == "POST")
        assert server.connections < 10
        assert backend.stats().in_flight == 0


def test_a_child_is_forked_while_they_wait(backend: PycurlBackend) -> None:
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def call() -> None:
        assert backend.perform(request("POST", f"{other.url}/child")).text == "/child"

    with LimitedServer([1], answers) as server, LimitedServer([1], answers) as other:
        held = Held(backend, server)
        for n in range(20):
            backend.submit(request("POST", f"{server.url}/{n}"), outcomes.put)
        assert child(call, os._exit) == 0
        held.let_go()
        found = [outcomes.get(timeout=PATIENCE_S) for _ in range(20)]
        assert all(isinstance(outcome, Response) for outcome in found), found
        assert (server.connections, len(server.taken)) == (1, 22)


def test_a_streamed_response_keeps_nobody_waiting(backend: PycurlBackend) -> None:
    """Its reader may make calls itself."""

    def begins(connection: Connection, number: int) -> None:
        if connection.open[number] == "/streamed":
            connection.begin(number)
        else:
            connection.answer(number)

    with LimitedServer([1], begins) as server:
        backend.perform(request("GET", f"{server.url}/first"))
        opened = backend.open(Opening(request("GET", f"{server.url}/streamed"), LIMITS))
        outcomes = in_tasks(backend, [request("POST", f"{server.url}/{n}") for n in range(5)])
        assert [outcome.text for outcome in outcomes if isinstance(outcome, Response)] == [
            f"/{n}" for n in range(5)
        ]
        opened.close()
        assert server.connections == 2


@pytest.mark.slow
@METHODS
def test_an_exception_at_each_line_of_their_wait(backend: PycurlBackend, method: str) -> None:
    """As a signal handler raises it: what it does not hit is answered, once, and nobody is left."""
    neighbours: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    lines = Lines()
    missed = 0
    with LimitedServer([1], answers) as server:
        backend.perform(request("GET", f"{server.url}/first"))
        for turn in itertools.count():
            if missed == 3:
                break
            # Named by their turn: what was cut off in one may come to the server in the next.
            del server.taken[:]
            injector = Injector(lines, (QUEUE_FILE,))
            requests = [request(method, f"{server.url}/{turn}/{n}") for n in range(5)]
            found: list[Outcome] = []
            for n in range(5):  # of others, whom the exception must not touch
                backend.submit(request(method, f"{server.url}/{turn}/n{n}"), neighbours.put)
            try:
                with injector.in_force():
                    found = in_tasks(backend, requests)
            except Interrupt:
                pass
            missed = 0 if injector.place else missed + 1
            for n, outcome in enumerate(found):
                assert isinstance(outcome, Response), (injector.place, outcome)
                assert outcome.text == f"/{turn}/{n}", injector.place
            for _ in range(5):
                outcome = neighbours.get(timeout=PATIENCE_S)
                assert isinstance(outcome, Response), (injector.place, outcome)
            assert len(set(server.taken)) == len(server.taken), injector.place
            after = backend.perform(request(method, f"{server.url}/next"))
            assert after.text == "/next", injector.place
            assert backend.stats().in_flight == 0, injector.place
    assert len(lines) > 25
