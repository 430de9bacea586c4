"""Servers that end their first connection as a test says, and the kinds of connection to them."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Final

from onehttp_backends.contract import HttpVersion, Proxy, TransferOptions
from servers.multiplexing.scripted_http2 import Stream, scripted
from servers.proxies import OPENED
from servers.raw import OK, Behaviour, Peer, RawServer


@dataclass
class Link:
    """A server, and how it is reached."""

    server: RawServer
    url: str
    options: TransferOptions


Reset = Callable[[Peer], None]


def over_http1(reset: Reset) -> Behaviour:
    """Answers, and ``reset`` says what becomes of the first connection after two requests."""

    def behave(peer: Peer) -> None:
        for nth in count(1):
            if not peer.request():
                return
            peer.send(OK)
            if (peer.number, nth) == (1, 2):
                reset(peer)
                return

    return behave


def over_http2(reset: Reset) -> Callable[[Stream], None]:
    def script(stream: Stream) -> None:
        stream.answer()
        if stream.peer.number == 1 and stream.number == 3:  # the client's settings came before
            stream.flush()
            reset(stream.peer)
            raise OSError("it is over")

    return script


@dataclass
class Ground:
    """What servers and clients are made of."""

    tls: ssl.SSLContext
    http2_tls: ssl.SSLContext
    options: TransferOptions
    folder: Path


Made = Callable[[Ground, Reset], Link]


def plain(ground: Ground, reset: Reset) -> Link:
    server = RawServer(over_http1(reset))
    return Link(server, server.url, ground.options)


def tls(ground: Ground, reset: Reset) -> Link:
    server = RawServer(over_http1(reset), ground.tls)
    return Link(server, server.url, ground.options)


def http2(ground: Ground, reset: Reset) -> Link:
    server = scripted(over_http2(reset))
    options = replace(ground.options, http_version=HttpVersion.HTTP_2_PRIOR_KNOWLEDGE)
    return Link(server, server.url, options)


def http2_in_tls(ground: Ground, reset: Reset) -> Link:
    server = scripted(over_http2(reset), ground.http2_tls)
    return Link(server, server.url, replace(ground.options, http_version=HttpVersion.AUTO))


def forwarding(ground: Ground, reset: Reset) -> Link:
    server = RawServer(over_http1(reset))
    options = replace(ground.options, proxy=Proxy(url=server.url))
    return Link(server, "http://127.0.0.1:9", options)


def tunnel(ground: Ground, reset: Reset) -> Link:
    def opens(peer: Peer) -> None:
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += peer.socket.recv(65536)
        peer.send(OPENED)
        with ground.tls.wrap_socket(peer.socket, server_side=True) as peer.socket:
            over_http1(reset)(peer)

    server = RawServer(opens)
    options = replace(ground.options, proxy=Proxy(url=server.url))
    return Link(server, "https://127.0.0.1:9", options)


def unix(ground: Ground, reset: Reset) -> Link:
    path = str(ground.folder / "socket")
    options = replace(ground.options, unix_socket=path)
    return Link(RawServer(over_http1(reset), unix_path=path), "http://localhost", options)


LINKS: Final[tuple[Made, ...]] = (plain, tls, http2, http2_in_tls, forwarding, tunnel, unix)
