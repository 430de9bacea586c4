"""1 GiB either way, in processes of their own: CPU over raw libcurl, and the memory it takes.

``python -m benchmarks.rows.streams WHAT URL`` carries it once and prints CPU seconds and the KiB
that the process has grown by; ``... serve`` is the server.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pycurl

import onehttp
from benchmarks.contender import cpu_s
from benchmarks.measure import Row, in_process, interleaved

GIB: Final = 1 << 30
SMALL: Final = 1000
MEMORY_MIB: Final = 16.0
"""What a stream may take at most, whatever passes: two of our limits and the buffers of libcurl."""


def streaming(rounds: int) -> list[Row]:
    """Blocking, since that is what raw libcurl is."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.rows.streams", "serve"], stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    try:
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/"
        grown: dict[str, float] = {}

        def run(what: str) -> float:
            found: list[float] = in_process("benchmarks.rows.streams", what, url)
            grown[what] = max(grown.get(what, 0.0), found[1] / 1024)
            return found[0]

        found = interleaved({what: partial(run, what) for what in CARRIERS}, rounds)
    finally:
        server.terminate()
        server.wait(10)
        server.stdout.close()
    most = max(grown["stream"], grown["send"])
    return [
        Row("1 GiB read by `stream`, CPU over a raw easy handle with a callback in Python",
            found["stream"], found["raw"], "s", "1.10", "1.0"),
        Row("1 GiB sent from a file, CPU over a raw easy handle",
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
    easy.setopt(pycurl.BUFFERSIZE, 128 * 1024)
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
        easy: Any = pycurl.Curl()
        easy.setopt(pycurl.URL, url)
        easy.setopt(pycurl.UPLOAD, 1)
        easy.setopt(pycurl.INFILESIZE_LARGE, size)
        easy.setopt(pycurl.READFUNCTION, file.read)
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


def carried(what: str, url: str) -> tuple[float, int]:
    """CPU seconds, and KiB grown by."""
    carry = CARRIERS[what]
    onehttp.init()
    carry(f"{url}{SMALL}", SMALL)  # what is made and loaded once is no matter of size
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = cpu_s()
    carry(f"{url}{GIB}", GIB)
    return cpu_s() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        print(json.dumps(carried(sys.argv[1], sys.argv[2])))
        sys.stdout.flush()
        os._exit(0)
