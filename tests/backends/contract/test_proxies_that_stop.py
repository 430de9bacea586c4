"""A proxy that stops, or goes, after each of its steps: whose fault is told."""

from __future__ import annotations

import itertools
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from onehttp_backends.contract import Backend, Proxy, Request, Tls, TransferOptions
from onehttp_backends.errors import Phase, Sent, TransferError
from servers.patience import PATIENCE_S
from servers.proxies import carry, tls_front
from servers.raw import Behaviour, Peer, RawServer, keep_answering

HEAD = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
HELLO = b"\x16\x03\x03\x00\x7a\x02"
"""The beginning of what a TLS server says first."""
AFTER_ITS_PART = {"a head", "a head of HTTP/1.0", "a head of LF", "a head, then TLS cut short"}
SAID: dict[str, bytes] = {
    "nothing": b"",
    "a letter": HEAD[:1],
    "no status": HEAD[:8],
    "half a status": HEAD[:11],
    "a status": HEAD[:12],
    "a status line": HEAD[:17],
    "half a line end": HEAD[:16],
    "half a name": HEAD[:18],
    "a name": HEAD[:19],
    "half a field": HEAD[:20],
    "a field without its end": HEAD[:21],
    "a field": HEAD[:23],
    "half an end": HEAD[:24],
    "a head": HEAD,
    "a head of HTTP/1.0": HEAD.replace(b"1.1", b"1.0"),
    "a head of LF": HEAD.replace(b"\r", b""),
    "a head, then TLS cut short": HEAD + HELLO,
    "half an interim head": INTERIM[:-2],
    "a refusal without its end": HEAD[:23].replace(b"200", b"403"),
    "a challenge without its end": b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n",
    "a number for a letter": b"\x05",
}
SOCKS = {
    "no method": (b"", b""),
    "half a method": (b"\x05", b""),
    "no answer": (b"\x05\x00", b""),
    "half an answer": (b"\x05\x00", b"\x05\x00\x00\x01\x00"),
    "a head": (b"\x05\x00", b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"),
}


def saying(data: bytes, is_hanging: bool) -> Behaviour:
    def behave(peer: Peer) -> None:
        if peer.request():
            peer.send(data)
            if is_hanging:
                peer.wait_for_close()

    return behave


def saying_socks(hello: bytes, answer: bytes, is_hanging: bool) -> Behaviour:
    def behave(peer: Peer) -> None:
        peer.socket.recv(262)
        peer.send(hello)
        if len(hello) == 2:
            peer.socket.recv(262)
            peer.send(answer)
        if is_hanging:
            peer.wait_for_close()

    return behave


def failure(backend: Backend, proxy: str, ca_file: Path, limit_s: float) -> TransferError:
    options = TransferOptions(tls=Tls(ca_file=str(ca_file)), proxy=Proxy(url=proxy))
    request = Request(
        "POST", "https://a.example/", body=b"once", options=options, total_timeout_s=limit_s
    )
    with pytest.raises(TransferError) as caught:
        backend.perform(request)
    assert caught.value.sent is Sent.NO
    return caught.value


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("what", SAID)
def test_a_proxy_that_stops(
    backend: Backend, tls_server_context: ssl.SSLContext, ca_file: Path, what: str, scheme: str
) -> None:
    said = Phase.TLS if what in AFTER_ITS_PART else Phase.PROXY
    with RawServer(saying(SAID[what], is_hanging=True)) as proxy:
        if scheme == "http":
            assert failure(backend, proxy.url, ca_file, 0.5).phase is said
            return
        with tls_front(proxy.port, tls_server_context) as front:
            assert failure(backend, front.url, ca_file, 1.0).phase is said


@pytest.mark.parametrize("what", SAID)
def test_a_proxy_that_goes(backend: Backend, ca_file: Path, what: str) -> None:
    said = Phase.TLS if what in AFTER_ITS_PART else Phase.PROXY
    with RawServer(saying(SAID[what], is_hanging=False)) as proxy:
        error = failure(backend, proxy.url, ca_file, PATIENCE_S)
        assert error.phase is said
        assert error.code != 28


@pytest.mark.parametrize("is_hanging", [True, False])
@pytest.mark.parametrize("what", SOCKS)
def test_one_that_speaks_socks(
    backend: Backend, ca_file: Path, what: str, is_hanging: bool
) -> None:
    said = Phase.TLS if what in AFTER_ITS_PART else Phase.PROXY
    with RawServer(saying_socks(*SOCKS[what], is_hanging)) as proxy:
        address = f"socks5h://127.0.0.1:{proxy.port}"
        error = failure(backend, address, ca_file, 0.5 if is_hanging else PATIENCE_S)
        assert error.phase is said
        assert (error.code == 28) is is_hanging


def test_what_the_call_before_has_met_does_not_matter(backend: Backend, ca_file: Path) -> None:
    steps = ("a head", "half a field", "a head, then TLS cut short", "a field", "nothing")
    order = list(itertools.permutations(steps, 2))
    each: list[Callable[[Peer], None]] = [
        saying(SAID[what], is_hanging=False) for pair in order for what in pair
    ]

    def behave(peer: Peer) -> None:
        each[peer.number - 1](peer)

    with RawServer(behave) as proxy:
        options = TransferOptions(tls=Tls(ca_file=str(ca_file)), proxy=Proxy(url=proxy.url))
        request = Request("GET", "https://a.example/", options=options, total_timeout_s=PATIENCE_S)
        for what in itertools.chain.from_iterable(order):
            with pytest.raises(TransferError) as caught:
                backend.perform(request)
            said = Phase.TLS if what in AFTER_ITS_PART else Phase.PROXY
            assert caught.value.phase is said, what


@pytest.mark.parametrize("credentials", [("", ""), ("u", "p")])
def test_one_that_says_socks_byte_by_byte(
    backend: Backend,
    tls_server_context: ssl.SSLContext,
    ca_file: Path,
    credentials: tuple[str, str],
) -> None:
    method = b"\x05\x02" if credentials[0] else b"\x05\x00"
    answers = [b"\x01\x00"] if credentials[0] else []

    def behave(peer: Peer) -> None:
        for reply in (method, *answers):
            peer.socket.recv(513)
            slowly(peer, reply)
        asked = peer.socket.recv(513)
        onward = socket.create_connection(("127.0.0.1", int.from_bytes(asked[-2:], "big")))
        slowly(peer, b"\x05\x00\x00\x03\x09localhost\x00\x50")
        carry(peer.socket, onward)

    with RawServer(keep_answering, tls_server_context) as origin, RawServer(behave) as proxy:
        address = f"socks5h://127.0.0.1:{proxy.port}"
        options = TransferOptions(
            tls=Tls(ca_file=str(ca_file)),
            proxy=Proxy(url=address, username=credentials[0], secret=credentials[1]),
        )
        assert backend.perform(Request("GET", origin.url, options=options)).text == "ok"


def slowly(peer: Peer, data: bytes) -> None:
    """Each byte in a segment of its own."""
    peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in data:
        peer.send(bytes([byte]))
