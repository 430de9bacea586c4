"""`Repeating`: one request that is made again and again."""

from __future__ import annotations

from typing import Final, Protocol, TypeAlias, runtime_checkable

from onehttp_backends.contract import Request, Response

SMALL_BODY_BYTES: Final = 4096
"""The largest body of a `Response` that is kept, to say what later responses are like."""

BodyAlone: TypeAlias = tuple[bytes, Response]
"""The body of a response, and an earlier response to the same request that is like it in all but
body and times: both have status 200, and heads with the same bytes."""


class Repeated(Protocol):
    """A request that was checked once. Any thread may perform it, any number of times."""

    def perform(self) -> Response | BodyAlone:
        """Run it in the calling thread.

        Returns:
            The response, or its body and an earlier response that it is like.

        Raises:
            TransferError: it gave no response.
            RequestError: it is not fit to be sent.
            EngineClosedError: the engine was closed.
        """


@runtime_checkable
class Repeating(Protocol):
    """A backend that keeps what it found out about a request for the next time."""

    def repeated(self, request: Request) -> Repeated:
        """Return ``request``, which has no body, to be performed again and again.

        Raises:
            RequestError: it is not fit to be sent.
        """
