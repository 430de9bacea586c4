"""The outcome of a message that a script has worked on."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Final

from onehttp_compat.sip.message import SipMessage

TIMER_REPLY: Final = "408"
"""The reply that the transaction layer makes by itself. It has no reason phrase here."""
_PASSED_ON: Final = frozenset({"relay", "forward", "pass the reply on"})
_COPIED: Final = ("forward to ", "replicate to ")


class MessageEnd(enum.Enum):
    """The ways in which work on a message ends."""

    ANSWERED = "answered"
    RELAYED = "relayed"
    TIMED_OUT = "timed out"
    FAILED = "failed"
    DROPPED = "dropped"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryOutcome:
    """An asynchronous query of a message."""

    route: str
    result: str
    """The status of its answer, or its error."""
    has_response: bool
    is_suspending: bool
    has_run: bool
    """Whether its route has run; in its transaction if the query has suspended that."""
    time_s: float
    """Seconds from the arrival of the message to the end of the route."""


@dataclass(slots=True)
class MessageOutcome:
    """The outcome of one message."""

    message: SipMessage
    number: int = 0
    """The number of the message in a run."""
    replies: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    queries: list[QueryOutcome] = field(default_factory=list)
    suspended: int = 0
    """How often its transaction was suspended."""
    resumed: int = 0
    """How often its transaction was resumed."""
    error: str | None = None
    """The error that the script raised, with its place."""
    refusal: str = ""
    """Why the server drops the message before its script runs."""
    time_s: float = 0.0
    """Seconds from its arrival to its final reply, or, without one, to the end of the script's
    work."""

    @property
    def end(self) -> MessageEnd:
        """How work on it has ended."""
        if self.error is not None:
            return MessageEnd.FAILED
        if self.refusal:
            return MessageEnd.DROPPED
        if TIMER_REPLY in self.replies:
            return MessageEnd.TIMED_OUT
        if any(is_final(reply) for reply in self.replies):
            return MessageEnd.ANSWERED
        return MessageEnd.RELAYED if self.is_passed_on else MessageEnd.UNANSWERED

    @property
    def is_passed_on(self) -> bool:
        """Whether it, or a copy of it, was sent to another hop."""
        return any(one in _PASSED_ON or one.startswith(_COPIED) for one in self.actions)

    @property
    def is_worth_telling(self) -> bool:
        """Whether something without a message (``child_init``, an event) has done anything to
        report."""
        return bool(self.error or self.queries or self.actions or self.headers)


def is_final(reply: str) -> bool:
    """Whether a status line such as ``200 OK`` ends a transaction."""
    return not reply.startswith("1")
