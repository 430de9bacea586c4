"""What was started in a soak, and what became of it."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field

import onehttp
from onehttp.testing import FakeTransaction

LATE = 2_000
"""Transactions that are looked at once more, this many later: a second reply comes late."""


@dataclass
class Account:
    """Calls by kind, and their outcomes; transactions, and their final replies."""

    started: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    accepted: int = 0
    """Calls of `submit` that returned."""
    refused: int = 0
    """... that raised."""
    faults: list[str] = field(default_factory=list)
    _counting: threading.Lock = field(default_factory=threading.Lock)  # guards all of it
    _answered: deque[FakeTransaction] = field(default_factory=deque)

    def start(self, kind: str) -> None:
        with self._counting:
            self.started[kind] += 1

    def end(self, kind: str, outcome: BaseException | str | None = None) -> None:
        name = type(outcome).__name__ if isinstance(outcome, BaseException) else outcome
        with self._counting:
            self.ended[kind] += 1
            self.outcomes[kind, name or "response"] += 1

    def note_submit(self, is_accepted: bool) -> None:
        with self._counting:
            self.accepted += is_accepted
            self.refused += not is_accepted

    def answered(self, transaction: FakeTransaction) -> None:
        """It has its final reply; it must not get another."""
        finals = final_replies(transaction)
        self.end("suspended", finals[-1].partition(" ")[0] if finals else "no final reply")
        self._answered.append(transaction)
        if len(self._answered) > LATE:
            self._check_finals(self._answered.popleft())

    def close(self, queries: onehttp.QueryStats, engine: onehttp.Stats) -> list[str]:
        """What does not add up, in words."""
        while self._answered:
            self._check_finals(self._answered.popleft())
        for kind, number in self.started.items():
            self._expect(f"{kind}: started and ended", number, self.ended[kind])
        of_queries = queries.completed + queries.failed + queries.cancelled
        self._expect("queries: submitted and ended", queries.submitted, of_queries)
        self._expect("queries: open", queries.open, 0)
        self._expect("queries: suspended, resumed or gone", queries.suspended,
                     queries.resumed + queries.gone)  # fmt: skip
        self._expect("calls of submit that returned", queries.submitted, self.accepted)
        self._expect("calls of submit that raised", queries.refused, self.refused)
        of_engine = engine.completed + engine.failed + engine.cancelled
        self._expect("transfers: started and ended", engine.transfers, of_engine)
        self._expect("transfers: in flight", engine.in_flight, 0)
        self._expect("transfers: callbacks that failed", engine.callback_errors, 0)
        return self.faults

    def _check_finals(self, transaction: FakeTransaction) -> None:
        if len(final_replies(transaction)) != 1:
            self.faults.append(f"{transaction!r}: {transaction.responses}")

    def _expect(self, what: str, left: int, right: int) -> None:
        if left != right:
            self.faults.append(f"{what}: {left} and {right}")


def final_replies(transaction: FakeTransaction) -> list[str]:
    """Those to the request itself."""
    return [reply for reply in transaction.responses if reply[0] > "1" and "CANCEL" not in reply]
