"""Metrics of many processes, as one: prometheus_client's multiprocess mode."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import onehttp
from onehttp.cli.group import onehttp as command
from servers.patience import PATIENCE_S

WORKER = """
import sys, os
import onehttp
from onehttp.observe import metrics
exposed = metrics.expose()
onehttp.init({"version": 1, "connections": {"api": {"url": "http://api.example"}}},
             backend="httpx", handler=lambda request: (200, "fine"))
def work():
    for _ in range(5):
        onehttp.connection("api").get("/x")
"""
REQUESTS = 'onehttp_requests_total{code="200",connection="api",method="GET",outcome="ok"}'
COUNT = 'onehttp_request_duration_seconds_count{connection="api",method="GET"}'


def start(folder: Path, script: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", WORKER + script],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)},
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )


def ended(worker: subprocess.Popen[str]) -> int:
    """The exit status of a worker, once it has ended."""
    worker.communicate(timeout=PATIENCE_S)
    return worker.returncode


def scraped(folder: Path) -> dict[str, float]:
    done = CliRunner().invoke(command, ["metrics", "--once", "--directory", str(folder)])
    assert done.exit_code == 0, done.output
    found = re.findall(r"^([^#\s]\S*) (\S+)$", done.output, re.MULTILINE)
    return {name: float(number) for name, number in found}


def test_what_all_processes_have_counted_is_summed_also_of_those_that_have_ended(
    tmp_path: Path,
) -> None:
    workers = [start(tmp_path, "work()") for _ in range(3)]
    assert [ended(worker) for worker in workers] == [0, 0, 0]
    told = scraped(tmp_path)
    assert told[REQUESTS] == 15
    assert told[COUNT] == 15


def test_forked_workers_count_their_own_and_not_their_parents_calls(tmp_path: Path) -> None:
    fork = """
work()
exposed.sync()
children = []
for _ in range(2):
    if not (child := os.fork()):
        work()
        sys.exit()
    children.append(child)
for child in children:
    os.waitpid(child, 0)
"""
    assert ended(start(tmp_path, fork)) == 0
    assert scraped(tmp_path)[REQUESTS] == 15


def test_a_killed_process_leaves_its_counts_and_takes_its_gauges_along(tmp_path: Path) -> None:
    waits = "work(); exposed.sync(); print('ready', flush=True); sys.stdin.read()"
    worker = start(tmp_path, waits)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    told = scraped(tmp_path)
    assert (told[REQUESTS], told["onehttp_config_revision"]) == (5, 1)
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    told = scraped(tmp_path)
    assert told[REQUESTS] == 5
    assert "onehttp_config_revision" not in told


def test_a_process_that_has_just_made_its_file_is_no_fault(tmp_path: Path) -> None:
    assert ended(start(tmp_path, "work()")) == 0
    (tmp_path / "counter_1.db").touch()
    assert scraped(tmp_path)[REQUESTS] == 5


def test_the_endpoint_is_scraped_over_http(tmp_path: Path) -> None:
    assert ended(start(tmp_path, "work()")) == 0
    serving = subprocess.Popen(
        [sys.executable, "-m", "onehttp", "metrics", "--listen", "127.0.0.1:0",
         "--directory", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert serving.stdout is not None
        url = serving.stdout.readline().split()[-1]
        onehttp.init()
        response = onehttp.request("GET", url, timeout=PATIENCE_S)
        assert response.status == 200
        assert f"{REQUESTS} 5.0" in response.text
    finally:
        serving.terminate()
        serving.communicate(timeout=PATIENCE_S)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "no directory: give --directory"),
        (["--directory", "/nowhere"], "no such directory"),
        (["--directory", "/", "--listen", "x"], "expected HOST:PORT"),
        (["--directory", "/", "--listen", "h:99999"], "expected HOST:PORT"),
    ],
)
def test_mistakes_are_named(
    arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    done = CliRunner().invoke(command, ["metrics", *arguments])
    assert done.exit_code != 0
    assert says in done.output
