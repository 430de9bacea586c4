"""Answers over TLS, by the records in which they come: read ahead, split, behind one another."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onehttp_backends.contract import Backend, Proxy, Request, Response, Tls, TransferOptions
from onehttp_backends.errors import Sent
from servers.proxies import tunnel
from servers.raw import Behaviour, Peer, RawServer, keep_answering
from stand_ins.ways import WAYS, Way

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"
FORGED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"


def in_records(context: ssl.SSLContext, *answers: bytes) -> Behaviour:
    """Answers the first request of a connection by several records of TLS in one piece. A server
    that has forged an answer says no more: nobody could tell then which one is which."""

    def behave(peer: Peer) -> None:
        came, going = ssl.MemoryBIO(), ssl.MemoryBIO()
        speaking = context.wrap_bio(came, going, server_side=True)

        def step(act: Callable[[], Any]) -> Any:
            while True:
                try:
                    done = act()
                except ssl.SSLWantReadError:
                    done = None
                peer.send(going.read())
                if done is not None:
                    return done
                data = peer.socket.recv(65536)
                if not data:
                    raise OSError("the client has gone")
                came.write(data)

        def shake_hands() -> bool:
            speaking.do_handshake()
            return True

        step(shake_hands)
        for number in itertools.count():
            got = b""
            while b"\r\n\r\n" not in got or (b"POST " in got and not got.endswith(b"once")):
                got += step(lambda: speaking.read(65536))
            peer.server.requests.append(got)
            if number and FORGED in answers:
                peer.wait_for_close()
            for answer in answers if number == 0 else (GOOD,):
                speaking.write(answer)
            peer.send(going.read())

    return behave


@pytest.mark.parametrize("way", WAYS[:4])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("is_tunnelled", [False, True])
def test_a_forged_answer_in_a_record_of_its_own_answers_nobody(
    backend: Backend,
    tls_server_context: ssl.SSLContext,
    ca_file: Path,
    way: Way,
    method: str,
    is_tunnelled: bool,
) -> None:
    """The TLS library has read it together with the answer before it, and holds it back."""
    behaviour = in_records(tls_server_context, GOOD, FORGED)
    body = b"once" if method == "POST" else None
    with RawServer(behaviour) as server, RawServer(tunnel) as proxy:
        options = TransferOptions(
            tls=Tls(ca_file=str(ca_file)),
            proxy=Proxy(url=proxy.url) if is_tunnelled else None,
        )
        url = f"https://127.0.0.1:{server.port}"
        first = way(backend, Request("GET", f"{url}/1", options=options))
        second = way(backend, Request(method, f"{url}/2", body=body, options=options))
        assert isinstance(first, Response)
        assert first.text == "good"
        if isinstance(second, Response):
            assert second.text == "good"
        else:
            assert (method, second.sent) == ("POST", Sent.MAYBE)
        if method == "POST":
            assert sum(target.startswith("POST") for target in server.targets) <= 1


def test_records_without_a_forged_answer_keep_the_connection(
    backend: Backend, tls_server_context: ssl.SSLContext, ca_file: Path
) -> None:
    options = TransferOptions(tls=Tls(ca_file=str(ca_file)))
    with RawServer(in_records(tls_server_context, GOOD[:20], GOOD[20:41], GOOD[41:])) as server:
        url = f"https://127.0.0.1:{server.port}"
        for way in WAYS[:4] * 3:
            response = way(backend, Request("GET", url, options=options))
            assert isinstance(response, Response)
            assert response.text == "good"
        assert server.connections == 1


@pytest.mark.parametrize("way", WAYS[:4])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_answer_of_several_hops_arrived_after_each_request(
    backend: Backend,
    tls_server_context: ssl.SSLContext,
    ca_file: Path,
    way: Way,
    method: str,
) -> None:
    """The heads of all hops count together, where each has come on a connection of its own."""
    options = TransferOptions(tls=Tls(ca_file=str(ca_file)), max_redirects=3)
    body = b"once" if method == "POST" else None
    with RawServer(keep_answering, tls_server_context) as target:
        location = b"https://127.0.0.1:%d/" % target.port

        def redirect(peer: Peer) -> None:
            while peer.request():
                peer.send(
                    b"HTTP/1.1 307 Elsewhere\r\nLocation: " + location + b"\r\n"
                    b"X-Long: " + b"x" * 4000 + b"\r\nContent-Length: 0\r\n\r\n"
                )

        with RawServer(redirect, tls_server_context) as first:
            for count in range(1, 6):
                url = f"https://127.0.0.1:{first.port}/"
                response = way(backend, Request(method, url, body=body, options=options))
                assert isinstance(response, Response)
                assert response.status == 200
                assert len(first.requests) == len(target.requests) == count
            assert (first.connections, target.connections) == (1, 1)
