"""One request as it arrived, the connection it came on, and the answer to it."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import ssl
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from golden.server.bodies import FIXED_DATE, REASONS, Header

if TYPE_CHECKING:
    from golden.server.golden_server import GoldenServer

HOST = "127.0.0.1"


@dataclass(slots=True)
class Request:
    """One request as it arrived."""

    listener: str
    connection: int
    method: str
    target: str
    http_version: str
    headers: list[Header]
    raw_head: bytes
    body: bytes = b""
    notes: dict[str, object] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path of origin-form and absolute-form targets, without query."""
        target = re.sub(r"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*", "", self.target)
        return target.split("?", 1)[0].split("#", 1)[0] or "/"

    @property
    def query(self) -> str:
        return self.target.split("?", 1)[1] if "?" in self.target else ""

    def header(self, name: str) -> str | None:
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return None

    def as_record(self) -> dict[str, object]:
        record: dict[str, object] = {
            "listener": self.listener,
            "connection": self.connection,
            "method": self.method,
            "target": self.target,
            "http_version": self.http_version,
            "headers": [list(pair) for pair in self.headers],
            "body": as_text(self.body),
        }
        if self.notes:
            record["notes"] = dict(self.notes)
        return record


def as_text(data: bytes) -> object:
    """UTF-8 text without control characters as a string, anything else as ``{"base64": ...}``."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}
    if any(ord(c) < 32 and c not in "\t\r\n" for c in text):
        return {"base64": base64.b64encode(data).decode()}
    return text


class HangUpError(Exception):
    """The behaviour ended the connection itself."""


class Exchange:
    """One request being answered on one connection."""

    def __init__(self, server: GoldenServer, stream: Stream, request: Request) -> None:
        self.server = server
        self.stream = stream
        self.request = request
        self.close_after = (request.header("connection") or "").lower() == "close" or (
            request.http_version == "HTTP/1.0"
            and (request.header("connection") or "").lower() != "keep-alive"
        )

    def send(self, data: bytes) -> None:
        self.stream.send(data)

    def head(
        self,
        status: int,
        headers: list[Header],
        reason: str | None = None,
        version: str = "HTTP/1.1",
        end: bytes = b"\r\n",
    ) -> None:
        """Send a status line and headers exactly as given."""
        text = REASONS.get(status, "Unassigned") if reason is None else reason
        rows = [f"{version} {status:03d} {text}", *(f"{n}: {v}" for n, v in headers)]
        self.send(end.join(row.encode("latin-1") for row in rows) + end + end)

    def reply(
        self,
        status: int,
        body: bytes = b"",
        content_type: str | None = "text/plain",
        headers: list[Header] | None = None,
        reason: str | None = None,
    ) -> None:
        """A complete, well-formed answer."""
        rows: list[Header] = [("Date", FIXED_DATE), ("Server", "golden")]
        if content_type is not None:
            rows.append(("Content-Type", content_type))
        rows += headers or []
        bodiless = status < 200 or status in (204, 304)
        if not bodiless:
            rows.append(("Content-Length", str(len(body))))
        if self.close_after:
            rows.append(("Connection", "close"))
        self.head(status, rows, reason)
        if not bodiless and self.request.method != "HEAD":
            self.send(body)

    def hang_up(self, reset: bool = False) -> None:
        self.stream.close(reset)
        raise HangUpError


class Stream:
    """Buffered bytes of one connection, plain or TLS."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def _fill(self) -> bool:
        data = self.sock.recv(65536)
        self.buffer += data
        return bool(data)

    def read_until(self, mark: bytes) -> bytes | None:
        while mark not in self.buffer:
            if not self._fill():
                return None
        found, self.buffer = self.buffer.split(mark, 1)
        return found + mark

    def read_exactly(self, size: int) -> bytes:
        while len(self.buffer) < size and self._fill():
            pass
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def read_head(self, listener: str, connection: int) -> Request | None:
        head = self.read_until(b"\r\n\r\n")
        if head is None:
            return None
        first, *rows = head[:-4].decode("latin-1").split("\r\n")
        parts = first.split(" ")
        method, version = parts[0], parts[-1] if len(parts) > 2 else ""
        target = " ".join(parts[1:-1]) if len(parts) > 2 else " ".join(parts[1:])
        headers: list[Header] = []
        for row in rows:
            name, colon, value = row.partition(":")
            headers.append((name, value.removeprefix(" ")))
            if not colon:
                headers[-1] = (row, "")
        return Request(listener, connection, method, target, version, headers, head)

    def read_body(self, request: Request) -> None:
        if "chunked" in (request.header("transfer-encoding") or "").lower():
            body = bytearray()
            while True:
                line = self.read_until(b"\r\n")
                size = int((line or b"0").split(b";")[0].strip() or b"0", 16)
                if size == 0:
                    while (self.read_until(b"\r\n") or b"\r\n") != b"\r\n":
                        pass
                    break
                body += self.read_exactly(size)
                self.read_until(b"\r\n")
            request.body = bytes(body)
        else:
            request.body = self.read_exactly(int(request.header("content-length") or 0))

    def wait_for_close(self) -> None:
        with contextlib.suppress(OSError):
            while self.sock.recv(65536):
                pass

    def close(self, reset: bool = False) -> None:
        with contextlib.suppress(OSError):
            if reset:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif not isinstance(self.sock, ssl.SSLSocket):
                self.sock.shutdown(socket.SHUT_WR)
        self.sock.close()
