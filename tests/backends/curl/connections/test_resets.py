"""Connections that the server resets at each point of a request: what of it was sent, and what is
sent once more."""

from __future__ import annotations

import fcntl
import secrets
import select
import sys
import termios
import threading
from typing import Final

import pytest

from onehttp_backends.bodies.sources import upload_of
from onehttp_backends.contract import (
    Outcome,
    Request,
    Response,
)
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl.engine import single_transfer
from onehttp_backends.curl.sending_guard import SendingGuard
from onehttp_backends.errors import DisconnectedError, Sent, TransferError
from onehttp_backends.optional.streaming import Opening, StreamLimits
from servers.patience import PATIENCE_S
from servers.raw import Peer
from stand_ins.driving.links import (
    LINKS,
    Ground,
    Link,
    Made,
    Reset,
    http2,
    http2_in_tls,
    plain,
    unix,
)
from stand_ins.ways import Way, awaited, blocking, called_back

PING: Final = b"\0\0\x08\x06\0\0\0\0\0" + bytes(8)
"""Libcurl answers it, and so finds out that the connection was reset."""
needs_patches = pytest.mark.skipif(
    str(single_transfer.__file__).endswith(".so"),
    reason="NOT TESTED: what is compiled calls its own methods, not what a test puts there",
)


def streamed(backend: PycurlBackend, request: Request) -> Outcome:
    """Head and body one after the other."""
    try:
        opened = backend.open(Opening(request, StreamLimits(PATIENCE_S)))
        for _ in iter(opened.take, []):
            pass
    except TransferError as error:
        return error
    return opened.response


WAYS: Final[tuple[Way, ...]] = (blocking, awaited, called_back, streamed)  # type: ignore[assignment]
ways = pytest.mark.parametrize("way", WAYS)


links = pytest.mark.parametrize("made", LINKS)


def begin(backend: PycurlBackend, link: Link, way: Way = blocking) -> None:
    """Make the calls that are answered on the first connection."""
    for _ in range(2):
        outcome = way(backend, Request("OPTIONS", link.url, options=link.options))
        assert isinstance(outcome, Response), repr(outcome)


def large(method: str, link: Link) -> Request:
    headers = (("X-Large", secrets.token_hex(1500)),)
    body = b"pay" if method == "POST" else None
    return Request(method, f"{link.url}/pay", headers, body, link.options)


class BeforeItIsSent:
    """Resets a connection after libcurl has chosen it for a request, and before it writes."""

    def __init__(self, backend: PycurlBackend, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_armed = False
        self._may, self._done = threading.Event(), threading.Event()
        allowed = SendingGuard._is_sending_allowed

        def is_allowed(guard: SendingGuard, peer_ip: str, own_port: int) -> bool:
            may_send = allowed(guard, peer_ip, own_port)
            if self.is_armed:
                self.is_armed = False
                self._may.set()
                assert self._done.wait(PATIENCE_S)
                helm = backend._helm
                assert helm is not None
                for known in helm.engine.watch.open_sockets():
                    poller = select.poll()
                    poller.register(known.fd, 0)  # it has ended, both ways
                    assert poller.poll(PATIENCE_S * 1000)
            return may_send

        monkeypatch.setattr(SendingGuard, "_is_sending_allowed", is_allowed)

    def __call__(self, peer: Peer) -> None:
        assert self._may.wait(PATIENCE_S)
        peer.reset()
        self._done.set()


@needs_patches
@ways
@links
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_what_the_system_did_not_take_is_sent_on_a_new_connection(
    backend: PycurlBackend,
    made: Made,
    way: Way,
    method: str,
    ground: Ground,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reset = BeforeItIsSent(backend, monkeypatch)
    link = made(ground, reset)
    with link.server as server:
        begin(backend, link, way)
        reset.is_armed = True
        body = b"pay" if method == "POST" else None
        outcome = way(backend, Request(method, f"{link.url}/pay", (), body, link.options))
        assert isinstance(outcome, Response), repr(outcome)
        assert sum(target.startswith(method) for target in server.targets) == 1


@needs_patches
@links
def test_a_body_that_comes_once_was_not_sent(
    backend: PycurlBackend, made: Made, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read from somewhere, and not repeated unasked."""
    reset = BeforeItIsSent(backend, monkeypatch)
    link = made(ground, reset)
    with link.server as server:
        begin(backend, link)
        reset.is_armed = True
        upload = upload_of(iter([b"pay"]), size=3)
        request = Request("POST", f"{link.url}/pay", options=link.options, upload=upload)
        with pytest.raises(DisconnectedError) as caught:
            backend.open(Opening(request, StreamLimits(PATIENCE_S), upload.begin()))
        # TLS and HTTP/2 take more at a time than may be known of: a part of it may have gone out.
        is_counted = made in (plain, unix)
        assert caught.value.sent is (Sent.NO if is_counted else Sent.MAYBE)
        assert not any(target.startswith("POST") for target in server.targets)


def wait_for_request(peer: Peer, at_least: int = 1500) -> None:
    """Until it is there, which is larger than what libcurl says besides."""
    unread = bytearray(4)
    while int.from_bytes(unread, sys.byteorder) < at_least:
        peer.server.release.wait(0.001)
        fcntl.ioctl(peer.socket, termios.FIONREAD, unread)


def unread(peer: Peer) -> None:
    """Reset by a server that has received the request, and never looked at it."""
    wait_for_request(peer)
    peer.reset()


def unread_after_a_ping(peer: Peer) -> None:
    wait_for_request(peer)
    peer.send(PING)
    peer.reset()


@ways
@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(
    ("made", "reset"),
    [*((made, unread) for made in LINKS), (http2, unread_after_a_ping)],
)
def test_what_the_system_took_may_have_been_acted_on(
    backend: PycurlBackend, made: Made, reset: Reset, way: Way, method: str, ground: Ground
) -> None:
    """The server's own system acknowledges what no program ever reads."""
    link = made(ground, reset)
    with link.server as server:
        begin(backend, link, way)
        outcome = way(backend, large(method, link))
        if method == "GET":
            assert isinstance(outcome, Response), repr(outcome)
        else:
            assert isinstance(outcome, DisconnectedError), repr(outcome)
            assert outcome.sent is Sent.MAYBE
        assert sum(target.startswith(method) for target in server.targets) == (method == "GET")


def goes_away(*frames: bytes) -> Reset:
    def reset(peer: Peer) -> None:
        # Its body, too: libcurl sends that by itself, and would meet the reset alone.
        wait_for_request(peer, 4500)
        peer.send(b"".join(frames))
        peer.reset()

    return reset


GOAWAY: Final = b"\0\0\x08\x07\0\0\0\0\0" + (3).to_bytes(4, "big") + bytes(4)
"""It names the second stream as the last one."""


@ways
@pytest.mark.parametrize(
    "frames", [(GOAWAY,), (GOAWAY, PING), (PING, GOAWAY), (PING, GOAWAY, PING)]
)
@pytest.mark.parametrize("made", [http2, http2_in_tls])
def test_a_stream_that_a_goaway_leaves_out_is_sent_again_whatever_comes_after(
    backend: PycurlBackend, made: Made, frames: tuple[bytes, ...], way: Way, ground: Ground
) -> None:
    """Libcurl cannot answer the ping, and ends with that error (55), not with the refusal."""
    link = made(ground, goes_away(*frames))
    with link.server as server:
        begin(backend, link, way)
        outcome = way(backend, large("POST", link)._replace(body=b"pay" * 1500))
        assert isinstance(outcome, Response), repr(outcome)
        assert server.targets.count("POST /pay") == 1
