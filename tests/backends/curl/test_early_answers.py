"""An answer that comes before anything of its request has arrived is none to it: what a server says
unasked while the next request of a kept connection is on its way."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from onehttp_backends.contract import Outcome, Request, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import CurlCode, DisconnectedError, Sent, TransferError
from onehttp_backends.optional.streaming import Opening, StreamLimits
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer

SO_ATTACH_FILTER: Final = 26
SO_MEMINFO: Final = 55
DROPS: Final = 8
ACKNOWLEDGEMENTS_ALONE: Final = (
    (0x30, 0, 0, 12),  # A = the length of the TCP header, in words, in its upper half
    (0x74, 0, 0, 4),
    (0x64, 0, 0, 2),
    (0x07, 0, 0, 0),  # X = A
    (0x80, 0, 0, 0),  # A = the length of the segment
    (0x1D, 0, 1, 0),  # nothing but its header?
    (0x06, 0, 0, 0xFFFF),  # it may pass
    (0x06, 0, 0, 0),  # it is lost, as on its way
)
STRAY: Final = {
    "whole": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nSTRAY",
    "for having been idle": b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\nSTRAY",
    "not at its end": b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nSTRAY",
    "interim": b"HTTP/1.1 103 Early Hints\r\nX: STRAY\r\n\r\n",
}
UNHURRIED: Final = TransferOptions(total_timeout_s=PATIENCE_S, connect_timeout_s=0)


def grow_deaf(connection: socket.socket) -> None:
    """Let no byte arrive any more; what is sent goes out all the same."""
    code = ctypes.create_string_buffer(
        b"".join(struct.pack("=HBBI", *step) for step in ACKNOWLEDGEMENTS_ALONE)
    )
    program = struct.pack("@HP", len(ACKNOWLEDGEMENTS_ALONE), ctypes.addressof(code))
    connection.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


def lost(connection: socket.socket) -> int:
    """How many segments did not arrive."""
    numbers = connection.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * (DROPS + 1))
    return int(struct.unpack_from("=I", numbers, 4 * DROPS)[0])


def all_others_sleep() -> bool:
    """Whether no other thread of the process computes: whoever has sent waits for the answer."""
    own = threading.get_native_id()
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) != own:
            with contextlib.suppress(OSError):  # it has ended
                if (task / "stat").read_text().rpartition(") ")[2].startswith("R"):
                    return False
    return True


class SpeakingFirst:
    """Says something while the second request of its first connection is on its way."""

    def __init__(self, stray: bytes) -> None:
        self.stray = stray
        self.is_asked_again = threading.Event()
        """About to be: nothing else can get lost from then on."""

    def __call__(self, peer: Peer) -> None:
        if peer.number == 1 and peer.request():
            grow_deaf(peer.socket)
            peer.send(OK)
            self.is_asked_again.wait(PATIENCE_S)
            before, ends_at = lost(peer.socket), time.monotonic() + PATIENCE_S
            # libcurl reads at once what is there by the time it has sent, and asks nobody.
            while (
                lost(peer.socket) == before or not all_others_sleep()
            ) and time.monotonic() < ends_at:
                peer.server.release.wait(0.001)
            peer.send(self.stray)
            peer.server.release.wait(PATIENCE_S)
            return
        while peer.request():
            peer.send(OK)


def blocking(engine: PycurlBackend, request: Request) -> bytes:
    return engine.perform(request).body


def awaited(engine: PycurlBackend, request: Request) -> bytes:
    return asyncio.run(engine.aperform(request)).body


def called_back(engine: PycurlBackend, request: Request) -> bytes:
    done = threading.Event()
    outcomes: list[Outcome] = []

    def on_done(outcome: Outcome) -> None:
        outcomes.append(outcome)
        done.set()

    engine.submit(request, on_done)
    assert done.wait(PATIENCE_S)
    if isinstance(outcomes[0], TransferError):
        raise outcomes[0]
    return outcomes[0].body


def streamed(engine: PycurlBackend, request: Request) -> bytes:
    opened = engine.open(Opening(request, StreamLimits(PATIENCE_S)))
    return b"".join(b"".join(pieces) for pieces in iter(opened.take, []))


Way = Callable[[PycurlBackend, Request], bytes]
WAYS: Final[dict[str, Way]] = {
    "blocking": blocking,
    "awaited": awaited,
    "called back": called_back,
    "streamed": streamed,
}


def said_early(
    way: Way, method: str, stray: bytes, options: TransferOptions, tls: ssl.SSLContext | None = None
) -> None:
    engine, speaking = PycurlBackend(), SpeakingFirst(stray)
    with RawServer(speaking, tls) as server:
        request = Request(method, server.url, (), b"x=1" if method == "POST" else None, options)
        assert way(engine, request) == b"ok"
        speaking.is_asked_again.set()
        if method == "GET":
            assert way(engine, request) == b"ok"
        else:
            with pytest.raises(DisconnectedError, match="before the request had") as caught:
                way(engine, request)
            assert (caught.value.code, caught.value.sent) == (CurlCode.GOT_NOTHING, Sent.MAYBE)
        assert server.connections == (2 if method == "GET" else 1)
        assert way(engine, request) == b"ok"
        assert server.connections == 2
    engine.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("stray", STRAY.values(), ids=STRAY)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_it_is_not_believed(way: Way, stray: bytes, method: str) -> None:
    said_early(way, method, stray, UNHURRIED)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_nor_is_it_in_tls(
    way: Way, method: str, tls_server_context: ssl.SSLContext, trusting: TransferOptions
) -> None:
    options = replace(UNHURRIED, tls=trusting.tls)
    said_early(way, method, STRAY["whole"], options, tls_server_context)


@pytest.mark.parametrize("way", [blocking, awaited, streamed])
def test_an_answer_to_a_part_of_a_request_is_believed(way: Way) -> None:
    def behave(peer: Peer) -> None:
        if peer.request():
            peer.send(OK)
            if peer.socket.recv(1):
                peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
                peer.server.release.wait(PATIENCE_S)

    engine = PycurlBackend()
    with RawServer(behave, receive_buffer_bytes=2048) as server:
        request = Request("GET", server.url, options=UNHURRIED)
        assert way(engine, request) == b"ok"
        large = Request("POST", server.url, (), bytes(12_000), UNHURRIED)
        assert way(engine, large) == b"no"
    engine.close()
