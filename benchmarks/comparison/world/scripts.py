"""What the server does, by path."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.comparison.world.exchange import GoneError, Seen, answered

if TYPE_CHECKING:
    from benchmarks.comparison.world.server import Server

PACKED: Final = b"as it was before it was packed"
BROTLI: Final = b"\x8b\x0e\x80" + PACKED + b"\x03"
ZSTD: Final = b"\x28\xb5\x2f\xfd\x20" + bytes([len(PACKED), len(PACKED) << 3 | 1, 0, 0]) + PACKED
BROKEN: Final = bytes(range(256)) * 1024
FLOOD_BYTES: Final = 64 << 20
"""Of a body that has no end; what takes so much would take more."""
_CHUNK: Final = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"


@dataclass(frozen=True)
class Told:
    """A request to answer."""

    server: Server
    connection: socket.socket
    seen: Seen

    def say(self, body: bytes, *headers: str, status: str = "200 OK") -> None:
        self.connection.sendall(answered(body, *headers, status=status))


def echo(told: Told) -> None:
    told.say(told.seen.path.strip("/").encode() or b"here")


def silent(told: Told) -> None:
    while told.connection.recv(65536):
        pass
    raise GoneError


def held(told: Told) -> None:
    """For longer than anybody interrupted would wait."""
    time.sleep(12)
    echo(told)


def slow(told: Told) -> None:
    """Long enough for others to come in the meantime."""
    time.sleep(0.3)
    echo(told)


def paired(told: Told) -> None:
    """Once another is there; or by itself, much later."""
    for _ in range(50):
        if told.server.most_at_once > 1:
            break
        time.sleep(0.1)
    echo(told)


def drip(told: Told) -> None:
    told.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        told.connection.sendall(b"x")
        time.sleep(0.3)


def flood(told: Told) -> None:
    """As much as the client takes; its end never comes."""
    told.connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while told.server.count.sent < FLOOD_BYTES:
        told.connection.sendall(_CHUNK)
        told.server.count.sent += 0x10000
    silent(told)


def breaking(told: Told) -> None:
    """In the middle, the first time; goes on from where it is asked to."""
    size = len(BROKEN)
    head = ['ETag: "1"', "Accept-Ranges: bytes"]
    begin = told.seen.header("Range").removeprefix("bytes=").removesuffix("-")
    if not begin:
        whole = answered(BROKEN, *head)
        told.connection.sendall(whole[: -size // 2])
        raise GoneError
    place = f"Content-Range: bytes {begin}-{size - 1}/{size}"
    told.say(BROKEN[int(begin) :], *head, place, status="206 Partial Content")


def dies(told: Told) -> None:
    """Once it has the whole request."""
    raise GoneError


def redirect(told: Told) -> None:
    assert told.server.other is not None
    told.say(b"", f"Location: {told.server.other.url}/landed", status="302 Found")


def near_redirect(told: Told) -> None:
    told.say(b"", "Location: /landed", status="302 Found")


def gzipped(told: Told) -> None:
    told.say(gzip.compress(PACKED), "Content-Encoding: gzip")


def brotli(told: Told) -> None:
    told.say(BROTLI, "Content-Encoding: br")


def zstd(told: Told) -> None:
    told.say(ZSTD, "Content-Encoding: zstd")


def cookie(told: Told) -> None:
    told.say(b"", "Set-Cookie: session=1; Path=/")


def hostile_cookie(told: Told) -> None:
    """For every company of a country; and on to another of them."""
    told.say(
        b"",
        "Set-Cookie: hostile=1; Path=/; Domain=co.uk",
        "Location: http://bank.co.uk/after",
        status="302 Found",
    )


def basic(told: Told) -> None:
    asked = base64.b64encode(b"alice:secret").decode()
    known = told.seen.header("Authorization") == f"Basic {asked}"
    told.say(b"", status="200 OK" if known else "401 Unauthorized")


def bearer(told: Told) -> None:
    known = told.seen.header("Authorization") == "Bearer secret"
    told.say(b"", status="200 OK" if known else "401 Unauthorized")


def digest(told: Told) -> None:
    """RFC 7616 with MD5 and qop=auth, which every client that has it at all has."""
    given = told.seen.header("Authorization")
    fields = {}
    for part in given.removeprefix("Digest ").split(","):
        name, _, value = part.strip().partition("=")
        fields[name] = value.strip('"')

    def hashed(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    person = hashed("alice:here:secret")
    what = hashed(f"{told.seen.method}:{told.seen.target}")
    rest = ":".join(fields.get(name, "") for name in ("nonce", "nc", "cnonce", "qop"))
    if fields.get("response") == hashed(f"{person}:{rest}:{what}"):
        told.say(b"")
    else:
        challenge = 'WWW-Authenticate: Digest realm="here", nonce="once", qop="auth", algorithm=MD5'
        told.say(b"", challenge, status="401 Unauthorized")


def busy_twice(told: Told) -> None:
    tries = len(told.server.of("/busy"))
    told.say(b"", status="503 Service Unavailable" if tries < 3 else "200 OK")


def later(told: Told) -> None:
    if len(told.server.of("/later")) < 2:
        told.say(b"", "Retry-After: 2", status="503 Service Unavailable")
    else:
        echo(told)


def failing(told: Told) -> None:
    told.say(b"", status="500 Internal Server Error")


def missing(told: Told) -> None:
    told.say(b"", status="404 Not Found")


def linked(told: Told) -> None:
    told.say(b"", 'Link: <https://api.example/2>; rel="next"')


def cacheable(told: Told) -> None:
    told.say(b"", "Cache-Control: max-age=60", 'ETag: "1"')


def progress(told: Told) -> None:
    """For the probe itself: how many bytes of bodies came and went so far."""
    count = told.server.count
    told.say(json.dumps({"received": count.received, "sent": count.sent}).encode())


def websocket(told: Told) -> None:
    """Takes one message, sends it back, and goes."""
    key = told.seen.header("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    told.connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept.encode() + b"\r\n\r\n"
    )
    head = told.connection.recv(2, socket.MSG_WAITALL)
    size = head[1] & 0x7F
    masked = told.connection.recv(4 + size, socket.MSG_WAITALL)
    text = bytes(byte ^ masked[n % 4] for n, byte in enumerate(masked[4:]))
    told.connection.sendall(b"\x81" + bytes([len(text)]) + text)
    silent(told)


SCRIPTS: Final[Mapping[str, Callable[[Told], None]]] = {
    "/": echo,
    "/basic": basic,
    "/bearer": bearer,
    "/br": brotli,
    "/breaking": breaking,
    "/busy": busy_twice,
    "/cacheable": cacheable,
    "/cookie": cookie,
    "/dies": dies,
    "/digest": digest,
    "/drip": drip,
    "/failing": failing,
    "/flood": flood,
    "/gzip": gzipped,
    "/held": held,
    "/hostile-cookie": hostile_cookie,
    "/later": later,
    "/linked": linked,
    "/missing": missing,
    "/near": near_redirect,
    "/paired": paired,
    "/progress": progress,
    "/redirect": redirect,
    "/silent": silent,
    "/slow": slow,
    "/ws": websocket,
    "/zstd": zstd,
}
