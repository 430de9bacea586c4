"""`Repeating`: one request that is made again and again."""

from __future__ import annotations

from typing import Final, Protocol, runtime_checkable

from onehttp_backends.contract import Request, Response

SMALL_BODY_BYTES: Final = 4096


class Repeated(Protocol):
    """A request that was checked once. Any thread may perform it, any number of times."""

    def perform(self) -> Response | bytes:
        """Run it in the calling thread.

        Returns:
            The response; or its body alone, if it has status 200 and its head has the same bytes
            as that of the last `Response` which this request was given, and if the body of that
            had at most `SMALL_BODY_BYTES`, so that its caller may keep it.

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
