"""Exceptions out of signal handlers that come while libcurl asks a function of ours: they reach
whom they hit, and the transfer goes on, or begins anew."""

from __future__ import annotations

import ast
import contextlib
import ctypes
import functools
import gzip
import inspect
import itertools
import queue
import random
import select
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final

import pycurl
import pytest

from onehttp_backends.bodies.sources import upload_of
from onehttp_backends.contract import Outcome, Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend, signal_safe
from onehttp_backends.curl.engine.engine import Engine
from onehttp_backends.curl.signal_safe import (
    data_callback,
    notice_callback,
    prereq_callback,
    seek_callback,
    sockopt_callback,
)
from onehttp_backends.curl.sockets.reports import SocketReports
from onehttp_backends.errors import TransferError
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer
from stand_ins.pieces import in_pieces

pytestmark = [
    # What hits a finaliser, Python forgets.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("not_measured"),
]

CALLS: Final = 250
LONGEST_S: Final = 0.001
OTHERS: Final = 4
ZIPPED: Final = gzip.compress(bytes(1000))
FOLLOWING: Final = TransferOptions(max_redirects=1)
APART: Final = TransferOptions(max_redirects=1, reuse=False)
UNPACKING: Final = TransferOptions(decompress=True)
CUTTING: Final = TransferOptions(max_body_bytes=4, body_policy="truncate")
WATCHED: Final = TransferOptions(idle_timeout_s=PATIENCE_S)


class LateError(Exception):
    """As timeout libraries raise it."""


def ring(_number: int, _frame: FrameType | None) -> None:
    raise LateError


def test_the_generator_that_catches_has_no_loop_to_go_back_in() -> None:
    """The way back is an instruction that a handler may hit, and that no `try` around covers."""
    (survive,) = [
        node
        for node in ast.walk(ast.parse(inspect.getsource(signal_safe)))
        if isinstance(node, ast.FunctionDef) and node.name == "_survive"
    ]
    (catching,) = [part for part in ast.walk(survive) if isinstance(part, ast.Try)]
    parts = [part for line in catching.body for part in ast.walk(line)]
    assert not any(isinstance(part, (ast.While, ast.For)) for part in parts)


def by_path(peer: Peer) -> None:
    while request := peer.request():
        path = request.split(b" ", 2)[1]
        if path == b"/away":
            peer.send(b"HTTP/1.1 302 Found\r\nLocation: /here\r\nContent-Length: 2\r\n\r\nno")
        elif path == b"/zipped":
            coded = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(ZIPPED)
            peer.send(b"HTTP/1.1 200 OK\r\n" + coded + ZIPPED)
        else:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nlonger")


@pytest.fixture
def alarms() -> Iterator[None]:
    usual = signal.signal(signal.SIGALRM, ring)
    random.seed(1)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, usual)


@pytest.mark.usefixtures("alarms")
def test_an_exception_at_the_first_instruction() -> None:
    told: list[BaseException] = []
    take = data_callback(str, "instead", told.append)
    alarm = functools.partial(getattr(ctypes.CDLL(None), "raise"), int(signal.SIGALRM))
    # All of it is C, so that the handler runs when the next Python does.
    assert next(map(take, iter(alarm, None))) == "instead"
    assert [type(error) for error in told] == [LateError]
    assert [take(number) for number in (7, 8)] == ["7", "8"]


@pytest.mark.usefixtures("alarms")
@pytest.mark.parametrize("lost", range(5))
def test_an_exception_before_any_argument_of_a_sending(lost: int) -> None:
    """Whichever is lost, it is refused, and the next is heard."""
    told: list[BaseException] = []
    asked: list[tuple[str, int]] = []

    def may_send(peer_ip: str, own_port: int) -> bool:
        asked.append((peer_ip, own_port))
        return own_port != 9

    send = prereq_callback(may_send, told.append)
    assert hit_at(send, lost, "127.0.0.1", "127.0.0.2", 80, 5000) in (80, 5000)
    assert (send("127.0.0.1", "", 80, 5001), send("::1", "", 80, 9)) == (False, 9)
    assert asked[-2:] == [("127.0.0.1", 5001), ("::1", 9)]
    assert [type(error) for error in told] == [LateError]


@pytest.mark.usefixtures("alarms")
@pytest.mark.parametrize("lost", range(3))
def test_an_exception_before_any_argument_of_a_seek(lost: int) -> None:
    """It is refused, and the next is taken."""
    told: list[BaseException] = []
    rewinds = iter([True, False, True])
    seek = seek_callback(lambda: next(rewinds), told.append)
    assert hit_at(seek, lost, 0, 0) == pycurl.SEEKFUNC_FAIL
    assert [seek(0, 0) for _ in range(3)] == [0, pycurl.SEEKFUNC_FAIL, 0]
    assert seek(7, 0) == pycurl.SEEKFUNC_FAIL
    assert [type(error) for error in told] == [LateError]


@pytest.mark.usefixtures("alarms")
@pytest.mark.parametrize("lost", range(2))
def test_an_exception_before_any_argument_of_an_opening(lost: int) -> None:
    told: list[BaseException] = []
    opened: list[int] = []

    def opening(fd: int, purpose: int) -> int:
        opened.append(fd)
        return purpose

    may_use = sockopt_callback(opening, told.append)
    assert hit_at(may_use, lost, 7, 0) == 7
    assert (may_use(8, 0), may_use(9, 0)) == (0, 0)
    assert opened == [8, 9]
    assert [type(error) for error in told] == [LateError]


@pytest.mark.usefixtures("alarms")
@pytest.mark.parametrize("lost", range(5))
def test_an_exception_before_any_argument_of_a_notice(lost: int) -> None:
    """The next is taken."""
    met: list[BaseException] = []
    noted: list[tuple[int, ...]] = []
    notice = notice_callback(lambda *counts: noted.append(counts), 4, met.append)
    assert hit_at(notice, lost, 1, 2, 3, 4) == 0
    assert (notice(0, 0, 0, 0), notice(5, 6, 7, 8)) == (0, 0)
    assert noted[-2:] == [(0, 0, 0, 0), (5, 6, 7, 8)]
    assert [type(error) for error in met] == [LateError]


def hit_at(callback: Any, number: int, *arguments: Any) -> Any:
    """What it returns when a handler raises as it is given its argument of this number."""
    send = callback.keywords["key"]
    alarm = functools.partial(getattr(ctypes.CDLL(None), "raise"), int(signal.SIGALRM))
    left = itertools.count(-number)
    # All of it is C, as above: `send` goes on right after the alarm, and is given its number.
    hit = functools.partial(next, map(send, iter(alarm, None)))
    hitting = functools.partial(
        callback.func,
        *callback.args,
        key=lambda argument: send(argument) if next(left) else hit(),
    )
    return hitting(*arguments)


@pytest.mark.parametrize("way", ["on_change", "_changed"])
def test_a_report_of_a_socket_that_fails_is_raised_later_and_the_next_is_heard(way: str) -> None:
    """`_changed` is the way where the modules are compiled."""
    heard: list[tuple[int, int]] = []

    def change(what: int, fd: int) -> None:
        if fd == 7:
            raise error
        heard.append((what, fd))

    error = LateError()
    reports = SocketReports(change, lambda _fd: None)
    report = getattr(reports, way)
    for fd in (7, 8):
        report(pycurl.POLL_IN, fd, reports, None)
    assert heard == [(pycurl.POLL_IN, 8)]
    assert reports.raised == [error]
    assert reports.is_incomplete
    reports.close()


def test_what_is_no_signals_is_told_likewise_but_a_lack_of_memory() -> None:
    told: list[BaseException] = []

    def fail(error: BaseException) -> str:
        raise error

    take = data_callback(fail, "instead", told.append)
    assert [take(MemoryError()), take(error := ValueError())] == ["instead"] * 2
    assert told == [error]


@pytest.mark.parametrize("admits", [Engine.admit, Engine.turn])
def test_an_answer_that_has_begun_is_read_on_though_its_socket_was_missed(
    admits: Callable[[Engine], None],
) -> None:
    """A socket that nobody knows to be in use looks as if its server had spoken unasked."""
    backend = PycurlBackend()
    backend.lend()  # nobody drives but this test
    engine = backend._start().engine
    outcomes: list[Outcome] = []
    arrived = threading.Event()
    pieces: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def answers_in_pieces(peer: Peer) -> None:
        peer.request()
        arrived.set()
        while piece := pieces.get():
            peer.send(piece)

    with RawServer(answers_in_pieces) as server:
        backend.submit(get("/", TransferOptions())(server.url), outcomes.append)
        while not arrived.is_set():
            engine.turn(0.01)
        engine.watch.assume_nothing()
        engine.watch.reports.is_incomplete = True
        pieces.put(OK[:-1])
        assert select.select([engine.watch], [], [], PATIENCE_S)[0]
        admits(engine)
        pieces.put(OK[-1:])
        pieces.put(b"")
        while engine.running:
            engine.turn(PATIENCE_S)
        engine.ended.popleft().deliver()
        assert [type(each) for each in outcomes] == [Response]
    backend.close()


def get(path: str, options: TransferOptions) -> Callable[[str], Request]:
    return lambda url: Request("GET", url + path, options=options, total_timeout_s=PATIENCE_S)


def following_by_hand(url: str) -> Request:
    return get("/away", TransferOptions())(url)._replace(passes_redirects_by=True)


def posting(url: str) -> Request:
    return Request("POST", url, body=b"x", total_timeout_s=PATIENCE_S)


def sending_in_pieces(url: str) -> Request:
    return posting(url)._replace(body=None, upload=upload_of(iter([b"some ", b"more"]), size=9))


ALL: Final[dict[str, Callable[[str], Request]]] = {
    "redirects": get("/away", FOLLOWING),
    "redirects on a multi of its own": get("/away", APART),
    "redirects passed by": following_by_hand,
    "codings": get("/zipped", UNPACKING),
    "a limit": get("/", CUTTING),
    "an idle limit": get("/", WATCHED),
    "a guard": posting,
    "pieces": sending_in_pieces,
}

OF_THE_ENGINE: Final = [
    kind for kind in ALL if kind not in ("pieces", "redirects on a multi of its own")
]


@pytest.mark.usefixtures("alarms")
@pytest.mark.parametrize("kind", ALL)
def test_a_callers_own(kind: str) -> None:
    made = ALL[kind]
    backend = PycurlBackend()
    failures: list[Outcome] = []
    with RawServer(by_path) as server:
        for _ in range(CALLS):
            request = made(server.url)
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, LONGEST_S))
                    outcome = _asked(backend, request)
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except LateError:
                continue
            if not isinstance(outcome, Response):
                failures.append(outcome)
        assert not failures
        assert isinstance(_asked(backend, made(server.url)), Response)
    backend.close()


def _asked(backend: PycurlBackend, request: Request) -> Outcome:
    if request.upload is not None:
        return in_pieces(backend, request)
    try:
        return backend.perform(request)
    except TransferError as error:
        return error


@pytest.mark.usefixtures("alarms")
@pytest.mark.parametrize("kind", OF_THE_ENGINE)
def test_what_others_wait_for_goes_on_or_begins_anew(kind: str) -> None:
    backend = PycurlBackend()
    outcomes: list[Outcome] = []
    with RawServer(by_path) as server:

        def ask() -> None:
            outcomes.extend(_asked(backend, ALL[kind](server.url)) for _ in range(CALLS // OTHERS))

        others = [threading.Thread(target=ask, daemon=True) for _ in range(OTHERS)]
        for each in others:
            each.start()
        # Signals come to this thread alone, which drives for them, too.
        while any(each.is_alive() for each in others):
            with contextlib.suppress(LateError):
                try:
                    signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, LONGEST_S))
                    _asked(backend, get("/", TransferOptions())(server.url))
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
    assert len(outcomes) == OTHERS * (CALLS // OTHERS)
    assert not [each for each in outcomes if not isinstance(each, Response)]
    backend.close()
