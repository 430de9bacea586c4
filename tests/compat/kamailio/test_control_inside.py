"""Control sockets of the real server's processes, whose threads stand still while they are idle."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from onehttp.cli.metrics import registry_of
from onehttp.control.client import ask, ask_all, sockets
from servers.kamailio import inside as kamailio_inside
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering

SCRIPT = Path(__file__).with_name("control_script.py")
SOON_S = 0.5


@pytest.fixture
def backend(same_python: None) -> Iterator[RawServer]:
    with RawServer(keep_answering) as running:
        yield running


def test_idle_workers_are_known_by_what_they_left_and_do_what_they_were_told_when_they_can(
    tmp_path: Path, backend: RawServer
) -> None:
    connections, directory = tmp_path / "connections.yaml", tmp_path / "control"
    text = "version: 1\nconnections: {{api: {{url: '{}', retry: {}}}}}\n"
    connections.write_text(text.format(backend.url, 2))
    environment = {"TEST_CONNECTIONS": str(connections), "ONEHTTP_CONTROL": str(directory)}
    with kamailio_inside.running(tmp_path, SCRIPT, environment) as inside:
        status, revision, pid = inside.ask("x").split()
        assert (status, revision) == ("200", "1")
        told = ask_all(sockets(directory), "stats", SOON_S)
        assert [each.error for each in told] == [""] * len(told)
        by_pid = {each.pid: each for each in told}
        (count,) = by_pid[int(pid)].answer["counts"]
        assert (count["connection"], count["calls"], count["code"]) == ("api", 1, "200")
        connections.write_text(text.format(backend.url, 3))
        worker = directory / f"{pid}.sock"
        assert "it does it when it can" in ask(worker, "reload", SOON_S).error
        assert inside.ask_until("x", f"200 2 {pid}") == f"200 2 {pid}"


def test_a_stopped_process_is_named_and_all_others_are_asked(
    tmp_path: Path, backend: RawServer
) -> None:
    connections, directory = tmp_path / "connections.yaml", tmp_path / "control"
    text = f"version: 1\nconnections: {{api: {{url: '{backend.url}', retry: 2}}}}\n"
    connections.write_text(text)
    environment = {"TEST_CONNECTIONS": str(connections), "ONEHTTP_CONTROL": str(directory)}
    with kamailio_inside.running(tmp_path, SCRIPT, environment) as inside:
        connections.write_text(text.replace("retry: 2", "retry: 3"))
        pid = int(inside.ask("x").split()[2])
        os.kill(pid, signal.SIGSTOP)
        try:
            paths = sockets(directory)
            told = {each.pid: each for each in ask_all(paths, "reload", PATIENCE_S)}
        finally:
            os.kill(pid, signal.SIGCONT)
        assert len(told) == len(paths) > 1
        assert "it does it when it can" in told[pid].error
        assert inside.ask_until("x", f"200 2 {pid}") == f"200 2 {pid}"


def test_metrics_of_all_processes_are_served_as_one(tmp_path: Path, backend: RawServer) -> None:
    connections, folder = tmp_path / "connections.yaml", tmp_path / "metrics"
    folder.mkdir()
    connections.write_text(f"version: 1\nconnections: {{api: {{url: '{backend.url}'}}}}\n")
    environment = {"TEST_CONNECTIONS": str(connections), "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    with kamailio_inside.running(tmp_path, SCRIPT, environment) as inside:
        end = time.monotonic() + PATIENCE_S
        while not counted(folder):
            assert inside.ask("x").startswith("200 1 ")
            assert time.monotonic() < end
        known = counted(folder)
    # What a process counted last it writes at its end, if the server lets it.
    assert counted(folder) >= known


def counted(folder: Path) -> float:
    """Calls that all processes together have counted."""
    told = generate_latest(registry_of(folder)).decode()
    found = re.search(
        r'^onehttp_requests_total\{code="200",connection="api".*\} (\S+)$', told, re.MULTILINE
    )
    return float(found[1]) if found else 0.0
