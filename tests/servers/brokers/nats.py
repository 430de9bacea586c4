"""A real NATS server with JetStream, from its Debian package."""

from __future__ import annotations

from pathlib import Path

from servers.brokers.broker import Broker


class NatsServer(Broker):
    """Its messages are in a folder, and outlive it."""

    def __init__(self, folder: Path) -> None:
        super().__init__("nats-server", folder)
        self.url = f"nats://127.0.0.1:{self.port}"
        self.options = ["-js", "-sd", str(folder), "-a", "127.0.0.1", "-p", str(self.port)]
