"""Counters that all processes of a server add to."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from onehttp.cli.table import printed
from onehttp.connections.reload import Reloads
from onehttp.control.merged import merged
from onehttp.control.snapshot import snapshot
from onehttp.control.tally import Tally
from onehttp_compat.kamailio.shared import counters as shared
from onehttp_compat.kamailio.shared.counters import SharedCounters
from onehttp_compat.process import Counters
from servers.kamailio import inside as kamailio_inside
from servers.raw import RawServer, keep_answering
from stand_ins.processes import child

SCRIPT = Path(__file__).with_name("control_script.py")


@pytest.fixture
def counters() -> Iterator[SharedCounters]:
    made = SharedCounters()
    made["a.calls"] = made["a.failures"] = 0
    yield made
    made.close()


def test_what_each_process_adds_is_in_the_sum(counters: SharedCounters) -> None:
    def count() -> None:
        for _ in range(1000):
            counters.add("a.calls", 2)
        counters.add("a.failures")

    count()
    for _ in range(3):
        assert child(count, os._exit) == 0
    assert dict(counters) == {"a.calls": 8000, "a.failures": 4}


def test_threads_lose_no_addition(counters: SharedCounters) -> None:
    def count(_: int) -> None:
        for _ in range(2000):
            counters.add("a.calls")
            counters.add("a.failures")
            counters.add("a.failures", -1)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(count, range(8)))
    finally:
        sys.setswitchinterval(before)
    assert dict(counters) == {"a.calls": 16000, "a.failures": 0}
    assert child(lambda: count(0), os._exit) == 0
    assert dict(counters) == {"a.calls": 18000, "a.failures": 0}


def test_what_is_set_is_of_each_process_and_no_sum(counters: SharedCounters) -> None:
    def start() -> None:
        counters["a.connections"] = 3
        counters.add("a.connections")

    counters["a.connections"] = 3
    assert child(start, os._exit) == 0
    assert counters["a.connections"] == 4


def test_processes_without_a_row_of_their_own_share_one(
    counters: SharedCounters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "ROWS", 2)
    for _ in range(4):
        assert child(lambda: counters.add("a.calls"), os._exit) == 0
    assert counters["a.calls"] == 4


@pytest.mark.parametrize("kind", [Counters, SharedCounters])
def test_a_child_counts_though_its_parent_was_counting(kind: type[Counters]) -> None:
    counters = kind()
    counters["a.calls"] = 0
    with counters._adding:  # as another thread of the parent has it
        assert child(lambda: counters.add("a.calls"), os._exit) == 0


def test_a_name_that_nobody_has_given_is_not_counted(counters: SharedCounters) -> None:
    with pytest.raises(KeyError):
        counters.add("a.unknown")
    with pytest.raises(TypeError):
        del counters["a.calls"]


def test_any_worker_tells_what_all_have_counted(same_python: None, tmp_path: Path) -> None:
    connections = tmp_path / "connections.yaml"
    with RawServer(keep_answering) as backend, ThreadPoolExecutor(4) as callers:
        connections.write_text(f"version: 1\nconnections: {{api: {{url: '{backend.url}'}}}}\n")
        environment = {"TEST_CONNECTIONS": str(connections)}
        config = kamailio_inside._CONFIG.replace("children=1", "children=4")
        with kamailio_inside.running(tmp_path, SCRIPT, environment, config) as inside:
            answers = list(callers.map(inside.ask, ["legacy"] * 40))
            assert {answer.split()[0] for answer in answers} == {"200"}
            assert inside.ask("counted") == "40"


def test_servers_are_told_of_once_each_by_what_is_newest() -> None:
    def told(server: int, calls: int) -> dict[str, Any]:
        one = snapshot(None, Tally(), Reloads())
        counted = {"server": server, "counters": {"httpclient.connok": calls}}
        return {**one, "server_counters": counted}

    together = merged([told(1, 5), told(1, 7), told(2, 30), snapshot(None, Tally(), Reloads())])
    assert together.server_counters == {"httpclient.connok": 37}
    assert printed(together).endswith("httpclient.connok 37")
