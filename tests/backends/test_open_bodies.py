"""A body that is still to be read when something happens: it ends with a typed error, and nobody
else is the worse for it."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import threading
import time

import pytest

from onehttp_backends.contract import Backend, Request
from onehttp_backends.errors import CancelledError
from onehttp_backends.optional.streaming import Opening, OpenResponse, Streaming, StreamLimits
from servers.patience import PATIENCE_S, end_if_it_hangs
from servers.raw import Peer, RawServer, keep_answering

LIMITS = StreamLimits(PATIENCE_S, math.inf)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"


def beginning(peer: Peer) -> None:
    """Sends the beginning of a body, and the end when it is told to."""
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nbegin")
    peer.server.release.wait(PATIENCE_S)
    peer.send(b"end")


def endless(peer: Peer) -> None:
    """More than anybody keeps."""
    while peer.request():
        peer.send(HEAD)
        while True:
            peer.send(bytes(100_000))


@pytest.fixture
def streaming(backend: Backend) -> Streaming:
    assert isinstance(backend, Streaming)
    return backend


def asking(url: str) -> Opening:
    return Opening(Request("GET", url, total_timeout_s=PATIENCE_S), LIMITS)


def begun(streaming: Streaming, url: str) -> OpenResponse:
    opened = streaming.open(asking(url))
    assert b"".join(opened.take()) == b"begin"
    return opened


def becomes_idle(backend: Backend) -> bool:
    end = time.monotonic() + PATIENCE_S
    while backend.stats().in_flight and time.monotonic() < end:
        gc.collect()
        threading.Event().wait(0.01)
    return not backend.stats().in_flight


def test_one_that_somebody_else_closes_is_cancelled(backend: Backend, streaming: Streaming) -> None:
    with RawServer(beginning) as server:
        opened = begun(streaming, server.url)
        closing = threading.Timer(0.1, opened.close)
        closing.start()
        with pytest.raises(CancelledError):
            opened.take()
        closing.join(PATIENCE_S)
    assert becomes_idle(backend)


def test_one_whose_engine_is_closed_is_cancelled(backend: Backend, streaming: Streaming) -> None:
    with RawServer(beginning) as server:
        opened = begun(streaming, server.url)
        closing = threading.Timer(0.1, backend.close)
        closing.start()
        with pytest.raises(CancelledError):
            opened.take()
        closing.join(PATIENCE_S)


def test_one_in_a_forked_child_is_the_parents(backend: Backend, streaming: Streaming) -> None:
    with RawServer(beginning) as server, RawServer(keep_answering) as good:
        opened = begun(streaming, server.url)
        pid = os.fork()
        if pid == 0:
            end_if_it_hangs()
            os._exit(status_of_child(backend, opened, good.url))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        server.release.set()  # it goes on in the parent: the connection is the parent's alone
        assert (b"".join(opened.take()), opened.take()) == (b"end", [])


def status_of_child(backend: Backend, opened: OpenResponse, url: str) -> int:
    try:
        if backend.perform(Request("GET", url, total_timeout_s=PATIENCE_S)).status != 200:
            return 1
        try:
            opened.take()
        except CancelledError:
            opened.close()
            is_well = backend.perform(Request("GET", url, total_timeout_s=PATIENCE_S))
            return 0 if is_well.status == 200 else 2
    except BaseException:  # noqa: BLE001 (the status says it)
        return 3
    return 4


def test_one_that_nobody_reads_holds_nobody_up(backend: Backend, streaming: Streaming) -> None:
    with RawServer(endless) as server, RawServer(keep_answering) as good:
        opened = streaming.open(asking(server.url))
        for _ in range(20):
            response = backend.perform(Request("GET", good.url, total_timeout_s=PATIENCE_S))
            assert response.status == 200
        opened.close()
        assert becomes_idle(backend)


def test_one_of_a_loop_that_is_closed_ends(backend: Backend, streaming: Streaming) -> None:
    async def leave(url: str) -> asyncio.Task[list[bytes]]:
        opened = await streaming.aopen(asking(url))
        assert b"".join(await opened.atake()) == b"begin"
        task = asyncio.ensure_future(opened.atake())
        await asyncio.sleep(0.01)
        return task

    with RawServer(beginning) as server, RawServer(keep_answering) as good:
        loop = asyncio.new_event_loop()
        left = loop.run_until_complete(leave(server.url))
        loop.close()
        assert becomes_idle(backend)
        assert backend.perform(Request("GET", good.url)).status == 200
        assert not left.done()
        left._log_destroy_pending = False  # type: ignore[attr-defined]
