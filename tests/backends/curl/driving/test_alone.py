"""A blocking caller with the engine to itself: connecting takes no turns."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, cast

import pytest

from onehttp_backends.contract import Outcome, Request, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl.driving.stream_transfers import _turn_alone
from onehttp_backends.curl.engine.engine import Engine
from onehttp_backends.errors import ConnectError, Phase, TimeoutError, TransferError
from servers.holding import full_backlog
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer, keep_answering
from stand_ins.injection import Interrupt
from stand_ins.pieces import in_pieces
from stand_ins.ways import blocking


@pytest.fixture
def backend() -> Iterator[PycurlBackend]:
    engine = PycurlBackend()
    yield engine
    engine.close()


def turns(backend: PycurlBackend) -> int:
    assert backend._helm is not None
    return backend._helm.ownership.turns


@pytest.mark.parametrize("reuse", [True, False], ids=["kept", "closed"])
def test_no_call_of_its_own_takes_a_turn(backend: PycurlBackend, reuse: bool) -> None:
    options = TransferOptions(reuse=reuse)
    with RawServer(keep_answering) as server:
        for _ in range(3):
            response = backend.perform(Request("GET", server.url, options=options))
            assert response.status == 200
        assert server.connections == (1 if reuse else 3)
        stats = backend.stats()
    assert turns(backend) == 0
    assert stats.connections_opened == (1 if reuse else 3)
    assert stats.connections_open == (1 if reuse else 0)


@pytest.mark.parametrize("reuse", [True, False], ids=["kept", "closed"])
def test_a_connection_that_is_refused_is_an_error_at_once(
    backend: PycurlBackend, reuse: bool
) -> None:
    with RawServer(keep_answering) as server:
        url = server.url
    with pytest.raises(ConnectError):
        backend.perform(Request("GET", url, options=TransferOptions(reuse=reuse)))
    assert turns(backend) == 0


def test_one_that_is_never_made_ends_by_its_limit(backend: PycurlBackend) -> None:
    with full_backlog() as url:
        request = Request("GET", url, connect_timeout_s=0.05)
        with pytest.raises(TimeoutError) as caught:
            backend.perform(request)
    assert caught.value.phase is Phase.CONNECT
    assert turns(backend) == 0


def test_who_comes_while_it_is_made_does_not_wait_for_it(backend: PycurlBackend) -> None:
    errors: list[TransferError] = []
    with full_backlog() as url, RawServer(keep_answering) as server:

        def never() -> None:
            try:
                backend.perform(Request("GET", url, total_timeout_s=PATIENCE_S))
            except TransferError as error:
                errors.append(error)

        first = threading.Thread(target=never)
        first.start()
        while backend._helm is None or not backend._helm.ownership.is_asleep:
            assert first.is_alive()
        for _ in range(3):
            assert backend.perform(Request("GET", server.url)).status == 200
        assert first.is_alive()
        backend.close()
        first.join(PATIENCE_S)
    assert len(errors) == 1


@pytest.mark.parametrize("ask", [blocking, in_pieces])
def test_a_lone_call_that_is_interrupted_is_taken_back(
    backend: PycurlBackend, ask: Callable[[PycurlBackend, Request], Outcome]
) -> None:
    """Nobody drives afterwards, and yet its connection is closed at once."""
    is_closed = threading.Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise Interrupt

    def interrupting(peer: Peer) -> None:
        assert peer.request()
        signal.pthread_kill(main, signal.SIGUSR1)
        assert not peer.request()
        is_closed.set()

    main = threading.get_ident()
    usual = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with RawServer(interrupting) as server:
            with pytest.raises(Interrupt):
                ask(backend, Request("GET", server.url, total_timeout_s=2 * PATIENCE_S))
            assert is_closed.wait(PATIENCE_S)
    finally:
        signal.signal(signal.SIGUSR1, usual)
    assert backend.stats().cancelled == 1


def test_what_is_raised_in_a_turn_for_one_stream_reaches_its_caller(backend: PycurlBackend) -> None:
    def interrupted(_engine: Engine, _handle: object) -> None:
        raise Interrupt

    helm = backend._start()
    with pytest.raises(Interrupt):
        _turn_alone(helm, cast(Any, None), interrupted)
    assert helm.ownership.owner is None
    assert not helm.is_gone
