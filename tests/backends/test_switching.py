"""A 101 that nobody has asked for: who goes over to another protocol has not answered, and is not
waited for."""

from __future__ import annotations

import queue

import pytest

from onehttp_backends.contract import Backend, Outcome, Request, TransferOptions
from onehttp_backends.errors import CurlCode, DisconnectedError, Phase, Sent
from servers.patience import PATIENCE_S
from servers.raw import OK, Behaviour, Peer, RawServer
from stand_ins.ways import WAYS, Way

SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
MANY = 40
"""More than are looked at at once."""


def switching(*parts: bytes, closes: bool = False) -> Behaviour:
    """Says so, and then whatever is left of ``parts``; goes at once, or when its client does."""

    def behave(peer: Peer) -> None:
        if peer.request():
            peer.send(b"".join(parts))
            if not closes:
                peer.wait_for_close()

    return behave


def check(outcome: Outcome | None) -> None:
    assert isinstance(outcome, DisconnectedError), outcome
    assert (outcome.code, outcome.sent, outcome.phase) == (
        CurlCode.GOT_NOTHING,
        Sent.YES,
        Phase.BODY,
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("closes", [False, True], ids=["stays", "goes"])
@pytest.mark.parametrize(
    "parts",
    [
        (SWITCHING,),
        (SWITCHING, b"\x82\x03abc"),
        (SWITCHING, OK),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", SWITCHING, b"more"),
        (b"HTTP/1.1 101\r\n\r\n",),
    ],
    ids=["nothing more", "bytes", "an answer", "after hints", "bare"],
)
def test_an_unexpected_101_is_an_error_at_once(
    backend: Backend, way: Way, method: str, closes: bool, parts: tuple[bytes, ...]
) -> None:
    body = b"x" if method == "POST" else None
    with RawServer(switching(*parts, closes=closes)) as server:
        for count in (1, 2):
            request = Request(method, server.url, (), body, total_timeout_s=PATIENCE_S)
            check(way(backend, request))
            assert (len(server.requests), server.connections) == (count, count)


def test_an_unexpected_101_loses_none_of_many_transfers(backend: Backend) -> None:
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    options = TransferOptions(total_timeout_s=PATIENCE_S)
    with RawServer(switching(SWITCHING)) as server:
        for _ in range(MANY):
            backend.submit(Request("GET", server.url, options=options), outcomes.put)
        for _ in range(MANY):
            check(outcomes.get(timeout=PATIENCE_S))
    assert backend.stats().in_flight == 0
