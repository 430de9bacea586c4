"""The socket over which the script in the server asks: one thread for each of its processes."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from onehttp import OnehttpError

Answer: TypeAlias = "dict[str, Any]"


class Asked(Protocol):
    """Who answers; raises AttributeError for a name that no server has."""

    def answer(self, op: str, fields: Mapping[str, Any]) -> Answer: ...


class Link:
    """Listens until it is closed."""

    def __init__(self, path: Path, asked: Asked) -> None:
        self._asked = asked
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._thread = threading.Thread(target=self._accept, name="real-server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more; connections end with the server's processes."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        # A server that ends leaves its connections to break.
        with contextlib.suppress(OSError), client, client.makefile("rwb") as file:
            for line in file:
                asked = json.loads(line)
                try:
                    answer = self._asked.answer(asked.pop("op"), asked)
                except AttributeError as error:
                    answer = {"attribute_error": str(error)}
                except (OnehttpError, TypeError, ValueError, LookupError) as error:
                    answer = {"failure": f"{type(error).__name__}: {error}"}
                file.write(json.dumps(answer).encode() + b"\n")
                file.flush()


class Errands:
    """Work that is done in the thread that waits for it: a callback's, while its route runs
    elsewhere."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = (
            queue.SimpleQueue()
        )

    def do(self, work: Callable[[], Answer]) -> Answer:
        """Have it done there; raises what it raises."""
        future: Future[Answer] = Future()
        self._waiting.put((work, future))
        return future.result()

    def end(self) -> None:
        """There is nothing more to do."""
        self._waiting.put(None)

    def run(self) -> None:
        """Do what comes, until the end."""
        while (errand := self._waiting.get()) is not None:
            work, future = errand
            try:
                future.set_result(work())
            except Exception as error:  # noqa: BLE001 - it belongs to who waits for it
                future.set_exception(error)
