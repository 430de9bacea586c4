"""What is given one more look because the driver stood still ends by that look, or by the next."""

from __future__ import annotations

import pytest

from onehttp_backends.contract import Request
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl.engine import late_answers
from onehttp_backends.errors import TimeoutError
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S
from stand_ins.injection import Injector, Interrupt


@pytest.mark.parametrize("line", range(14))
def test_an_exception_within_that_look_leaves_nothing_without_a_limit(
    monkeypatch: pytest.MonkeyPatch, line: int
) -> None:
    monkeypatch.setattr(late_answers, "LATE_S", -1.0)
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
        injector = Injector(line, (late_answers.__file__,), Interrupt)
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
