"""A real NATS server with JetStream, from its Debian package."""

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


class NatsServer:
    """On loopback, on a port that stays the same, with its messages in a folder."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("nats-server") or "/usr/sbin/nats-server"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self.url = f"nats://127.0.0.1:{self.port}"
        self._command = [program, "-js", "-sd", str(folder), "-a", "127.0.0.1",
                         "-p", str(self.port)]  # fmt: skip
        self._log = folder / "log"
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
        raise AssertionError(f"nats-server does not start:\n{self._log.read_text()}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, or kill it."""
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(number)
            process.wait(PATIENCE_S)
