from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from onehttp_backends.contract import Request, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import TooManyRedirectsError
from servers.patience import PATIENCE_S

ONCE = TransferOptions(reuse=False, max_redirects=3)


class Redirector:
    """Answers ``/N`` with a redirect to ``/N-1`` and ``/0`` with 200; counts connections."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.connections = 0
        self.all_closed = threading.Semaphore(0)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        with accepted, accepted.makefile("rb") as requests:
            while line := requests.readline():
                while requests.readline().strip():
                    pass
                left = int(line.split()[1][1:])
                status = f"302 Found\r\nLocation: /{left - 1}" if left else "200 OK"
                accepted.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        self.all_closed.release()


@pytest.fixture
def redirector() -> Iterator[Redirector]:
    server = Redirector()
    yield server
    server.listener.close()


@contextmanager
def started() -> Iterator[PycurlBackend]:
    backend = PycurlBackend()
    try:
        yield backend
    finally:
        backend.close()


def test_redirects_without_reuse_take_one_connection_which_is_closed(
    redirector: Redirector,
) -> None:
    with started() as backend:
        response = backend.perform(Request("GET", f"{redirector.url}/2", options=ONCE))
        assert (response.status, response.redirect_count) == (200, 2)
        assert response.url == f"{redirector.url}/0"
        assert redirector.all_closed.acquire(timeout=PATIENCE_S)
        assert redirector.connections == 1


def test_what_ran_alone_is_in_the_stats(redirector: Redirector) -> None:
    with started() as backend:
        backend.perform(Request("GET", f"{redirector.url}/0", options=ONCE))
        with pytest.raises(TooManyRedirectsError):
            backend.perform(Request("GET", f"{redirector.url}/4", options=ONCE))
        stats = backend.stats()
    assert (stats.transfers, stats.completed, stats.failed) == (2, 1, 1)
    assert stats.connections_opened == 2
    assert stats.by_http_version == {"1.1": 1}
