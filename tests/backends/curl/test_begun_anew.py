"""A transfer that is put in once more has what is left of its time, and no more."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pytest

from onehttp_backends.contract import Outcome, Request
from onehttp_backends.curl.backend import PycurlBackend
from onehttp_backends.curl.engine.engine import Engine
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.libcurl import remove_once
from onehttp_backends.errors import CancelledError
from onehttp_backends.registry import load
from servers.holding import full_backlog
from servers.patience import PATIENCE_S


def with_its_socket_untold(engine: Engine) -> None:
    engine.watch.reports.is_incomplete = True


def with_its_handle_taken_out(engine: Engine) -> None:
    for easy in engine.running:
        remove_once(engine.multi, easy)
    engine.was_interrupted = True


@pytest.mark.parametrize("found", [with_its_socket_untold, with_its_handle_taken_out])
@pytest.mark.parametrize("limit_s", [PATIENCE_S, 0])
def test_its_limit_is_what_is_left(
    found: Callable[[Engine], None], limit_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits_s: list[float] = []
    limit_to = Handle.limit_to

    def noting(handle: Handle, left_s: float) -> None:
        limits_s.append(left_s)
        limit_to(handle, left_s)

    monkeypatch.setattr(Handle, "limit_to", noting)
    backend = load("pycurl")()
    assert isinstance(backend, PycurlBackend)
    ended = threading.Event()
    outcomes: list[Outcome] = []

    def note(outcome: Outcome) -> None:
        outcomes.append(outcome)
        ended.set()

    with full_backlog() as url:
        never = os.eventfd(0)
        backend.lend()
        backend.submit(Request("GET", url, total_timeout_s=limit_s), note)
        assert not backend.drive(never, 0)
        helm = backend._helm
        assert helm is not None
        found(helm.engine)
        assert not backend.drive(never, 0)
        backend.close()
        os.close(never)
    assert ended.wait(PATIENCE_S)
    assert isinstance(outcomes[0], CancelledError)
    assert len(limits_s) == 1
    assert 0 < limits_s[0] < limit_s if limit_s else limits_s == [0]
