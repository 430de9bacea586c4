"""A server that answers by the path, and remembers every request."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from itertools import count
from types import TracebackType

from benchmarks.comparison.world.exchange import Counted, GoneError, Reader, Seen
from benchmarks.comparison.world.scripts import SCRIPTS, Told


class Server:
    """On a free loopback port, or a path; a thread for each connection."""

    def __init__(self, path: str | None = None) -> None:
        self.seen: list[Seen] = []
        self.count = Counted()
        self.most_at_once = 0
        self._at_once = 0
        self._numbers = count()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        """Guards what is counted."""
        if path is None:
            self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
            self.port: int = self._listener.getsockname()[1]
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(path)
            self._listener.listen()
            self.port = 0
        self.other: Server | None = None
        """Another origin, where redirects lead."""

    def __enter__(self) -> Server:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts; to close it does not
        self._listener.close()
        with self._lock:
            for connection in list(self._connections):
                with suppress(OSError):  # closed by the client
                    connection.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def of(self, path: str) -> list[Seen]:
        """The requests for a path."""
        return [each for each in self.seen if each.path == path]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            self._connections.add(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        """Answer what comes on a connection until it ends."""
        reader = Reader(connection, next(self._numbers), self.count)
        try:
            while True:
                seen = reader.request()
                with self._lock:
                    self.seen.append(seen)
                    self._at_once += 1
                    self.most_at_once = max(self.most_at_once, self._at_once)
                script = SCRIPTS.get(seen.path, SCRIPTS["/"])
                try:
                    script(Told(self, connection, seen))
                finally:
                    with self._lock:
                        self._at_once -= 1
        except (GoneError, OSError):
            pass  # the client's affair: it is what is being looked at
        finally:
            reader.close()
            connection.close()
            self._connections.discard(connection)
