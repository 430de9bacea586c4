"""Replays asynchronous cases: the recorded script, its callback, the transactions around them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onehttp
from golden.replay.blocking import Replay, Seen
from golden.replay.comparison import matches
from golden.replay.recordings import Case, Step
from golden.server.golden_server import GoldenServer
from onehttp import OnehttpError
from onehttp.queries.transaction import transaction
from onehttp.testing import FakeTransaction, FakeTransactionLayer
from onehttp_compat.modules.http_async_client.calls import kemi_route, script_transaction
from onehttp_compat.parameters import LegacyBugs
from onehttp_compat.process import ScriptRoute
from onehttp_compat.pv import RefusedValueError, Value
from servers.patience import PATIENCE_S

Json = Any

ASYNC_MODULES = ("async_http", "http_async_client")
CALLBACK, SECOND = "CALLBACK", "SECOND"
FINAL_TIMER_MS = 5000
FIRST_REVISION = "50fca238aa"
MESSAGE: dict[str, Value] = {"$fU": "tester", "$T_reply_code": 0}
"""Of the SIP request that ran each step, what the recorded scripts read."""


@dataclass
class Exchange:
    """One SIP request of a step: its transaction, and what went back."""

    transaction: FakeTransaction | None
    stateless: list[str] = field(default_factory=list)

    @property
    def responses(self) -> list[str]:
        return self.transaction.responses if self.transaction else self.stateless

    def reply(self, code: int, reason: str) -> None:
        if self.transaction is None:
            self.stateless.append(f"{code} {reason}")
        else:
            self.transaction.reply(code, reason)


def _final_timer_s(case: Case) -> float:
    """Seconds: a timer that did not end what was recorded is not to end it on a busy machine."""
    given = case.server_globals.get("fr_timer")
    recorded = (str(step.get("expect", {}).get("sip", "")) for step in case.steps)
    if given is None and not any("408" in responses for responses in recorded):
        return PATIENCE_S
    return float(FINAL_TIMER_MS if given is None else given) / 1000


class AsyncReplay(Replay):
    """One asynchronous case on one fresh legacy server."""

    def __init__(
        self,
        case: Case,
        server: GoldenServer,
        folder: Path,
        legacy_bugs: LegacyBugs,
    ) -> None:
        super().__init__(case, server, folder, legacy_bugs)
        self.layer = FakeTransactionLayer(_final_timer_s(case))
        self.legacy.find_route = self._find_route
        self._step: Step = {}
        self._taking = threading.Lock()  # guards the two lists: callbacks may run side by side
        self._callbacks: list[Json] = []
        self._second_callbacks: list[Json] = []
        self._second_rc: int | None = None
        self._exchanges: dict[str, Exchange] = {}

    def server_options(self) -> dict[str, Json]:
        return {"is_first_async": self.case.revision == FIRST_REVISION}

    # ---- the recorded script

    def _called(self, step: Step) -> dict[str, Json]:
        if step.get("rpc"):
            return super()._called(step)
        self._step = step
        self._callbacks, self._second_callbacks, self._second_rc = [], [], None
        requests = [self._request(step) for _ in range(step.get("burst", 1))]
        outcomes = [outcome for outcome, _ in requests]
        exchanges = [exchange for _, exchange in requests]
        first = exchanges[0].transaction
        if "cancel_after" in step and first is not None:
            timer = threading.Timer(step["cancel_after"], first.cancel)
            timer.start()
            assert self.layer.wait(lambda: len(first.responses) > 1, PATIENCE_S)
            timer.join()
        assert self.layer.wait(lambda: not self.layer.suspended, PATIENCE_S)
        assert onehttp.drain(PATIENCE_S)
        responses = [exchange.responses for exchange in exchanges]
        finals = sum(not one.startswith("1") for each in responses for one in each)
        finals -= sum(one.endswith("(CANCEL)") for each in responses for one in each)
        return {
            **outcomes[0],
            "sip": {"responses": responses if "burst" in step else responses[0], "finals": finals},
            "callbacks": self._callbacks,
            "suspended": first is not None and first.suspended > 0,
            "then": {"rc": self._second_rc, "callbacks": self._second_callbacks},
        }

    def _is_refused(self, step: Step) -> bool:
        """A call that the real server would not load: one of its settings is refused, or itself."""
        try:
            for name in step.get("pvs", []):
                self._read(name)
            outcome = self._called({**step, "expect": {}})
        except OnehttpError:
            return True
        return -1 in (outcome.get("rc"), *outcome.get("settings_rc", []))

    def _request(self, step: Step) -> tuple[dict[str, Json], Exchange]:
        """What the request route of the recordings does."""
        method = step.get("sip", "MESSAGE")
        self.legacy.pv.new_message({**MESSAGE, "$rm": method})
        for name, text in step.get("before", []):
            self.legacy.pv.set(name, self._before(text))
        with_transaction = step.get("transaction", True)
        exchange = Exchange(self.layer.new(method) if with_transaction else None)
        if step.get("early_reply"):
            exchange.reply(200, "early")
        if step.get("set_avp"):
            self.legacy.pv.set("$avp(carried)", "from request")
        outcome: dict[str, Json] = {}
        settings_rc = [self._set(*setting) for setting in step.get("settings", [])]
        if any(name.endswith("()") for name, _, _ in step.get("settings", [])):
            outcome["settings_rc"] = settings_rc
        with transaction(exchange.transaction):
            outcome |= super()._called({**step, "args": self._arguments(step)})
        outcome["pvs"] = {name: self._read(name) for name in step.get("main_pvs", [])}
        rc = outcome.get("rc")
        if rc:
            exchange.reply(*((500, "query failed") if rc < 0 else (202, "queued")))
        return outcome, exchange

    def _arguments(self, step: Step) -> list[Json]:
        return [
            {**one, "value": CALLBACK} if one["value"] == "@CALLBACK@" else one
            for one in step["args"]
        ]

    def _set(self, key: str, kind: str, value: Json) -> int:
        filled = self._filled(value)
        if key.endswith("()"):
            return self.legacy.call(key[:-2], (filled,))
        try:
            self.legacy.pv.set(f"$http_req({key})", filled)
        except RefusedValueError:
            return -1
        return 1

    # ---- its callbacks

    def _find_route(self, name: str) -> ScriptRoute | None:
        functions: dict[str, Callable[..., None]] = {CALLBACK: self._first, SECOND: self._second}
        function = functions.get(name)
        if function is None:
            return None
        return kemi_route(function) if self.case.interface == "kemi" else self._native(function)

    def _native(self, function: Callable[..., None]) -> ScriptRoute:
        def run(result: onehttp.Result, is_suspended: bool) -> None:
            function()

        return run

    def _first(self, *arguments: Json) -> None:
        self._note(self._callbacks, self._step["expect"].get("callbacks", []), arguments)
        if "then" in self._step:
            second = self._step["then"]
            for setting in second["settings"]:
                self._set(*setting)
            self._second_rc = self.legacy.call(
                second["call"],
                [
                    SECOND if one["value"] == "@CALLBACK@" else self._filled(one["value"])
                    for one in second["args"]
                ],
            )
        elif self._step.get("reply", 200) is not None:
            _reply(self._step.get("reply", 200), "resumed")

    def _second(self, *arguments: Json) -> None:
        expected = self._step["expect"]["then"]["callbacks"]
        self._note(self._second_callbacks, expected, arguments)
        _reply(200, "done twice")

    def _note(self, into: list[Json], expected: list[Json], arguments: tuple[Json, ...]) -> None:
        names = {name: None for one in expected for name in one["pvs"]}
        seen: dict[str, Json] = {"pvs": {name: self._read(name) for name in names}}
        if self.case.interface == "kemi":
            seen["arguments"] = list(arguments[1:])
        with self._taking:
            into.append(seen)

    # ---- comparison

    def _compare_outcome(self, index: int, expect: dict[str, Json], seen: Seen) -> Iterator[str]:
        if expect.get("crash"):
            return
        yield from super()._compare_outcome(index, expect, seen)
        for name in ("sip", "suspended", "settings_rc", "callbacks", "then"):
            if name in expect and not self._is_same_async(name, expect[name], seen.outcome):
                yield f"{name}: recorded {expect[name]!r}, seen {seen.outcome.get(name)!r}"

    def _is_same_async(self, name: str, recorded: Json, outcome: dict[str, Json]) -> bool:
        seen: Json = outcome.get(name)
        if name == "callbacks":
            return _same_callbacks(recorded, seen, self.server)
        if name == "then":
            return recorded["rc"] == seen["rc"] and _same_callbacks(
                recorded["callbacks"], seen["callbacks"], self.server
            )
        return matches(recorded, seen, self.server)


def _reply(code: int, reason: str) -> None:
    """``t_reply`` in a callback; without a transaction there is nobody to reply to."""
    suspended = script_transaction()
    if isinstance(suspended, FakeTransaction):
        suspended.reply(code, reason)


def _same_callbacks(recorded: list[Json], seen: list[Json], server: GoldenServer) -> bool:
    return len(recorded) == len(seen) and all(
        _same_callback(one, other, server) for one, other in zip(recorded, seen, strict=True)
    )


def _same_callback(recorded: Json, seen: Json, server: GoldenServer) -> bool:
    if recorded.get("arguments", []) != seen.get("arguments", []):
        return False
    return all(
        _same_value(name, value, seen["pvs"].get(name), server)
        for name, value in recorded["pvs"].items()
    )


def _same_value(name: str, recorded: Json, seen: Json, server: GoldenServer) -> bool:
    # Texts of errors are libcurl's, save one.
    if name == "$http_err" and recorded not in (None, "TIMEOUT"):
        return isinstance(seen, str) and seen != "TIMEOUT"
    return matches(recorded, seen, server)
