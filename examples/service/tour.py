"""What the service can do, shown and checked."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onehttp
from service.backends import Backend
from service.load import load

WORKERS = 2
CALLS = 20
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@dataclass(frozen=True)
class Tour:
    """Of the service at ``url``, whose backends it stops and starts."""

    url: str
    folder: Path
    environment: Mapping[str, str]
    first: Backend
    records: Backend

    def go(self, seconds: float) -> None:
        """All of it; loads last for so long."""
        self.calls()
        self.until_all_have_begun()
        self.under_load("Load", seconds)
        self.failover(seconds)
        self.reload()
        self.seen()
        self.traced()
        self.queue()

    @property
    def number(self) -> str:
        return f"{self.url}/number/%2B4930123456"

    def calls(self) -> None:
        found = onehttp.request("GET", self.number).text
        show("A call", found)
        check("it is Alice's", "Alice" in found)
        nobody = onehttp.request("GET", f"{self.url}/number/1")
        show("A number that nobody has", f"{nobody.status} {nobody.text}")
        check("that is no failure", nobody.status == 404)

    def until_all_have_begun(self) -> None:
        control = Path(self.environment["ONEHTTP_CONTROL"])
        for _ in range(600):
            if len(list(control.glob("*.sock"))) == WORKERS:
                return
            time.sleep(0.1)
        raise SystemExit(f"not so: there are {WORKERS} processes")

    def under_load(self, title: str, seconds: float) -> None:
        loaded = asyncio.run(load(self.number, seconds))
        show(title, str(loaded))
        check("all calls were answered", loaded.outcomes.keys() == {"200"})

    def failover(self, seconds: float) -> None:
        self.first.stop()
        self.under_load("The first backend is killed: the other one answers", seconds)
        circuits = self.run("ctl", "connections")
        show("onehttp ctl connections", circuits)
        check("the circuit to it is open", "circuit open" in circuits)
        self.first.start()

    def reload(self) -> None:
        file = Path(self.environment["CONNECTIONS"])
        file.write_text(file.read_text().replace("concurrent: 64", "concurrent: 32"))
        reloaded = self.run("ctl", "reload")
        show("It is back, with half the limit: onehttp ctl reload", reloaded)
        check("every process has reloaded", reloaded.count("changed numbers") == WORKERS)

    def seen(self) -> None:
        show("onehttp top --once", self.run("top", "--once"))
        metrics = self.run("metrics", "--once").splitlines()
        again = [line for line in metrics if line.startswith("onehttp_resends_total{")]
        show("onehttp metrics --once, of the failover", "\n".join(again))
        check("moves to the other backend are counted", any("failover" in each for each in again))

    def traced(self) -> None:
        headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "Call-ID": "a84b4c76e66710"}
        onehttp.request("GET", self.number, headers=headers)
        spans = self.spans(3)
        names = [f"{each['kind'].removeprefix('SpanKind.'):9} {each['name']}" for each in spans]
        show("A call that its caller traces, innermost first", "\n".join(names))
        traces = {each["context"]["trace_id"] for each in spans}
        check("all are of one trace", traces == {f"0x{TRACE}"})

    def queue(self) -> None:
        calls = [{"id": f"call-{n}", "caller": "alice", "seconds": n} for n in range(CALLS)]
        answers = [onehttp.request("POST", f"{self.url}/calls", json=each) for each in calls]
        accepted = {each.status for each in answers}
        show(f"{CALLS} calls have ended while the records' backend is down", f"all: {accepted}")
        check("all were stored", accepted == {202})
        show("onehttp queue list", self.run("queue", "list"))
        self.records.start()
        file = self.environment["CONNECTIONS"]
        show(
            "It is back: onehttp worker cdr",
            self.run("worker", "cdr", "--once", "--connections", file),
        )
        lines = (self.folder / "records").read_text().splitlines()
        kept = [json.loads(line) for line in lines]
        check("each was kept", {each["id"] for each in kept} == {each["id"] for each in calls})
        check("none twice", len({each["key"] for each in kept}) == len(kept) == CALLS)

    def spans(self, count: int) -> list[dict[str, Any]]:
        """The first of the trace; the service writes its own once it has answered."""
        for _ in range(100):
            lines = (self.folder / "traces").read_text().splitlines()
            if len(lines) >= count:
                return [json.loads(line) for line in lines]
            time.sleep(0.1)
        raise SystemExit(f"not so: there are {count} spans")

    def run(self, *arguments: str) -> str:
        """What a command of onehttp says."""
        command = [sys.executable, "-m", "onehttp", *arguments]
        done = subprocess.run(
            command, env=dict(self.environment), stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout.strip()


def show(title: str, text: str) -> None:
    print(f"\n{title}\n" + "\n".join(f"    {line}" for line in text.splitlines()), flush=True)


def check(what: str, holds: bool) -> None:
    if not holds:
        raise SystemExit(f"not so: {what}")
