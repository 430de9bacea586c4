"""What libcurl knows of a transfer that has ended: its times, and who answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import pycurl

from onehttp_backends.response import Facts, Peer

TIMES_OF_ANY: Final[tuple[int, ...]] = (
    pycurl.QUEUE_TIME_T,
    pycurl.PRETRANSFER_TIME_T,
    pycurl.POSTTRANSFER_TIME_T,
    pycurl.STARTTRANSFER_TIME_T,
    pycurl.TOTAL_TIME_T,
)
"""Times of a transfer on whatever connection: `Response` takes them for those of a kept one."""
CONN_ID: Final = getattr(pycurl, "CONN_ID", 0)
"""Libcurl's number of a connection; 0 if pycurl has no name for it."""
MAX_KNOWN_PEERS: Final = 8192
_RUNNING: Final = "running"
"""In pycurl's words for a handle whose multi is at work."""


@lru_cache(maxsize=MAX_KNOWN_PEERS)
def peer_at(host: str, port: int) -> Peer:
    """The peer, each one once: most connections are to few places."""
    return Peer(host, port)


def peer_of(getinfo: Callable[[int], Any], unix_socket: str | None) -> Peer:
    """The peer of the connection that a handle has used."""
    if unix_socket:  # of whose path libcurl tells 46 bytes
        return peer_at(unix_socket, 0)
    return peer_at(getinfo(pycurl.PRIMARY_IP) or "", getinfo(pycurl.PRIMARY_PORT))


def facts_of(
    getinfo: Callable[[int], Any], peers: Mapping[int, Peer], unix_socket: str | None
) -> Facts | None:
    """Times and peer of the last transfer of a handle; None while its multi is at work.

    Whoever sees an outcome as soon as it is there may come while the driver takes the handle out.

    Args:
        peers: those that are known, by the numbers of their connections.

    Raises:
        pycurl.error: the handle was closed.
    """
    try:
        times = tuple(map(getinfo, TIMES_OF_ANY))
        known = peers.get(getinfo(CONN_ID)) if CONN_ID else None
        return times, known or peer_of(getinfo, unix_socket)
    except pycurl.error as error:
        if _RUNNING in str(error):
            return None
        raise
