"""What the service asks, as processes: ``python -m service.backends PORT [FILE]``.

GET /number/NUMBER says whose it is. POST keeps a record, as a line of FILE with the key it came
with. A backend that is stopped refuses connections, and comes back at the same port.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote

NAMES = {"+4930123456": "Alice", "+4989654321": "Bob"}
WAIT_S = 30


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    """Head and body in one segment."""

    def do_GET(self) -> None:
        name = NAMES.get(unquote(self.path).removeprefix("/number/"))
        self.answer(200 if name else 404, {"name": name})

    def do_POST(self) -> None:
        record = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        line = json.dumps({"key": self.headers["Idempotency-Key"], **record}) + "\n"
        with Path(sys.argv[2]).open("a") as file:
            file.write(line)
        self.answer(201, {})

    def answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None: ...


class Serving(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class Backend:
    """One, seen from who starts and stops it."""

    def __init__(self, file: Path | None = None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._arguments = [str(self.port), *([str(file)] if file else [])]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Backend:
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
        command = [sys.executable, "-m", "service.backends", *self._arguments]
        self._process = subprocess.Popen(command)
        for _ in range(WAIT_S * 20):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None:
                raise SystemExit(f"a backend ended with {self._process.returncode}")
            time.sleep(0.05)
        raise SystemExit(f"nothing listens at port {self.port}")

    def stop(self) -> None:
        """At once, whatever it is at: its connections are reset."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who has started it
    Serving(("127.0.0.1", int(sys.argv[1])), Answering).serve_forever()
