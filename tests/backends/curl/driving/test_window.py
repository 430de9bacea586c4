"""Many exchanges that one thread waits for: how many at a time, and who else drives meanwhile."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Final

import pytest

from onehttp_backends import observed
from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import CancelledError, EngineClosedError, ReentrantCallError
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer

MANY: Final = 200
WIDTH: Final = 5


class Counting:
    """A server that answers with the path asked for, and knows how many it was asked at a time."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._changing = threading.Lock()
        self.first = threading.Barrier(1)
        """Where those of the first few paths meet."""

    def __call__(self, peer: Peer) -> None:
        while request := peer.request():
            with self._changing:
                self._now += 1
                self.most = max(self.most, self._now)
            path = request.split(b" ", 2)[1]
            if path[1:].isdigit() and int(path[1:]) < self.first.parties:
                self.first.wait(PATIENCE_S)
            if path == b"/held":
                peer.server.release.wait(PATIENCE_S)
            with self._changing:
                self._now -= 1
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))


@pytest.fixture
def backend() -> Iterator[PycurlBackend]:
    engine = PycurlBackend()
    yield engine
    engine.close()


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def server(counting: Counting) -> Iterator[RawServer]:
    with RawServer(counting) as server:
        yield server
        server.release.set()


def numbered(server: RawServer, count: int = MANY) -> Iterator[tuple[int, Request]]:
    return ((number, Request("GET", f"{server.url}/{number}")) for number in range(count))


def body(outcome: Outcome) -> str:
    assert isinstance(outcome, Response), outcome
    return outcome.text


def test_each_outcome_comes_with_its_key_and_no_more_are_in_flight_than_wanted(
    backend: PycurlBackend, server: RawServer, counting: Counting
) -> None:
    found: dict[int, str] = {}
    counting.first = threading.Barrier(WIDTH)
    backend.perform_all(
        numbered(server), WIDTH, lambda key, outcome: found.update({key: body(outcome)})
    )
    assert found == {number: f"/{number}" for number in range(MANY)}
    assert counting.most == WIDTH
    assert backend.stats().in_flight == 0


def test_what_is_not_fit_to_be_sent_has_its_error_and_the_others_go_on(
    backend: PycurlBackend, server: RawServer
) -> None:
    urls = [f"{server.url}/a", *["ftp://x/"] * 7, f"{server.url}/b"]
    ended: list[tuple[str, bool]] = []
    backend.perform_all(
        ((url, Request("GET", url)) for url in urls),
        2,
        lambda url, outcome: ended.append((url, isinstance(outcome, Response))),
    )
    assert sorted(ended) == sorted((url, url.startswith("http")) for url in urls)


def test_a_thread_in_a_window_drives_for_the_others_and_they_for_it(
    backend: PycurlBackend, server: RawServer
) -> None:
    called, found = threading.Event(), []
    threads = [
        threading.Thread(
            target=backend.perform_all,
            args=(numbered(server), WIDTH, lambda key, _: found.append(key)),
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for number in range(50):
        mine = f"/mine{number}"
        assert backend.perform(Request("GET", server.url + mine)).text == mine
        backend.submit(Request("GET", f"{server.url}/called"), lambda _: called.set())
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sorted(found) == sorted([*range(MANY)] * 4)
    assert called.wait(PATIENCE_S)


def test_a_callback_runs_while_the_thread_of_a_window_waits(
    backend: PycurlBackend, server: RawServer
) -> None:
    backend.submit(Request("GET", f"{server.url}/now"), lambda _: server.release.set())
    ended: list[Outcome] = []
    held = Request("GET", f"{server.url}/held", total_timeout_s=PATIENCE_S)
    backend.perform_all([(0, held)], 1, lambda _, outcome: ended.append(outcome))
    assert body(ended[0]) == "/held"


def test_other_calls_may_be_made_between_two_of_a_window(
    backend: PycurlBackend, server: RawServer
) -> None:
    inner: list[str] = []

    def on_done(key: int, outcome: Outcome) -> None:
        inner.append(backend.perform(Request("GET", f"{server.url}/inner{key}")).text)
        if key == 0:
            backend.perform_all(numbered(server, 20), 3, lambda *each: inner.append(body(each[1])))

    backend.perform_all(numbered(server, 20), 3, on_done)
    assert sorted(inner) == sorted([f"/inner{n}" for n in range(20)] + [f"/{n}" for n in range(20)])


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
@pytest.mark.parametrize("place", ["requests", "on_done"])
def test_an_exception_of_the_caller_ends_what_is_in_flight(
    backend: PycurlBackend, server: RawServer, error: type[BaseException], place: str
) -> None:
    def requests() -> Iterator[tuple[int, Request]]:
        yield 0, Request("GET", f"{server.url}/held", total_timeout_s=PATIENCE_S)
        yield from numbered(server, 2)
        raise error

    def on_done(_: int, __: Outcome) -> None:
        if place == "on_done":
            raise error

    with pytest.raises(error):
        backend.perform_all(requests(), 2, on_done)
    assert backend.perform(Request("GET", f"{server.url}/next")).text == "/next"
    stats = backend.stats()
    assert (stats.in_flight, stats.cancelled >= 1) == (0, True)


def test_a_close_ends_those_in_flight_and_begins_no_more(
    backend: PycurlBackend, server: RawServer
) -> None:
    ended: dict[int, Outcome] = {}

    def requests() -> Iterator[tuple[int, Request]]:
        yield 0, Request("GET", f"{server.url}/held", total_timeout_s=PATIENCE_S)
        yield from numbered(server)

    def on_done(key: int, outcome: Outcome) -> None:
        ended[key] = outcome
        if len(ended) == 3:
            backend.close()

    with pytest.raises(EngineClosedError):
        backend.perform_all(requests(), 2, on_done)
    assert isinstance(ended[0], (CancelledError, Response))
    assert len(ended) < MANY


def test_from_within_a_callback_it_is_refused(backend: PycurlBackend, server: RawServer) -> None:
    raised: list[Exception] = []
    ended = threading.Event()

    def on_done(_: Outcome) -> None:
        try:
            backend.perform_all(numbered(server), WIDTH, lambda *_: None)
        except ReentrantCallError as error:
            raised.append(error)
        ended.set()

    backend.submit(Request("GET", f"{server.url}/"), on_done)
    assert ended.wait(PATIENCE_S)
    assert len(raised) == 1


def test_a_child_forked_meanwhile_goes_on_with_the_rest_on_an_engine_of_its_own(
    backend: PycurlBackend, server: RawServer
) -> None:
    read, write = os.pipe()
    found: dict[int, Outcome] = {}
    child = 0

    def on_done(key: int, outcome: Outcome) -> None:
        nonlocal child
        found[key] = outcome
        if len(found) == 10:
            child = os.fork()

    try:
        backend.perform_all(numbered(server, 50), WIDTH, on_done)
        if child == 0:
            whole = sum(isinstance(each, Response) for each in found.values())
            os.write(write, f"{len(found)} {50 - whole < 2 * WIDTH}".encode())
    finally:
        if child == 0 and len(found) >= 10:
            os._exit(0)
    assert sorted(found) == [*range(50)]
    assert all(isinstance(each, Response) for each in found.values())
    assert os.read(read, 100) == b"50 True"
    os.waitpid(child, 0)
    os.close(read)
    os.close(write)


class Ends(observed.Observer):
    """Counts calls that have begun, and those that have ended."""

    def __init__(self) -> None:
        self.begun = self.ended = 0

    def call_begins(self, _: observed.Call) -> None:
        self.begun += 1

    def call_ends(self, _: observed.Call, __: Outcome | None) -> None:
        self.ended += 1


def test_each_call_of_a_window_that_is_given_up_is_counted_once(
    backend: PycurlBackend, server: RawServer, counting: Counting
) -> None:
    counting.first, ends = threading.Barrier(WIDTH), Ends()  # many end in one turn

    def give_up(number: int, _: Outcome) -> None:
        raise KeyError(number)

    observed.observe(ends)
    try:
        for _ in range(20):
            with pytest.raises(KeyError):
                backend.perform_all(numbered(server, WIDTH), WIDTH, give_up)
    finally:
        observed.leave(ends)
    assert ends.begun == ends.ended == 20 * WIDTH
