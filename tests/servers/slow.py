"""``PYTHONPATH=tests pytest -p servers.slow``: as where servers are slow to begin.

Each server takes longer to answer its first requests than any limit that is to end a call. So a
test fails that gives such a limit to a call that is to succeed.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from servers.multiplexing.http2 import Http2Server
from servers.raw import Peer

DELAY_S: Final = 1.2
FIRST: Final = 2

_request, _serve = Peer.request, Http2Server._serve


def _request_late(peer: Peer) -> bytes:
    request = _request(peer)
    if request and len(peer.server.requests) <= FIRST:
        time.sleep(DELAY_S)
    return request


async def _serve_late(
    server: Http2Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await asyncio.sleep(DELAY_S)
    await _serve(server, reader, writer)


for _owner, _name, _late in (
    (Peer, "request", _request_late),
    (Http2Server, "_serve", _serve_late),
):
    setattr(_owner, _name, _late)
