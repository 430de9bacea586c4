"""A fault, and those it must not touch: what each row of the matrix of faults is asserted by."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from onehttp_backends.contract import Backend, Outcome, Request, Response
from onehttp_backends.errors import Phase, Sent, TimeoutError, TransferError
from onehttp_backends.registry import load
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering
from stand_ins.ways import Way, blocking

KINDS = ("socket", "anon_inode", "pipe")
"""Of descriptors that an engine or a server of a test may leave open."""

on_the_engine = pytest.mark.parametrize("engine", ["pycurl"], indirect=True)
"""For what only real sockets of ours can do, or fail to do."""

LOOKS: Final = 1500
"""How often it is looked whether all is over, 20 ms apart."""


class Scene:
    """One engine, and a neighbour that it talks to meanwhile."""

    def __init__(self, backend: Backend, neighbour: RawServer, after: After) -> None:
        self.backend = backend
        self.neighbour = neighbour
        self.after = after

    @property
    def is_double(self) -> bool:
        """Whether the engine is the double."""
        return self.backend.name == "httpx"

    def ask(self, request: Request | str, way: Way = blocking) -> Outcome:
        """What a call comes to."""
        request = Request("GET", request) if isinstance(request, str) else request
        return way(self.backend, request)

    def answer(self, request: Request | str, way: Way = blocking) -> Response:
        """The response of a call that has one."""
        outcome = self.ask(request, way)
        assert isinstance(outcome, Response), repr(outcome)
        return outcome

    def failure(
        self,
        request: Request | str,
        codes: int | tuple[int, ...],
        sent: Sent,
        phase: Phase | None = None,
        way: Way = blocking,
    ) -> TransferError:
        """The error of a call that fails in this way, while the neighbour is served."""
        error = self._far_enough(request, phase, way)
        assert isinstance(error, TransferError), repr(error)
        assert error.code in (codes if isinstance(codes, tuple) else (codes,)), repr(error)
        assert error.sent is sent, (error.sent, repr(error))
        assert phase in (None, error.phase), (error.phase, repr(error))
        self.check_neighbour()
        return error

    def _far_enough(self, request: Request | str, phase: Phase | None, way: Way) -> Outcome:
        """How far a call comes in its time is the machine's business: it has more, if need be."""
        request = Request("GET", request) if isinstance(request, str) else request
        outcome = self.ask(request, way)
        while isinstance(outcome, TimeoutError) and phase not in (None, outcome.phase):
            limit_s = request.total_timeout_s
            if limit_s is None or not 0 < limit_s < PATIENCE_S:
                break
            request = request._replace(total_timeout_s=4 * limit_s)
            outcome = self.ask(request, way)
        return outcome

    def check_neighbour(self) -> None:
        """A call to somebody else is served."""
        response = self.answer(self.neighbour.url)
        assert (response.status, response.body) == (200, b"ok"), response


@dataclass
class After:
    """What is to be said of the end of a test."""

    has_failed: bool = False
    """What a test that has failed leaves behind is not looked at."""


@contextlib.contextmanager
def unharmed() -> Iterator[After]:
    """At the end no more descriptors are open than before."""
    before = _descriptors()
    after = After()
    yield after
    if not after.has_failed:
        # Threads end, and servers close what they have accepted, when they see that all is over.
        # Garbage is looked for where some are left: it takes longer than most of these tests.
        _wait_for(
            lambda: not (_descriptors() - before and gc.collect() >= 0 and _descriptors() - before),
            "descriptors",
        )


@contextlib.contextmanager
def scene(engine: str) -> Iterator[Scene]:
    """At the end nothing is in flight, and once the engine is closed, nothing of it is open."""
    with unharmed() as after:
        with RawServer(keep_answering) as neighbour:
            made = Scene(load(engine)(), neighbour, after)
            made.check_neighbour()
            yield made
            if not after.has_failed:
                made.check_neighbour()
                _wait_for(lambda: made.backend.stats().in_flight == 0, "transfers in flight")
            made.backend.close()
        del made.backend  # its bell lasts as long as somebody may ring it


def _wait_for(condition: Callable[[], bool], what: str) -> None:
    pause = threading.Event()
    for _ in range(LOOKS):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError(f"{what} are left: {_descriptors()}")


def _descriptors() -> Counter[str]:
    """How many of each kind are open."""
    found: Counter[str] = Counter()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            kind = os.readlink(f"/proc/self/fd/{number}").partition(":")[0]
            found[kind] += kind in KINDS
    return found
