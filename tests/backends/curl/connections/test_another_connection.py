"""A kept connection ends with a request on it, and libcurl is about to make another: what went out
is not forgotten meanwhile, whatever keeps it from that or happens on the way."""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
import trustme

from conftest import server_context
from onehttp_backends.bodies.sources import upload_of
from onehttp_backends.contract import Outcome, Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl.engine import single_transfer
from onehttp_backends.curl.sockets import SocketWatch
from onehttp_backends.errors import DisconnectedError, ResolveError, Sent, TLSError, TransferError
from onehttp_backends.optional.naming import NameLimits
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer, keep_answering
from stand_ins.driving.links import Ground
from stand_ins.pieces import in_pieces
from stand_ins.resolver import Resolver
from stand_ins.ways import Way, awaited, blocking, called_back

HOST: Final = "api.example"
WAYS: Final[tuple[Way, ...]] = (blocking, awaited, called_back, in_pieces)  # type: ignore[assignment]
ways = pytest.mark.parametrize("way", WAYS)


class Dying:
    """Answers, but for a request to pay: that it takes, and ends when it is told to."""

    def __init__(self) -> None:
        self.has_come, self.may_end = threading.Event(), threading.Event()
        self.resets = False

    def __call__(self, peer: Peer) -> None:
        while request := peer.request():
            if peer.number == 1 and b" /pay " in request.splitlines()[0]:
                self.has_come.set()
                assert self.may_end.wait(PATIENCE_S)
                if self.resets:
                    peer.reset()
                return
            peer.send(OK)

    def ends_under(
        self, way: Way, backend: PycurlBackend, request: Request, meanwhile: Callable[[], object]
    ) -> Outcome:
        """The outcome, where something happened while it had the request."""
        outcomes: list[Outcome] = []
        caller = threading.Thread(target=lambda: outcomes.append(way(backend, request)))
        caller.start()
        assert self.has_come.wait(PATIENCE_S)
        meanwhile()
        self.may_end.set()
        caller.join(PATIENCE_S)
        return outcomes[0]


@pytest.fixture
def dying() -> Dying:
    return Dying()


@pytest.fixture(params=["http", "https"])
def named(
    request: pytest.FixtureRequest, dying: Dying, resolver: Resolver, authority: trustme.CA
) -> Iterator[tuple[RawServer, str]]:
    """A server that is called by name, and its URL."""
    resolver.knows(HOST, "127.0.0.1")
    tls = server_context(authority, HOST) if request.param == "https" else None
    with RawServer(dying, tls) as server:
        yield server, f"{request.param}://{HOST}:{server.port}"


def pays(method: str, url: str, options: TransferOptions) -> Request:
    body = b"pay" if method == "POST" else None
    return Request(method, f"{url}/pay", body=body, options=options)


@ways
@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_call_whose_name_has_to_be_looked_up_again_is_sent_again_if_it_is_safe(
    backend: PycurlBackend,
    dying: Dying,
    named: tuple[RawServer, str],
    way: Way,
    method: str,
    resets: bool,
    ground: Ground,
) -> None:
    server, url = named
    dying.resets = resets
    assert isinstance(blocking(backend, Request("GET", url, options=ground.options)), Response)
    with RawServer(keep_answering) as other:

        def forget() -> None:
            backend.limit_names(NameLimits())
            blocking(backend, Request("GET", other.url))  # with which libcurl forgets it, too

        outcome = dying.ends_under(way, backend, pays(method, url, ground.options), forget)
    assert server.targets.count(f"{method} /pay") == (1 if method == "POST" else 2)
    if method == "POST":
        assert isinstance(outcome, DisconnectedError), repr(outcome)
        assert outcome.sent is Sent.MAYBE
    else:
        assert isinstance(outcome, Response), repr(outcome)


def test_nor_is_a_file(
    backend: PycurlBackend,
    dying: Dying,
    named: tuple[RawServer, str],
    ground: Ground,
    tmp_path: Path,
) -> None:
    server, url = named
    (tmp_path / "pay").write_bytes(b"pay")
    assert isinstance(blocking(backend, Request("GET", url, options=ground.options)), Response)
    with RawServer(keep_answering) as other, (tmp_path / "pay").open("rb") as file:

        def forget() -> None:
            backend.limit_names(NameLimits())
            blocking(backend, Request("GET", other.url))

        request = pays("PUT", url, ground.options)._replace(upload=upload_of(file))
        outcome = dying.ends_under(in_pieces, backend, request, forget)  # type: ignore[arg-type]
    assert isinstance(outcome, TransferError), repr(outcome)
    assert outcome.sent is Sent.MAYBE
    assert server.targets.count("PUT /pay") == 1


@ways
def test_a_call_whose_name_is_gone_may_have_been_sent(
    backend: PycurlBackend,
    dying: Dying,
    named: tuple[RawServer, str],
    way: Way,
    ground: Ground,
    resolver: Resolver,
) -> None:
    _, url = named
    assert isinstance(blocking(backend, Request("GET", url, options=ground.options)), Response)
    with RawServer(keep_answering) as other:

        def lose() -> None:
            resolver.fails(HOST, socket.EAI_NONAME)
            backend.limit_names(NameLimits())
            blocking(backend, Request("GET", other.url))

        outcome = dying.ends_under(way, backend, pays("POST", url, ground.options), lose)
    assert isinstance(outcome, ResolveError), repr(outcome)
    assert outcome.sent is Sent.MAYBE


@pytest.mark.skipif(
    str(single_transfer.__file__).endswith(".so"),
    reason="NOT TESTED: what is compiled calls its own methods, not what a test puts there",
)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_call_that_is_put_in_again_while_it_connects_is_not_sent_again(
    backend: PycurlBackend,
    dying: Dying,
    method: str,
    ground: Ground,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As after an exception in libcurl's report of the new socket."""
    opened = SocketWatch.note_opened
    numbers = itertools.count(1)

    def interrupted(watch: SocketWatch, fd: int) -> None:
        opened(watch, fd)
        if next(numbers) == 2:
            watch.reports.is_incomplete = True

    monkeypatch.setattr(SocketWatch, "note_opened", interrupted)
    with RawServer(dying) as server:
        get = Request("GET", server.url, options=ground.options)
        assert isinstance(blocking(backend, get), Response)
        request = pays(method, server.url, ground.options)
        outcome = dying.ends_under(called_back, backend, request, lambda: None)
        assert isinstance(outcome, DisconnectedError), repr(outcome)
        assert outcome.sent is Sent.MAYBE
        assert server.targets.count(f"{method} /pay") == 1


def hangs_up(_peer: Peer, _tls: ssl.SSLContext) -> None:
    """Before any word of TLS."""


def speaks_no_tls(peer: Peer, _tls: ssl.SSLContext) -> None:
    peer.send(b"HTTP/1.1 400 Speak plainly\r\n\r\n")


def has_another_name(peer: Peer, tls: ssl.SSLContext) -> None:
    with tls.wrap_socket(
        peer.socket, server_side=True, do_handshake_on_connect=False
    ) as peer.socket:
        peer.socket.do_handshake()
        peer.wait_for_close()


@ways
@pytest.mark.parametrize("next_one", [hangs_up, speaks_no_tls, has_another_name])
def test_a_call_for_which_no_other_could_be_made_may_have_been_sent(
    backend: PycurlBackend,
    next_one: Callable[[Peer, ssl.SSLContext], None],
    way: Way,
    ground: Ground,
    wrong_name_context: ssl.SSLContext,
) -> None:
    def behave(peer: Peer) -> None:
        if peer.number > 1:
            next_one(peer, wrong_name_context)
            return
        with ground.tls.wrap_socket(peer.socket, server_side=True) as peer.socket:
            peer.request()
            peer.send(OK)
            assert peer.socket.recv(100)  # of more than is sent at a time
            peer.reset()

    with RawServer(behave) as server:
        url = server.url.replace("http:", "https:")
        assert isinstance(blocking(backend, Request("GET", url, options=ground.options)), Response)
        outcome = way(backend, Request("POST", url, body=bytes(300_000), options=ground.options))
    assert isinstance(outcome, (TLSError, DisconnectedError)), repr(outcome)
    assert outcome.sent is Sent.MAYBE
