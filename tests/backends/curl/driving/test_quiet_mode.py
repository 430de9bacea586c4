"""Many on kept connections, where libcurl tells of no socket: whatever servers and neighbours do,
each gets its own answer, and each request that may not be repeated goes out once."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from onehttp_backends.contract import Auth, AuthScheme, Outcome, Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import TransferError
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer

WIDTH: Final = 8
MANY: Final = 160
UNHURRIED: Final = TransferOptions(total_timeout_s=PATIENCE_S, connect_timeout_s=0)
LARGE: Final = 300_000


def plain(peer: Peer, body: bytes) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def in_pieces(peer: Peer, body: bytes) -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    for at in range(0, len(whole), 7):
        peer.send(whole[at : at + 7])


def in_chunks(peer: Peer, body: bytes) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    peer.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))


def after_an_interim_answer(peer: Peer, body: bytes) -> None:
    peer.send(b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n")
    plain(peer, body)


def large(peer: Peer, body: bytes) -> None:
    plain(peer, body + bytes(LARGE))


def last(peer: Peer, body: bytes) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
    peer.send(body)
    peer.socket.close()


def until_the_end(peer: Peer, body: bytes) -> None:
    peer.send(b"HTTP/1.0 200 OK\r\n\r\n" + body)
    peer.socket.close()


def with_too_much(peer: Peer, body: bytes) -> None:
    plain(peer, body)
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nSTRAY")
    peer.socket.close()


def ended(peer: Peer, _: bytes) -> None:
    peer.socket.close()


def reset(peer: Peer, _: bytes) -> None:
    peer.reset()


ANSWERS: Final[dict[bytes, Callable[[Peer, bytes], None]]] = {
    each.__name__.encode(): each
    for each in (
        plain,
        in_pieces,
        in_chunks,
        after_an_interim_answer,
        large,
        last,
        until_the_end,
        ended,
        reset,
    )
}
AT_FIRST: Final = {b"ended", b"reset"}
"""What a path gets the first time that it is asked for on a kept connection; then an answer."""
MOSTLY: Final = [b"plain"] * 30


class Moody:
    """Answers with the path asked for, in the manner that the path names."""

    def __init__(self) -> None:
        self.asked: Counter[bytes] = Counter()
        self.left: set[bytes] = set()
        """Paths that had the end of a kept connection for an answer."""
        self.release = threading.Event()
        self._counting = threading.Lock()

    def __call__(self, peer: Peer) -> None:
        is_kept = False
        while request := peer.request():
            path = request.split(b" ", 2)[1]
            manner = path.split(b"/")[1]
            with self._counting:
                self.asked[path] += 1
                if manner in AT_FIRST and is_kept and path not in self.left:
                    self.left.add(path)
                elif manner in AT_FIRST:
                    manner = b"plain"
            if manner == b"held":
                self.release.wait(PATIENCE_S)
            ANSWERS.get(manner, plain)(peer, path)
            if peer.socket.fileno() < 0:
                return
            is_kept = True


class Watched(PycurlBackend):
    """Knows whether libcurl was ever silent when one had ended."""

    was_quiet = False

    def look(self) -> None:
        helm = self._helm
        self.was_quiet = self.was_quiet or (helm is not None and helm.engine.quiet_mode.is_on)

    def all_are_idle(self) -> bool:
        """Whether the end of each connection would be seen while nobody uses it."""
        assert self._helm is not None
        watch = self._helm.engine.watch
        return watch.idle.issuperset(watch.open_sockets())


@pytest.fixture
def backend() -> Iterator[Watched]:
    engine = Watched()
    yield engine
    engine.close()


def asked_for(
    backend: Watched, url: str, paths: list[bytes], on_each: Callable[[int], None]
) -> None:
    """Ask for all, and look at what comes of each."""
    found: dict[bytes, Outcome] = {}

    def on_done(path: bytes, outcome: Outcome) -> None:
        assert path not in found
        backend.look()
        found[path] = outcome
        on_each(len(found))

    requests = ((path, Request("GET", url + path.decode(), options=UNHURRIED)) for path in paths)
    backend.perform_all(requests, WIDTH, on_done)
    for path in paths:
        outcome = found[path]
        assert isinstance(outcome, Response), (path, outcome)
        body = path + bytes(LARGE) if path.startswith(b"/large/") else path
        assert outcome.body == body, path
    assert backend.stats().in_flight == 0
    assert backend.all_are_idle()


def warm(backend: Watched, url: str) -> None:
    asked_for(
        backend, url, [b"/plain/warm%d" % number for number in range(5 * WIDTH)], lambda _: None
    )


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_server_does(backend: Watched, seed: int) -> None:
    draw, moody = random.Random(seed), Moody()
    with RawServer(moody) as server:
        warm(backend, server.url)
        for round_ in range(4):
            manners = draw.choices([*MOSTLY, *ANSWERS], k=MANY)
            paths = [b"/%b/%d/%d" % (each, round_, n) for n, each in enumerate(manners)]
            asked_for(backend, server.url, paths, lambda _: None)
            assert {path: moody.asked[path] for path in paths} == {
                path: 1 + (path in moody.left) for path in paths
            }
            warm(backend, server.url)
    assert backend.was_quiet


def blocking(backend: Watched, request: Request) -> bytes:
    return backend.perform(request).body


def awaited(backend: Watched, request: Request) -> bytes:
    return asyncio.run(backend.aperform(request)).body


def inner_window(backend: Watched, request: Request) -> bytes:
    found: list[bytes] = []

    def keep(_: int, outcome: Outcome) -> None:
        assert isinstance(outcome, Response), outcome
        found.append(outcome.body)

    backend.perform_all([(number, request) for number in range(3)], 2, keep)
    return found[2]


@pytest.mark.parametrize("neighbour", [blocking, awaited, inner_window])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_whoever_comes_meanwhile(
    backend: Watched,
    neighbour: Callable[[Watched, Request], bytes],
    method: str,
) -> None:
    moody = Moody()
    body = None if method == "GET" else b"x"

    def come(number: int) -> None:
        if number % 20 == 0:
            request = Request(method, f"{server.url}/plain/come{number}", (), body, UNHURRIED)
            assert neighbour(backend, request) == b"/plain/come%d" % number

    with RawServer(moody) as server:
        warm(backend, server.url)
        for round_ in range(3):
            paths = [b"/plain/%d/%d" % (round_, number) for number in range(MANY)]
            asked_for(backend, server.url, paths, come)
    assert backend.was_quiet


def test_one_that_is_held_holds_up_nobody_and_ends_at_its_limit(backend: Watched) -> None:
    moody, found = Moody(), dict[bytes, Outcome]()
    with RawServer(moody) as server:
        warm(backend, server.url)
        paths = [b"/held/0", *(b"/plain/%d" % number for number in range(MANY))]
        requests = (
            (path, Request("GET", server.url + path.decode(), total_timeout_s=PATIENCE_S))
            for path in paths
        )
        late = Request("GET", f"{server.url}/held/late", total_timeout_s=0.2)

        def on_done(path: bytes, outcome: Outcome) -> None:
            backend.look()
            found[path] = outcome
            if len(found) == MANY:
                moody.release.set()

        backend.perform_all(requests, WIDTH, on_done)
        assert all(isinstance(found[path], Response) for path in paths)
        moody.release.clear()
        ends: list[Outcome] = []
        backend.perform_all([(0, late), (1, late)], 2, lambda _, outcome: ends.append(outcome))
        assert [type(each).__name__ for each in ends] == ["TimeoutError"] * 2
        moody.release.set()
    assert backend.was_quiet


def test_a_challenge_is_met_wherever_the_connection_goes(backend: Watched) -> None:
    challenge = b'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'
    refused: Counter[bytes] = Counter()

    def behave(peer: Peer) -> None:
        while request := peer.request():
            path = request.split(b" ", 2)[1]
            if b"\r\nAuthorization: Digest" in request:
                plain(peer, path)
                continue
            refused[path] += 1
            ends = int(path[1:]) % 3 == 0
            closing = b"Connection: close\r\n" if ends else b""
            peer.send(b"HTTP/1.1 401 No\r\n%b%bContent-Length: 0\r\n\r\n" % (challenge, closing))
            if ends:
                return

    auth = Auth(schemes=AuthScheme.DIGEST, username="u", secret="p")
    options = TransferOptions(total_timeout_s=PATIENCE_S, connect_timeout_s=0, auth=auth)
    found: dict[int, Outcome] = {}
    with RawServer(behave) as server:
        for _ in range(4):
            requests = (
                (number, Request("GET", f"{server.url}/{number}", options=options))
                for number in range(MANY)
            )
            backend.perform_all(requests, WIDTH, lambda *one: found.update([one]))
            for number, outcome in found.items():
                assert isinstance(outcome, Response), outcome
                assert outcome.body == b"/%d" % number


def test_an_answer_that_says_it_all_is_one_for_all_and_counted(backend: Watched) -> None:
    def behave(peer: Peer) -> None:
        while request := peer.request():
            if request.split(b" ", 2)[1].endswith(b"changed"):
                plain(peer, b"new")
            else:
                peer.send(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n')

    statuses: Counter[int] = Counter()

    def on_done(number: int, outcome: Outcome) -> None:
        backend.look()
        assert isinstance(outcome, Response)
        statuses[outcome.status] += 1
        if outcome.status == 200:
            assert (number % 10, outcome.body) == (0, b"new")

    with RawServer(behave) as server:
        for _ in range(3):
            requests = (
                (n, Request("GET", f"{server.url}/{n}{'' if n % 10 else 'changed'}"))
                for n in range(MANY)
            )
            backend.perform_all(requests, WIDTH, on_done, frozenset({304}))
    assert statuses == {304: 3 * MANY * 9 // 10, 200: 3 * MANY // 10}
    stats = backend.stats()
    assert stats.completed == 3 * MANY == stats.by_http_version["1.1"]
    assert stats.connections_opened + stats.connections_reused == 3 * MANY
    assert backend.was_quiet


def test_a_window_that_is_given_up_leaves_nothing_behind(backend: Watched) -> None:
    with RawServer(Moody()) as server:
        for round_ in range(5):
            warm(backend, server.url)

            def give_up(number: int) -> None:
                if number == WIDTH + 1:
                    raise KeyError(number)

            paths = [b"/plain/%d/%d" % (round_, number) for number in range(MANY)]
            with pytest.raises(KeyError):
                asked_for(backend, server.url, paths, give_up)
            answer = backend.perform(Request("GET", f"{server.url}/plain/next", options=UNHURRIED))
            assert answer.body == b"/plain/next"
    assert backend.was_quiet
    assert not isinstance(answer, TransferError)
