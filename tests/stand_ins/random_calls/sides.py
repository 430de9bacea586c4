"""The real server and the emulation, with the same script and the same messages."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import onehttp
from onehttp_compat.real_server.live_script import LiveScript
from onehttp_compat.real_server.run import running
from onehttp_compat.script.outcome import MessageOutcome
from onehttp_compat.script.serving import serving
from onehttp_compat.script.sip_server import SipServer
from onehttp_compat.script.world import World
from onehttp_compat.server import LegacyServer
from onehttp_compat.sip.message import parse_or_refuse
from stand_ins.random_calls.arguments import Argument

SCRIPT: Final = Path(__file__).with_name("script.py")
MYSELF: Final = ("sip.example.org", "127.0.0.1", "localhost")
Call: TypeAlias = "tuple[str, tuple[Argument, ...]]"
"""A function, as ``module.name``, and its arguments."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the calls for one message on one side."""

    results: list[object]
    replies: list[str]
    is_passed_on: bool
    end: str
    """``error``, ``dropped``, or nothing."""


class BothSides:
    """The server and the emulation. `both_sides` makes it."""

    def __init__(self, live: LiveScript, emulation: SipServer, calls: Path) -> None:
        self._live = live
        self._emulation = emulation
        self._calls = calls

    @property
    def world(self) -> World:
        """That of the emulation."""
        return self._emulation.world

    def run(self, message: bytes, calls: Sequence[Call]) -> tuple[Outcome, Outcome]:
        """Make the calls for the message. Returns what the emulation did, and the server.

        Raises:
            RealServerError: the server has ended.
        """
        self._calls.write_text(json.dumps(calls), "ascii")
        for side in ("emulation", "server"):
            self._results(side).unlink(missing_ok=True)
        sent = parse_or_refuse(message, "random", None, None, "")
        (theirs,) = self._live.run([sent])
        mine = self._emulation.run_one(self._live.as_seen(sent))
        return self._outcome("emulation", mine), self._outcome("server", theirs.outcome)

    def last_call(self, calls: Sequence[Call]) -> Call | None:
        """The call that the server has not come back from; None if there is none."""
        count = len(self._read("server"))
        return calls[count] if count < len(calls) else None

    def _outcome(self, side: str, outcome: MessageOutcome) -> Outcome:
        end = "error" if outcome.error else "dropped" if outcome.refusal else ""
        replies = [reply[:3] for reply in outcome.replies if not reply.startswith("100")]
        return Outcome(self._read(side), replies, outcome.is_passed_on, end)

    def _results(self, side: str) -> Path:
        return self._calls.with_name(f"{self._calls.name}.{side}")

    def _read(self, side: str) -> list[object]:
        with contextlib.suppress(FileNotFoundError):
            found: list[object] = json.loads(self._results(side).read_text("ascii"))
            return found
        return []


@contextmanager
def both_sides() -> Iterator[BothSides]:
    """Start the server and the emulation.

    Raises:
        RealServerError: there is no server, or it does not start.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        calls = folder / "calls.json"
        stack.enter_context(_environment(RANDOM_CALLS=str(calls)))
        onehttp.init()
        stack.callback(onehttp.shutdown)
        legacy = LegacyServer()
        live = stack.enter_context(running(SCRIPT, legacy, aliases=MYSELF[:1]))
        emulation = stack.enter_context(serving(SCRIPT, LegacyServer()))
        emulation.world.myself = frozenset({*MYSELF[:1], f"127.0.0.1:{live.port}"})
        yield BothSides(live, emulation, calls)


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
