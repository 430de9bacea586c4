"""Before a call every idle socket that says something is dropped, however many do at once."""

from __future__ import annotations

import dataclasses
import itertools
import socket
from contextlib import ExitStack, closing

import pycurl
import pytest

from onehttp_backends.bodies.sources import upload_of
from onehttp_backends.contract import Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl.sockets import SocketWatch
from onehttp_backends.curl.sockets.socket import Socket
from onehttp_backends.curl.sockets.watch import _FEW_EVENTS
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering
from stand_ins.pieces import in_pieces


@pytest.mark.parametrize("count", [0, 1, _FEW_EVENTS - 1, _FEW_EVENTS, _FEW_EVENTS + 1, 200])
@pytest.mark.parametrize("busy", [0, 1, _FEW_EVENTS])
def test_all_that_speak_are_dropped(count: int, busy: int) -> None:
    with ExitStack() as stack:
        watch = SocketWatch()
        stack.callback(watch.close)

        def idle() -> tuple[int, socket.socket]:
            ours, theirs = socket.socketpair()
            stack.enter_context(ours)
            stack.enter_context(theirs)
            watch.note_opened(ours.fileno())
            watch.note_use(ours.fileno(), is_multiplexed=False)
            return ours.fileno(), theirs

        silent, _ = idle()
        for number in range(count):
            _, theirs = idle()
            theirs.close() if number % 2 else theirs.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        used = [idle() for _ in range(busy)]
        for fd, theirs in used:
            watch.note_busy(fd)
            theirs.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        watch.wake()
        watch.sweep()
        assert {known.fd for known in watch.idle} == {silent}
        alive = {known.fd for known in watch.open_sockets() if not known.is_shut}
        assert alive == {silent, *(fd for fd, _ in used)}


def test_a_socket_that_can_be_written_is_kept_though_a_report_of_it_was_missed() -> None:
    with RawServer(keep_answering) as server, closing(PycurlBackend()) as backend:
        request = Request("POST", server.url, total_timeout_s=PATIENCE_S)
        for _ in range(2):
            upload = upload_of(iter([b"once"]), size=4)  # which cannot be sent a second time
            outcome = in_pieces(backend, request._replace(upload=upload))
            assert isinstance(outcome, Response), outcome
            engine = backend._start().engine
            (kept,) = engine.watch.open_sockets()
            engine.watch._change(pycurl.POLL_INOUT, kept.fd)
            engine.watch.reports.is_incomplete = True
            engine.turn(0)
        assert server.connections == 1


def test_one_whose_shutting_down_was_cut_off_is_shut_down_before_it_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shut_down = Socket.shut_down

    def cut_off(known: Socket) -> None:
        monkeypatch.setattr(Socket, "shut_down", shut_down)
        raise KeyboardInterrupt

    with RawServer(keep_answering) as server, closing(PycurlBackend()) as backend:
        request = Request("POST", server.url, body=b"again", total_timeout_s=PATIENCE_S)
        assert isinstance(backend.perform(request), Response)
        watch = backend._start().engine.watch
        (kept,) = watch.open_sockets()
        monkeypatch.setattr(Socket, "shut_down", cut_off)
        with pytest.raises(KeyboardInterrupt):
            watch.mistrust(kept.fd)
        assert isinstance(backend.perform(request), Response)
        assert server.connections == 2


@pytest.mark.parametrize("steps", list(itertools.product("ck", repeat=4)), ids="".join)
def test_a_kept_socket_is_watched_whose_number_belonged_to_a_closed_one(
    steps: tuple[str, ...],
) -> None:
    """Closing (c) and keeping (k) calls, whose sockets have the same number, in any order."""

    with RawServer(keep_answering) as server, closing(PycurlBackend()) as backend:
        keeps = TransferOptions(total_timeout_s=PATIENCE_S)
        options = {"k": keeps, "c": dataclasses.replace(keeps, reuse=False)}
        numbers = set()
        for step in ("c", "c", *steps, "k", "c"):
            response = backend.perform(Request("GET", server.url, options=options[step]))
            assert not response.is_reused  # every kept one is shut down below
            watch = backend._start().engine.watch
            numbers.add(watch.newest)
            kept = [known for known in watch.open_sockets() if not known.is_shut]
            assert [(known.fd, known in watch.idle) for known in kept] == (
                [(watch.newest, True)] if step == "k" else []
            )
            for known in kept:
                watch.mistrust(known.fd)
        assert backend.stats().connections_opened == len(steps) + 4
        assert len(numbers) < len(steps) + 4
