"""``python -m service`` (in `examples`): backends, the service in two processes, and a tour of it.

Everything that the tour shows is checked: it ends with 1 where something is not as it says.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import onehttp
from service.backends import Backend
from service.tour import WORKERS, Tour

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="service", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load")
    parser.add_argument("--stay", action="store_true", help="leave it running, to look around")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        first, second = stack.enter_context(Backend()), stack.enter_context(Backend())
        records = Backend(folder / "records")
        stack.callback(records.stop)
        environment = prepared(folder, first, second, records)
        url = stack.enter_context(served(environment))
        stack.callback(onehttp.shutdown)
        onehttp.init(
            {"version": 1, "requests": {"timeout": {"total": 60, "connect": 5}}, "connections": {}}
        )
        Tour(url, folder, environment, first, records).go(options.seconds)
        if options.stay:
            print(f"\n{url} until Ctrl-C; ONEHTTP_CONTROL={environment['ONEHTTP_CONTROL']}")
            with suppress(KeyboardInterrupt):
                signal.pause()


def prepared(folder: Path, first: Backend, second: Backend, records: Backend) -> dict[str, str]:
    """The environment of the service, as a unit file would give it."""
    (folder / "metrics").mkdir()
    connections = folder / "connections.yaml"
    connections.write_text((HERE / "connections.yaml").read_text())
    return {
        **os.environ,
        "CONNECTIONS": str(connections),
        "NUMBERS_URL": first.url,
        "NUMBERS_BACKUP_URL": second.url,
        "RECORDS_URL": records.url,
        "ONEHTTP_QUEUES": f"sqlite:///{folder / 'queues.db'}",
        "ONEHTTP_CONTROL": str(folder / "control"),
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
        "TRACES": str(folder / "traces"),
    }


@contextmanager
def served(environment: dict[str, str]) -> Iterator[str]:
    """The service, in processes of its own; who calls it at once waits until they have begun."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        command = [sys.executable, "-m", "uvicorn", "service.app:app", "--log-level", "warning",
                   "--fd", str(listening.fileno()), "--workers", str(WORKERS)]  # fmt: skip
        process = subprocess.Popen(command, env=environment, pass_fds=[listening.fileno()])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
