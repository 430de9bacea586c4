"""A broker from its Debian package, as a process that tests start, disturb and stop."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from servers.patience import PATIENCE_S
from servers.ports import free_port

if TYPE_CHECKING:
    from typing_extensions import Self


class Broker:
    """On loopback, on a port that stays the same.

    Args:
        program: its name.
        folder: where it logs.
    """

    def __init__(self, program: str, folder: Path) -> None:
        self.port = free_port()
        self.options: list[str] = []
        """Of its command line."""
        self.process: subprocess.Popen[bytes] | None = None
        self._program = program
        self._log = folder / f"{program}.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """And wait until it takes connections."""
        found = shutil.which(self._program, path=f"{os.environ['PATH']}:/usr/sbin:/usr/bin")
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [found or self._program, *self.options], stdout=log, stderr=log
            )
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and self.process.poll() is None:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", self.port)):
                    return
        raise AssertionError(f"{self._program} does not start:\n{self._log.read_text()}")

    def send(self, number: signal.Signals) -> None:
        """Such as SIGSTOP, after which it answers nothing, and SIGCONT."""
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, or kill it."""
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(number)
            process.wait(PATIENCE_S)
