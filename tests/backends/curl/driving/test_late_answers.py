"""What is given one more look because the driver stood still ends by that look, or by the next."""

from __future__ import annotations

import time

import pytest

from onehttp_backends.contract import Outcome, Request
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl.engine import late_answers
from onehttp_backends.errors import TimeoutError
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer
from stand_ins.injection import Injector, Interrupt, Lines

LIMIT_S = 5.0


def test_an_exception_within_that_look_leaves_nothing_without_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(late_answers, "LATE_S", -1.0)
    lines = Lines()
    while interrupted(Injector(lines, (late_answers.__file__,))).place:
        pass
    assert len(lines) > 10


def interrupted(injector: Injector) -> Injector:
    backend = PycurlBackend()
    backend.lend()  # nobody drives but this test
    engine = backend._start().engine
    with HoldingServer() as server:
        request = Request("GET", f"{server.url}/never", total_timeout_s=PATIENCE_S)
        backend.submit(request, lambda _: None)
        while not server._held:
            engine.turn(0.01)
        (transfer,) = engine.running.values()
        transfer.deadline = 0.0  # it is over, as far as we know; libcurl's is not
        try:
            with injector.in_force():
                engine.late_answers.spare(engine.running)
                engine.late_answers.end(engine.reap, engine._fail)
        except Interrupt:
            engine.was_interrupted = True
        if transfer not in engine.late_answers.spared:  # so libcurl's limit holds
            engine.late_answers.spare(engine.running)
        engine.turn(PATIENCE_S)
        assert isinstance(transfer.outcome, TimeoutError), injector.place
    backend.close()
    return injector


def test_what_is_lifted_for_that_look_holds_for_the_next_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A handle that is used once more for a request like the last one is not set anew."""

    def behave(peer: Peer) -> None:
        while request := peer.request():
            if b"/never" not in request:
                peer.send(OK)

    monkeypatch.setattr(late_answers, "LATE_S", -1.0)
    backend = PycurlBackend()
    backend.lend()
    helm = backend._start()
    engine = helm.engine
    with RawServer(behave) as server:
        request = Request("GET", f"{server.url}/never", total_timeout_s=LIMIT_S)
        assert backend.perform(request._replace(url=server.url)).status == 200
        outcomes: list[Outcome] = []
        for number in (1, 2):
            backend.submit(request, outcomes.append)
            while len(server.requests) <= number:
                engine.turn(0.01)
            if number == 1:
                (transfer,) = engine.running.values()
                transfer.deadline = 0.0
                engine.late_answers.spare(engine.running)
                engine.late_answers.end(engine.reap, engine._fail)
                helm.deliver()
        assert len(engine.pool.made) == 1
        end = time.monotonic() + PATIENCE_S
        while engine.running and time.monotonic() < end:
            engine.turn(PATIENCE_S)
        assert not engine.running
    backend.close()
