"""A real Redis, from its Debian package."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from servers.brokers.broker import Broker
from servers.patience import PATIENCE_S


class RedisServer(Broker):
    """It keeps nothing when it stops.

    Args:
        options: more of its command line.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__("redis-server", folder)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                        "--dir", str(folder), *options]  # fmt: skip

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it."""
        super().stop(number)

    def ask(self, *words: str) -> str:
        """The answer to a command, as text."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as asking:
            command = f"*{len(words)}\r\n" + "".join(
                f"${len(w.encode())}\r\n{w}\r\n" for w in words
            )
            asking.sendall(command.encode())
            return asking.recv(65536).decode()
