"""One engine, its server, and the ways to use it: for what is to happen at any line of it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final, TypeVar

import onehttp_backends.curl as package
from onehttp_backends.bodies.sources import upload_of
from onehttp_backends.contract import Outcome, Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend, stream_handle
from onehttp_backends.curl.driving import event_loop
from onehttp_backends.errors import TransferError
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer
from stand_ins.injection import Injector, Lines, Way
from stand_ins.pieces import in_awaited_pieces, in_pieces, unread

if TYPE_CHECKING:
    from typing_extensions import Self

ROOM: Final = Path(package.__file__).parent
DRIVING: Final = tuple(
    f"{ROOM}/{part}"
    for part in ("driving/", "engine/", "bell.py", "sockets/", "stream_refusals.py")
)
assert all(map(os.path.exists, DRIVING))
FEWEST_LINES: Final = 25
UPLOAD_BUFFER_BYTES: Final = 128 * 1024
SERVER_BUFFER_BYTES: Final = 8 * 1024
"""Small, so that a small file fills both, and is sent in as many steps as a large one."""
LOOK_AGAIN_S: Final = 0.05
"""A loop whose engine has failed sees that when it looks by itself: in every tenth scene."""
MISSES: Final = 3
"""So many scenes in a row without a line that is new: there are no more lines."""


CLOSES: Final = TransferOptions(total_timeout_s=PATIENCE_S, reuse=False)

AnInjector = TypeVar("AnInjector", bound=Injector)


@contextlib.contextmanager
def instead(module: ModuleType, **constants: float) -> Iterator[None]:
    """Other values of constants. (`pytest` is more than a process that forks should carry.)"""
    usual = {name: getattr(module, name) for name in constants}
    vars(module).update(constants)
    yield
    vars(module).update(usual)


class Held:
    """A transfer that the server answers when it is told to."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.has_arrived = threading.Event()
        self.may_go = threading.Event()
        self.thread: threading.Thread


class Scene:
    """One engine, a server that answers with the path asked for, and what has come of calls."""

    def __init__(self) -> None:
        self.backend = PycurlBackend()
        self._held: dict[str, Held] = {}
        self._numbers = itertools.count()
        self.outcomes: dict[str, Outcome] = {}
        self.is_closed = False
        self.server = RawServer(self._answer, receive_buffer_bytes=SERVER_BUFFER_BYTES)
        self.event_fd = os.eventfd(1, os.EFD_NONBLOCK)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(instead(stream_handle, UPLOAD_BUFFER_BYTES=UPLOAD_BUFFER_BYTES))
        self._stack.enter_context(instead(event_loop, LOOK_AGAIN_S=LOOK_AGAIN_S))
        self._stack.enter_context(self.server)
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()
        os.close(self.event_fd)

    def _answer(self, peer: Peer) -> None:
        while request := peer.request():
            path = request.split(b" ", 2)[1]
            if held := self._held.get(path.decode()):
                held.has_arrived.set()
                held.may_go.wait(PATIENCE_S)
            peer.server.requests.clear()  # there are thousands
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path) + path)

    def begin(self, with_another_engine: bool = True) -> None:
        """Nothing has come of anything yet."""
        if with_another_engine:
            self.backend.close(0)
            self.backend = PycurlBackend()
        self.outcomes = {}
        self.is_closed = False
        os.eventfd_write(self.event_fd, 1)
        os.eventfd_read(self.event_fd)

    def at_each_line(
        self,
        injector_at: Callable[[Lines], AnInjector],
        are_engines_kept: bool,
        ways: set[Way] | None = None,
    ) -> Iterator[AnInjector]:
        """A scene for each line: in an engine that goes on from one to the next, if it may be kept,
        so that what is left behind is met by the next; then, for the lines of an engine's
        beginning, in another each time. Those that are in ``ways`` are left out."""
        lines = Lines(ways, str(ROOM))
        for is_kept in (True, False) if are_engines_kept else (False,):
            self.begin()
            missed = 0
            while missed < MISSES:
                self.begin(with_another_engine=not is_kept)
                injector = injector_at(lines)
                yield injector
                missed = 0 if injector.place else missed + 1
        self.backend.close(0)
        assert len(lines) > FEWEST_LINES

    def request(self, kind: str = "", body: bytes | None = None) -> Request:
        """For a path that no other asks for."""
        path = f"/{kind}{next(self._numbers)}"
        method = "GET" if body is None else "PUT"
        return Request(method, self.server.url + path, body=body, total_timeout_s=PATIENCE_S)

    def ask(self, request: Request) -> None:
        try:
            self.outcomes[request.url] = self.backend.perform(request)
        except TransferError as error:
            self.outcomes[request.url] = error

    async def ask_as_task(self, request: Request) -> None:
        try:
            self.outcomes[request.url] = await self.backend.aperform(request)
        except TransferError as error:
            self.outcomes[request.url] = error

    def hold(self, ask: Callable[[Request], None]) -> Held:
        """A neighbour in flight, in a thread of its own."""
        request = self.request("held")
        held = self._held[request.url.removeprefix(self.server.url)] = Held(request.url)
        held.thread = threading.Thread(target=ask, args=(request,), daemon=True)
        held.thread.start()
        has_begun = held.has_arrived.wait(PATIENCE_S)
        assert has_begun, ("the neighbour has not begun", self.outcomes.get(held.url))
        return held

    def is_answered(self, url: str) -> bool:
        outcome = self.outcomes.get(url)
        return isinstance(outcome, Response) and url == self.server.url + outcome.text


def ask(scene: Scene) -> None:
    scene.ask(scene.request())


def ask_once(scene: Scene) -> None:
    scene.ask(scene.request()._replace(options=CLOSES))


def upload(scene: Scene) -> None:
    scene.ask(scene.request(body=bytes(100_000)))


def await_two(scene: Scene) -> None:
    async def both() -> None:
        await asyncio.gather(*(scene.ask_as_task(scene.request()) for _ in range(2)))

    asyncio.run(both())


def await_in_vain(scene: Scene) -> None:
    async def cancel() -> None:
        task = asyncio.ensure_future(scene.ask_as_task(scene.request()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(cancel())


def be_called_back(scene: Scene) -> None:
    request, ended = scene.request(), threading.Event()

    def on_done(outcome: Outcome) -> None:
        scene.outcomes[request.url] = outcome
        ended.set()

    scene.backend.submit(request, on_done)
    assert ended.wait(PATIENCE_S), "the function was not called"


def ask_for_three(scene: Scene) -> None:
    requests = [scene.request() for _ in range(3)]
    scene.backend.perform_all(
        ((request.url, request) for request in requests),
        2,
        lambda url, outcome: scene.outcomes.update({url: outcome}),
    )


def read_in_pieces(scene: Scene) -> None:
    request = scene.request()
    scene.outcomes[request.url] = in_pieces(scene.backend, request)


def await_pieces(scene: Scene) -> None:
    request = scene.request()
    scene.outcomes[request.url] = asyncio.run(in_awaited_pieces(scene.backend, request))


def leave_unread(scene: Scene) -> None:
    if (error := unread(scene.backend, scene.request())) is not None:
        scene.outcomes["left unread"] = error


def send_in_pieces(scene: Scene) -> None:
    upload = upload_of(iter([b"some ", b"more"]), size=9)  # the server knows no chunks
    request = scene.request(body=b"")._replace(body=None, upload=upload)
    scene.outcomes[request.url] = in_pieces(scene.backend, request)


def send_a_file(scene: Scene) -> None:
    """Of more than libcurl takes at a time."""
    with tempfile.TemporaryFile() as file:
        file.truncate(2 * UPLOAD_BUFFER_BYTES + 1)
        upload = upload_of(file)
        request = scene.request(body=b"")._replace(body=None, upload=upload)
        scene.outcomes[request.url] = in_pieces(scene.backend, request)


def lend_time(scene: Scene) -> None:
    request = scene.request()

    def on_done(outcome: Outcome) -> None:
        scene.outcomes[request.url] = outcome
        os.eventfd_write(scene.event_fd, 1)

    scene.backend.submit(request, on_done)
    assert scene.backend.drive(scene.event_fd, PATIENCE_S), "the function was not called"


def close(scene: Scene) -> None:
    scene.is_closed = True
    scene.backend.close(0)


def nobody(_: Scene) -> Held | None:
    return None


def kept(scene: Scene) -> Held | None:
    """Nobody, and a connection is left of an earlier call."""
    ask(scene)
    return None


def several_kept(scene: Scene) -> Held | None:
    """Nobody, and connections are left of as many calls as run at once."""
    ask_for_three(scene)
    return None


def one_who_drives(scene: Scene) -> Held | None:
    return scene.hold(scene.ask)


def one_in_a_loop(scene: Scene) -> Held | None:
    """It drives while nobody else does."""
    return scene.hold(lambda request: asyncio.run(scene.ask_as_task(request)))


Use = Callable[[Scene], None]
Before = Callable[[Scene], Held | None]
