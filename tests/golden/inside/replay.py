"""A legacy server that is another process: what a replay asks of it goes to the real server."""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

import onehttp
from golden.replay.blocking import Replay
from golden.replay.recordings import Case
from golden.server.golden_server import GoldenServer
from onehttp import OnehttpError
from onehttp_compat.parameters import LegacyBugs
from servers.kamailio import inside as kamailio_inside
from servers.kamailio.inside import Inside

Json = Any
SCRIPT = Path(__file__).with_name("script.py")


class Link:
    """Orders to the script's worker; each request that it works on takes some."""

    def __init__(self, inside: Inside, listener: Listener) -> None:
        self._inside = inside
        self._listener = listener
        self._asking = ThreadPoolExecutor(1)
        self._request: Future[str] | None = None
        self._connection: Connection | None = None

    def begin(self) -> None:
        """Send a request, which the worker then works on."""
        self.end()
        self._request = self._asking.submit(self._inside.ask, "step")
        if self._connection is None:
            self._connection = self._listener.accept()

    def end(self) -> None:
        """Have the worker answer its request."""
        request, self._request = self._request, None
        if request is not None and self._connection is not None:
            self._connection.send(None)
            assert request.result() == "done"

    def ask(self, *order: Json) -> Json:
        """Have the worker do something.

        Raises:
            Exception: of a kind that the worker's was of.
        """
        if self._request is None:
            self.begin()
        assert self._connection is not None
        self._connection.send(order)
        value, failure = self._connection.recv()
        if failure is not None:
            kinds, text = failure
            raise next(filter(None, map(_kind, kinds)))(text)
        return value

    def close(self) -> None:
        self.end()
        self._asking.shutdown()
        if self._connection is not None:
            self._connection.close()


def _kind(name: str) -> type[Exception] | None:
    kind = getattr(onehttp, name, None) or getattr(builtins, name, None)
    return kind if isinstance(kind, type) and issubclass(kind, Exception) else None


class RemoteServer:
    """What a replay uses of a `LegacyServer`."""

    def __init__(self, link: Link, is_about_time: bool) -> None:
        self.pv = RemoteVariables(link)
        self._link = link
        self._is_about_time = is_about_time
        self._parameters: list[tuple[str, str, Json]] = []

    def modparam(self, module: str, name: str, value: Json) -> None:
        self._parameters.append((module, name, value))

    def start(self) -> None:
        self._link.begin()
        self._link.ask("start", self._parameters, self._is_about_time)

    @property
    def counters(self) -> dict[str, int]:
        counted: dict[str, int] = self._link.ask("counters")
        return counted

    def rpc(self, name: str, arguments: list[Json]) -> Json:
        return self._link.ask("rpc", name, arguments)

    def kemi(self, module: str, function: str, arguments: list[Json]) -> Json:
        return self._link.ask("kemi", module, function, arguments)

    def call(self, name: str, arguments: list[Json]) -> Json:
        return self._link.ask("call", name, arguments)


class RemoteVariables:
    """Its variables; a new message is a new request to the server."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def new_message(self, _: Json) -> None:
        self._link.begin()

    def set(self, name: str, value: Json) -> None:
        self._link.ask("set", name, value)

    def get(self, name: str) -> Json:
        return self._link.ask("get", name)

    def writable(self, name: str) -> None:
        """Raises OnehttpError where it is not."""
        self._link.ask("check_writable", name)


class InsideReplay(Replay):
    """One case in the real server, which is set up anew for it."""

    def __init__(self, case: Case, server: GoldenServer, folder: Path, link: Link) -> None:
        self._link = link
        super().__init__(case, server, folder, "fixed")

    def legacy_server(self, legacy_bugs: LegacyBugs) -> Any:
        return RemoteServer(self._link, self.case.is_about_time)

    def differences(self) -> list[str]:
        try:
            return super().differences()
        finally:
            with contextlib.suppress(OnehttpError):
                self._link.end()


@contextlib.contextmanager
def linked(folder: Path) -> Iterator[Link]:
    """The real server, with the script that follows a link."""
    path = str(folder / "link")
    with (
        Listener(path, "AF_UNIX") as listener,
        kamailio_inside.running(folder, SCRIPT, {"TEST_LINK": path}) as inside,
    ):
        link = Link(inside, listener)
        try:
            yield link
        finally:
            link.close()
