"""HTTP/2 connections that have gone silent, or away, while they were kept for later calls."""

from __future__ import annotations

import queue
import threading

import pytest

from onehttp_backends.contract import HttpVersion, Outcome, Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import TimeoutError
from servers.multiplexing.scripted_http2 import Stream, scripted
from servers.patience import PATIENCE_S
from stand_ins.ways import Way, awaited, blocking, called_back

OPTIONS = TransferOptions(
    http_version=HttpVersion.HTTP_2_PRIOR_KNOWLEDGE,
    total_timeout_s=PATIENCE_S,
    connect_timeout_s=PATIENCE_S,
)
SHORT_S = 0.3
ways = pytest.mark.parametrize("way", [blocking, awaited, called_back])


def freezes(stream: Stream) -> None:
    """The first connection answers one request."""
    if stream.peer.number > 1 or stream.number == 1:
        stream.answer()


@ways
def test_a_connection_that_let_a_call_time_out_is_left(backend: PycurlBackend, way: Way) -> None:
    with scripted(freezes) as server:
        request = Request("GET", server.url, options=OPTIONS)
        assert isinstance(way(backend, request), Response)
        assert isinstance(way(backend, request._replace(total_timeout_s=SHORT_S)), TimeoutError)
        assert isinstance(way(backend, request), Response)
        assert server.connections == 2


@ways
def test_also_when_it_has_never_answered(backend: PycurlBackend, way: Way) -> None:
    silent: list[int] = []

    def is_silent(stream: Stream) -> None:
        silent.append(stream.peer.number)
        if stream.peer.number > silent[0]:
            stream.answer()

    with scripted(is_silent) as server:
        request = Request("GET", server.url, options=OPTIONS)
        hasty = request._replace(total_timeout_s=SHORT_S)
        while not silent:  # a busy machine may take longer than that to get one across
            way(backend, hasty)
        way(backend, hasty)  # its settings may have come late, while the one before waited
        assert isinstance(way(backend, request), Response)


@ways
def test_what_is_under_way_on_it_is_left_in_peace(backend: PycurlBackend, way: Way) -> None:
    """A call that is being worked on for long, and one that timed out beside it."""
    held: queue.SimpleQueue[Stream] = queue.SimpleQueue()

    def works_for_long(stream: Stream) -> None:
        if stream.peer.number > 1 or stream.target == b"/quick":
            stream.answer()
        elif stream.target == b"/long":
            held.put(stream)

    with scripted(works_for_long) as server:
        quick = Request("GET", f"{server.url}/quick", options=OPTIONS)
        assert isinstance(way(backend, quick), Response)
        outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        backend.submit(quick._replace(url=f"{server.url}/long", method="POST"), outcomes.put)
        stream = held.get(timeout=PATIENCE_S)
        stuck = quick._replace(url=f"{server.url}/stuck", total_timeout_s=SHORT_S)
        assert isinstance(way(backend, stuck), TimeoutError)
        assert isinstance(way(backend, quick), Response)
        assert server.connections == 2
        stream.answer()
        stream.flush()
        assert isinstance(outcomes.get(timeout=PATIENCE_S), Response)


@ways
def test_one_that_speaks_to_others_is_kept(backend: PycurlBackend, way: Way) -> None:
    stop = threading.Event()

    def ignores_one(stream: Stream) -> None:
        if stream.target != b"/stuck":
            stream.answer()

    with scripted(ignores_one) as server:
        lively = Request("GET", f"{server.url}/lively", options=OPTIONS)

        def keep_calling() -> None:
            while not stop.is_set():
                blocking(backend, lively)

        assert isinstance(way(backend, lively), Response)
        other = threading.Thread(target=keep_calling)
        other.start()
        stuck = lively._replace(url=f"{server.url}/stuck", total_timeout_s=5 * SHORT_S)
        assert isinstance(way(backend, stuck), TimeoutError)
        assert isinstance(way(backend, lively), Response)
        stop.set()
        other.join(PATIENCE_S)
        assert server.connections == 1


@ways
@pytest.mark.parametrize("closes", [False, True], ids=["says so", "says so and closes"])
def test_a_connection_that_went_away_costs_no_post(
    backend: PycurlBackend, way: Way, closes: bool
) -> None:
    done: queue.SimpleQueue[int] = queue.SimpleQueue()

    def goes_away(stream: Stream) -> None:
        if stream.peer.number == 1:
            if stream.number > 1:
                return  # as it has said
            stream.answer()
            stream.go_away(last_stream=stream.number)
            if closes:
                stream.hang_up()
        else:
            stream.answer()
        done.put(stream.peer.number)

    with scripted(goes_away) as server:
        post = Request("POST", server.url, body=b"pay", options=OPTIONS)
        assert isinstance(way(backend, post), Response)
        assert done.get(timeout=PATIENCE_S) == 1
        assert isinstance(way(backend, post), Response)
        assert done.get(timeout=PATIENCE_S) == 2
        assert done.empty()
