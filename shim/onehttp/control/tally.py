"""Counts the calls of this process by connection, method and outcome.

A call that ends is put into a line, which takes no lock; whoever reads the counts, or finds the
line long, counts what stands in it.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from onehttp_backends.contract import Outcome, Response
from onehttp_backends.errors import Sent, TransferError
from onehttp_backends.forks import reentrant_lock
from onehttp_backends.observed import Call, Observer, observe

ADVISED_S: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Bounds of a histogram of durations. Source: OpenTelemetry, semantic conventions, HTTP metrics."""
_FINE: Final = tuple(0.0001 * 1.25**step for step in range(64))
BOUNDS_S: Final = tuple(sorted({*ADVISED_S, *_FINE}))
"""Ours, a quarter apart at most, so that a percentile is known as well as that."""
LONG_LINE: Final = 1000
MANY_KINDS: Final = 10_000
OTHER: Final = "_OTHER"
_METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
_STATUSES: Final = {
    status: str(status)
    for status in (*range(100, 104), *range(200, 209), 226, *range(300, 309), *range(400, 419),
                   *range(420, 427), 428, 429, 431, 451, *range(500, 509), 510, 511)
}  # fmt: skip
"""The registered statuses; servers may answer with any others, a new one each time."""


class CallKind(NamedTuple):
    """Calls that are counted together. Each field has few values, whatever servers send."""

    connection: str
    """Empty: none."""
    method: str
    """``_OTHER`` for one that no specification knows."""
    code: str
    """The status, or ``curl_7``; empty: given up."""
    outcome: str
    """``ok``, ``client_error``, ``server_error``, an exception's name with the phase
    (``TimeoutError.connect``), or ``given_up``."""


@dataclass(slots=True)
class Count:
    """The number of calls of one kind, and their durations."""

    calls: int = 0
    seconds: float = 0.0
    received_bytes: int = 0
    """Bytes of bodies."""
    sent_maybe: int = 0
    """Failures after which it is unknown whether the server has received the request."""
    by_duration: dict[int, int] = field(default_factory=dict)
    """By the index of the bound in `BOUNDS_S` that they do not exceed."""

    def add(self, other: Count) -> None:
        """Add the counts of another kind."""
        self.calls += other.calls
        self.seconds += other.seconds
        self.received_bytes += other.received_bytes
        self.sent_maybe += other.sent_maybe
        for index, calls in other.by_duration.items():
            self.by_duration[index] = self.by_duration.get(index, 0) + calls

    def percentile_s(self, percent: float) -> float:
        """The bound that ``percent`` of the calls did not exceed; infinite beyond the last one."""
        left = self.calls * percent / 100
        for index in sorted(self.by_duration):
            left -= self.by_duration[index]
            if left <= 0:
                return BOUNDS_S[index] if index < len(BOUNDS_S) else float("inf")
        return 0.0


_Ended: TypeAlias = "tuple[str, str, int | str, str, float, int, tuple[str, ...]]"
"""Connection, method, status or code, outcome unless it follows from the status, seconds, bytes (of
failures: whether it may have been sent), resends. A plain tuple: it is made for each call."""


class Tally(Observer):
    """The counts of this process. A forked child begins at zero."""

    def __init__(self) -> None:
        self._wake: list[Callable[[], object]] = []
        self._counting = reentrant_lock()  # guards _counts and _resends
        self.start_anew()
        os.register_at_fork(after_in_child=self.start_anew)

    def start_anew(self) -> None:
        """Set every count to zero; for forked children and tests."""
        self._counts: dict[CallKind, Count] = {}
        self._of: dict[tuple[str, str, int | str, str], Count] = {}
        self._resends: Counter[tuple[str, str]] = Counter()
        self._ended: deque[_Ended] = deque()
        self._open: set[Call] = set()
        self._is_quiet = True

    def when_something_happens(self, wake: Callable[[], object]) -> None:
        """Call ``wake`` at the first call that begins or ends after each `counts`."""
        self._wake.append(wake)

    def forget(self, wake: Callable[[], object]) -> None:
        """Stop calling ``wake``."""
        if wake in self._wake:
            self._wake.remove(wake)

    def call_begins(self, call: Call) -> None:
        self._open.add(call)
        if self._is_quiet:
            self._stir()

    def call_ends(self, call: Call, outcome: Outcome | None) -> None:
        self._open.discard(call)
        seconds = time.perf_counter() - call.began
        method = call.request.method
        ended: _Ended
        if type(outcome) is Response:
            ended = (call.name, method, outcome.status, "", seconds, len(outcome.body),
                     call.resends)  # fmt: skip
        else:
            ended = _without_response(call, outcome, seconds)
        self._ended.append(ended)
        if self._is_quiet:
            self._stir()
        if len(self._ended) > LONG_LINE:
            self._take_in()

    def _stir(self) -> None:
        self._is_quiet = False
        for wake in self._wake:
            wake()

    def counts(self) -> dict[CallKind, Count]:
        """The counts of all calls that have ended, as values that do not change."""
        self._is_quiet = True
        self._take_in()
        with self._counting:
            return {
                kind: Count(each.calls, each.seconds, each.received_bytes, each.sent_maybe,
                            each.by_duration.copy())
                for kind, each in self._counts.items()
            }  # fmt: skip

    def resends(self) -> Counter[tuple[str, str]]:
        """Attempts after the first of the calls that have ended, by connection and reason."""
        with self._counting:
            return self._resends.copy()

    def open_calls(self) -> list[Call]:
        """The calls in flight, oldest first."""
        return sorted(self._open.copy(), key=lambda call: call.began)

    def _take_in(self) -> None:
        with self._counting:
            while self._ended:
                name, method, code, outcome, seconds, size, resends = self._ended.popleft()
                count = self._of.get((name, method, code, outcome))
                if count is None:
                    count = self._count_of(name, method, code, outcome)
                count.calls += 1
                count.seconds += seconds
                if outcome:
                    count.sent_maybe += size
                else:
                    count.received_bytes += size
                index = bisect_left(BOUNDS_S, seconds)
                count.by_duration[index] = count.by_duration.get(index, 0) + 1
                for reason in resends:
                    self._resends[name, reason] += 1

    def _count_of(self, name: str, method: str, code: int | str, outcome: str) -> Count:
        """The count for calls with this end; it is remembered for the next one."""
        kind = _kind(name, method, code, outcome)
        count = self._counts.setdefault(kind, Count())
        if kind.method != OTHER and len(self._of) < MANY_KINDS:
            self._of[name, method, code, outcome] = count
        return count


def _without_response(call: Call, outcome: Outcome | None, seconds: float) -> _Ended:
    method = call.request.method
    if isinstance(outcome, Response):  # of a class of somebody's own
        size = len(outcome.body)
        return (call.name, method, outcome.status, "", seconds, size, call.resends)
    if outcome is None:
        return (call.name, method, "", failure_name(None), seconds, 0, call.resends)
    what = failure_name(outcome)
    is_maybe = outcome.sent is Sent.MAYBE
    return (call.name, method, f"curl_{outcome.code}", what, seconds, is_maybe, call.resends)


def failure_name(outcome: TransferError | None) -> str:
    """``TimeoutError.connect``: what a call ended with and in which phase; ``given_up`` for one
    that a cancelled task or an interrupt has ended. There are few of them, all documented."""
    if outcome is None:
        return "given_up"
    return type(outcome).__name__ + (f".{outcome.phase.value}" if outcome.phase else "")


def _kind(name: str, method: str, code: int | str, outcome: str) -> CallKind:
    if method not in _METHODS:
        method = OTHER
    if isinstance(code, str):
        return CallKind(name, method, code, outcome)
    outcome = "ok" if code < 400 else "client_error" if code < 500 else "server_error"
    return CallKind(name, method, _STATUSES.get(code) or f"{code // 100}xx", outcome)


class _ProcessTally:
    tally: Tally | None = None


def tally() -> Tally:
    """The tally of this process, which counts from the first call of this function on."""
    if _ProcessTally.tally is None:
        _ProcessTally.tally = Tally()
    observe(_ProcessTally.tally)
    return _ProcessTally.tally
