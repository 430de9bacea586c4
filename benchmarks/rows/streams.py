"""1 GiB either way: CPU over raw libcurl, and the memory it takes.

``python -m benchmarks.rows.streams beside URL ROUNDS`` carries a part of it by each way, again and
again in one process, and prints the median of each: the way of two processes with each other's
speed is another from start to start, and counts for more than what is measured.
``... WHAT URL`` carries all of it once and prints the KiB that the process has grown by;
``... serve`` is the server.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import pycurl

import onehttp
from benchmarks.contender import cpu_s
from benchmarks.measure import Row, Run, in_process, interleaved, rss_kib
from benchmarks.processors import one_processor
from onehttp_backends.curl.stream_handle import RECEIVE_BUFFER_BYTES, UPLOAD_BUFFER_BYTES

GIB: Final = 1 << 30
PART: Final = GIB // 8
SMALL: Final = 1000
MEMORY_MIB: Final = 16.0
"""What a stream may take at most, whatever passes: two of our limits and the buffers of libcurl."""


def streaming(rounds: int) -> list[Row]:
    """Blocking, since that is what raw libcurl is; all on one processor."""
    module = "benchmarks.rows.streams"
    with one_processor(), subprocess.Popen(
        [sys.executable, "-m", module, "serve"], stdout=subprocess.PIPE
    ) as server:  # fmt: skip
        assert server.stdout is not None
        try:
            url = f"http://127.0.0.1:{int(server.stdout.readline())}/"
            found: dict[str, float] = in_process(module, "beside", url, 4 * rounds)
            most = max(in_process(module, what, url) for what in ("stream", "send")) / 1024
        finally:
            server.terminate()
    return [
        Row("1 GiB read by `stream`, CPU over a raw easy handle with a callback in Python",
            found["stream"], found["raw"], "s", "1.10", "1.0"),
        Row("1 GiB sent from a file, CPU over a raw easy handle with a callback in Python",
            found["send"], found["raw send"], "s", "1.10", "1.0"),
        Row("memory grown by, either way", most, MEMORY_MIB, "MiB", "1.0", "0.5"),
    ]  # fmt: skip


def raw(url: str, size: int) -> None:
    """Counts what comes."""
    received = 0

    def take(piece: bytes) -> None:
        nonlocal received
        received += len(piece)

    easy: Any = pycurl.Curl()
    easy.setopt(pycurl.URL, url)
    easy.setopt(pycurl.BUFFERSIZE, RECEIVE_BUFFER_BYTES)
    easy.setopt(pycurl.WRITEFUNCTION, take)
    easy.perform()
    easy.close()
    assert received == size


def stream(url: str, size: int) -> None:
    """Counts what comes."""
    with onehttp.stream("GET", url) as response:
        assert sum(map(len, response.iter_bytes())) == size


def raw_send(url: str, size: int) -> None:
    """Sends a file."""
    with sparse(size) as file:
        fd, sent = file.fileno(), 0

        def read(most: int) -> bytes:
            nonlocal sent
            piece = os.pread(fd, most, sent)
            sent += len(piece)
            return piece

        easy: Any = pycurl.Curl()
        easy.setopt(pycurl.URL, url)
        easy.setopt(pycurl.UPLOAD, 1)
        easy.setopt(pycurl.INFILESIZE_LARGE, size)
        easy.setopt(pycurl.UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES)
        easy.setopt(pycurl.READFUNCTION, read)
        easy.setopt(pycurl.HTTPHEADER, ["Expect:"])
        easy.setopt(pycurl.WRITEFUNCTION, lambda _: None)
        easy.perform()
        assert easy.getinfo(pycurl.RESPONSE_CODE) == 200
        easy.close()


def send(url: str, size: int) -> None:
    """Sends a file."""
    with sparse(size) as file:
        assert onehttp.request("PUT", url, body=file).status == 200


CARRIERS: Final[dict[str, Callable[[str, int], None]]] = {
    "raw": raw,
    "stream": stream,
    "raw send": raw_send,
    "send": send,
}


def sparse(size: int) -> Any:
    """A file of zeros that takes no room."""
    file = tempfile.TemporaryFile()  # noqa: SIM115
    file.truncate(size)
    return file


def serve() -> None:
    """Gives as many bytes as the path says, and takes what is sent."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_exchange, args=(connection,), daemon=True).start()


def _exchange(connection: socket.socket) -> None:
    room = bytearray(1 << 20)
    with connection:
        while True:
            head = b""
            while b"\r\n\r\n" not in head:
                if not (more := connection.recv(65536)):
                    return
                head += more
            size = int(head.split(b" ", 2)[1][1:])
            if head.startswith(b"GET"):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
                with sparse(size) as file:
                    connection.sendfile(file)
                continue
            left = size - len(head.partition(b"\r\n\r\n")[2])
            while left and (count := connection.recv_into(room)):
                left -= count
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def beside(url: str, rounds: int) -> dict[str, float]:
    """CPU seconds for 1 GiB, by each way."""
    onehttp.init()
    runs: dict[str, Run] = {
        name: partial(_cpu_s_per_gib, carry, url) for name, carry in CARRIERS.items()
    }
    for run in runs.values():
        run()  # what is made and loaded once is no matter of size
    return interleaved(runs, rounds)


def _cpu_s_per_gib(carry: Callable[[str, int], None], url: str) -> float:
    started = cpu_s()
    carry(f"{url}{PART}", PART)
    return (cpu_s() - started) * GIB / PART


def grown_by(what: str, url: str) -> int:
    """KiB."""
    carry = CARRIERS[what]
    onehttp.init()
    carry(f"{url}{SMALL}", SMALL)
    before = rss_kib()
    Path("/proc/self/clear_refs").write_text("5")  # its peak: that of who has started it, at first
    carry(f"{url}{GIB}", GIB)
    peak = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())
    return int(peak[1]) - before if peak else 0


def main(what: str, url: str = "", rounds: str = "1") -> None:
    if what == "serve":
        serve()
    print(json.dumps(beside(url, int(rounds)) if what == "beside" else grown_by(what, url)))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
