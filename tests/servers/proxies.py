"""Proxies, good and bad: between a client and servers on this machine."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from servers.patience import PATIENCE_S
from servers.ports import free_port
from servers.raw import Behaviour, Peer, RawServer

OPENED: Final = b"HTTP/1.1 200 Connection established\r\nX-Of-The-Proxy: yes\r\n\r\n"
SOCKS_HELLO: Final = b"\x05\x00"
SOCKS_OPENED: Final = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


def carry(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes between two sockets, both ways, until both have ended."""

    def one_way(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=one_way, args=(other, one), daemon=True)
    back.start()
    one_way(one, other)
    back.join(PATIENCE_S)
    other.close()


def tunnel(peer: Peer) -> None:
    """An ordinary HTTP proxy for CONNECT; answers itself what else it is asked."""
    while request := peer.request():
        method, target, *_ = request.split(b" ")
        if method == b"CONNECT":
            port = int(target.rpartition(b":")[2])
            onward = socket.create_connection(("127.0.0.1", port))
            peer.send(OPENED)
            carry(peer.socket, onward)
            return
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nproxied")


def answering_connect(data: bytes) -> Behaviour:
    """Says this to CONNECT, and waits for the client to go."""

    def behave(peer: Peer) -> None:
        if peer.request():
            peer.send(data)
            peer.wait_for_close()

    return behave


def socks(hello: bytes = SOCKS_HELLO, opened: bytes = SOCKS_OPENED) -> Behaviour:
    """A SOCKS 5 proxy that says this; it carries on if all went well.

    Source: RFC 1928.
    """

    def behave(peer: Peer) -> None:
        peer.socket.recv(262)
        peer.send(hello)
        if hello != SOCKS_HELLO:
            return
        asked = peer.socket.recv(262)
        if opened != SOCKS_OPENED:
            peer.send(opened)
            return
        onward = socket.create_connection(("127.0.0.1", int.from_bytes(asked[-2:], "big")))
        peer.send(opened)
        carry(peer.socket, onward)

    return behave


def closing(peer: Peer) -> None:
    """Reads what it is asked, and closes."""
    peer.socket.recv(4096)


def tls_front(port: int, context: ssl.SSLContext) -> RawServer:
    """TLS in front of a server that has none."""

    def behave(peer: Peer) -> None:
        carry(peer.socket, socket.create_connection(("127.0.0.1", port)))

    return RawServer(behave, context)


@contextlib.contextmanager
def tinyproxy(folder: Path, username: str, password: str) -> Iterator[int]:
    """A real HTTP proxy that asks for credentials; yields its port."""
    port = free_port()
    settings = folder / "tinyproxy.conf"
    settings.write_text(
        f"Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\nLogLevel Error\n"
        f"BasicAuth {username} {password}\n"
    )
    with running(["tinyproxy", "-d", "-c", str(settings)], port):
        yield port


@contextlib.contextmanager
def microsocks(username: str, password: str) -> Iterator[int]:
    """A real SOCKS 5 proxy that asks for credentials; yields its port."""
    port = free_port()
    command = ["microsocks", "-i", "127.0.0.1", "-p", str(port), "-u", username, "-P", password]
    with running(command, port):
        yield port


@contextlib.contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """A program that listens on ``port``."""
    assert shutil.which(command[0]), f"{command[0]} is missing: make packages"
    program = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, program.poll)
        yield
    finally:
        program.terminate()
        program.wait(PATIENCE_S)


def _wait_for(port: int, ended: Callable[[], int | None]) -> None:
    pause = threading.Event()
    for _ in range(PATIENCE_S * 50):
        assert ended() is None, "it has ended"
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        pause.wait(0.02)
    raise AssertionError("it does not listen")
