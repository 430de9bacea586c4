"""A real Redis, from its Debian package."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from servers.patience import PATIENCE_S

if TYPE_CHECKING:
    from typing_extensions import Self


class RedisServer:
    """On loopback, on a port that stays the same; it keeps nothing when it stops.

    Args:
        options: more of its command line.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        program = shutil.which("redis-server") or "/usr/bin/redis-server"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                         "--dir", str(folder), *options]  # fmt: skip
        self._log = folder / "redis.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """And wait until it takes connections."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and self.process.poll() is None:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", self.port)):
                    return
        raise AssertionError(f"redis-server does not start:\n{self._log.read_text()}")

    def send(self, number: signal.Signals) -> None:
        """Such as SIGSTOP, after which it answers nothing, and SIGCONT."""
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it."""
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(number)
            process.wait(PATIENCE_S)

    def ask(self, *words: str) -> str:
        """The answer to a command, as text."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as asking:
            command = f"*{len(words)}\r\n" + "".join(
                f"${len(w.encode())}\r\n{w}\r\n" for w in words
            )
            asking.sendall(command.encode())
            return asking.recv(65536).decode()
