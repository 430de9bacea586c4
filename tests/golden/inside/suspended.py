"""Asynchronous cases in the real server, whose own transactions wait for the answers."""

from __future__ import annotations

import contextlib
import json
import re
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from golden.replay.asynchronous import AsyncReplay
from golden.replay.recordings import Case, Step
from golden.server.golden_server import GoldenServer
from onehttp_compat.parameters import LegacyBugs
from servers.kamailio import calls as kamailio_calls
from servers.kamailio.inside import Inside
from servers.patience import PATIENCE_S

Json = Any
SCRIPT = Path(__file__).with_name("suspending.py")
_STATUS = re.compile(r"SIP/2\.0 ((\d{3}) [^\r]*)")
_OWN = re.compile("resumed|queued|query failed|done twice|early")
"""Reasons that the script gives; of others, the recordings have the status alone."""


class Request:
    """One SIP request, and what has come back."""

    def __init__(self, port: int, method: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._own = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._branch = f"z9hG4bK{time.monotonic_ns()}"
        self._method = method
        self.responses: list[str] = []
        self._send(method, "<sip:step@127.0.0.1>")

    def receive(self, end: float) -> None:
        """Until its final answer; retransmissions are taken for what they are."""
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        while not any(one >= "2" for one in self.responses):
            if not poller.poll(max(0.0, end - time.monotonic()) * 1000):
                return
            answer = self._socket.recv(65535).decode()
            found = _STATUS.match(answer)
            assert found is not None
            status = found[1] if _OWN.search(found[1]) else found[2]
            if status not in self.responses:
                self.responses.append(status)
            if self._method == "INVITE" and status >= "2":
                to = re.search(r"\r\nTo: ([^\r]+)", answer, re.IGNORECASE)
                assert to is not None
                self._send("ACK", to[1])

    def close(self) -> None:
        self._socket.close()

    def _send(self, method: str, to: str) -> None:
        lines = [
            f"{method} sip:step@127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/UDP {self._own};branch={self._branch}",
            f"From: <sip:tester@{self._own}>;tag=f",
            f"To: {to}",
            f"Call-ID: {self._branch}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:tester@{self._own}>",
            "Max-Forwards: 10",
            "Content-Length: 0",
        ]
        self._socket.send(("\r\n".join(lines) + "\r\n\r\n").encode())


class Suspending:
    """The real server, and the folder where its script finds a step and notes what came of it."""

    def __init__(self, folder: Path, inside: Inside) -> None:
        self.folder = folder
        self.inside = inside

    def noted(self, what: str, at_least: int) -> list[Json]:
        """What the script has noted, once it is so much."""
        file, end = self.folder / what, time.monotonic() + PATIENCE_S
        while True:
            text = file.read_text() if file.exists() else ""
            if text.count("\n") >= at_least or time.monotonic() > end:
                return [json.loads(line) for line in text.splitlines()]
            time.sleep(0.01)

    def counters(self) -> dict[str, int]:
        """What its processes have counted, once no query is open: replies count after callbacks."""
        end = time.monotonic() + PATIENCE_S
        while True:
            counted: dict[str, int] = json.loads(self.inside.ask("counters"))
            if counted["onehttp.sent"] == counted["onehttp.answered"] or time.monotonic() > end:
                return {name: counted[name] for name in counted if not name.startswith("onehttp.")}

    def forget(self) -> None:
        for what in ("outcomes", "callbacks", "second"):
            (self.folder / what).unlink(missing_ok=True)


class RemoteServer:
    """What a replay of asynchronous cases without parameters uses of a `LegacyServer`."""

    def __init__(self, server: Suspending) -> None:
        self.pv = self
        self._server = server
        self.read: dict[str, Json] = {}

    def start(self) -> None: ...

    def new_message(self, _: Json) -> None: ...

    def get(self, name: str) -> Json:
        return self.read.get(name)

    @property
    def counters(self) -> dict[str, int]:
        return self._server.counters()


class SuspendedReplay(AsyncReplay):
    """One asynchronous case in the real server."""

    def __init__(
        self, case: Case, server: GoldenServer, folder: Path, suspending: Suspending
    ) -> None:
        self._suspending = suspending
        self._remote = RemoteServer(suspending)
        super().__init__(case, server, folder, "fixed")

    def legacy_server(self, legacy_bugs: LegacyBugs) -> Any:
        return self._remote

    def _called(self, step: Step) -> dict[str, Json]:
        suspending, expect = self._suspending, step["expect"]
        suspending.forget()
        (suspending.folder / "step").write_text(json.dumps(self._told(step)))
        method = step.get("sip", "MESSAGE")
        requests = [Request(suspending.inside.port, method) for _ in range(step.get("burst", 1))]
        end = time.monotonic() + PATIENCE_S
        for request in requests:
            request.receive(end)
            request.close()
        outcome = suspending.noted("outcomes", len(requests))[0]
        callbacks = suspending.noted("callbacks", len(expect.get("callbacks", [])))
        second = suspending.noted("second", len(expect.get("then", {}).get("callbacks", [])))
        self._remote.read = outcome["pvs"]
        responses = [one.responses for one in requests]
        return {
            **outcome,
            "sip": {
                "responses": responses if "burst" in step else responses[0],
                "finals": sum(one >= "2" for each in responses for one in each),
            },
            "callbacks": [self._as_recorded(one) for one in callbacks],
            "suspended": outcome["rc"] == 0,
            "then": {
                "rc": next((one["then"] for one in callbacks if "then" in one), None),
                "callbacks": [self._as_recorded(one) for one in second],
            },
        }

    def _told(self, step: Step) -> Json:
        """The step as the script takes it."""
        expect = step["expect"]
        told = {
            **step,
            "arguments": [self._filled(one["value"]) for one in step["args"]],
            "settings": [[key, kind, self._filled(value)] for key, kind, value in
                         step.get("settings", [])],
            "names": _names(expect.get("callbacks", [])),
            "second_names": _names(expect.get("then", {}).get("callbacks", [])),
        }  # fmt: skip
        if "then" in step:
            then = step["then"]
            values = [self._filled(one["value"]) for one in then["args"]]
            told["then"] = {**then, "arguments": values}
        return told

    def _as_recorded(self, noted: Json) -> Json:
        kept = {"pvs": noted["pvs"]}
        return {**kept, "arguments": noted["arguments"]} if self.case.interface == "kemi" else kept


def _names(callbacks: list[Json]) -> list[str]:
    return list({name: None for one in callbacks for name in one["pvs"]})


@contextlib.contextmanager
def suspending(folder: Path) -> Iterator[Suspending]:
    """The real server, with the script that suspends."""
    with kamailio_calls.running(folder, SCRIPT, {"TEST_FOLDER": str(folder)}, children=1) as (
        inside,
        _,
    ):
        yield Suspending(folder, inside)
