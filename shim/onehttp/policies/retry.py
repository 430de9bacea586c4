"""Retries: which failures are repeated, which requests may be, and how long to wait."""

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
"""A ``Retry-After`` beyond this counts as a failure, even if the call has no time limit."""
DEFAULT_STATUSES: Final = (429, 502, 503, 504)
IDEMPOTENT_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Source: RFC 9110, 9.2.2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When an attempt is repeated. The wait grows exponentially, with full jitter."""

    attempts: int = 3
    """The maximum number of attempts, including the first."""
    backoff_base_s: float = 0.1
    backoff_max_s: float = 2.0
    statuses: frozenset[int] = frozenset(DEFAULT_STATUSES)
    errors: tuple[ErrorKind, ...] = ("resolve", "connect", "timeout", "disconnected")
    honours_retry_after: bool = True
    budget: BudgetPolicy | None = None

    def is_failure(self, outcome: Outcome) -> bool:
        """Whether ``outcome`` is a failure that another attempt may avoid."""
        if isinstance(outcome, Response):
            return outcome.status in self.statuses
        return isinstance(outcome, tuple(ERROR_TYPES[kind] for kind in self.errors))

    def wait_s(
        self, attempt: int, outcome: Outcome, share: float, wall: Callable[[], float]
    ) -> float:
        """Seconds to wait after attempt number ``attempt`` (from 1), which had this outcome.

        A ``Retry-After`` of the server is waited for in full, plus the jitter, so that its clients
        do not all come back at once.

        Args:
            share: the jitter, from 0 to 1.
            wall: the time in seconds since 1970.

        Source: "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), full jitter.
        """
        retry_after = ""
        if self.honours_retry_after and isinstance(outcome, Response):
            retry_after = outcome.headers.get("retry-after", "")
        return self.pause_s(attempt, retry_after, share, wall)

    def pause_s(
        self, attempt: int, retry_after: str, share: float, wall: Callable[[], float]
    ) -> float:
        """As `wait_s`, given the text of a ``Retry-After`` header (empty if there was none)."""
        ceiling_s = min(self.backoff_max_s, self.backoff_base_s * 2 ** (attempt - 1))
        asked_s = retry_after_s(retry_after, wall)
        return asked_s + share * (self.backoff_base_s if asked_s else ceiling_s)


def may_repeat(request: Request, outcome: Outcome) -> bool:
    """Whether a failed request may be sent again.

    An unsafe request may not, unless it was certainly not sent, or its connection allows it.
    """
    if request.upload is not None and not request.upload.may_begin:
        return False
    return (
        request.method in IDEMPOTENT_METHODS
        or request.options.unsafe_resend
        or (isinstance(outcome, TransferError) and outcome.sent is Sent.NO)
    )


def retry_after_s(text: str, wall: Callable[[], float]) -> float:
    """The seconds from now that a ``Retry-After`` names; 0 if it is absent, past, or malformed.

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
