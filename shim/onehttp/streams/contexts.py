"""What `stream` and `astream` give: a response inside a ``with``."""

from __future__ import annotations

from types import TracebackType

from onehttp.streams.response import AsyncStreamedResponse, StreamedResponse
from onehttp.streams.stream_call import StreamCall
from onehttp_backends.errors import OnehttpError


class StreamContext:
    """``with`` performs the call up to the head of its answer, and closes it in the end."""

    __slots__ = ("_call", "_response")

    def __init__(self, call: StreamCall) -> None:
        self._call = call
        self._response: StreamedResponse | None = None

    def __enter__(self) -> StreamedResponse:
        try:
            self._response = self._call.open()
        except OnehttpError as error:
            raise error.with_traceback(None) from error.__cause__  # whose frames hold headers
        return self._response

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._response is not None:
            self._response.close()


class AsyncStreamContext:
    """``async with`` does the same."""

    __slots__ = ("_call", "_response")

    def __init__(self, call: StreamCall) -> None:
        self._call = call
        self._response: AsyncStreamedResponse | None = None

    async def __aenter__(self) -> AsyncStreamedResponse:
        try:
            self._response = await self._call.aopen()
        except OnehttpError as error:
            raise error.with_traceback(None) from error.__cause__
        return self._response

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._response is not None:
            self._response.close()
