"""Rows 1 to 13, 17 and 18: what goes wrong on the way to a server, and with its connection."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import onehttp
from onehttp_backends.contract import LowSpeed, Request, Response, TransferOptions
from onehttp_backends.errors import DisconnectedError, Phase, Sent, TransferError
from servers.holding import full_backlog
from servers.names import in_own_network
from servers.patience import PATIENCE_S
from servers.ports import free_port
from servers.raw import OK, Behaviour, Peer, RawServer, answering, keep_answering, silent
from stand_ins.processes import PREAMBLE
from stand_ins.scene import Scene
from stand_ins.ways import WAYS, Way

SLOW = LowSpeed(bytes_per_s=1000, time_s=1)
every_way = pytest.mark.parametrize("way", WAYS)
SHORT = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf of it",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf of it",
}


@every_way
def test_1_refused(scene: Scene, way: Way) -> None:
    scene.failure(f"http://127.0.0.1:{free_port()}/", 7, Sent.NO, Phase.CONNECT, way)


def test_1_refused_fails_over(engine: str) -> None:
    with RawServer(keep_answering) as spare:
        connections = {
            "api": {"url": f"http://127.0.0.1:{free_port()}", "failover": "spare"},
            "spare": {"url": spare.url},
        }
        onehttp.init({"version": 1, "connections": connections}, backend=engine)
        assert onehttp.connection("api").post(body=b"once").url.startswith(spare.url)
    assert spare.targets == ["POST /"]


@every_way
def test_2_swallowed(scene: Scene, way: Way) -> None:
    with full_backlog() as url:
        options = TransferOptions(connect_timeout_s=0.3)
        scene.failure(Request("GET", url, options=options), 28, Sent.NO, Phase.CONNECT, way)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_3_reset_after_accept(scene: Scene, scheme: str) -> None:
    """In the middle of a handshake nothing was written; in the clear it is a race.

    Each call ends by itself, none at its limit: whoever comes next waits for nobody.
    """
    with RawServer(Peer.reset) as server:
        for _ in range(20 if scene.is_double else 300):
            outcome = scene.ask(Request("POST", f"{scheme}://127.0.0.1:{server.port}/", body=b"x"))
            assert isinstance(outcome, TransferError), outcome
            if scheme == "https":
                assert outcome.code in (7, 35), repr(outcome)
                assert outcome.sent is Sent.NO
            else:
                assert outcome.code in (7, 52, 55, 56), repr(outcome)
                assert outcome.sent in (Sent.NO, Sent.MAYBE)
            scene.check_neighbour()
    assert server.requests == []


@every_way
def test_4_closed_after_the_request(scene: Scene, way: Way) -> None:
    with RawServer(answering(b"")) as server:
        request = Request("POST", server.url, body=b"x")
        scene.failure(request, 52, Sent.MAYBE, Phase.FIRST_BYTE, way)
    assert len(server.requests) == 1


def closes_on_the_second(peer: Peer) -> None:
    if peer.request():
        peer.send(OK)
        peer.request()


@pytest.mark.parametrize("way", WAYS[:3])
def test_5_closed_after_a_request_on_a_kept_connection(scene: Scene, way: Way) -> None:
    with RawServer(closes_on_the_second) as server:
        scene.answer(server.url)
        scene.failure(Request("POST", f"{server.url}/pay", body=b"1"), 52, Sent.MAYBE, None, way)
        scene.answer(server.url)
        scene.answer(f"{server.url}/get", way)
    assert server.targets.count("POST /pay") == 1
    assert server.targets.count("GET /get") == 2


def closing_soon(peer: Peer) -> None:
    """Answers some requests, and closes in the moment in which the next one is sent."""
    dice = random.Random(peer.number)
    for _ in range(dice.randrange(1, 6)):
        if not peer.request():
            return
        peer.send(OK)
    peer.server.release.wait(dice.random() / 500)


@pytest.mark.slow
def test_6_kept_connections_that_close_as_we_send(scene: Scene) -> None:
    calls = 500 if scene.is_double else 10_000
    maybe = 0
    with RawServer(closing_soon) as server:
        for number in range(calls):
            method = "POST" if number % 2 else "GET"
            body = b"1" if method == "POST" else None
            outcome = scene.ask(Request(method, f"{server.url}/{number}", body=body))
            if method == "GET" or isinstance(outcome, Response):
                assert isinstance(outcome, Response), (number, repr(outcome))
            else:
                assert isinstance(outcome, DisconnectedError), repr(outcome)
                maybe += outcome.sent is Sent.MAYBE
        posts = [target for target in server.targets if target.startswith("POST")]
    assert len(posts) == len(set(posts)), "none arrived twice"
    assert calls // 2 - maybe <= len(posts) <= calls // 2, "what had no answer says so"


def resetting_after(data: bytes) -> Behaviour:
    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(data)
        # The reset must not overtake what was sent.
        peer.server.release.wait(0.05)
        peer.reset()

    return behave


@pytest.mark.parametrize("short", SHORT.values(), ids=list(SHORT))
def test_7_reset_in_a_body(scene: Scene, short: bytes) -> None:
    with RawServer(resetting_after(short)) as server:
        scene.failure(server.url, 56, Sent.YES, Phase.BODY)


@pytest.mark.parametrize("short", SHORT.values(), ids=list(SHORT))
def test_8_short_body(scene: Scene, short: bytes) -> None:
    with RawServer(answering(short)) as server:
        scene.failure(server.url, 18, Sent.YES, Phase.BODY)


@every_way
def test_9_silence_before_headers(scene: Scene, way: Way) -> None:
    with RawServer(silent) as server:
        request = Request("GET", server.url, total_timeout_s=0.3)
        scene.failure(request, 28, Sent.MAYBE, Phase.FIRST_BYTE, way)


def dripping(peer: Peer) -> None:
    """A body without an end, a byte at a time."""
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not peer.server.release.wait(0.1):
        peer.send(b"x")


def test_10_a_body_that_drips(scene: Scene) -> None:
    with RawServer(dripping) as server:
        request = Request("GET", server.url, total_timeout_s=0.5)
        scene.failure(request, 28, Sent.YES, Phase.BODY)


@every_way
def test_10_a_body_that_drips_more_slowly_than_it_may(scene: Scene, way: Way) -> None:
    options = TransferOptions(low_speed=SLOW, total_timeout_s=0)
    with RawServer(dripping) as server:
        scene.failure(Request("GET", server.url, options=options), 28, Sent.YES, Phase.BODY, way)


@every_way
def test_10_nothing_at_all_is_slower_than_it_may(scene: Scene, way: Way) -> None:
    options = TransferOptions(low_speed=SLOW, total_timeout_s=0)
    with RawServer(silent) as server:
        request = Request("GET", server.url, options=options)
        scene.failure(request, 28, Sent.MAYBE, Phase.FIRST_BYTE, way)


def never_reading(peer: Peer) -> None:
    peer.server.release.wait(PATIENCE_S)


def test_11_an_upload_that_nobody_reads(scene: Scene) -> None:
    with RawServer(never_reading, receive_buffer_bytes=4096) as server:
        request = Request("POST", server.url, body=bytes(10_000_000), total_timeout_s=0.5)
        scene.failure(request, 28, Sent.MAYBE, Phase.SEND)


@contextlib.contextmanager
def another_process() -> Iterator[tuple[int, str]]:
    """A server that can be stopped, and says which connection this is: its process and URL."""
    script = """
import threading
from servers.raw import RawServer
def count(peer):
    while peer.request():
        body = str(peer.number).encode()
        peer.send(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
with RawServer(count) as server:
    print(server.url, flush=True)
    threading.Event().wait()
"""
    command = [sys.executable, "-c", PREAMBLE + script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.pid, process.stdout.readline().strip()
        finally:
            process.kill()


def test_12_a_peer_that_freezes_behind_a_kept_connection(scene: Scene) -> None:
    with another_process() as (pid, url):
        assert [scene.answer(url).body for _ in range(2)] == [b"1", b"1"]
        os.kill(pid, signal.SIGSTOP)
        while ") T " not in Path(f"/proc/{pid}/stat").read_text():
            time.sleep(0.001)  # until each of its threads stands still
        scene.failure(Request("GET", url, total_timeout_s=0.5), 28, Sent.MAYBE, Phase.FIRST_BYTE)
        os.kill(pid, signal.SIGCONT)
        assert scene.answer(url).body == b"2"


ALONE = """
import errno, os, socket
from onehttp_backends.contract import Request, Response, TransferOptions
from onehttp_backends.errors import *
from onehttp_backends.registry import load
from servers.raw import RawServer, keep_answering
from stand_ins.ways import blocking

backend = load({engine!r})()
server = RawServer(keep_answering).__enter__()
neighbour = RawServer(keep_answering).__enter__()
"""


def test_13_no_local_ports(tmp_path: Path) -> None:
    in_own_network(
        ALONE.format(engine="pycurl")
        + """
with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as ports:
    ports.write("50000 50009")
kept = blocking(backend, Request("GET", neighbour.url))
taken = []
while True:
    try:
        taken.append(socket.create_connection(("127.0.0.1", server.port)))
    except OSError as error:
        assert error.errno == errno.EADDRNOTAVAIL, error
        break
for method in ("GET", "POST"):
    error = blocking(backend, Request(method, server.url))
    assert isinstance(error, ConnectError), error
    assert (error.code, error.sent, error.phase) == (7, Sent.NO, Phase.CONNECT), repr(error)
    assert os.strerror(errno.EADDRNOTAVAIL).lower() in error.message.lower(), error.message
    assert blocking(backend, Request("GET", neighbour.url)).status == 200
for one in taken:
    # By a reset, which leaves no port in TIME_WAIT.
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
    one.close()
outcome = blocking(backend, Request("GET", server.url))
assert isinstance(outcome, Response), repr(outcome)
""",
        tmp_path,
    )


def test_17_dead_ipv6_and_live_ipv4(tmp_path: Path) -> None:
    """Of the engine: the double tries addresses one after the other."""
    in_own_network(
        ALONE.format(engine="pycurl")
        + """
names = NameServer().__enter__()
names.zone["unrouted.example"] = ["2001:db8::1", "127.0.0.1"]
names.zone["swallowed.example"] = ["::1", "127.0.0.1"]
# Connections to this port of ::1 are neither taken nor refused.
full = socket.socket(socket.AF_INET6)
full.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
full.bind(("::1", server.port))
full.listen(0)
waiting = [socket.socket(socket.AF_INET6) for _ in range(4)]
for one in waiting:
    one.setblocking(False)
    one.connect_ex(("::1", server.port))
for name in ("unrouted", "swallowed"):
    outcome = blocking(backend, Request("GET", f"http://{name}.example:{server.port}/"))
    assert isinstance(outcome, Response), repr(outcome)
    assert outcome.peer.host == "127.0.0.1", outcome.peer
    assert blocking(backend, Request("GET", neighbour.url)).status == 200
""",
        tmp_path,
    )


def test_18_an_interface_that_is_gone(scene: Scene, engine: str) -> None:
    options = TransferOptions(interface="nosuch0")
    request = Request("POST", f"http://127.0.0.1:{free_port()}/", body=b"1", options=options)
    scene.failure(request, 45, Sent.NO)
    api = {"url": scene.neighbour.url, "interface": "nosuch0"}
    with pytest.raises(onehttp.ConfigurationError, match="no interface 'nosuch0'"):
        onehttp.init({"version": 1, "connections": {"api": api}}, backend=engine)
