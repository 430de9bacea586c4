"""A call with streamed bodies: its response is there before the body is.

Policies apply until the head of the response is there: retries, redirects, failover and the circuit
breaker judge by it. After that the body belongs to its reader.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar, cast

from onehttp.calls.arguments import CallArguments, Timeout, TimeoutSource, header_pairs
from onehttp.calls.call_options import checked_limit
from onehttp.calls.parts.form_files import with_form
from onehttp.errors import RequestError, RequestTypeError, StreamError
from onehttp.policies.clock import Clock, Pause
from onehttp.policies.held_permits import Keeper
from onehttp.policies.retry import LONGEST_PAUSE_S, RetryPolicy
from onehttp.streams.opener import Opener, around
from onehttp.streams.reading import BodyDecoder
from onehttp.streams.response import AsyncStreamedResponse, HeadOfResponse, StreamedResponse
from onehttp.streams.resuming import OF_RANGES
from onehttp_backends.bodies.sources import upload_of
from onehttp_backends.bodies.upload import Upload
from onehttp_backends.contract import Backend, Request, Response
from onehttp_backends.errors import CurlCode
from onehttp_backends.headers import HeaderPairs
from onehttp_backends.rules.request_rules import check_seconds

R = TypeVar("R", bound=HeadOfResponse)
_BYTES: Final = (bytes, str, bytearray, memoryview)
_OF_FRAMING: Final = ("content-length", "transfer-encoding")
_PAUSES: Final = RetryPolicy()
"""Between resumes that fail."""
_is_size: Final = re.compile(r"[0-9]{1,18}").fullmatch


class Way(Protocol):
    """A call, on a named connection or on none, that any backend can perform."""

    request: Request
    """The first one."""
    clock: Clock

    def perform(self, backend: Backend, keeper: Keeper) -> Response:
        """Perform it under its policies, with the exchanges made by ``backend``.

        ``keeper`` holds the permits of the attempt whose body is open.
        """

    async def aperform(self, backend: Backend, keeper: Keeper) -> Response:
        """`perform`, awaitable."""


_OF_STREAMS: Final = frozenset({"progress", "files", "body"})

MakeWay = Callable[[CallArguments], Way]


def is_streamed(call: CallArguments) -> bool:
    """Whether a call with these arguments streams its request body, though not its response."""
    if call.keys().isdisjoint(_OF_STREAMS):
        return False
    if call.get("progress") is not None or call.get("files") is not None:
        return True
    body: object = call.get("body")
    return body is not None and not isinstance(body, _BYTES)


class StreamCall:
    """One call, with its arguments checked.

    Args:
        backend: the engine, perhaps with layers around it.
        make_way: makes a `Way` of arguments; a streamed body is an `Upload` in them.
        pause_s: seconds to wait before the call is made.
    """

    __slots__ = ("_backend", "_ends_at", "_given", "_make_way", "_pause_s", "_way")

    def __init__(
        self, backend: Backend, make_way: MakeWay, call: CallArguments, pause_s: float = 0.0
    ) -> None:
        self._backend = backend
        self._make_way = make_way
        self._given = call
        self._pause_s = pause_s
        self._way = make_way(_without_streams(call))
        self._ends_at = math.inf
        self._opener()  # an engine that cannot do it says so at once

    def again(
        self, headers: HeaderPairs, failures: int = 0, retry_after: str = ""
    ) -> StreamCall | None:
        """Return the same call with further headers, for the time that is left.

        Args:
            failures: how many of those in a row have failed; it waits before the next.
            retry_after: as the server has said it.

        Returns:
            None: it must not be made again. Ranges are of GET alone (RFC 9110, 14.2); a body may
            be gone, and who asks for a part is not asked for another.
        """
        request = self._way.request
        asks_for_a_part = any(name.lower() in OF_RANGES for name, _ in request.headers)
        pause_s = self._pause_after(failures, retry_after)
        left_s = self._ends_at - time.monotonic() - pause_s
        has_time = left_s > 0 and pause_s <= LONGEST_PAUSE_S
        if request.method != "GET" or request.upload or asks_for_a_part or not has_time:
            return None
        call = self._given.copy()
        if left_s != math.inf:
            given: TimeoutSource = call.get("timeout")
            given = given if isinstance(given, Timeout) else Timeout()
            call["timeout"] = Timeout(left_s, given.connect_s, given.idle_s)
        call["headers"] = (*header_pairs(call.get("headers")), *headers)
        return StreamCall(self._backend, self._make_way, call, pause_s)

    def _pause_after(self, failures: int, retry_after: str) -> float:
        clock = self._way.clock
        return (
            _PAUSES.pause_s(failures, retry_after, clock.share(), clock.wall) if failures else 0.0
        )

    def open(self) -> StreamedResponse:
        """Perform it up to the head of the response."""
        upload = self._way.request.upload
        if upload is not None and upload.is_async:
            raise RequestTypeError(
                "body: what gives its bytes in an event loop is for awaited calls alone: "
                "arequest(), apost(), astream(), ..."
            )
        if self._pause_s:
            self._way.clock.pause(Pause(self._pause_s))
        backend, opener = self._opener()
        try:
            response = self._way.perform(backend, opener)
            return self._opened(opener, response, StreamedResponse)
        except BaseException:
            opener.close()
            raise

    async def aopen(self) -> AsyncStreamedResponse:
        """`open`, awaitable."""
        if self._pause_s:
            await self._way.clock.apause(Pause(self._pause_s))
        backend, opener = self._opener()
        try:
            response = await self._way.aperform(backend, opener)
            return self._opened(opener, response, AsyncStreamedResponse)
        except BaseException:
            opener.close()
            raise

    def perform(self) -> Response:
        """Perform it, and return the whole response."""
        response = self.open()
        try:
            response.read()
            return response.whole()
        finally:
            response.close()

    async def aperform(self) -> Response:
        """`perform`, awaitable."""
        response = await self.aopen()
        try:
            await response.read()
            return response.whole()
        finally:
            response.close()

    def _opener(self) -> tuple[Backend, Opener]:
        request = self._way.request
        options = request.options
        timeout: TimeoutSource = self._given.get("timeout")
        total_s = timeout.total_s if isinstance(timeout, Timeout) else timeout
        idle_s = timeout.idle_s if isinstance(timeout, Timeout) else None
        if idle_s is None:
            idle_s = options.idle_timeout_s
            if total_s is None and not idle_s:
                idle_s = options.total_timeout_s
        check_seconds("timeout", 0.0 if total_s is None else total_s)
        check_seconds("timeout: idle_s", idle_s)
        on_progress = self._given.get("progress")
        if on_progress is not None and not callable(on_progress):
            raise RequestTypeError(
                f"progress: expected a function, got {type(on_progress).__name__}"
            )
        if total_s:
            self._ends_at = time.monotonic() + total_s
        return around(
            self._backend, lambda engine: Opener(engine, idle_s, total_s or 0.0, on_progress)
        )

    def _opened(self, opener: Opener, response: Response, kind: type[R]) -> R:
        opened, request = opener.opened, opener.request
        if opened is None or request is None or opened.response is not response:
            raise StreamError("the answer is not the one whose body is open")
        has_limit = self._given.get("max_body") is not None
        limit = request.options.max_body_bytes if has_limit else 0
        made = kind(opener, opened, BodyDecoder(request, response, opened.is_coded, limit))
        made.again = self.again
        return made


def _without_streams(call: CallArguments) -> CallArguments:
    """Return the arguments without the streams, from which a request can be made."""
    made: Any = dict(call)
    made.pop("progress", None)
    if call.get("files") is not None:
        made, made["body"] = with_form(made)
        call = made
    limit = checked_limit(call.get("max_upload"))
    body: object = call.get("body")
    has_others = call.get("json") is not None or call.get("form") is not None
    is_seen = type(body) is bytes and call.get("progress") is not None
    if body is not None and (is_seen or not isinstance(body, _BYTES)):
        size, made["headers"] = _taken_size(call.get("headers"))
        if is_seen:
            made["body"] = upload_of([body], len(cast("bytes", body)), limit)
        else:
            made["body"] = upload_of(body, size, limit)
        made.pop("max_upload", None)
    timeout: TimeoutSource = call.get("timeout")
    total_s = timeout.total_s if isinstance(timeout, Timeout) else timeout
    if isinstance(made.get("body"), Upload) and total_s is None and not has_others:
        connect_s = timeout.connect_s if isinstance(timeout, Timeout) else None
        idle_s = timeout.idle_s if isinstance(timeout, Timeout) else None
        made["timeout"] = Timeout(0.0, connect_s, idle_s)  # what it takes to send is not known
    found: CallArguments = made
    return found


def _taken_size(headers: Any) -> tuple[int | None, Any]:
    """The size that a Content-Length tells of a body, and the other headers.

    Raises:
        RequestError: a size that is none, or a coding that nobody here puts on.
    """
    pairs = header_pairs(headers)
    size: int | None = None
    for name, value in pairs:
        is_length, text = str(name).lower() == "content-length", str(value).strip()
        if is_length and not (_is_size(text) and size in (None, int(text))):
            raise _refused(f"header {name}: expected the bytes of the body, once")
        if is_length:
            size = int(text)
        elif str(name).lower() == "transfer-encoding" and text.lower() != "chunked":
            raise _refused(f"header {name}: a body is sent as it is, or in chunks; leave it out")
    return size, tuple(pair for pair in pairs if str(pair[0]).lower() not in _OF_FRAMING)


def _refused(message: str) -> RequestError:
    return RequestError(CurlCode.BAD_FUNCTION_ARGUMENT, message)
