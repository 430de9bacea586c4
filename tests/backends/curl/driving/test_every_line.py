"""An exception at each line of what drives, in each use of it: whoever it hits is told, nobody is
left waiting, and every answer belongs to its question."""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

import onehttp_backends.curl as package
from onehttp_backends.bodies.sources import upload_of
from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import CancelledError, CurlCode, TransferError
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer
from stand_ins.injection import Injector, Interrupt
from stand_ins.pieces import in_awaited_pieces, in_pieces, unread

pytestmark = [
    pytest.mark.slow,
    # A loop that an exception has met while asyncio was ending it: nobody ends it any more.
    pytest.mark.filterwarnings("ignore:coroutine '.*shutdown_.*' was never awaited:RuntimeWarning"),
]
ROOM: Final = Path(package.__file__).parent
DRIVING: Final = tuple(
    f"{ROOM}/{part}"
    for part in ("driving/", "engine/", "bell.py", "sockets/", "stream_refusals.py")
)
assert all(map(os.path.exists, DRIVING))
MOST_LINES: Final = 3_000
MISSES: Final = 3
"""So many scenes in a row that end before their line is reached: there are no more lines."""
FEWEST_PLACES: Final = 25
CRASHED: Final = (CurlCode.FAILED_INIT, CurlCode.OUT_OF_MEMORY)


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
        self.server = RawServer(self._answer)
        self.event_fd = os.eventfd(1, os.EFD_NONBLOCK)

    def _answer(self, peer: Peer) -> None:
        while request := peer.request():
            path = request.split(b" ", 2)[1]
            if held := self._held.get(path.decode()):
                held.has_arrived.set()
                held.may_go.wait(PATIENCE_S)
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path) + path)

    def begin(self) -> None:
        """Another engine."""
        self.backend = PycurlBackend()
        self.outcomes = {}
        self.is_closed = False
        os.eventfd_write(self.event_fd, 1)
        os.eventfd_read(self.event_fd)

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
        assert held.has_arrived.wait(PATIENCE_S), "the neighbour has not begun"
        return held

    def is_answered(self, url: str) -> bool:
        outcome = self.outcomes.get(url)
        return isinstance(outcome, Response) and url == self.server.url + outcome.text


def ask(scene: Scene) -> None:
    scene.ask(scene.request())


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


def one_who_drives(scene: Scene) -> Held | None:
    return scene.hold(scene.ask)


def one_in_a_loop(scene: Scene) -> Held | None:
    """It drives while nobody else does."""
    return scene.hold(lambda request: asyncio.run(scene.ask_as_task(request)))


Use = Callable[[Scene], None]
Before = Callable[[Scene], Held | None]
USES: Final[tuple[Use, ...]] = (
    ask,
    upload,
    await_two,
    await_in_vain,
    be_called_back,
    ask_for_three,
    read_in_pieces,
    await_pieces,
    leave_unread,
    send_in_pieces,
    lend_time,
    close,
)
BEFORE: Final[tuple[Before, ...]] = (kept, one_who_drives, one_in_a_loop)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    scene = Scene()
    with scene.server:
        yield scene
    os.close(scene.event_fd)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)  # a thousand engines that have failed
    yield
    gc.collect()  # tasks tell what nobody has asked them
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("error", [Interrupt, MemoryError])
@pytest.mark.parametrize(
    ("use", "before"),
    [(ask, nobody), *itertools.product(USES, BEFORE)],
    ids=lambda each: str(each.__name__),
)
def test_an_exception_at_each_line(
    scene: Scene, use: Use, before: Before, error: type[BaseException]
) -> None:
    inject_everywhere(scene, use, before, lambda number: Injector(number, DRIVING, error))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("error", [Interrupt, MemoryError])
@pytest.mark.parametrize("before", [kept, one_in_a_loop])
def test_an_exception_at_each_line_of_the_engines_threads(
    scene: Scene, before: Before, error: type[BaseException]
) -> None:
    inject_everywhere(
        scene,
        be_called_back,
        before,
        lambda number: Injector(number, DRIVING, error, in_others=True),
    )


def inject_everywhere(
    scene: Scene, use: Use, before: Before, injector_at: Callable[[int], Injector]
) -> None:
    missed, places = 0, set()
    for number in range(MOST_LINES):
        injector = injector_at(number)
        scene.begin()
        held = before(scene)
        raised: BaseException | None = None
        try:
            with injector.in_force():
                use(scene)
        except injector.error as caught:
            raised = caught
        check(scene, injector, held, raised)
        places.add(injector.place)
        missed = 0 if injector.place else missed + 1
        if missed == MISSES:
            break
    assert missed == MISSES, "there is no end of lines"
    assert len(places) > FEWEST_PLACES, places


def check(
    scene: Scene, injector: Injector, held: Held | None, raised: BaseException | None
) -> None:
    where, is_interrupt = injector.place or "nowhere", injector.error is Interrupt
    if not scene.is_closed:
        request = scene.request("next")
        scene.ask(request)
        assert scene.is_answered(request.url), (where, scene.outcomes.get(request.url))
    if held is not None:
        held.may_go.set()
        held.thread.join(PATIENCE_S)
        assert not held.thread.is_alive(), where
        assert held.url in scene.outcomes, where
    for url, outcome in scene.outcomes.items():
        if isinstance(outcome, Response):
            assert scene.is_answered(url), (where, url, outcome.text)
        elif isinstance(outcome, CancelledError):
            is_of_it = raised is not None and (held is None or url != held.url)
            assert scene.is_closed or is_of_it, (where, url, outcome)
        else:
            assert scene.is_closed or not is_interrupt, (where, url, outcome)
            assert outcome.code in CRASHED, (where, url, outcome)
    scene.backend.close(0)
