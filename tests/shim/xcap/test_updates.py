"""Periodic updates: when, and that they go on."""

from __future__ import annotations

import asyncio
import itertools
import random
import subprocess
import sys
import threading

import pytest

from onehttp.xcap import PeriodicUpdates, StoreError, jittered, update_periodically
from onehttp_backends.hints.extras import brought_by
from servers.patience import PATIENCE_S


def test_the_first_wait_is_spread_over_a_period_and_the_others_around_it() -> None:
    firsts = set()
    for seed in range(50):
        waits = list(itertools.islice(jittered(100, 0.1, random.Random(seed).uniform), 20))
        firsts.add(round(waits[0] / 25))
        assert 0 <= waits[0] <= 100
        assert all(90 <= wait <= 110 for wait in waits[1:])
        assert len(set(waits)) == 20
    assert len(firsts) > 2


@pytest.mark.parametrize("kind", [StoreError, ValueError, RecursionError])
def test_a_round_that_fails_is_logged_and_the_next_is_made(
    kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    made = threading.Semaphore(0)

    def refresh() -> None:
        made.release()
        raise kind("the database is gone")

    updates = PeriodicUpdates(refresh, itertools.repeat(0.0, 3))
    with updates:
        for _ in range(3):
            assert made.acquire(timeout=PATIENCE_S)
    assert [one.getMessage().partition(":")[0] for one in caplog.records] == ["periodic update"] * 3
    assert all("the database is gone" in one.getMessage() for one in caplog.records)


def test_stopping_waits_for_the_round_that_runs_and_makes_no_other() -> None:
    began, may_end = threading.Event(), threading.Event()
    rounds = []

    def refresh() -> None:
        rounds.append("began")
        began.set()
        may_end.wait(PATIENCE_S)
        rounds.append("ended")

    updates = PeriodicUpdates(refresh, itertools.repeat(0.0))
    updates.start()
    assert began.wait(PATIENCE_S)
    stopping = threading.Thread(target=updates.stop, args=(10,))
    stopping.start()
    while not updates._stopping.is_set():
        pass
    may_end.set()
    stopping.join(PATIENCE_S)
    assert rounds == ["began", "ended"]


def test_a_task_updates_until_it_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> int:
        rounds = 0
        enough = asyncio.Event()

        async def refresh() -> None:
            nonlocal rounds
            rounds += 1
            if rounds == 2:
                raise KeyError("gone")
            if rounds == 4:
                enough.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(update_periodically(refresh, itertools.repeat(0.0)))
        await asyncio.wait_for(enough.wait(), 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return rounds

    assert asyncio.run(work()) == 4
    assert "gone" in caplog.text


def test_the_api_is_imported_without_the_extra_and_the_extra_names_itself() -> None:
    code = (
        "import sys; sys.modules['sqlalchemy'] = None\n"
        "import onehttp, onehttp_compat.server\n"
        "assert 'lxml' not in sys.modules and 'onehttp.xcap' not in sys.modules\n"
        "try: import onehttp.xcap\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"onehttp.xcap needs sqlalchemy: {brought_by('xcap')}\n"
