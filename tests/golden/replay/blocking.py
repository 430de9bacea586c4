"""Runs one recorded case against the emulation and says how it differs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from golden.replay.comparison import as_recorded, matches, wire_differences
from golden.replay.recordings import Case, Step, evaluated, is_given_up
from golden.server.golden_server import GoldenServer
from onehttp import ConfigurationError, OnehttpError
from onehttp_compat.parameters import LegacyBugs
from onehttp_compat.server import LegacyServer

Json = Any

MESSAGE = {"$rm": "OPTIONS"}
"""Of the SIP request that ran each step, what the recorded scripts read."""
LATE_S = 0.5
"""How much earlier than recorded a call may end; later only means a busy machine."""
KEMI_EXCEPTIONS = {
    "SystemError": (TypeError, ValueError),
    "AttributeError": (AttributeError,),
}
"""What Python says natively -> what the emulation may say instead."""


@dataclass
class Seen:
    """What one step did."""

    outcome: dict[str, Json] = field(default_factory=dict)
    wire: list[dict[str, Json]] = field(default_factory=list)
    connects: dict[str, int] = field(default_factory=dict)
    took_s: float = 0.0


class Replay:
    """One case on one fresh legacy server."""

    def __init__(
        self,
        case: Case,
        server: GoldenServer,
        folder: Path,
        legacy_bugs: LegacyBugs,
    ) -> None:
        self.case = case
        self.server = server
        self.folder = folder
        self.legacy = self.legacy_server(legacy_bugs)
        self._serials: dict[int, int] = {}

    def legacy_server(self, legacy_bugs: LegacyBugs) -> LegacyServer:
        """What the case is replayed against."""
        return LegacyServer(legacy_bugs=legacy_bugs, **self.server_options())

    def server_options(self) -> dict[str, Json]:
        """What else the legacy server is to be like."""
        return {}

    def differences(self) -> list[str]:
        """Every difference between the recording and this run; empty = the same."""
        self.server.drop_connections()
        self.server.reset()
        refusal = self._refusal()
        if not self.case.startup["ok"]:
            return [] if refusal or self._are_attempts_refused() else ["startup: not refused"]
        if refusal:
            return [f"startup: {refusal}"]
        found: list[str] = []
        for number, step in enumerate(self.case.steps, 1):
            seen = self._run(step)
            found += [f"step {number}: {one}" for one in self._compare(number - 1, step, seen)]
        return found

    def _refusal(self) -> str | None:
        try:
            for module, name, value in self.case.params:
                self.legacy.modparam(module, name, self._filled(value))
            if self.case.config_file is not None:
                path = self.folder / "connections.cfg"
                path.write_bytes(self.server.expand(self.case.config_file).encode())
                self.legacy.modparam(self.case.module, "config_file", str(path))
            self.legacy.start()
        except ConfigurationError as error:
            return str(error)
        return None

    def _are_attempts_refused(self) -> bool:
        """A script the real server would not load: each of its calls is refused, nothing sent."""
        return all(self._is_refused(step) for step in self.case.attempted) and bool(
            self.case.attempted
        )

    def _is_refused(self, step: Step) -> bool:
        try:
            seen = self._run({**step, "expect": {"pvs": dict.fromkeys(step.get("pvs", ()))}})
        except OnehttpError:
            return True
        return "exception" in seen.outcome or (seen.outcome["rc"] == -1 and not seen.wire)

    def _run(self, step: Step) -> Seen:
        self.legacy.pv.new_message(MESSAGE)
        target = next((one["value"] for one in step["args"] if one["kind"] == "pv"), None)
        for name, text in step.get("before", []):
            self.legacy.pv.set(name, self._before(text))
        if target and self._is_writable(target):
            self.legacy.pv.set(target, "unset")
        counters = dict(self.legacy.counters)
        # A busy machine may be late with giving up, and must not be too late.
        self.server.slowness = 10 if is_given_up(step) else 1
        started = time.monotonic()
        seen = Seen(self._called(step))
        seen.took_s = time.monotonic() - started
        if target and self._is_writable(target):
            seen.outcome["result"] = self._read(target)
        seen.outcome["counters"] = {
            name: value - counters.get(name, 0)
            for name, value in self.legacy.counters.items()
            if value != counters.get(name, 0)
        }
        seen.outcome["pvs"] = {name: self._read(name) for name in step["expect"].get("pvs", {})}
        arrived = self.server.take(at_least=len(step.get("wire", ())))
        seen.wire = [self._numbered(request) for request in arrived]
        seen.connects = self.server.take_connects()
        return seen

    def _called(self, step: Step) -> dict[str, Json]:
        arguments = [self._filled(one["value"]) for one in step["args"]]
        if step.get("rpc"):
            return {"rpc": self.legacy.rpc(step["call"], arguments)}
        try:
            if self.case.interface == "kemi":
                module, _, function = step["call"].partition(".")
                return {"rc": self.legacy.kemi(module, function, arguments)}
            return {"rc": self.legacy.call(step["call"], arguments)}
        except (TypeError, ValueError, AttributeError, LookupError) as error:
            return {"rc": None, "exception": error}

    def _before(self, text: str) -> bytes:
        value = evaluated(text, lambda name: str(as_recorded(self.legacy.pv.get(name))))
        is_expression = text.startswith("=")
        return value.encode("latin-1") if is_expression else self.server.expand(text).encode()

    def _read(self, name: str) -> Json:
        return as_recorded(self.legacy.pv.get(name))

    def _is_writable(self, name: str) -> bool:
        try:
            self.legacy.pv.writable(name)
        except OnehttpError:
            return False
        return True

    def _filled(self, value: Json) -> Json:
        if isinstance(value, dict):
            return int(self.server.expand(value["int"]))
        return self.server.expand(value) if isinstance(value, str) else value

    def _numbered(self, request: dict[str, Json]) -> dict[str, Json]:
        number = self._serials.setdefault(request["connection"], len(self._serials) + 1)
        return {**request, "connection": number}

    def _compare(self, index: int, step: Step, seen: Seen) -> Iterator[str]:
        expect = step["expect"]
        differences = list(self._compare_outcome(index, expect, seen))
        if differences and "otherwise" in expect:
            differences = list(self._compare_outcome(index, expect["otherwise"], seen))
        yield from differences
        if "wire" in step:
            yield from wire_differences(step["wire"], seen.wire, self.server)
        if "connects" in step and step["connects"] != seen.connects:
            yield f"connections: recorded {step['connects']}, seen {seen.connects}"

    def _compare_outcome(self, index: int, expect: dict[str, Json], seen: Seen) -> Iterator[str]:
        for name in ("rc", "result", "counters", "pvs", "rpc"):
            if name in expect and not self._is_same(index, name, expect[name], seen.outcome):
                yield f"{name}: recorded {expect[name]!r}, seen {seen.outcome.get(name)!r}"
        if "exception" in expect:
            allowed = KEMI_EXCEPTIONS[expect["exception"]]
            if not isinstance(seen.outcome.get("exception"), allowed):
                yield f"exception: expected one of {allowed}, seen {seen.outcome}"
        elif "exception" in seen.outcome:
            yield f"raised {seen.outcome['exception']!r}"
        if seen.took_s < expect.get("seconds", 0) - LATE_S:
            yield f"took {seen.took_s:.1f} s, recorded {expect['seconds']}"
        if "lists" in expect:
            yield from _listing_differences(expect, seen.outcome.get("rpc"))

    def _is_same(self, index: int, name: str, recorded: Json, outcome: dict[str, Json]) -> bool:
        others = self.case.unstable_values.get(f"steps.{index}.expect.{name}", [])
        return any(matches(value, outcome.get(name), self.server) for value in [recorded, *others])


def _listing_differences(expect: dict[str, Json], answer: Json) -> Iterator[str]:
    listed = answer["result"]["CONNECTION"] if answer and "result" in answer else []
    rows = listed if isinstance(listed, list) else [listed]
    if (names := sorted(row["NAME"] for row in rows)) != expect["lists"]:
        yield f"listing: expected {expect['lists']}, seen {names}"
    if any(secret in str(answer) for secret in expect["hides"]):
        yield "listing: a password is shown"
