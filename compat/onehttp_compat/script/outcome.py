"""What became of a message that a script was run for."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Final

from onehttp_compat.sip.message import SipMessage

TIMER_REPLY: Final = "408"
"""What the transaction layer answers by itself carries no reason here."""
_PASSED_ON: Final = frozenset({"relay", "forward", "pass the reply on"})
_COPIED: Final = ("forward to ", "replicate to ")


class MessageEnd(enum.Enum):
    """How a message came to its end."""

    ANSWERED = "answered"
    RELAYED = "relayed"
    TIMED_OUT = "timed out"
    FAILED = "failed"
    DROPPED = "dropped"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryOutcome:
    """One asynchronous query of a message."""

    route: str
    result: str
    """The status, or what went wrong."""
    has_response: bool
    is_suspending: bool
    has_run: bool
    """Its route; in its transaction where it was suspending."""
    time_s: float
    """From the message's arrival to the end of the route."""


@dataclass(slots=True)
class MessageOutcome:
    """What became of one message."""

    message: SipMessage
    number: int = 0
    """Counted from the first message of a run."""
    replies: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    queries: list[QueryOutcome] = field(default_factory=list)
    suspended: int = 0
    """How often its transaction was put aside."""
    resumed: int = 0
    """... and taken up again."""
    error: str | None = None
    """What the script raised, with the place."""
    refusal: str = ""
    """Why the server drops the message before its script hears of it."""
    time_s: float = 0.0
    """From its arrival to its final reply; without one, until the script was through with it."""

    @property
    def end(self) -> MessageEnd:
        """How it came to its end."""
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
        """Whether it, or a copy of it, has gone to another hop."""
        return any(one in _PASSED_ON or one.startswith(_COPIED) for one in self.actions)

    @property
    def is_worth_telling(self) -> bool:
        """Whether anything came of what was no message: ``child_init``, an event."""
        return bool(self.error or self.queries or self.actions or self.headers)


def is_final(reply: str) -> bool:
    """Whether ``200 OK`` or the like ends a transaction."""
    return not reply.startswith("1")
