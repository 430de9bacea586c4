"""A server, and connections to it that wait as long as tests do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import onehttp
from servers.patience import PATIENCE_S
from servers.raw import OK, Behaviour, Peer, RawServer


def as_asked(peer: Peer) -> None:
    """What the path says: a status, ``/moved``, a connection that is ``/cut``; or it is fine."""
    while request := peer.request():
        path = request.split(b" ")[1]
        if path == b"/cut":
            peer.reset()
            return
        status = path.strip(b"/")
        if path == b"/moved":
            peer.send(b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")
        elif status.isdigit():
            peer.send(b"HTTP/1.1 " + status + b" Said\r\nContent-Length: 0\r\n\r\n")
        else:
            peer.send(OK)


@contextmanager
def connected(
    engine: str, connections: Callable[[str], dict[str, Any]], behave: Behaviour = as_asked
) -> Iterator[RawServer]:
    """Runs both; ``connections`` are made of the server's URL."""
    with RawServer(behave) as server:
        limits = {"timeout": {"total": PATIENCE_S, "connect": PATIENCE_S}}
        made = {"version": 1, "defaults": limits, "connections": connections(server.url)}
        onehttp.init(made, backend=engine)
        yield server


def one_connection(url: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """A file with the connection ``c`` alone."""
    return {"version": 1, "connections": {"c": {"url": url, "timeout": PATIENCE_S, **options}}}
