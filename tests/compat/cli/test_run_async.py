"""``onehttp run`` for scripts whose queries do not wait."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from onehttp.cli.group import onehttp as command
from servers.raw import Peer, RawServer, keep_answering

pytestmark = pytest.mark.usefixtures("left_as_found")

KEMI = """
def mod_init():
    return Routing()
class Routing:
    def ksr_request_route(self, msg):
        KSR.tm.t_newtran()
        KSR.http_async_client.query("{url}/x?key=secret", "found")
    def found(self, msg, evname=None):
        KSR.tm.t_reply(200, KSR.pv.gete("$http_rb") or KSR.pv.get("$http_err"))
"""
APP_PYTHON = """
def mod_init():
    return Routing()
class Routing:
    def route(self, msg):
        msg.call_function("t_newtran")
        return msg.call_function("http_async_query", "{url}", "nowhere")
"""
RAISING = KEMI + "        raise ValueError('late')\n"


@pytest.fixture
def backend() -> Iterator[RawServer]:
    with RawServer(keep_answering) as server:
        yield server


def run(folder: Path, text: str, server: RawServer, *more: str) -> Result:
    script = folder / "routing.py"
    script.write_text(text.replace("{url}", server.url))
    return CliRunner().invoke(command, ["run", str(script), *more], env={"COLUMNS": "200"})


def said(done: Result) -> Any:
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return json.loads(done.stdout)


@pytest.mark.parametrize("engine", ["pycurl", "httpx"])
def test_json_has_each_query_and_the_summary(
    tmp_path: Path, backend: RawServer, engine: str
) -> None:
    report = said(run(tmp_path, KEMI, backend, "--json", "--backend", engine))
    (message,) = report["messages"]
    assert message.pop("time_ms") >= 0
    assert message["queries"][0].pop("time_ms") >= 0
    assert message == {
        "message": "built-in",
        "method": "INVITE",
        "uri": "sip:+4930123456@example.org",
        "end": "answered",
        "replies": ["100", "200 ok"],
        "actions": [],
        "headers": [],
        "suspended": 1,
        "resumed": 1,
        "queries": [{"route": "found", "result": "200", "suspending": True, "route_run": True}],
        "error": None,
    }
    summary = report["summary"]
    assert summary["latency_ms"].keys() == {"p50", "p95", "p99", "max"}
    counts = {name: summary[name] for name in summary if name not in ("seconds", "per_second",
                                                                      "latency_ms")}  # fmt: skip
    assert counts == {
        "messages": 1, "answered": 1, "relayed": 0, "timed_out": 0, "failed": 0, "unanswered": 0,
        "queries": 1, "failed_queries": 0, "suspended": 1, "resumed": 1,
    }  # fmt: skip
    assert report["calls"][0]["code"] == 0
    assert "secret" not in json.dumps(report)


def test_a_load_test_ends_with_a_table_of_latencies(tmp_path: Path, backend: RawServer) -> None:
    done = run(tmp_path, KEMI, backend, "--repeat", "60", "--concurrency", "8")
    assert done.exit_code == 0, done.output
    table = done.output[done.output.index("latency") :].splitlines()
    heading, row = table[2], table[4]
    assert re.findall(r"p\d\d ms|messages/s|longest ms", heading) == [
        "messages/s", "p50 ms", "p95 ms", "p99 ms", "longest ms",
    ]  # fmt: skip
    assert [cell.strip() for cell in row.split("│")[1:4]] == ["60", "60", "60"]
    assert "messages (first 1 of 60)" in done.output
    assert len(backend.requests) == 60


def test_without_a_load_test_there_is_no_such_table(tmp_path: Path, backend: RawServer) -> None:
    done = run(tmp_path, KEMI, backend)
    assert done.exit_code == 0, done.output
    assert "suspended" in done.output
    assert "latency" not in done.output


def test_the_transaction_timer_is_an_option(tmp_path: Path, backend: RawServer) -> None:
    report = said(run(tmp_path, APP_PYTHON, backend, "--fr-timer", "0.02", "--json"))
    (message,) = report["messages"]
    assert message["replies"] == ["100", "408"]
    assert message["queries"][0]["route_run"] is False
    assert "no route 'nowhere'" in message["error"]


def test_a_callback_that_raises_fails_the_run(tmp_path: Path, backend: RawServer) -> None:
    done = run(tmp_path, RAISING, backend, "--repeat", "3", "--json")
    assert done.exit_code == 1
    assert said(done)["summary"]["failed"] == 3
    assert said(done)["messages"][0]["error"] == "routing.py:10: ValueError: late"
    assert "Traceback" not in done.output


def test_a_backend_that_fails_shows_why(tmp_path: Path) -> None:
    def reset(peer: Peer) -> None:
        peer.request()
        peer.reset()

    with RawServer(reset) as server:
        done = run(tmp_path, KEMI, server, "--repeat", "2")
    assert done.exit_code == 0, done.output
    assert "queries failed" in done.output


def test_a_module_without_workers_is_refused(tmp_path: Path, backend: RawServer) -> None:
    done = run(tmp_path, KEMI, backend, "--modparam", "http_async_client:workers=0")
    assert done.exit_code == 1
    assert "workers" in done.output


@pytest.mark.parametrize(
    "option",
    [["--concurrency", "0"], ["--concurrency", "x"], ["--fr-timer", "0"], ["--fr-timer", "-1"]],
)
def test_bad_numbers_name_their_option(
    tmp_path: Path, backend: RawServer, option: list[str]
) -> None:
    done = run(tmp_path, KEMI, backend, *option)
    assert done.exit_code == 2
    assert option[0] in done.output
