"""The socket for requests of the script in the server, with a thread for each of the server's
processes."""

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


class RequestHandler(Protocol):
    """Answers requests. Raises AttributeError for a name that no server has."""

    def answer(self, op: str, fields: Mapping[str, Any]) -> Answer: ...


class LinkServer:
    """Listens until it is closed."""

    def __init__(self, path: Path, asked: RequestHandler) -> None:
        self._asked = asked
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._thread = threading.Thread(target=self._accept, name="real-server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening. Connections end together with the server's processes."""
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
        # When the server ends, its connections break.
        with contextlib.suppress(OSError), client, client.makefile("rwb") as file:
            for line in file:
                asked = json.loads(line)
                try:
                    answer = self._asked.answer(asked.pop("op"), asked)
                except AttributeError as error:
                    answer = {"attribute_error": str(error)}
                except SystemError as error:
                    answer = {"system_error": str(error)}
                except (OnehttpError, TypeError, ValueError, LookupError) as error:
                    answer = {"failure": f"{type(error).__name__}: {error}"}
                file.write(json.dumps(answer).encode() + b"\n")
                file.flush()


class Errands:
    """Runs work in a thread that waits for it: the thread of a callback, while its route runs in
    the server."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = (
            queue.SimpleQueue()
        )

    def do(self, work: Callable[[], Answer]) -> Answer:
        """Run the work in that thread. Raises the errors of the work."""
        future: Future[Answer] = Future()
        self._waiting.put((work, future))
        return future.result()

    def end(self) -> None:
        """End the waiting."""
        self._waiting.put(None)

    def run(self) -> None:
        """Run all work that arrives, until the end."""
        while (errand := self._waiting.get()) is not None:
            work, future = errand
            try:
                future.set_result(work())
            except Exception as error:  # noqa: BLE001 - it belongs to who waits for it
                future.set_exception(error)
