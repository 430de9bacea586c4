"""An HTTP and HTTPS server on loopback whose behaviour is chosen by the URL path.

The recordings were made against such a server; here it is the far end again::

    with GoldenServer(folder_of_certificates) as server:
        url = server.expand("http://{HTTP}/status/200")
        ...
        for request in server.take():            # what arrived, in order
            print(request["method"], request["target"], request["headers"])

One thread a connection, ports chosen by the kernel.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import ssl
import threading
from functools import cached_property
from pathlib import Path

from golden.server import (  # noqa: F401 (they register what they do)
    behaviours,
    challenges,
    misbehaviours,
)
from golden.server.exchange import HOST, Exchange, HangUpError, Request, Stream
from golden.server.paths import dispatch, find_behaviour
from servers.patience import PATIENCE_S

# Listener name -> (certificate stem or None, TLS options). The name is also the placeholder.
LISTENERS: dict[str, tuple[str | None, dict[str, object]]] = {
    "HTTP": (None, {}),
    "HTTP_B": (None, {}),
    "HTTPS": ("server", {}),
    "HTTPS_WRONGHOST": ("wronghost", {}),
    "HTTPS_EXPIRED": ("expired", {}),
    "HTTPS_SELFSIGNED": ("selfsigned", {}),
    "HTTPS_CLIENTCERT": ("server", {"client_ca": "ca.pem"}),
    "HTTPS_TLS12": ("server", {"max": "TLSv1_2"}),
    "HTTPS_TLS13": ("server", {"min": "TLSv1_3"}),
}


class GoldenServer:
    """All listeners, the recording and the placeholders."""

    def __init__(self, pki: Path) -> None:
        self.pki = pki
        self.lock = threading.Lock()
        self._arrived = threading.Condition(self.lock)
        self.ports: dict[str, int] = {}
        self.sequences: dict[str, int] = {}
        self._requests: list[Request] = []
        self._connects: dict[str, int] = {}
        self._markers: dict[int, threading.Event] = {}
        self._serial = 0
        self._open: set[socket.socket] = set()
        self._listeners: list[socket.socket] = []
        self._stopping = threading.Event()
        self.slowness = 1
        """How much longer than their path says delays are: for who is to give up before."""

    # -- life cycle

    def __enter__(self) -> GoldenServer:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        for name, (stem, options) in LISTENERS.items():
            context = self._tls_context(stem, options) if stem else None
            sock = self._listen(name)
            threading.Thread(target=self._accept, args=(name, sock, context), daemon=True).start()
        # A bound socket that never listens answers every SYN with RST.
        closed = socket.socket()
        closed.bind((HOST, 0))
        self._listeners.append(closed)
        self.ports["REFUSED"] = closed.getsockname()[1]

    def _tls_context(self, stem: str, options: dict[str, object]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pki / f"{stem}.pem", self.pki / f"{stem}.key")
        if "client_ca" in options:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.pki / str(options["client_ca"]))
        if "min" in options:
            context.minimum_version = ssl.TLSVersion[str(options["min"])]
        if "max" in options:
            context.maximum_version = ssl.TLSVersion[str(options["max"])]
        return context

    def stop(self) -> None:
        self._stopping.set()
        for sock in self._listeners:
            sock.close()
        self.drop_connections()

    def _listen(self, name: str) -> socket.socket:
        sock = socket.create_server((HOST, 0), backlog=128)
        self._listeners.append(sock)
        self.ports[name] = sock.getsockname()[1]
        return sock

    def _accept(self, name: str, sock: socket.socket, context: ssl.SSLContext | None) -> None:
        while not self._stopping.is_set():
            try:
                accepted, (_, port) = sock.accept()
            except OSError:
                return
            with self.lock:
                noted = self._markers.pop(port, None)
            if noted is not None:
                accepted.close()
                noted.set()
                continue
            with self.lock:
                self._serial += 1
                serial = self._serial
                self._connects[name] = self._connects.get(name, 0) + 1
                self._open.add(accepted)
            threading.Thread(
                target=self._serve, args=(name, serial, accepted, context), daemon=True
            ).start()

    def _serve(
        self, name: str, serial: int, sock: socket.socket, context: ssl.SSLContext | None
    ) -> None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                # wrap_socket takes the descriptor away from the plain socket object.
                plain, sock = sock, context.wrap_socket(sock, server_side=True)
                with self.lock:
                    self._open.discard(plain)
                    self._open.add(sock)
            stream = Stream(sock)
            while self._answer(name, serial, stream):
                pass
        except (OSError, HangUpError, ValueError):
            pass
        finally:
            with self.lock:
                self._open.discard(sock)
            with contextlib.suppress(OSError):
                sock.close()

    def _answer(self, name: str, serial: int, stream: Stream) -> bool:
        request = stream.read_head(name, serial)
        if request is None:
            return False
        if isinstance(stream.sock, ssl.SSLSocket):
            request.notes["tls"] = stream.sock.version() or ""
            if stream.sock.getpeercert():
                request.notes["client_cert"] = True
        exchange = Exchange(self, stream, request)
        if request.method == "CONNECT":
            self._record(request)
            self._tunnel(exchange)
            return False
        found = find_behaviour(request.path)
        if found is not None and found[0].before_body:
            try:
                dispatch(exchange, request.path)
            finally:
                self._record(request)  # with the body that was read in the end
            return not exchange.close_after
        if (request.header("expect") or "").lower() == "100-continue":
            stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        stream.read_body(request)
        self._record(request)
        dispatch(exchange, request.path)
        return not exchange.close_after

    def _tunnel(self, x: Exchange) -> None:
        """CONNECT to a loopback port: 200 and bytes both ways. Anything else: 403."""
        host, _, port = x.request.target.rpartition(":")
        if host not in (HOST, "localhost"):
            x.reply(403, b"loopback only\n")
            return
        with socket.create_connection((HOST, int(port))) as far:
            x.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ends = {x.stream.sock: far, far: x.stream.sock}
            poller = select.poll()  # a test run may have more descriptors than select(2) takes
            for sock in ends:
                poller.register(sock, select.POLLIN)
            while True:
                told = {number for number, _ in poller.poll(30_000)}
                readable = [sock for sock in ends if sock.fileno() in told]
                for sock in readable:
                    data = sock.recv(65536)
                    if not data:
                        return
                    ends[sock].sendall(data)
                if not readable:
                    return

    def pause(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    # -- recording

    def _record(self, request: Request) -> None:
        with self._arrived:
            self._requests.append(request)
            self._arrived.notify_all()

    def take(self, at_least: int = 0) -> list[dict[str, object]]:
        """The requests since the last call, oldest first; waits for so many.

        A client that gave up may have sent what has yet to be read here.
        """
        with self._arrived:
            self._arrived.wait_for(lambda: len(self._requests) >= at_least, PATIENCE_S)
            taken, self._requests = self._requests, []
        return [request.as_record() for request in taken]

    def take_connects(self) -> dict[str, int]:
        """Connections made per listener since the last call."""
        for name in LISTENERS:
            self._await_accepts(self.ports[name])
        with self.lock:
            taken, self._connects = self._connects, {}
        return taken

    def _await_accepts(self, port: int) -> None:
        """Return when every connection made so far is counted: one of our own is the last."""
        noted = threading.Event()
        with socket.socket() as marker:
            marker.bind((HOST, 0))
            with self.lock:
                self._markers[marker.getsockname()[1]] = noted
            marker.connect((HOST, port))
            noted.wait(PATIENCE_S)

    def reset(self) -> None:
        """Forget recording and sequences; open connections stay."""
        with self.lock:
            self._requests.clear()
            self._connects.clear()
            self.sequences.clear()

    def drop_connections(self) -> None:
        """End every open connection, so that nothing is reused from one case to the next."""
        with self.lock:
            socks = list(self._open)
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    # -- placeholders

    @cached_property
    def placeholders(self) -> dict[str, str]:
        """``{NAME}`` -> text, longest texts first so that :meth:`abstract` is unambiguous."""
        table: dict[str, str] = {}
        for name, port in self.ports.items():
            table["{" + name + "}"] = f"{HOST}:{port}"
        for name, port in self.ports.items():
            table["{" + name + "_PORT}"] = str(port)
        table["{PKI}"] = str(self.pki)
        return table

    def expand(self, text: str) -> str:
        for mark, value in self.placeholders.items():
            text = text.replace(mark, value)
        return text

    def abstract(self, text: str) -> str:
        for mark, value in self.placeholders.items():
            text = re.sub(rf"(?<![0-9]){re.escape(value)}(?![0-9])", mark, text)
        return text
