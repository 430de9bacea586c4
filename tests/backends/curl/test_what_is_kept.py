"""What an engine keeps of calls that have ended: what later ones can use, and nothing else."""

from __future__ import annotations

import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from onehttp_backends.contract import Peer as Place
from onehttp_backends.contract import Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import TransferError
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer, keep_answering
from stand_ins.resolver import Resolver
from stand_ins.ways import WAYS, Way

# They would wait for a long time: what is kept for as long is seen.
PATIENT = TransferOptions(total_timeout_s=10 * PATIENCE_S)

each_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: str(way.__name__))


@pytest.fixture
def engine() -> Iterator[PycurlBackend]:
    made = PycurlBackend()
    yield made
    made.close()


def becomes(count: Callable[[], int], most: int) -> bool:
    """Whether no more are left once what nobody refers to is gone; a thread may be about to end."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        gc.collect()
        if count() <= most:
            return True
        threading.Event().wait(0.01)
    return False


def handles(engine: PycurlBackend) -> Callable[[], int]:
    """How many it has."""
    return lambda: len(engine._start().engine.pool.made)


def responses() -> int:
    """How many there are in this process."""
    return sum(type(found) is Response for found in gc.get_objects())


@each_way
def test_nothing_of_an_origin_that_has_never_answered(
    engine: PycurlBackend, resolver: Resolver, way: Way
) -> None:
    """There may be any number of them: dead names, in URLs of strangers."""
    for number in range(20):
        host = f"name{number}.example"
        resolver.fails(host, socket.EAI_NONAME)
        outcome = way(engine, Request("GET", f"http://{host}/", options=PATIENT))
        assert isinstance(outcome, TransferError)
    del outcome
    assert becomes(handles(engine), 0)


@each_way
def test_the_handle_of_an_origin_that_has_answered_once(engine: PycurlBackend, way: Way) -> None:
    def once(peer: Peer) -> None:
        if peer.number == 1:
            keep_answering(peer)

    with RawServer(once) as server:
        request = Request("GET", server.url, headers=(("Connection", "close"),), options=PATIENT)
        assert isinstance(way(engine, request), Response)
        for _ in range(3):
            assert isinstance(way(engine, request), TransferError)
        assert becomes(handles(engine), 1)


@each_way
def test_no_response_until_its_time_would_have_been_over(
    engine: PycurlBackend, resolver: Resolver, way: Way
) -> None:
    """A transfer that had to wait for its name."""
    gc.collect()
    before = responses()
    with RawServer(keep_answering) as server:
        for number in range(5):
            host = f"name{number}.example"
            resolver.knows(host, "127.0.0.1")
            request = Request("GET", f"http://{host}:{server.port}/", options=PATIENT)
            assert isinstance(way(engine, request), Response)
        assert becomes(responses, before)


def test_each_place_once_however_many_connections_there_were(engine: PycurlBackend) -> None:
    once = Request("GET", "", options=TransferOptions(reuse=False))
    places: set[int] = set()
    with RawServer(keep_answering) as server:
        responses = [engine.perform(once._replace(url=server.url)) for _ in range(5)]
        places.update(id(response.peer) for response in responses)
        assert responses[0].peer == Place("127.0.0.1", server.port)
    assert len(places) == 1
