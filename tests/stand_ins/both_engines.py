"""The same exchange on the pycurl engine and on the double, and what each says of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from onehttp_backends.contract import DEFAULT_OPTIONS, Backend, Proxy, Request, TransferOptions
from onehttp_backends.errors import TransferError
from onehttp_backends.registry import load
from servers.patience import PATIENCE_S
from servers.raw import OK, Behaviour, Peer, RawServer

Told = tuple[object, ...]
"""What a caller is told, and what the server was."""


def on_both(
    make: Callable[[], Behaviour],
    method: str = "GET",
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes | None = None,
    options: TransferOptions = DEFAULT_OPTIONS,
    times: int = 1,
    path: str = "/d/e?q=1",
    passes_redirects_by: bool = False,
) -> tuple[Told, Told]:
    """What the engine says, and what the double says, of a server whose behaviour is made for
    each; asked so many times."""

    def ask(engine: Backend) -> Told:
        with RawServer(make()) as server:
            url = f"{server.url}{path}"
            request = Request(
                *(method, url, headers, body, options),
                total_timeout_s=PATIENCE_S,
                passes_redirects_by=passes_redirects_by,
            )
            told = [_outcome(engine, request, server.url) for _ in range(times)]
            place = server.url.removeprefix("http://").encode()
            asked = [_without_chance(each.replace(place, b"HOST")) for each in server.requests]
            return (*told, *asked)

    return _each(ask)


def through_both(
    behaviour: Behaviour, url: str = "https://a.example/", total_s: float | None = None
) -> tuple[Told, Told]:
    """The same of a proxy that is asked for the way to an https server, or for something else."""

    def ask(engine: Backend) -> Told:
        with RawServer(behaviour) as proxy:
            options = TransferOptions(proxy=Proxy(url=proxy.url))
            request = Request("GET", url, options=options, total_timeout_s=total_s)
            return (_outcome(engine, request, ""),)

    return _each(ask)


def leading_to(location: bytes) -> Callable[[Peer], None]:
    """Redirects once, and answers then."""

    def behave(peer: Peer) -> None:
        if peer.request():
            peer.send(
                b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n"
            )
        while peer.request():
            peer.send(OK)

    return behave


def challenging(*challenges: list[bytes] | None) -> Callable[[Peer], None]:
    """Asks for credentials so many times, by these headers each (None: answers), and answers
    then."""
    left: Iterator[list[bytes] | None] = iter(challenges)

    def behave(peer: Peer) -> None:
        while peer.request():
            wanted = next(left, None)
            if wanted is None:
                peer.send(OK)
                continue
            lines = b"".join(b"WWW-Authenticate: " + each + b"\r\n" for each in wanted)
            peer.send(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n" + lines + b"\r\n")

    return behave


def _each(ask: Callable[[Backend], Told]) -> tuple[Told, Told]:
    found = []
    for name in ("pycurl", "httpx"):
        engine = load(name)()
        try:
            found.append(ask(engine))
        finally:
            engine.close()
    return found[0], found[1]


def _outcome(engine: Backend, request: Request, url: str) -> object:
    try:
        response = engine.perform(request)
    except TransferError as error:
        return type(error).__name__, error.code, error.sent, error.phase
    return (
        *(response.status, response.body, response.head, response.http_version),
        *(response.url.removeprefix(url), response.redirect_count),
    )


def _without_chance(request: bytes) -> bytes:
    """A request, with nothing of digest that is another each time."""
    return re.sub(rb'(cnonce|response)="[^"]*"', rb'\1="*"', request)
