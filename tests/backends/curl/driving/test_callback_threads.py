"""Callbacks run where no signal handler can cut them short: not in the main thread.

The threads that run them end with their engine, and each callback is called before that.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Final

import pytest

from onehttp_backends.contract import Outcome, Request
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import CancelledError
from servers.patience import PATIENCE_S, until
from servers.raw import RawServer, keep_answering, silent
from stand_ins.processes import output

SCRIPT: Final = """
import asyncio, threading
from onehttp_backends.contract import Request, Response
from onehttp_backends.curl import PycurlBackend
from servers.patience import PATIENCE_S
from servers.raw import RawServer, OK

both_are_there = threading.Barrier(2)

def behave(peer):
    while peer.request():
        both_are_there.wait(PATIENCE_S)
        peer.send(OK)

ended, ran_in = threading.Event(), []

def on_done(outcome):
    assert isinstance(outcome, Response), outcome
    ran_in.append(threading.current_thread())
    ended.set()

def block(): backend.perform(request)
def wait(): asyncio.run(backend.aperform(request))

backend = PycurlBackend()
with RawServer(behave) as server:
    request = Request("GET", server.url, total_timeout_s=PATIENCE_S)
    for _ in range(20):
        ended.clear()
        backend.submit(request, on_done)
        USE()
        assert ended.wait(PATIENCE_S)
    backend.close(0)
assert threading.main_thread() not in ran_in
"""


@pytest.mark.parametrize("use", ["block", "wait"])
def test_beside_a_main_thread_that_drives(use: str) -> None:
    output(SCRIPT.replace("USE()", f"{use}()"))


@pytest.fixture
def backend() -> Iterator[PycurlBackend]:
    engine = PycurlBackend()
    yield engine
    engine.close()


def test_they_end_with_their_engine(backend: PycurlBackend) -> None:
    has_come = threading.Event()
    with RawServer(keep_answering) as server:
        backend.submit(Request("GET", server.url), lambda _: has_come.set())
        assert has_come.wait(PATIENCE_S)
    threads = backend._start().threads
    assert threads._threads
    backend.close()
    until(lambda: not threads._threads)


def test_closing_waits_no_longer_than_a_callback_that_runs(backend: PycurlBackend) -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    def stay(_outcome: Outcome) -> None:
        has_begun.set()
        may_end.wait()

    with RawServer(keep_answering) as server:
        backend.submit(Request("GET", server.url), stay)
        assert has_begun.wait(PATIENCE_S)
        ownership = backend._start().ownership
        closing = threading.Thread(target=backend.close, args=(9 * PATIENCE_S,), daemon=True)
        closing.start()
        until(lambda: ownership.is_closing and ownership.is_asleep)
        may_end.set()
        closing.join(PATIENCE_S)
        assert not closing.is_alive(), "it was not woken"


def test_closing_calls_them_though_the_engine_has_no_thread(backend: PycurlBackend) -> None:
    outcomes: list[Outcome] = []
    with RawServer(silent) as server:
        backend.lend()
        backend.submit(Request("GET", server.url), outcomes.append)
        backend.close()
    [outcome] = outcomes
    assert isinstance(outcome, CancelledError)
