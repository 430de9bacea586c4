"""Servers that hold: every request until the test says what becomes of it, every connection."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Iterator

from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer


class Held:
    """A request that has arrived; ``target`` is its path and query."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.is_closed = False
        self.was_answered = threading.Event()
        """It has been sent, all of it."""
        self._fate: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def answer(self, data: bytes = OK) -> None:
        """Send this."""
        self._fate.put(data)

    def close(self) -> None:
        """Close its connection without an answer; again, when an engine repeats the request."""
        self.is_closed = True
        self._fate.put(None)

    def wait(self) -> bytes | None:
        """What is to be sent; None: nothing, ever."""
        return self._fate.get()


class HoldingServer(RawServer):
    """`arrival` waits for a request; what it gives is told what to do. Targets differ."""

    def __init__(self) -> None:
        super().__init__(self._hold)
        self._arrived = threading.Condition()  # guards _held
        self._held: dict[str, Held] = {}

    def arrival(self, target: str) -> Held:
        """The request for ``target``, once it is there."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: target in self._held, PATIENCE_S), target
            return self._held[target]

    def __exit__(self, *error: object) -> None:
        with self._arrived:
            self.release.set()
            for held in self._held.values():
                held.close()
        super().__exit__(*error)  # type: ignore[arg-type]

    def _hold(self, peer: Peer) -> None:
        while request := peer.request():
            target = request.split(b" ", 2)[1].decode()
            with self._arrived:
                before = self._held.get(target)
                if self.release.is_set() or (before is not None and before.is_closed):
                    return
                held = self._held[target] = Held(target)
                self._arrived.notify_all()
            if (data := held.wait()) is None:
                return
            peer.send(data)
            held.was_answered.set()


@contextlib.contextmanager
def full_backlog() -> Iterator[str]:
    """The URL of a port that takes no more connections, and refuses none."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
