"""libcurl is shown a shared socket once more after an event, and no other, and not again."""

from __future__ import annotations

import queue
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from onehttp_backends.contract import HttpVersion, Outcome, Request, Response, TransferOptions
from onehttp_backends.curl.backend import PycurlBackend
from onehttp_backends.curl.engine.second_looks import SecondLooks
from onehttp_backends.errors import ProtocolError, TimeoutError
from onehttp_backends.registry import load
from servers.multiplexing.limited_http2 import Connection, LimitedServer
from servers.multiplexing.scripted_http2 import Stream, scripted
from servers.patience import PATIENCE_S, until
from servers.raw import OK, Peer, RawServer
from stand_ins.driving.crowds import CROWDS, Crowd

PING_S = 0.05
REFUSED = 7
HTTP_2 = TransferOptions(
    total_timeout_s=60, connect_timeout_s=60, http_version=HttpVersion.HTTP_2_PRIOR_KNOWLEDGE
)


@pytest.fixture
def engine() -> Iterator[PycurlBackend]:
    made = load("pycurl")()
    assert isinstance(made, PycurlBackend)
    yield made
    made.close()


class Shown:
    """Stands for the multi: notes what it is shown, and hands it on."""

    def __init__(self, engine: PycurlBackend) -> None:
        self.fds: queue.Queue[int] = queue.Queue()
        helm = engine._helm
        assert helm is not None
        self._multi = helm.engine.multi
        looks: SecondLooks = helm.engine.second_looks
        looks._multi = self  # type: ignore[assignment]

    def socket_action(self, fd: int, mask: int) -> object:
        self.fds.put(fd)
        return self._multi.socket_action(fd, mask)


def test_a_shared_socket_that_has_fallen_silent_is_shown_once_more(engine: PycurlBackend) -> None:
    may_answer = threading.Event()

    def script(stream: Stream) -> None:
        if stream.target != b"/first":
            for _ in range(int(PATIENCE_S / PING_S)):  # one that libcurl does not read unasked
                stream.http2.ping(b"an event")
                stream.flush()
                if may_answer.wait(PING_S):
                    break
        stream.answer()

    outcomes: queue.Queue[Outcome] = queue.Queue()
    with scripted(script) as server:
        engine.perform(Request("GET", f"{server.url}/first", options=HTTP_2))
        shown = Shown(engine)
        engine.submit(Request("GET", f"{server.url}/held", options=HTTP_2), outcomes.put)
        assert shown.fds.get(timeout=PATIENCE_S) > 0
        may_answer.set()
        assert isinstance(outcomes.get(timeout=PATIENCE_S), Response)


def test_so_is_one_whose_opener_has_gone_to_another(engine: PycurlBackend) -> None:
    refused: list[Stream] = []
    may_answer = threading.Event()

    def script(stream: Stream) -> None:
        if stream.target == b"/opener" and not refused:
            refused.append(stream)
            return
        if stream.target == b"/held":
            refused[0].reset(REFUSED)
            for _ in range(int(PATIENCE_S / PING_S)):
                stream.http2.ping(b"an event")
                stream.flush()
                if may_answer.wait(PING_S):
                    break
        stream.answer()

    openers: queue.Queue[Outcome] = queue.Queue()
    others: queue.Queue[Outcome] = queue.Queue()
    with scripted(script) as server:
        engine.submit(Request("GET", f"{server.url}/opener", options=HTTP_2), openers.put)
        until(lambda: bool(refused))
        engine.submit(Request("GET", f"{server.url}/held", options=HTTP_2), others.put)
        assert isinstance(openers.get(timeout=PATIENCE_S), Response)
        shown = Shown(engine)
        assert shown.fds.get(timeout=PATIENCE_S) > 0
        may_answer.set()
        assert isinstance(others.get(timeout=PATIENCE_S), Response)
        assert server.connections == 2


@pytest.mark.parametrize("is_kept", [False, True], ids=["a new one", "a kept one"])
def test_a_connection_found_broken_by_a_look_is_looked_at_again(
    engine: PycurlBackend, is_kept: bool
) -> None:
    """While one call is all there is: what ends it may come just as libcurl is about to look."""
    has_come, is_looking, is_broken = (threading.Event() for _ in range(3))

    def script(stream: Stream) -> None:
        if stream.target == b"/first":
            stream.answer()
            return
        stream.flush()
        has_come.set()
        assert is_looking.wait(PATIENCE_S)
        stream.peer.send(bytes.fromhex("000001000000000000") + b"x")  # a body of no stream
        is_broken.set()

    with scripted(script) as server, scripted(Stream.answer) as other:
        engine.perform(
            Request("GET", f"{(server if is_kept else other).url}/first", options=HTTP_2)
        )
        helm = engine._helm
        assert helm is not None
        alone = helm.engine.single
        look = alone._go_on

        def look_when_it_has_come() -> tuple[int, int]:
            if has_come.is_set() and not is_broken.is_set():
                is_looking.set()
                assert is_broken.wait(PATIENCE_S)
            return look()

        alone._go_on = look_when_it_has_come
        with pytest.raises(ProtocolError):
            engine.perform(Request("POST", server.url, body=b"x", options=HTTP_2))
        assert is_looking.is_set()


def test_a_socket_of_one_transfer_is_not(engine: PycurlBackend) -> None:
    seen = threading.Event()

    def behave(peer: Peer) -> None:
        while target := peer.request():
            if b"/held" in target:
                peer.send(OK[:10])
                assert seen.wait(PATIENCE_S)
                peer.send(OK[10:])
            else:
                peer.send(OK)

    options = replace(HTTP_2, http_version=HttpVersion.HTTP_1_1)
    outcomes: queue.Queue[Outcome] = queue.Queue()
    with RawServer(behave) as server, scripted(Stream.answer) as other:
        engine.perform(Request("GET", server.url, options=options))
        engine.perform(Request("GET", other.url, options=HTTP_2))  # events are noted from here on
        shown = Shown(engine)
        engine.submit(Request("GET", f"{server.url}/held", options=options), outcomes.put)
        for _ in range(20):
            engine.perform(Request("GET", other.url, options=HTTP_2))
        seen.set()
        assert isinstance(outcomes.get(timeout=PATIENCE_S), Response)
        helm = engine._helm
        assert helm is not None
        shared = {known.fd for known in helm.engine.watch.open_sockets() if known.is_multiplexed}
    assert {shown.fds.get_nowait() for _ in range(shown.fds.qsize())} <= shared


class Watch:
    may_share = True

    def __init__(self, *shared: int) -> None:
        self.shared = set(shared)
        self.sockets: dict[int, Known] = {}

    def is_shared(self, fd: int) -> bool:
        return fd in self.shared

    def socket(self, fd: int) -> Known:
        return self.sockets.setdefault(fd, Known())


class Known:
    """A socket, and how many bytes were taken from it when it was asked the last times."""

    def __init__(self) -> None:
        self.taken = [0]

    def taken_bytes(self) -> int:
        return self.taken.pop(0) if len(self.taken) > 1 else self.taken[0]


class Multi:
    def __init__(self) -> None:
        self.shown: list[int] = []

    def socket_action(self, fd: int, _mask: int) -> tuple[int, int]:
        self.shown.append(fd)
        return 0, 0


def test_each_silence_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    multi, watch = Multi(), Watch(3, 4, 5)
    looks = SecondLooks(multi, watch)  # type: ignore[arg-type]
    assert looks.sooner_ms(-1) == -1
    looks.note([(3, 1), (4, 1), (9, 1)])
    now[0] += 0.005
    looks.look()
    looks.note([(3, 1)])
    assert multi.shown == []
    assert looks.sooner_ms(-1) == pytest.approx(5)
    assert looks.sooner_ms(1) == 1
    now[0] += 0.006
    looks.look()
    assert multi.shown == [4]
    watch.shared.discard(3)
    assert looks.sooner_ms(70) == 70
    now[0] += 1
    looks.look()
    looks.look()
    assert multi.shown == [4]


class Running:
    """A transfer that has just begun on a socket."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.handle = self

    def getinfo(self, _what: int) -> int:
        return self._fd


def test_so_is_a_socket_that_a_transfer_begins_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """libcurl reads from it at once, and no event tells."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    multi = Multi()
    looks = SecondLooks(multi, Watch(3, 4))  # type: ignore[arg-type]
    looks.begun += [Running(3), Running(9)]  # type: ignore[list-item]
    looks.look()
    assert multi.shown == []
    assert looks.sooner_ms(-1) == pytest.approx(10)
    now[0] += 0.011
    looks.look()
    assert multi.shown == [3]


def test_what_a_look_has_changed_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    left = [2, 1, 1]

    class Ending(Multi):
        def socket_action(self, fd: int, _mask: int) -> tuple[int, int]:
            self.shown.append(fd)
            return 0, left.pop(0)

    multi = Ending()
    looks = SecondLooks(multi, Watch(3))  # type: ignore[arg-type]
    looks.note([(3, 1)])
    for _ in range(5):
        now[0] += 0.011
        looks.look()
    assert multi.shown == [3, 3, 3]


def test_what_a_look_has_read_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """libcurl may have found the connection broken, and say so when it looks the next time."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    multi, watch = Multi(), Watch(3)
    watch.socket(3).taken = [50, 67, 67]
    looks = SecondLooks(multi, watch)  # type: ignore[arg-type]
    looks.note([(3, 1)])
    for _ in range(5):
        now[0] += 0.011
        looks.look()
    assert multi.shown == [3, 3]


@pytest.mark.parametrize("crowd", CROWDS)
def test_no_call_hears_late_that_its_connection_is_broken(
    engine: PycurlBackend,
    crowd: Crowd,
    h2_server_context: ssl.SSLContext,
    trusting: TransferOptions,
) -> None:
    """Each begins when another has ended, and may read what breaks the connection as it begins."""
    options = replace(trusting, total_timeout_s=PATIENCE_S, connect_timeout_s=PATIENCE_S)
    numbers = iter(range(10_000))

    def script(connection: Connection, number: int) -> None:
        if next(numbers) % 3:
            connection.answer(number)
        else:
            connection.flush()
            connection.peer.send(bytes.fromhex("000006010400000001ffffffffffff"))  # no fields

    with LimitedServer([1], script, h2_server_context) as server:
        request = Request("POST", server.url, body=b"x", options=options)
        for _ in range(10):
            outcomes = crowd(engine, [request] * 20)
            assert not any(isinstance(outcome, TimeoutError) for outcome in outcomes)
