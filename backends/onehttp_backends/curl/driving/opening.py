"""Opens responses whose bodies are read piece by piece: what `Streaming` asks of a backend."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from onehttp_backends.bodies.upload import Sending
from onehttp_backends.contract import Request
from onehttp_backends.curl.driving.helm import Helm
from onehttp_backends.curl.driving.streams import BlockingStream, CurlResponse, LoopStream
from onehttp_backends.curl.stream_handle import StreamHandle
from onehttp_backends.errors import RequestError
from onehttp_backends.optional.streaming import OnSent, StreamLimits
from onehttp_backends.rules.request_rules import check_request


class StreamingEngine(ABC):
    """The part of the backend behind `Streaming`."""

    @abstractmethod
    def _living(self) -> Helm:
        """The helm of an engine that is there."""

    def open(
        self,
        request: Request,
        limits: StreamLimits,
        sending: Sending | None = None,
        on_sent: OnSent | None = None,
    ) -> CurlResponse:
        """See `Streaming`."""
        helm, handle = self._prepared(request, limits, sending)
        transfer = BlockingStream(helm, handle, request, limits)
        opened = CurlResponse(helm, transfer, sending, on_sent)
        opened.begin()
        return opened

    async def aopen(
        self,
        request: Request,
        limits: StreamLimits,
        sending: Sending | None = None,
        on_sent: OnSent | None = None,
    ) -> CurlResponse:
        """See `Streaming`."""
        helm, handle = self._prepared(request, limits, sending)
        loop_driver = helm.loop_driver(asyncio.get_running_loop())
        transfer = LoopStream(helm, handle, request, limits, loop_driver)
        opened = CurlResponse(helm, transfer, sending, on_sent)
        await opened.abegin()
        return opened

    def _prepared(
        self, request: Request, limits: StreamLimits, sending: Sending | None
    ) -> tuple[Helm, StreamHandle]:
        """A handle ready to run ``request``, once that has passed every check, and its helm."""
        helm = self._living()
        try:
            origin = check_request(request)
            return helm, helm.engine.pool.make_for_stream(request, origin, limits, sending)
        except RequestError as error:
            raise error.with_traceback(None) from None  # its frames hold what the call was given
