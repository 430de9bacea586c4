"""Opens responses whose bodies are read piece by piece: what `Streaming` asks of a backend."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from onehttp_backends.curl.driving.helm import Helm
from onehttp_backends.curl.driving.stream_transfers import BlockingStream, LoopStream
from onehttp_backends.curl.driving.streams import CurlResponse
from onehttp_backends.curl.driving.waiting import EngineGoneError
from onehttp_backends.curl.stream_handle import StreamHandle
from onehttp_backends.errors import RequestError
from onehttp_backends.optional.streaming import Opening
from onehttp_backends.rules.request_rules import check_request


class StreamingEngine(ABC):
    """The part of the backend behind `Streaming`."""

    @abstractmethod
    def _living(self) -> Helm:
        """The helm of an engine that is there."""

    def open(self, opening: Opening) -> CurlResponse:
        """See `Streaming`."""
        helm, handle = self._prepared(opening)
        transfer = BlockingStream(helm, handle, opening.request, opening.limits)
        opened = CurlResponse(helm, transfer, opening.sending, opening.on_sent)
        opened.begin()
        return opened

    async def aopen(self, opening: Opening) -> CurlResponse:
        """See `Streaming`."""
        helm, handle = self._prepared(opening)
        try:
            loop_driver = helm.loop_driver(asyncio.get_running_loop())
        except EngineGoneError:  # meanwhile
            return await self.aopen(opening)
        transfer = LoopStream(helm, handle, opening.request, opening.limits, loop_driver)
        opened = CurlResponse(helm, transfer, opening.sending, opening.on_sent)
        await opened.abegin()
        return opened

    def _prepared(self, opening: Opening) -> tuple[Helm, StreamHandle]:
        """A handle ready to run the request, once that has passed every check, and its helm."""
        helm = self._living()
        request, limits, sending, _ = opening
        try:
            origin = check_request(request)
            return helm, helm.engine.pool.make_for_stream(request, origin, limits, sending)
        except RequestError as error:
            raise error.with_traceback(None) from None  # its frames hold what the call was given
