"""The context managers that `stream` and `astream` return."""

from __future__ import annotations

from typing import Generic

from onehttp.hints.names import OF_ASYNC_STREAM_CONTEXT, OF_STREAM_CONTEXT
from onehttp.streams.response import AsyncStreamedResponse, StreamedResponse
from onehttp.streams.stream_call import R, StreamCall
from onehttp_backends.errors import OnehttpError
from onehttp_backends.hints.elsewhere import tell


class _Context(Generic[R]):
    """A call and, while it is open, its response."""

    __slots__ = ("_call", "_response")

    def __init__(self, call: StreamCall) -> None:
        self._call = call
        self._response: R | None = None

    def _close(self) -> None:
        if self._response is not None:
            self._response.close()


class StreamContext(_Context[StreamedResponse]):
    """``with`` performs the call up to the head of the response, and closes that at the end."""

    __slots__ = ()

    def __enter__(self) -> StreamedResponse:
        try:
            self._response = self._call.open()
        except OnehttpError as error:
            raise error.with_traceback(None) from error.__cause__  # whose frames hold headers
        return self._response

    def __exit__(self, *_: object) -> None:
        self._close()


class AsyncStreamContext(_Context[AsyncStreamedResponse]):
    """The context manager for ``async with``."""

    __slots__ = ()

    async def __aenter__(self) -> AsyncStreamedResponse:
        try:
            self._response = await self._call.aopen()
        except OnehttpError as error:
            raise error.with_traceback(None) from error.__cause__
        return self._response

    async def __aexit__(self, *_: object) -> None:
        self._close()


tell(StreamContext, OF_STREAM_CONTEXT)
tell(AsyncStreamContext, OF_ASYNC_STREAM_CONTEXT)
