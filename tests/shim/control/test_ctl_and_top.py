"""``onehttp ctl`` and ``onehttp top``, on processes of a directory."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from onehttp.cli.group import onehttp as command
from servers.patience import PATIENCE_S

WORKER = """
import sys
import onehttp
named = {"api": {"url": "http://api.example", "circuit_breaker": 5},
         "[odd]": {"url": "http://odd.example"}}
onehttp.init({"version": 1, "connections": named},
             backend="httpx", handler=lambda request: (200, "fine"), control=sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    onehttp.connection("api").get("/x")
    print("called", flush=True)
"""


HEARING_CTRL_C = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs in the background ignores it
from onehttp.cli import main
main()
"""


class Workers:
    """Two processes that make a call when told to."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.all = [
            subprocess.Popen(
                [sys.executable, "-c", WORKER, str(directory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        for worker in self.all:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"

    def call(self) -> None:
        for worker in self.all:
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
            assert worker.stdout.readline() == "called\n"

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(command, [*arguments, "--directory", str(self.directory)])

    def stop(self) -> None:
        for worker in self.all:
            worker.communicate(timeout=PATIENCE_S)


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    made = Workers(tmp_path / "control")
    yield made
    made.stop()


def test_stats_are_of_all_processes_together_or_of_each(workers: Workers) -> None:
    workers.call()
    done = workers.run("ctl", "stats")
    assert done.exit_code == 0, done.output
    assert "2 processes" in done.stdout
    assert [word for line in done.stdout.splitlines() if " api " in line for word in line.split()
            if word == "2"] == ["2"]  # fmt: skip
    told = json.loads(workers.run("ctl", "stats", "--json").stdout)
    assert {each["pid"] for each in told} == {worker.pid for worker in workers.all}
    pid = workers.all[0].pid
    (one,) = json.loads(workers.run("ctl", "stats", "--json", "--pid", str(pid)).stdout)
    assert one["pid"] == pid


def test_connections_reload_drain_and_levels_are_asked_of_each(workers: Workers) -> None:
    shown = workers.run("ctl", "connections").stdout
    assert shown.count("api  http://api.example  revision 1  circuit closed") == 2
    assert workers.run("ctl", "reload").stdout.count("revision 1") == 2
    assert workers.run("ctl", "drain").stdout.count("0 queries open") == 2
    assert workers.run("ctl", "log-level", "debug").stdout.count("onehttp DEBUG") == 2
    assert workers.run("ctl", "log-level").stdout.count("onehttp DEBUG") == 2
    bad = workers.run("ctl", "log-level", "INFO", "--logger", "root")
    assert bad.exit_code == 1
    assert bad.stderr.count("expected one at or below onehttp") == 2


def test_top_shows_what_happens_in_an_interval(workers: Workers) -> None:
    workers.call()
    done = workers.run("top", "--once", "--interval", "0.1")
    assert done.exit_code == 0, done.output
    assert "2 processes" in done.stdout
    assert "[odd]" not in done.stdout.partition("circuit")[0]
    assert "[odd]" in done.stdout
    told = json.loads(workers.run("top", "--once", "--json", "--interval", "0.1").stdout)
    assert told["processes"] == 2
    assert told["lines"]["api"]["count"]["calls"] == 2
    assert told["lines"]["api"]["circuit"] == "closed"


def test_a_process_that_stands_still_is_told_of_and_the_others_answer(workers: Workers) -> None:
    stopped = workers.all[0]
    stopped.send_signal(signal.SIGSTOP)
    try:
        done = workers.run("ctl", "stats")
    finally:
        stopped.send_signal(signal.SIGCONT)
    assert done.exit_code == 1
    assert f"{stopped.pid}: it stands still" in done.stderr
    assert "1 process;" in done.stdout


def test_top_is_drawn_until_ctrl_c_also_while_nobody_answers(workers: Workers) -> None:
    ours, terminal = pty.openpty()
    top = subprocess.Popen(
        [sys.executable, "-c", HEARING_CTRL_C, "top", "--interval", "0.1",
         "--directory", str(workers.directory)],
        stdin=terminal, stdout=terminal, stderr=terminal,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "140", "LINES": "30"},
    )  # fmt: skip
    os.close(terminal)
    shown = b""

    def read_until(text: bytes) -> None:
        nonlocal shown
        while text not in shown:
            shown += os.read(ours, 65536)

    try:
        read_until(b"2 processes")
        for worker in workers.all:
            worker.kill()
            worker.wait()
        read_until(b"no process has a control socket here")
        top.send_signal(signal.SIGINT)
        while top.poll() is None:
            with contextlib.suppress(OSError):  # it has closed its end
                os.read(ours, 65536)
        assert top.returncode == 0
    finally:
        top.kill()
        top.wait()
        os.close(ours)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ctl", "stats"], "no directory of control sockets: give --directory"),
        (["top"], "no directory of control sockets: give --directory"),
        (["ctl", "stats", "--directory", "/nowhere"], "No such file"),
        (["ctl", "stats", "--directory", "/sys"], "no process has a control socket here"),
        (["ctl", "stats", "--directory", "/sys", "--pid", "1"], "no process 1 has"),
        (["ctl", "log-level", "LOUD"], "'LOUD' is not one of"),
    ],
)
def test_mistakes_are_named(
    arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ONEHTTP_CONTROL", raising=False)
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code != 0
    assert says in done.output
