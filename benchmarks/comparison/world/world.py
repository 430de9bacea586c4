"""All that one probe may talk to, made for it alone."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.comparison.world.client_hello import Hello
from benchmarks.comparison.world.server import Server
from benchmarks.comparison.world.socks import Socks
from benchmarks.nginx import Nginx

FILE_BYTES = 64 << 20


@dataclass(frozen=True)
class World:
    """What a probe is told of, and what the judge looks at afterwards."""

    folder: Path
    server: Server
    other: Server
    """Another origin; asked for whole URLs it is a proxy."""
    unix: Server
    socks: Socks
    hello: Hello
    addresses: dict[str, str]
    """For the probe."""


@contextmanager
def world(nginx: Nginx | None) -> Iterator[World]:
    """Servers on free ports; HTTP/2 and 3 where there is an nginx, and so a certificate."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(Server())
        other = stack.enter_context(Server())
        unix = stack.enter_context(Server(str(folder / "socket")))
        server.other = other
        socks, hello = Socks(server.serve), Hello()
        with (folder / "file").open("wb") as file:
            file.truncate(FILE_BYTES)
        (folder / ".netrc").write_text("machine 127.0.0.1 login alice password secret\n")
        (folder / ".netrc").chmod(0o600)
        addresses = {
            "url": server.url,
            "proxy": other.url,
            "unix": str(folder / "socket"),
            "socks": f"socks5://127.0.0.1:{_listening(stack, socks.serve)}",
            "hello": f"https://127.0.0.1:{_listening(stack, hello.serve)}",
            "closed": f"http://127.0.0.1:{_closed_port()}",
            "folder": str(folder),
            "file": str(folder / "file"),
        }
        if nginx:
            from benchmarks.comparison.world.http3 import http3

            certificate = Path(nginx.ca_file)
            h3 = stack.enter_context(http3(certificate, certificate.with_name("key.pem")))
            addresses |= {"h2": nginx.h2, "h3": h3, "ca": nginx.ca_file}
        yield World(folder, server, other, unix, socks, hello, addresses)


def _listening(stack: ExitStack, serve: Callable[[socket.socket], None]) -> int:
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    stack.callback(listener.shutdown, socket.SHUT_RDWR)  # wakes who accepts; to close it does not

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
