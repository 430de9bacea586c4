"""Signal handlers that raise, or make requests, at whatever instruction they hit."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from types import FrameType

import pytest

from onehttp_backends.contract import Request, Response
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import ReentrantCallError
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer, keep_answering
from stand_ins.ways import blocking

CALLS = 300
ENGINES = 60
LONGEST_S = 0.002


class LateError(Exception):
    """As timeout libraries raise it."""


def path_of(peer: Peer) -> None:
    """Answers with the path asked for."""
    while request := peer.request():
        path = request.split(b" ", 2)[1]
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path) + path)


@pytest.fixture
def restored(not_measured: None) -> Iterator[None]:
    usual = signal.getsignal(signal.SIGALRM)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, usual)


@pytest.mark.usefixtures("restored")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Python's own
@pytest.mark.parametrize("is_new", [True, False], ids=["engines that start", "one engine"])
def test_what_a_handler_raises_reaches_its_caller_and_leaves_the_engine_whole(is_new: bool) -> None:
    def ring(_number: int, _frame: FrameType | None) -> None:
        raise LateError

    signal.signal(signal.SIGALRM, ring)
    random.seed(1)
    # None is finalised meanwhile: what hits the callback of a weak reference Python forgets.
    backends = [PycurlBackend() for _ in range(ENGINES if is_new else 1)]
    with RawServer(path_of) as server:
        for number in range(ENGINES if is_new else CALLS):
            backend = backends[number if is_new else 0]
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, LONGEST_S))
                    body = backend.perform(Request("GET", f"{server.url}/{number}")).body
                    assert body == b"/%d" % number
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except LateError:
                pass
            after = backend.perform(Request("GET", f"{server.url}/after{number}"))
            assert after.body == b"/after%d" % number
            assert backend.stats().in_flight == 0
    for backend in backends:
        backend.close()


@pytest.mark.usefixtures("restored")
def test_a_request_from_a_handler_is_served_or_refused() -> None:
    backend = PycurlBackend()
    found: Counter[type] = Counter()
    begun = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        begun.set()
        try:
            found[type(blocking(backend, Request("GET", server.url)))] += 1
        except ReentrantCallError as error:
            found[type(error)] += 1

    with RawServer(keep_answering) as server:
        signal.signal(signal.SIGALRM, ask)
        for _ in range(CALLS):
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, LONGEST_S))
            assert backend.perform(Request("GET", server.url)).status == 200
            signal.setitimer(signal.ITIMER_REAL, 0)
        assert begun.is_set()
        assert set(found) <= {Response, ReentrantCallError}
    backend.close()


CHILD = """
import os, sys, threading
from onehttp_backends.contract import Request
from onehttp_backends.curl import PycurlBackend
backend, ended, codes = PycurlBackend(), threading.Event(), []
def on_done(outcome):
    child = os.fork()
    if not child:
        sys.exit(3)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    ended.set()
backend.submit(Request("GET", sys.argv[1]), on_done)
assert ended.wait(60)
sys.exit(codes[0])
"""


def test_a_child_forked_in_a_callback_exits_as_it_says() -> None:
    with RawServer(keep_answering) as server:
        command = [sys.executable, "-W", "ignore", "-c", CHILD, server.url]
        done = subprocess.run(command, timeout=PATIENCE_S, check=False, env=dict(os.environ))
    assert done.returncode == 3
