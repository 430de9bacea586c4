"""The interface of message stores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from onehttp.durable.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message in the hands of a worker, until it is reported on or its lease ends."""

    number: int
    """The number of the message in its store."""
    lease: int
    """Identifies this delivery among those of the same message."""
    message: Message
    attempt: int
    """The number of the attempt, from 1; it starts again when a dead letter is retried."""
    may_repeat: bool
    """Whether it may be a repetition, because an earlier attempt may have reached the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of a delivery."""

    number: int
    lease: int
    """The lease of the delivery; a report about an earlier lease is ignored."""
    error: str = ""
    """The error; empty if the message is done."""
    again_in_s: float | None = None
    """After an error: seconds until the next attempt; None makes it a dead letter."""
    may_have_arrived: bool = True
    """After an error: whether the server may have received the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """The number of messages in a queue."""

    queue: str
    waiting: int
    """Messages that have still to be sent, including those in the hands of workers."""
    dead: int
    """Dead letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message whose delivery has been given up."""

    message: Message
    attempts: int
    error: str
    """The error of its last attempt."""


class Store(Protocol):
    """Keeps messages until they are done. All methods may be called from any thread.

    Raises (all methods):
        QueueStoreError: the store has failed; a message is stored only if `put` has returned.
    """

    def put(self, message: Message) -> None:
        """Store a message. Once this returns, it survives a crash of the process or the machine.

        Raises:
            QueueFullError: the queue is full.
        """

    def take(
        self, queue: str, most: int, lease_s: float, reports: Sequence[Report] = ()
    ) -> Sequence[Delivery]:
        """Take up to ``most`` messages that are due; of those with the same key only the first.

        Args:
            lease_s: the seconds in which the worker must send them.
            reports: noted first, as by `report`; in the same transaction, if the store can.
        """

    def keep(self, numbers: Sequence[int], lease_s: float) -> None:
        """Renew the leases of messages that are still being sent, for ``lease_s`` seconds."""

    def report(self, reports: Sequence[Report]) -> None:
        """Note the results of deliveries."""

    def lengths(self) -> Sequence[Length]:
        """The lengths of all queues."""

    def dead_letters(self, queue: str, most: int) -> Sequence[DeadLetter]:
        """Up to ``most`` dead letters of a queue, oldest first."""

    def retry(self, queue: str, id: str | None) -> int:
        """Queue a dead letter, or all (None), for new attempts; returns how many."""

    def drop(self, queue: str, id: str | None) -> int:
        """Delete a dead letter, or all (None); returns how many."""

    def close(self) -> None:
        """Close the store."""
