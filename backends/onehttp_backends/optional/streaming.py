"""Bodies that pass piece by piece, either way: an optional part of a backend."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

from onehttp_backends.bodies.upload import Sending
from onehttp_backends.contract import Request, Response


class StreamLimits(NamedTuple):
    """What counts besides the limits of a request, whose total is over with the answer's head."""

    idle_s: float = 0.0
    """Seconds without progress while a body passes; 0 = no limit. Does not count while its reader
    or its source is what is waited for."""
    ends_at: float = math.inf
    """When all of it must have come, by the monotonic clock."""


class OpenResponse(Protocol):
    """An answer whose body is still to be read. Of those who read it there is one at a time."""

    @property
    def response(self) -> Response:
        """Status, head and what else is known by then; its body is empty."""

    @property
    def is_coded(self) -> bool:
        """Codings that its head tells of are to be taken off, as the request's options ask."""

    def take(self) -> list[bytes]:
        """What has come since the last time, at least a piece, codings included; [] at the end.

        Raises:
            TransferError: the rest will not come.
        """

    async def atake(self) -> list[bytes]:
        """The same, in the event loop that has opened it."""

    def close(self) -> None:
        """Read no more: what has not ended is ended. Never waits; from any thread."""


OnSent = Callable[[], None]
"""Called while the body of a request is sent, in the thread or task that makes the call."""


class Opening(NamedTuple):
    """What is sent, and within which limits its answer is read."""

    request: Request
    limits: StreamLimits
    sending: Sending | None = None
    """The body of ``request.upload``, of one attempt."""
    on_sent: OnSent | None = None


@runtime_checkable
class Streaming(Protocol):
    """A backend that can hand over a body piece by piece.

    No more than a few MiB of it are in memory at any time (over HTTP/2 libcurl may hold 10 more): a
    reader who does not come lets the server wait.
    """

    def open(self, opening: Opening) -> OpenResponse:
        """Send a request, and wait in the calling thread until the head of its answer is there.

        Raises:
            TransferError: none came.
            Exception: what the source of the body has raised.
        """

    async def aopen(self, opening: Opening) -> OpenResponse:
        """The same, awaited."""
