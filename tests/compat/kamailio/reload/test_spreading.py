"""What the processes of a server know together: who has read a script, and who is at work."""

from __future__ import annotations

import os
import time

import pytest

from onehttp_compat.kamailio.reload.spreading import MOST_S, Spreading
from onehttp_compat.kamailio.shared.page import SharedPage
from servers.patience import PATIENCE_S

ROUNDS = 3_000_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def other_process(of: Spreading) -> Spreading:
    """One that has been forked: it shares the cells, and nothing else."""
    made = object.__new__(Spreading)
    made.__dict__.update(of.__dict__)
    return made


def test_a_reload_is_under_way_for_processes_called_later_but_not_for_ever(
    clock: list[float],
) -> None:
    rtimer = Spreading()
    workers = [other_process(rtimer) for _ in range(3)]
    assert not rtimer.is_under_way()
    for _ in range(2):
        rtimer.reads()
        for worker in workers:  # late, and of the script that the first has read
            clock[0] += MOST_S / 4
            assert rtimer.is_under_way()
            worker.reads()
        clock[0] += MOST_S / 4
        assert not any(process.is_under_way() for process in (rtimer, *workers))


def test_nobody_sees_a_sign_of_life_that_is_half_written() -> None:
    page = SharedPage()
    child = os.fork()
    if not child:
        for _ in range(ROUNDS):
            page.beat()
        os._exit(0)
    worst = 0.0
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        worst = max(worst, *(page.silence_s() for _ in range(1000)))
    # Zero, seen in between, would be the time since the machine was started.
    assert worst < min(PATIENCE_S, time.monotonic())
