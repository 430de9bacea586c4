"""`Streaming`: responses whose bodies are read piece by piece."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

from onehttp_backends.bodies.upload import Sending
from onehttp_backends.contract import Request, Response


class StreamLimits(NamedTuple):
    """Time limits besides those of the request, whose total ends with the head of the answer."""

    idle_s: float = 0.0
    """Seconds without progress of a body; 0 = no limit. Time spent waiting for our own side, the
    reader or the source of a body, does not count."""
    ends_at: float = math.inf
    """When the whole body must have come, on the monotonic clock."""


class OpenResponse(Protocol):
    """A response whose body is still to be read, by one reader at a time."""

    @property
    def response(self) -> Response:
        """The head of the response; its body is empty."""

    @property
    def is_coded(self) -> bool:
        """Whether the reader has to remove content codings (the option ``decompress``)."""

    def take(self) -> list[bytes]:
        """The pieces received since the last call, not decoded; waits for at least one. [] at the
        end of the body.

        Raises:
            TransferError: the rest will not come.
        """

    async def atake(self) -> list[bytes]:
        """`take`, in the event loop that opened the response."""

    def close(self) -> None:
        """Stop reading; a transfer still running is cancelled. Never waits. Any thread may call
        it."""


OnSent = Callable[[], None]
"""Called while a request's body is being sent, in the thread or task of the call."""


class Opening(NamedTuple):
    """A request to open, and the limits for reading its answer."""

    request: Request
    limits: StreamLimits
    sending: Sending | None = None
    """The attempt to send ``request.upload``."""
    on_sent: OnSent | None = None


@runtime_checkable
class Streaming(Protocol):
    """A backend that can hand over a body piece by piece.

    At most a few MiB of it are in memory at any time (10 more over HTTP/2, inside libcurl): a slow
    reader makes the server wait.
    """

    def open(self, opening: Opening) -> OpenResponse:
        """Send a request, and wait in the calling thread for the head of its answer.

        Raises:
            TransferError: there is no answer.
            Exception: whatever the source of the request's body raises.
        """

    async def aopen(self, opening: Opening) -> OpenResponse:
        """The same, awaited."""
