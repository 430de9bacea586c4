"""Before a call every idle socket that says something is dropped, however many do at once."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from onehttp_backends.curl.sockets import SocketWatch
from onehttp_backends.curl.sockets.watch import _FEW_EVENTS


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
            watch._opened(ours.fileno())
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
