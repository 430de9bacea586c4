"""A process whose time a test tells, its servers in process, and three ways to call."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import onehttp
from onehttp.connections.file.load import load_connections
from onehttp.connections.model import ConnectionSet
from onehttp.policies.clock import Clock, Pause
from onehttp.queries.limits import QueryLimits
from onehttp.queries.routes import Routes
from onehttp.runtime import Runtime
from onehttp_backends.contract import Request, Response
from onehttp_backends.double import HttpxBackend
from onehttp_backends.errors import CurlCode, Phase, Sent, transfer_error
from servers.patience import PATIENCE_S

REFUSED = transfer_error(CurlCode.COULDNT_CONNECT, "refused", phase=Phase.CONNECT)
CUT = transfer_error(CurlCode.GOT_NOTHING, "cut", sent=Sent.MAYBE, phase=Phase.FIRST_BYTE)


class ToldClock(Clock):
    """Time passes when somebody waits, at once, and by as much as asked for.

    ``pauses`` are the waits; ``meanwhile`` happens within each.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1000.0
        self.pauses: list[float | None] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def now(self) -> float:
        return self.now_s

    def wall(self) -> float:
        return 1_700_000_000.0 + self.now_s

    def share(self) -> float:
        return 0.5

    def pause(self, pause: Pause) -> None:
        self.pauses.append(pause.seconds)
        self.meanwhile()
        if pause.turn is None or not pause.turn.is_granted:
            self.now_s += pause.seconds or 0

    async def apause(self, pause: Pause) -> None:
        self.pause(pause)

    def later(self, pause: Pause, resume: Callable[[], None]) -> None:
        self.pause(pause)
        resume()


class World:
    """Servers ``http://NAME`` that answer what `answers` says, in turn; the last one for ever."""

    def __init__(self, way: str) -> None:
        self.way = way
        self.clock = ToldClock()
        self.answers: dict[str, list[Any]] = {}
        self.seen: list[Request] = []
        self.runtime = self._runtime({"version": 1})

    def connect(self, **connections: dict[str, Any]) -> None:
        """Have these connections, each at ``http://NAME`` unless told."""
        self.runtime = self._runtime(file_of(connections))

    def _runtime(self, source: dict[str, Any]) -> Runtime:
        specs: ConnectionSet = load_connections(source)
        backend = HttpxBackend(handler=self._answer)
        return Runtime(backend, specs, Routes(), QueryLimits(), self.clock)

    def _answer(self, request: Request) -> Any:
        self.seen.append(request)
        name = re.split("[/?]", request.url.partition("://")[2])[0]
        answers = self.answers.get(name, [200])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer() if callable(answer) else answer

    @property
    def urls(self) -> list[str]:
        """What was asked for."""
        return [f"{request.method} {request.url}" for request in self.seen]

    def call(self, name: str, method: str = "GET", path: str = "", **call: Any) -> Response:
        """Make a call, this way or that."""
        connection = onehttp.Connection(self.runtime, name)
        if self.way == "thread":
            return connection.request(method, path, **call)
        if self.way == "task":

            async def called() -> Response:
                return await connection.arequest(method, path, **call)

            return asyncio.run(called())
        result = connection.submit(method, path, **call).result(PATIENCE_S)
        if result.response is not None:
            return result.response
        assert result.error is not None
        raise result.error


def file_of(connections: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Connections as a file says them."""
    full = {name: {"url": f"http://{name}", **keys} for name, keys in connections.items()}
    return {"version": 1, "connections": full}
