"""Sends messages through a script in a real server that runs, and collects their outcomes."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from onehttp_compat.real_server.calls import LiveCalls, placed
from onehttp_compat.real_server.link import Answer
from onehttp_compat.real_server.process import RealServer, RealServerError
from onehttp_compat.real_server.sockets import ServerSockets, unsendable
from onehttp_compat.script.instance import HINTS
from onehttp_compat.script.outcome import MessageOutcome, QueryOutcome
from onehttp_compat.script.world import World
from onehttp_compat.sip.message import SipMessage
from onehttp_compat.sip.via import Via

TIMEOUT_S: Final = 60.0
_FIRST_FINAL: Final = 200
STEP_S: Final = 0.05
"""Seconds between two checks of the server while queries are in flight."""
_OF_TM: Final = ("ACK", "CANCEL")
"""Messages that ``tm`` also sends by itself: for a refusal, and to abandoned branches."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A function that the script called, in the server or in the emulation."""

    label: str
    arguments: tuple[object, ...]
    result: object
    line: int
    route: str
    """The route that called it."""


@dataclass(slots=True)
class LiveMessage:
    """The work of the server on one message."""

    outcome: MessageOutcome
    calls: list[RecordedCall] = field(default_factory=list)
    sent: list[SipMessage] = field(default_factory=list)
    """Requests that it has forwarded."""
    has_begun: bool = False


class LiveScript:
    """A script in a real server. `running` makes it."""

    def __init__(
        self, path: Path, world: World, sockets: ServerSockets, server: RealServer
    ) -> None:
        self.world = world
        self.server = server
        self.calls = LiveCalls(world, self._wake, self._note_query)
        self.does_not_start = ""
        self.answered: set[str] = set()
        """Functions that the server has answered, and that are assumed outside it."""
        self._path = path
        self.sockets = sockets
        self._current = LiveMessage(MessageOutcome(SipMessage("", label="child_init")))
        self._known: list[LiveMessage] = []
        self._passed_on: set[tuple[object, ...]] = set()
        self._closed: set[Via] = set()
        """Branches that have received a final reply."""

    def answer(self, op: str, fields: Mapping[str, Any]) -> Answer:
        """Answer a request of the script in the server. It is called in the thread of the
        connection."""
        errands = self.calls.resuming.errands
        if errands is not None and op in ("call", "pv", "assume"):
            return errands.do(lambda: self._answer(op, fields))
        return self._answer(op, fields)

    def run(
        self, messages: Iterable[SipMessage], timeout_s: float = TIMEOUT_S
    ) -> Iterator[LiveMessage]:
        """Send messages one after the other.

        Yields:
            The outcome of each message, when the server has ended its work on it and on its
            queries.

        Raises:
            RealServerError: the server has ended.
        """
        self._wait_for_queries(time.perf_counter() + timeout_s)  # of child_init
        for number, message in enumerate(messages, 1):
            live = LiveMessage(MessageOutcome(message, number))
            self._current = live
            self._known.append(live)
            started = time.perf_counter()
            if refusal := unsendable(message):
                live.outcome.refusal = refusal
            else:
                self._send(live)
                self._finish(live, started, timeout_s)
            live.outcome.time_s = time.perf_counter() - started
            yield live

    @property
    def port(self) -> int:
        """The port of the server."""
        return self.sockets.port

    def as_seen(self, message: SipMessage) -> SipMessage:
        """Return a message with the addresses that the server has seen."""
        return dataclasses.replace(
            message,
            source=self.sockets.source,
            destination=("127.0.0.1", self.sockets.port),
            protocol="udp",
        )

    # ---- messages of the script's process

    def _answer(self, op: str, fields: Mapping[str, Any]) -> Answer:
        rest = {key: value for key, value in fields.items() if key not in ("file", "line")}
        if op in ("call", "pv", "assume"):
            with placed(fields):
                answer: Answer = getattr(self.calls, op)(**rest)
                return answer
        if op in ("known", "native", "suspends", "resumed", "answering"):
            found: Answer = getattr(self.calls, op)(**rest)
            return found
        if op == "ran":
            return self.calls.ran(str(rest["number"]))
        getattr(self, f"_on_{op}")(**rest)
        return {}

    def _on_begin(self) -> None:
        self._current.has_begun = True

    def _on_end(self, what: str, error: str, calls: list[list[Any]]) -> None:
        live = self._current
        live.has_begun = True
        live.calls += [
            RecordedCall(label, tuple(arguments), result, line, "".join(route))
            for label, arguments, result, _, line, route in calls
        ]
        if error and live.outcome.error is None:
            live.outcome.error = error

    def _on_hint(self, about: str, what: str, kind: str) -> None:
        self.world.mistakes.hint(HINTS[about].format(what, kind), self._path.name)

    def _on_pass_on(self) -> None:
        self._current.outcome.actions.append("pass the reply on")

    def _on_does_not_start(self, error: str) -> None:
        self.does_not_start = error

    def _note_query(self, query: QueryOutcome) -> None:
        self._current.outcome.queries.append(query)

    def _wake(self, number: int) -> None:
        self.sockets.wake("onehttp-resume", number)

    # ---- messages

    def _send(self, live: LiveMessage) -> None:
        message = live.outcome.message
        if message.is_request or message.refusal:
            self.sockets.send(message.received)
            return
        relayed = self._relayed_for(message)
        if relayed is None:
            self.sockets.send(message.received)
        else:
            if message.status >= _FIRST_FINAL and relayed.top_via is not None:
                self._closed.add(relayed.top_via)
            self.sockets.send(_reply_to(relayed, message), from_sink=True)

    def _finish(self, live: LiveMessage, started: float, timeout_s: float) -> None:
        """Wait until the work on a message is over, and collect what the server has sent for it."""
        end = started + timeout_s
        while True:
            left = end - time.perf_counter()
            if left <= 0 or not self.sockets.settle(left, lambda: self.server.is_running):
                if not self.server.is_running:
                    raise RealServerError(
                        f"the server has crashed at {live.outcome.message.label}:\n"
                        + self.server.log_tail()
                    )
                live.outcome.error = f"does not end after {timeout_s:g} s (--timeout)"
                break
            if not self._wait_for_queries(min(end, time.perf_counter() + STEP_S)):
                break
        self.sockets.collect()
        self._take_in(live)

    def _wait_for_queries(self, end: float) -> bool:
        """Wait for the queries in flight. True if there still are some."""
        changed = self.calls.changed
        with changed:
            while self.calls.open and (left := end - time.perf_counter()) > 0:
                changed.wait(left)
            return bool(self.calls.open)

    def _take_in(self, live: LiveMessage) -> None:
        """Collect the replies and requests that belong to it."""
        outcome = live.outcome
        call_id = outcome.message.header("call-id")
        told: set[tuple[object, ...]] = set()
        for sent in self.sockets.seen:
            key = (sent.status, sent.reason, sent.method, sent.top_via, sent.uri)
            if key in told or key in self._passed_on or sent.header("call-id") != call_id:
                continue  # a retransmission, or for another message
            told.add(key)
            if not sent.status:  # the server repeats it until the next hop answers
                self._passed_on.add(key)
            if sent.status:
                outcome.replies.append(f"{sent.status} {sent.reason}")
            elif sent.method not in _OF_TM or outcome.message.method == sent.method:
                live.sent.append(sent)
                outcome.actions.append("relay")
        self.sockets.seen.clear()
        outcome.headers += [
            str(call.arguments[0]).strip()
            for call in live.calls
            if call.label.startswith("hdr.append") and call.arguments
        ]
        if not live.has_begun and not outcome.replies and outcome.message.is_request:
            outcome.refusal = outcome.message.refusal or "the server drops it"

    def _relayed_for(self, reply: SipMessage) -> SipMessage | None:
        """Return the forwarded request that a captured reply answers. With several branches it is
        the first without a final reply, because captures do not identify the branch."""
        branches: list[SipMessage] = []
        for live in self._known:
            if live.outcome.message.is_request and _is_same(live.outcome.message, reply):
                branches.clear()  # of an earlier repetition
            branches += [sent for sent in live.sent if _is_same(sent, reply)]
        open_ones = [one for one in branches if one.top_via not in self._closed]
        return next(iter(open_ones or branches[-1:]), None)


def _is_same(one: SipMessage, other: SipMessage) -> bool:
    """Whether two messages belong to one transaction, on either side of the server."""
    return one.header("call-id") == other.header("call-id") and one.cseq == other.cseq


def _reply_to(request: SipMessage, captured: SipMessage) -> bytes:
    """Return the captured reply as the next hop would send it for this request."""
    vias = tuple(("Via", via) for via in request.vias)
    rest = tuple(one for one in captured.headers if one[0].lower() not in ("via", "v"))
    return dataclasses.replace(captured, headers=vias + rest, received=b"").wire()
