"""Connections that are closed with their only call: nothing watches their sockets while that runs
alone, and none is forgotten."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from typing import Final

import pytest

from onehttp_backends.contract import Outcome, Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer, keep_answering
from stand_ins import processes
from stand_ins.ways import blocking

CLOSES: Final = TransferOptions(total_timeout_s=PATIENCE_S, reuse=False)


def reset(peer: Peer) -> None:
    peer.request()
    peer.reset()


def hang_up(peer: Peer) -> None:
    peer.request()


def lie(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok")


@pytest.mark.parametrize("behaviour", [keep_answering, reset, hang_up, lie])
def test_nothing_is_left_of_a_call(behaviour: Callable[[Peer], None]) -> None:
    with RawServer(behaviour) as server, closing(PycurlBackend()) as backend:
        for number in range(1, 4):
            outcome = blocking(backend, Request("GET", server.url, options=CLOSES))
            assert isinstance(outcome, Response) is (behaviour is keep_answering)
            assert not backend._start().engine.watch.unseen
            stats = backend.stats()
            assert (stats.connections_opened, stats.connections_open) == (number, 0)


class Held:
    """A server that answers when it is told to, and calls to it in threads of their own."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.has_come = threading.Semaphore(0)
        self.outcomes: list[Outcome] = []

    def answer(self, peer: Peer) -> None:
        peer.request()
        self.has_come.release()
        assert self.may_answer.wait(PATIENCE_S)
        peer.send(OK)
        peer.wait_for_close()

    def call(self, backend: PycurlBackend, url: str) -> threading.Thread:
        request = Request("GET", url, options=CLOSES)
        thread = threading.Thread(
            target=lambda: self.outcomes.append(blocking(backend, request)), daemon=True
        )
        thread.start()
        assert self.has_come.acquire(timeout=PATIENCE_S)
        return thread


def test_a_call_that_others_join_is_watched_like_theirs() -> None:
    held = Held()
    with RawServer(held.answer) as server, closing(PycurlBackend()) as backend:
        for _ in range(2):
            held.may_answer.clear()
            threads = [held.call(backend, server.url)]
            watch = backend._start().engine.watch
            assert backend.stats().connections_open == 1
            threads.append(held.call(backend, server.url))
            assert not watch.unseen
            assert len(watch.open_sockets()) == backend.stats().connections_open == 2
            held.may_answer.set()
            for thread in threads:
                thread.join(PATIENCE_S)
        assert [isinstance(each, Response) for each in held.outcomes] == [True] * 4
        assert not watch.open_sockets()


IN_A_CHILD: Final = """
import os, socket
from contextlib import closing
from onehttp_backends.curl import PycurlBackend
from servers.raw import RawServer
sys.path.insert(0, sys.argv[1])
from test_opened_unseen import CLOSES, Held
from stand_ins.processes import child

def connections_to(port):
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            with socket.socket(fileno=os.dup(int(name))) as one:
                found += one.family == socket.AF_INET and one.getpeername()[1] == port
        except OSError:  # no socket, or the folder itself
            pass
    return found

def look():
    assert connections_to(server.port) == 0

held = Held()
with RawServer(held.answer) as server, closing(PycurlBackend()) as backend:
    thread = held.call(backend, server.url)
    assert connections_to(server.port) == 1
    assert child(look, os._exit) == 0
    assert connections_to(server.port) == 1
    held.may_answer.set()
    thread.join()
    print(held.outcomes[0].status)
"""


def test_a_forked_child_holds_no_connection_open() -> None:
    assert processes.output(IN_A_CHILD, __file__.rpartition("/")[0]) == "200\n"
