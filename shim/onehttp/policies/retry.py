"""Repeating an attempt: which failures are worth it, what may be repeated, how long to wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from onehttp.policies.budget import BudgetPolicy
from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.errors import (
    ConnectError,
    DisconnectedError,
    ProtocolError,
    ResolveError,
    Sent,
    TimeoutError,
    TLSError,
    TransferError,
)

ErrorKind: TypeAlias = Literal["resolve", "connect", "tls", "timeout", "disconnected", "protocol"]
ERROR_TYPES: Final[dict[str, type[TransferError]]] = {
    "resolve": ResolveError,
    "connect": ConnectError,
    "tls": TLSError,
    "timeout": TimeoutError,
    "disconnected": DisconnectedError,
    "protocol": ProtocolError,
}
LONGEST_PAUSE_S: Final = 3600.0
"""A server that asks for more has failed, also where a call may take for ever."""
DEFAULT_STATUSES: Final = (429, 502, 503, 504)
IDEMPOTENT_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Source: RFC 9110, 9.2.2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """What is repeated. The wait is exponential with full jitter."""

    attempts: int = 3
    """In all, the first one included."""
    backoff_base_s: float = 0.1
    backoff_max_s: float = 2.0
    statuses: frozenset[int] = frozenset(DEFAULT_STATUSES)
    errors: tuple[ErrorKind, ...] = ("resolve", "connect", "timeout", "disconnected")
    honours_retry_after: bool = True
    budget: BudgetPolicy | None = None

    def is_failure(self, outcome: Outcome) -> bool:
        """Whether ``outcome`` is one that another attempt may better."""
        if isinstance(outcome, Response):
            return outcome.status in self.statuses
        return isinstance(outcome, tuple(ERROR_TYPES[kind] for kind in self.errors))

    def wait_s(
        self, attempt: int, outcome: Outcome, share: float, wall: Callable[[], float]
    ) -> float:
        """Seconds between attempt number ``attempt`` (from 1), which ended so, and the next.

        ``share`` (0 to 1) is the jitter. What the server asks for in ``Retry-After`` is waited
        for whole, with the jitter on top, so that its clients do not all come back at once.

        Source: "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), full jitter.
        """
        asked = ""
        if self.honours_retry_after and isinstance(outcome, Response):
            asked = outcome.headers.get("retry-after", "")
        return self.pause_s(attempt, asked, share, wall)

    def pause_s(
        self, attempt: int, retry_after: str, share: float, wall: Callable[[], float]
    ) -> float:
        """The same, of what the server has said."""
        ceiling_s = min(self.backoff_max_s, self.backoff_base_s * 2 ** (attempt - 1))
        asked_s = retry_after_s(retry_after, wall)
        return asked_s + share * (self.backoff_base_s if asked_s else ceiling_s)


def may_repeat(request: Request, outcome: Outcome) -> bool:
    """Whether a failed attempt may be made again: nothing unsafe is ever sent twice unasked."""
    if request.upload is not None and not request.upload.may_begin:
        return False
    return (
        request.method in IDEMPOTENT_METHODS
        or request.options.unsafe_resend
        or (isinstance(outcome, TransferError) and outcome.sent is Sent.NO)
    )


def retry_after_s(text: str, wall: Callable[[], float]) -> float:
    """A ``Retry-After`` in seconds from now; 0 where it is absent, past, or neither of its forms.

    Source: RFC 9110, 10.2.3.
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    if not text:
        return 0.0
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - wall())
    except (ValueError, OverflowError):
        return 0.0
