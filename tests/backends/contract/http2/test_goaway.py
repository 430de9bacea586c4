"""What a GOAWAY leaves out the server has not done, whatever error it names (RFC 9113, 6.8)."""

from __future__ import annotations

import asyncio
import queue
import socket

import pytest

from onehttp_backends.contract import (
    Backend,
    Outcome,
    Request,
    Response,
)
from onehttp_backends.errors import DisconnectedError, Sent, TransferError
from servers.multiplexing.payments import (
    CALM_DOWN,
    INTERNAL,
    PATIENT,
    PROTOCOL,
    REFUSED,
    Script,
    may_have_been_acted_on,
    sent,
)
from servers.multiplexing.scripted_http2 import Stream, scripted
from servers.patience import PATIENCE_S


def goes_away_for(code: int, last: int, times: int) -> Script:
    """Ends so many connections when a stream comes that is above ``last``."""

    def script(stream: Stream) -> None:
        if stream.peer.number <= times and stream.number > last:
            stream.go_away(last, code)
            stream.peer.socket.shutdown(socket.SHUT_WR)  # a close might take the GOAWAY back
        else:
            stream.answer()

    return script


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE", "PATCH"])
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("code", [PROTOCOL, INTERNAL, REFUSED, CALM_DOWN])
def test_what_a_goaway_with_an_error_leaves_out_is_sent_once_more(
    backend: Backend, code: int, last: int, method: str
) -> None:
    with scripted(goes_away_for(code, last, times=1)) as server:
        if last:
            backend.perform(Request("GET", server.url, options=PATIENT))
        assert backend.perform(sent(method, server.url)).status == 200
        assert server.targets.count(f"{method} /pay") == 2


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("code", [PROTOCOL, INTERNAL, CALM_DOWN])
def test_what_each_goaway_leaves_out_was_not_sent(backend: Backend, code: int, method: str) -> None:
    with scripted(goes_away_for(code, 0, times=9)) as server:
        with pytest.raises(DisconnectedError, match="done nothing of it") as caught:
            backend.perform(sent(method, server.url))
        assert caught.value.sent is Sent.NO
        assert server.targets.count(f"{method} /pay") == 2


@pytest.mark.parametrize("code", [0, PROTOCOL, INTERNAL, CALM_DOWN])
def test_what_a_goaway_does_not_leave_out_may_have_been_acted_on(
    backend: Backend, code: int
) -> None:
    def script(stream: Stream) -> None:
        if stream.target == b"/pay":
            stream.go_away(stream.number, code)
            stream.hang_up()
        else:
            stream.answer()

    may_have_been_acted_on(backend, script, TransferError)


def test_every_way_of_calling_sends_once_more(backend: Backend) -> None:
    outcomes: queue.Queue[Outcome] = queue.Queue()
    with scripted(goes_away_for(INTERNAL, 0, times=1)) as server:
        response = asyncio.run(backend.aperform(sent("POST", server.url)))
        assert (response.status, server.targets) == (200, ["POST /pay"] * 2)
    with scripted(goes_away_for(INTERNAL, 0, times=1)) as server:
        backend.submit(sent("POST", server.url), outcomes.put)
        assert isinstance(outcomes.get(timeout=PATIENCE_S), Response)
        assert server.targets == ["POST /pay"] * 2
