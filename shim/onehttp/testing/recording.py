"""`onehttp_record`: records the answers of the real service once, and replays them afterwards."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from onehttp.calls.around.delegating_backend import Delegating
from onehttp.streams.reading import BodyDecoder
from onehttp.testing.cassette import CassetteError, RecordedExchange, read, write
from onehttp.testing.double import Double, as_it_goes_out
from onehttp.testing.matching import Matcher
from onehttp.testing.replies import route_handler
from onehttp.testing.route import Route
from onehttp.testing.scrubbing import Scrubber
from onehttp_backends.bodies.gathering import agathered, gathered
from onehttp_backends.contract import Backend, Outcome, Request, Response, Transfer
from onehttp_backends.errors import Phase, Sent, TransferError, transfer_error
from onehttp_backends.optional.streaming import Opening, OpenResponse, Streaming
from onehttp_backends.registry import load

Mode = Literal["none", "new", "all"]


class Recorder:
    """The recording of one test.

    Attributes:
        path: of its cassette.
        double: what replays it; its ``calls`` are those that were replayed.
    """

    def __init__(self, path: Path, mode: Mode) -> None:
        self.path = path
        self.double = Double()
        self._mode = mode
        self._scrubber = Scrubber()
        self.double.seen_as = self._scrubber.request
        self._recorded: list[RecordedExchange] = []
        self._changing = threading.Lock()  # guards _recorded
        self._played: list[RecordedExchange] = []
        if mode != "all":
            self._load()

    def scrub(self, *names: str, values: Iterable[str] = ()) -> None:
        """Take headers, parameters and JSON keys of these names for secrets, too, and these values
        wherever they stand: in the path of a URL, say."""
        self._scrubber.add(names, values)

    def _load(self) -> None:
        try:
            self._played = read(self.path)
        except FileNotFoundError:
            if self._mode == "none":
                raise CassetteError(
                    f"{self.path}: there is no such recording; make it against the real service "
                    "with --onehttp-record=new"
                ) from None
        for at, exchange in enumerate(self._played):
            try:
                self._add_route(exchange)
            except (TypeError, ValueError) as error:
                raise CassetteError(f"{self.path}: exchanges[{at}]: {error}") from None

    def _add_route(self, exchange: RecordedExchange) -> None:
        asked, answered = exchange.request, exchange.response
        matching: dict[str, Any] = {}
        if asked.body is not None:
            try:
                matching["match_json"] = json.loads(asked.body)
            except ValueError:
                matching["body"] = asked.body
        if answered is not None:
            pairs = [(name, value) for name, value in answered.headers]
            answer: Any = (answered.status, answered.body, pairs)
        else:
            answer = _error_of(exchange)
        matcher = Matcher(asked.method, asked.url, is_exact=True, **matching)
        place = f"{asked.method} {asked.url}"
        self.double.add_route(Route(matcher, [route_handler(answer, place)], 1))

    def engine(self) -> Backend:
        """Return the backend for the calls of the test."""
        from onehttp_backends.double import HttpxBackend

        replaying = HttpxBackend(answers=self.double)
        return replaying if self._mode == "none" else _RecordingBackend(self, replaying)

    def note(self, request: Request, outcome: Outcome) -> None:
        """Record a request and its outcome, without secrets."""
        asked = self._scrubber.request(as_it_goes_out(request))
        made: dict[str, Any] = {
            "request": {
                "method": asked.method,
                "url": asked.url,
                "headers": [list(pair) for pair in asked.headers],
                "body": asked.body,
            }
        }
        if isinstance(outcome, Response):
            keep = frozenset({"content-length"} if request.method == "HEAD" else ())
            pairs = self._scrubber.headers(outcome.headers.pairs, keep)
            made["response"] = {
                "status": outcome.status,
                "headers": [list(pair) for pair in pairs],
                "body": self._scrubber.body(outcome.body, outcome.headers.get("content-type", "")),
            }
        else:
            made["error"] = {
                "code": outcome.code,
                "message": self._scrubber.text(outcome.message),
                "sent": outcome.sent.value,
                "phase": outcome.phase and outcome.phase.value,
            }
        with self._changing:
            self._recorded.append(RecordedExchange.model_validate(made))

    def save(self) -> None:
        """Write the cassette if anything was recorded.

        Raises:
            CassetteError: it is too large.
        """
        if self._recorded:
            write(self.path, [*self._played, *self._recorded])


class _StreamingBackend(Backend, Streaming, Protocol):
    """A backend with streaming: the double or pycurl."""


class _RecordingBackend(Delegating):
    """A backend that replays exchanges on the cassette, and makes and records all others."""

    def __init__(self, recorder: Recorder, replaying: _StreamingBackend) -> None:
        engine = cast("_StreamingBackend", load("pycurl")())
        super().__init__(engine)
        self._recorder = recorder
        self._replaying = replaying
        self._engine = engine

    @property
    def name(self) -> str:
        return f"recording of {self._backend.name}"

    def _is_known(self, request: Request) -> bool:
        return self._recorder.double.knows(request)

    def perform(self, request: Request) -> Response:
        if self._is_known(request):
            return self._replaying.perform(request)
        try:
            response = self._backend.perform(request)
        except TransferError as error:
            self._recorder.note(request, error)
            raise
        self._recorder.note(request, response)
        return response

    async def aperform(self, request: Request) -> Response:
        if self._is_known(request):
            return await self._replaying.aperform(request)
        try:
            response = await self._backend.aperform(request)
        except TransferError as error:
            self._recorder.note(request, error)
            raise
        self._recorder.note(request, response)
        return response

    def submit(self, request: Request, on_done: Callable[[Outcome], None]) -> Transfer:
        if self._is_known(request):
            return self._replaying.submit(request, on_done)

        def done(outcome: Outcome) -> None:
            self._recorder.note(request, outcome)
            on_done(outcome)

        return self._backend.submit(request, done)

    def open(self, opening: Opening) -> OpenResponse:
        """See `Streaming`."""
        body = gathered(opening.sending, opening.on_sent)
        request = opening.request if body is None else opening.request._replace(body=body)
        if self._is_known(request):
            return self._replaying.open(Opening(request, opening.limits))
        try:
            opened = self._engine.open(Opening(_sent(request), opening.limits))
        except TransferError as error:
            self._recorder.note(request, error)
            raise
        return _Taped(self._recorder, request, opened)

    async def aopen(self, opening: Opening) -> OpenResponse:
        """See `Streaming`."""
        body = await agathered(opening.sending, opening.on_sent)
        request = opening.request if body is None else opening.request._replace(body=body)
        if self._is_known(request):
            return await self._replaying.aopen(Opening(request, opening.limits))
        try:
            opened = await self._engine.aopen(Opening(_sent(request), opening.limits))
        except TransferError as error:
            self._recorder.note(request, error)
            raise
        return _Taped(self._recorder, request, opened)

    def close(self, grace_s: float = 0.0) -> None:
        """See `Backend`."""
        super().close(grace_s)
        self._replaying.close(grace_s)


class _Taped:
    """A streamed response that is recorded when it has ended or its reader stops."""

    def __init__(self, recorder: Recorder, request: Request, opened: OpenResponse) -> None:
        self.response = opened.response
        self.is_coded = opened.is_coded
        self._recorder = recorder
        self._request = request
        self._opened = opened
        self._reading = BodyDecoder(request, opened.response, opened.is_coded)
        self._body = bytearray()
        self._is_noted = False

    def take(self) -> list[bytes]:
        """See `OpenResponse`."""
        try:
            return self._kept(self._opened.take())
        except TransferError as error:
            self._note(error)
            raise

    async def atake(self) -> list[bytes]:
        """See `OpenResponse`."""
        try:
            return self._kept(await self._opened.atake())
        except TransferError as error:
            self._note(error)
            raise

    def close(self) -> None:
        """See `OpenResponse`."""
        self._opened.close()
        self._note_body()

    def _kept(self, pieces: list[bytes]) -> list[bytes]:
        for piece in self._reading.pieces(pieces):
            self._body += piece
        if not pieces:
            self._reading.finish()
            self._note_body()
        return pieces

    def _note_body(self) -> None:
        response = copy.copy(self.response)
        response.body = bytes(self._body)
        self._note(response)

    def _note(self, outcome: Outcome) -> None:
        if not self._is_noted:
            self._is_noted = True
            self._recorder.note(self._request, outcome)


def _sent(request: Request) -> Request:
    """A body that is there by now, as one; libcurl would give that a type, which it has not."""
    if request.upload is None:
        return request
    has_type = any(name.lower() == "content-type" for name, _ in request.headers)
    no_type = () if has_type else (("Content-Type", ""),)
    return request._replace(upload=None, headers=(*request.headers, *no_type))


def _error_of(exchange: RecordedExchange) -> TransferError:
    recorded = exchange.error
    assert recorded is not None
    phase = None if recorded.phase is None else Phase(recorded.phase)
    return transfer_error(recorded.code, recorded.message, sent=Sent(recorded.sent), phase=phase)
