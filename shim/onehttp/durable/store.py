"""What a store of messages does, whatever it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from onehttp.durable.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message that a worker has in hand, until it says what became of it or its lease ends."""

    number: int
    """Of the message in its store."""
    lease: int
    """Tells this delivery from earlier and later ones of the same message."""
    message: Message
    attempt: int
    """From 1 on; counted anew for a dead letter that is retried."""
    may_repeat: bool
    """An earlier attempt may have reached the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a delivery."""

    number: int
    lease: int
    """Of the delivery: what is said of an earlier one changes nothing."""
    error: str = ""
    """Empty: it is done."""
    again_in_s: float | None = None
    """Of an error: when it is tried again; None: it becomes a dead letter."""
    may_have_arrived: bool = True
    """Of an error: whether the server may have seen it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """How many messages a queue holds."""

    queue: str
    waiting: int
    """To be sent, in the hands of workers included."""
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that nobody tries to send any more."""

    message: Message
    attempts: int
    error: str
    """What it failed with at last."""


class Store(Protocol):
    """Keeps messages until they are done. All methods may be called from any thread.

    Raises (all methods):
        QueueStoreError: the store cannot do it; what is not acknowledged is not stored.
    """

    def put(self, message: Message) -> None:
        """Store one; when this returns, it outlives the process and the machine's next crash.

        Raises:
            QueueFullError: the queue holds as many as it may.
        """

    def take(
        self, queue: str, most: int, lease_s: float, reports: Sequence[Report] = ()
    ) -> Sequence[Delivery]:
        """Up to so many that are due, for a worker to send within ``lease_s`` seconds; of each key
        the first alone.

        Args:
            reports: are taken note of before, as by `report`: where both can be one, they are.
        """

    def keep(self, numbers: Sequence[int], lease_s: float) -> None:
        """Those are still being sent: nobody else takes them for so long."""

    def report(self, reports: Sequence[Report]) -> None:
        """What became of deliveries."""

    def lengths(self) -> Sequence[Length]:
        """Of all queues."""

    def dead_letters(self, queue: str, most: int) -> Sequence[DeadLetter]:
        """The oldest first."""

    def retry(self, queue: str, id: str | None) -> int:
        """Have a dead letter sent, or all (None), with its attempts counted anew; how many."""

    def drop(self, queue: str, id: str | None) -> int:
        """Remove a dead letter, or all (None); how many."""

    def close(self) -> None:
        """Let go of it."""
