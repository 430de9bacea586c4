"""No wait without a bound: whoever waits is told in time, though who drives is held up or gone."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from onehttp_backends.contract import Outcome, Request
from onehttp_backends.curl import PycurlBackend, handle, options
from onehttp_backends.curl.driving import callbacks, crew
from onehttp_backends.curl.driving.blocking import BlockingTransfer
from onehttp_backends.curl.driving.crew import LOOKS_AT_LOST
from onehttp_backends.curl.driving.waiting import overdue_at
from onehttp_backends.curl.engine import transfer as transfers
from onehttp_backends.curl.engine.ownership import Claim, drives
from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.reading.outcome import cancelled
from onehttp_backends.errors import CurlCode, TimeoutError, TransferError
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering, silent
from stand_ins.pieces import in_awaited_pieces, in_pieces
from stand_ins.ways import Way, awaited, awaited_on_uvloop, blocking, called_back

LIMIT_S = 0.2
needs_patches = pytest.mark.skipif(
    str(transfers.__file__).endswith(".so"),
    reason="NOT TESTED: what is compiled keeps its own fields",
)


def owner_who_is_gone(backend: PycurlBackend) -> None:
    """Its thread has ended with the claim in the cell."""
    helm = backend._helm
    assert helm is not None
    thread = threading.Thread(target=lambda: helm.ownership.take(Claim()))
    thread.start()
    thread.join()


@contextmanager
def owner_who_is_held_up(backend: PycurlBackend) -> Iterator[None]:
    helm, has_begun, may_go = backend._helm, threading.Event(), threading.Event()
    assert helm is not None

    @drives
    def hold() -> None:
        claim = Claim()
        helm.ownership.take(claim)
        has_begun.set()
        may_go.wait(PATIENCE_S)
        helm.leave(claim)

    thread = threading.Thread(target=hold)
    thread.start()
    has_begun.wait()
    try:
        yield
    finally:
        may_go.set()
        thread.join()


@pytest.fixture
def url() -> Iterator[str]:
    with RawServer(keep_answering) as server:
        yield server.url


@pytest.fixture
def engine(url: str) -> Iterator[PycurlBackend]:
    backend = PycurlBackend()
    backend.perform(Request("GET", url))
    yield backend
    backend.close()


@pytest.mark.parametrize("way", [blocking, awaited, awaited_on_uvloop, called_back])
@pytest.mark.parametrize("is_gone", [True, False], ids=["gone", "held up"])
def test_each_is_told_though_nobody_drives(
    engine: PycurlBackend, url: str, way: Way, is_gone: bool
) -> None:
    request = Request("GET", url, total_timeout_s=LIMIT_S)
    if is_gone:
        owner_who_is_gone(engine)
        outcome = way(engine, request)
    else:
        with owner_who_is_held_up(engine):
            outcome = way(engine, request)
    assert isinstance(outcome, TransferError), outcome


class Due:
    """A transfer that has ended, and whose function is to be called."""

    def __init__(self) -> None:
        self.thread: threading.Thread | None = None
        self.was_called = threading.Event()

    def deliver(self) -> None:
        self.thread = threading.current_thread()
        self.was_called.set()


@pytest.mark.parametrize("way", [blocking, awaited, awaited_on_uvloop, called_back, in_pieces])
def test_each_ends_though_libcurl_has_forgotten_its_limit(
    way: Callable[[PycurlBackend, Request], Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (handle, options):
        monkeypatch.setattr(module, "milliseconds", lambda _: 0)
    engine = PycurlBackend()
    with RawServer(silent) as server:
        outcome = way(engine, Request("GET", server.url, total_timeout_s=LIMIT_S))
    assert isinstance(outcome, TimeoutError)
    engine.close()


def of_three(backend: PycurlBackend, request: Request) -> Outcome:
    outcomes: list[Outcome] = []
    requests = [(number, request) for number in range(3)]
    backend.perform_all(iter(requests), 3, lambda _, outcome: outcomes.append(outcome))
    return outcomes[-1]


def awaited_in_pieces(backend: PycurlBackend, request: Request) -> Outcome:
    return asyncio.run(in_awaited_pieces(backend, request))


@pytest.fixture
def driver_who_comes_at_once(
    engine: PycurlBackend, monkeypatch: pytest.MonkeyPatch
) -> PycurlBackend:
    """Whatever is cancelled, somebody who drives looks at it before anybody else does anything."""
    is_cancelled = vars(Transfer)["is_cancelled"]

    def is_seen(transfer: Transfer, value: bool) -> None:
        is_cancelled.__set__(transfer, value)
        if value and (helm := engine._helm) is not None:
            helm.engine.cancel(transfer, "cancelled")
            helm.deliver()

    seen = property(lambda transfer: is_cancelled.__get__(transfer), is_seen)
    monkeypatch.setattr(Transfer, "is_cancelled", seen)
    return engine


@needs_patches
@pytest.mark.parametrize(
    "way",
    [
        *(blocking, awaited, awaited_on_uvloop, called_back),
        *(in_pieces, awaited_in_pieces, of_three),
    ],
)
def test_a_call_that_is_overdue_was_not_cancelled(
    driver_who_comes_at_once: PycurlBackend,
    url: str,
    way: Callable[[PycurlBackend, Request], Outcome],
) -> None:
    engine = driver_who_comes_at_once
    with owner_who_is_held_up(engine):
        outcome = way(engine, Request("GET", url, total_timeout_s=LIMIT_S))
    assert isinstance(outcome, TimeoutError), outcome


@needs_patches
def test_a_call_that_no_thread_can_be_had_for_was_not_cancelled(
    driver_who_comes_at_once: PycurlBackend, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("no thread can be had")

    with owner_who_is_held_up(driver_who_comes_at_once):
        monkeypatch.setattr(threading.Thread, "start", start)
        outcomes: list[Outcome] = []
        driver_who_comes_at_once.submit(Request("GET", url), outcomes.append)
        monkeypatch.undo()
    assert [getattr(each, "code", None) for each in outcomes] == [CurlCode.FAILED_INIT]


def test_who_brings_work_runs_no_function_of_others(engine: PycurlBackend, url: str) -> None:
    """They may stand still, which is nothing to whoever calls `submit`."""
    helm, due = engine._helm, Due()
    assert helm is not None
    helm.engine.ended.append(cast("Any", due))
    engine.submit(Request("GET", url), lambda _: None)
    assert due.was_called.wait(PATIENCE_S)
    assert due.thread is not threading.current_thread()


def test_all_that_is_pending_is_looked_at_now_and_then_whoever_rings(
    engine: PycurlBackend, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each ring would else cost a look at everything: of 10,000 nothing else were done."""
    pending, rings = 20, 50
    looked: list[object] = []
    ended = threading.Semaphore(0)
    helm = engine._helm
    assert helm is not None

    def noted(transfer: Any) -> float:
        looked.append(transfer)
        return overdue_at(transfer)

    now_s = time.monotonic()
    monkeypatch.setattr(callbacks, "overdue_at", noted)
    monkeypatch.setattr(callbacks, "time", SimpleNamespace(monotonic=lambda: now_s))
    with owner_who_is_held_up(engine):
        for _ in range(pending):
            engine.submit(Request("GET", url, total_timeout_s=600), lambda _: ended.release())
        for _ in range(rings):
            helm.threads._serve()
        assert len(looked) <= callbacks.MAX_THREADS * pending, "each thread once, at most"
    for _ in range(pending):
        assert ended.acquire(timeout=PATIENCE_S)


def test_an_owner_counts_as_gone_after_looks_in_a_row_that_do_not_find_it(
    engine: PycurlBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    helm = engine._start()
    driver = Claim()
    assert helm.ownership.take(driver)
    monkeypatch.setattr(crew, "time", SimpleNamespace(monotonic=itertools.count().__next__))

    @drives
    def look_while_it_drives(claim: Claim) -> None:
        assert claim is driver
        helm.look_for_lost_owner()

    helm.look_for_lost_owner()  # notes that it has made no turn
    for _ in range(LOOKS_AT_LOST):
        helm.look_for_lost_owner()
        helm.look_for_lost_owner()
        look_while_it_drives(driver)
    for _ in range(LOOKS_AT_LOST):
        assert not helm.is_gone
        helm.look_for_lost_owner()
    assert helm.is_gone


def test_who_has_its_outcome_wakes_another_that_can_drive(engine: PycurlBackend, url: str) -> None:
    """Otherwise that one would wait until it looks by itself."""
    helm, request = engine._start(), Request("GET", url)
    ended, other = (
        BlockingTransfer(helm, helm.engine.pool.prepared(request), request) for _ in range(2)
    )
    helm.waiting[other] = None
    ended.outcome = cancelled(request, "it has ended")
    helm._see_through(ended, Claim())
    assert list(helm.waiting) == [other]
    assert other.wait()  # it was rung
    helm.waiting.clear()


def test_callbacks_that_are_not_this_threads_to_run_are_given_to_the_engines(
    engine: PycurlBackend, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    helm, request = engine._start(), Request("GET", url)
    rung: list[bool] = []
    monkeypatch.setattr(helm.threads, "ring", lambda: rung.append(True))
    handle = helm.engine.pool.prepared(request)
    transfer = callbacks.CallbackTransfer(
        helm, handle, request, lambda _: None, helm.engine.account
    )
    transfer.outcome = cancelled(request, "it has ended")
    driver = Claim()
    assert helm.ownership.take(driver)
    helm.engine.ended.append(transfer)
    helm.leave(driver, delivers=False)
    assert rung == [True]
    assert not transfer.is_called
    helm.deliver()
    assert transfer.is_called
