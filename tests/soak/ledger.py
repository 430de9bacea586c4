"""What callers were told of each POST, beside what servers did of it."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

import onehttp


@dataclass
class Ledger:
    """The account of one run. Servers and callers write into it, each request by its number."""

    acted: Counter[int] = field(default_factory=Counter)
    """How often a server has read a request whole."""
    answered: Counter[int] = field(default_factory=Counter)
    """How often one has sent the whole answer."""
    told: dict[int, onehttp.Response | onehttp.TransferError] = field(default_factory=dict)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def act(self, number: int) -> None:
        with self._writing:
            self.acted[number] += 1

    def answer(self, number: int) -> None:
        with self._writing:
            self.answered[number] += 1

    def tell(self, number: int, outcome: onehttp.Response | onehttp.TransferError) -> None:
        with self._writing:
            if number in self.told:
                raise AssertionError(f"request {number} has ended twice")
            self.told[number] = outcome

    def outcomes(self) -> dict[str, int]:
        """How many ended how."""
        kinds = Counter(_kind(outcome) for outcome in self.told.values())
        return dict(sorted(kinds.items()))

    def faults(self, count: int) -> list[str]:
        """Where the two sides differ, of requests 0 to ``count``; empty: nowhere."""
        found = []
        for number in range(count):
            outcome = self.told.get(number)
            if outcome is None:
                found.append(f"request {number} has not ended")
            elif self.acted[number] not in self._allowed(number, outcome):
                found.append(
                    f"request {number}: {_kind(outcome)}, and servers acted on it "
                    f"{self.acted[number]} times, answered {self.answered[number]}: {outcome}"
                )
        return found

    def _allowed(
        self, number: int, outcome: onehttp.Response | onehttp.TransferError
    ) -> tuple[int, ...]:
        """How often a server may have acted on a request that ended so."""
        if isinstance(outcome, onehttp.Response) or outcome.sent is onehttp.Sent.YES:
            return (1,)
        if outcome.sent is onehttp.Sent.NO:
            return (0,)
        # What was answered whole is in no doubt.
        return () if self.answered[number] else (0, 1)


def _kind(outcome: onehttp.Response | onehttp.TransferError) -> str:
    if isinstance(outcome, onehttp.Response):
        return str(outcome.status)
    return f"error, sent: {outcome.sent.value}"
