"""A backend whose exchanges end with the head of the response, so that policies can judge it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NoReturn

from onehttp.calls.around.delegating_backend import Delegating
from onehttp.calls.around.layered_engine import Surrounded
from onehttp.calls.closed_loops import holders_here
from onehttp.errors import BackendUnavailableError, StreamError
from onehttp.streams.held_response import Holding
from onehttp_backends.bodies.progress import Progress
from onehttp_backends.bodies.upload import Sending
from onehttp_backends.contract import Backend, Outcome, Request, Response
from onehttp_backends.observed import aperformed, is_on, performed
from onehttp_backends.optional.streaming import Opening, OpenResponse, Streaming, StreamLimits


class Opener(Delegating):
    """Opens the responses of one call.

    The last one is left open. Those of earlier attempts and redirects are closed when the next one
    begins.

    Args:
        engine: performs the exchanges.
        idle_s: the idle limit for the body, in seconds; 0 = no limit.
        total_s: the limit for the whole call, body included, in seconds; 0 = no limit.
        on_progress: called with the progress of the bodies.
    """

    def __init__(
        self,
        engine: Backend,
        idle_s: float,
        total_s: float,
        on_progress: Callable[[Progress], object] | None,
    ) -> None:
        if not isinstance(engine, Streaming):
            raise BackendUnavailableError(
                f"the engine {engine.name!r} cannot pass bodies piece by piece; "
                "pycurl and httpx can"
            )
        super().__init__(engine)
        self._engine: Streaming = engine
        self._limits = StreamLimits(idle_s, time.monotonic() + total_s if total_s else math.inf)
        self._on_progress = on_progress
        self.opened: OpenResponse | None = None
        self.request: Request | None = None
        """The one that ``opened`` answers."""
        self._sending: Sending | None = None
        self._is_in_loop = False

    def perform(self, request: Request) -> Response:
        """Open the response, and return its head."""
        return performed(self._perform, request) if is_on() else self._perform(request)

    async def aperform(self, request: Request) -> Response:
        """`perform`, awaitable."""
        return await (aperformed(self._aperform, request) if is_on() else self._aperform(request))

    def submit(self, request: Request, on_done: Callable[[Outcome], None]) -> NoReturn:
        """Not supported: the body of a stream is read by its caller, who waits.

        Raises:
            StreamError: always.
        """
        raise StreamError(
            "a body that is read piece by piece is for who waits for it: stream() or astream(), "
            "not submit()"
        )

    def close(self, grace_s: float = 0.0) -> None:
        """Close what is open, without waiting. The engine is not closed."""
        opened, self.opened = self.opened, None
        if opened is not None:
            opened.close()

    def keep(self, leave: Callable[[], object]) -> bool:
        """See `Keeper`."""
        opened = self.opened
        if opened is None:
            return False
        if not isinstance(opened, Holding):
            self.opened = opened = Holding(opened, holders_here() if self._is_in_loop else None)
        opened.hold(leave)
        return True

    def release(self) -> None:
        """See `Keeper`."""
        if isinstance(self.opened, Holding):
            self.opened.leave()

    def tell(self, received: int, to_receive: int | None) -> None:
        """Report progress of the response body."""
        if self._on_progress is not None:
            sending = self._sending
            sent, to_send = (sending.taken, sending.upload.size) if sending else (0, 0)
            self._on_progress(Progress(sent, to_send, received, to_receive))

    @property
    def is_watched(self) -> bool:
        """Whether progress has to be reported."""
        return self._on_progress is not None

    def _perform(self, request: Request) -> Response:
        opening = self._begin(request)
        while (sending := opening.sending) is not None and sending.must_be_empty:
            sending.pull()
        self.opened = self._engine.open(opening)
        return self.opened.response

    async def _aperform(self, request: Request) -> Response:
        self._is_in_loop = True
        opening = self._begin(request)
        while (sending := opening.sending) is not None and sending.must_be_empty:
            await sending.apull()
        self.opened = await self._engine.aopen(opening)
        return self.opened.response

    def _begin(self, request: Request) -> Opening:
        self.close()
        self.request = request
        self._sending = None if request.upload is None else request.upload.begin()
        on_sent = self._on_sent if self._on_progress else None
        return Opening(request, self._limits, self._sending, on_sent)

    def _on_sent(self) -> None:
        self.tell(0, None)


def around(backend: Backend, make: Callable[[Backend], Opener]) -> tuple[Backend, Opener]:
    """Put an opener in place of the engine of ``backend``: the backend with its layers, and the
    opener."""
    if isinstance(backend, Surrounded):
        opener = make(backend.engine)
        return backend.over(opener), opener
    opener = make(backend)
    return opener, opener
