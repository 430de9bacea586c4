"""Streamed calls on a named connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onehttp.calls.arguments import CallArguments
from onehttp.runtime import Runtime
from onehttp.streams.contexts import AsyncStreamContext, StreamContext
from onehttp.streams.stream_call import StreamCall
from onehttp.streams.ways import call_on
from onehttp.stripped_tracebacks import strip_traceback

if TYPE_CHECKING:
    from typing_extensions import Unpack


class StreamsOnConnection:
    """The methods of a `Connection` for streams."""

    __slots__ = ()

    name: str
    _runtime: Runtime

    @strip_traceback
    def stream(
        self, method: str, target: str = "", /, **call: Unpack[CallArguments]
    ) -> StreamContext:
        """A response whose body is read in pieces; see `onehttp.stream`."""
        return StreamContext(self._streamed(method, target, call))

    @strip_traceback
    def astream(
        self, method: str, target: str = "", /, **call: Unpack[CallArguments]
    ) -> AsyncStreamContext:
        """Stream a call with ``async with``; see `onehttp.astream`."""
        return AsyncStreamContext(self._streamed(method, target, call))

    def _streamed(self, method: str, target: str, call: CallArguments) -> StreamCall:
        runtime = self._runtime
        return call_on(runtime, runtime.revision, self.name, method, target, call)
