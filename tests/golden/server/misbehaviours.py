"""What the server does, chosen by the path: answers that are late, broken off or malformed."""

from __future__ import annotations

from golden.server.bodies import Header, pattern
from golden.server.exchange import Exchange
from golden.server.paths import behaviour


@behaviour(
    "/drip/{count}/{ms}", "200, Content-Length COUNT, then one byte `.` every MS milliseconds."
)
def _drip(x: Exchange, count: str, ms: str) -> None:
    x.head(200, [("Content-Type", "text/plain"), ("Content-Length", count)])
    for _ in range(int(count)):
        x.server.pause(int(ms) / 1000)
        x.send(b".")


@behaviour(
    "/stall/{count}",
    "200, Content-Length 100, COUNT bytes of it, then silence until the client leaves.",
)
def _stall(x: Exchange, count: str) -> None:
    x.head(200, [("Content-Type", "text/plain"), ("Content-Length", "100")])
    x.send(pattern(int(count)))
    x.stream.wait_for_close()
    x.hang_up()


@behaviour(
    "/close/{when}",
    "End the connection early: `silent` (nothing sent), `reset` (RST, nothing sent), "
    "`status-line` (half a status line), `headers` (inside the header block), `headers-end` "
    "(whole head, no byte of a 20-byte body), `body` (10 of 20 bytes), `chunk` (inside a chunk).",
)
def _close(x: Exchange, when: str) -> None:
    if when == "status-line":
        x.send(b"HTTP/1.1 20")
    elif when == "headers":
        x.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/pl")
    elif when == "headers-end":
        x.head(200, [("Content-Type", "text/plain"), ("Content-Length", "20")])
    elif when == "body":
        x.head(200, [("Content-Type", "text/plain"), ("Content-Length", "20")])
        x.send(b"0123456789")
    elif when == "chunk":
        x.head(200, [("Content-Type", "text/plain"), ("Transfer-Encoding", "chunked")])
        x.send(b"14\r\n0123456789")
    elif when not in ("silent", "reset"):
        raise KeyError(when)
    x.hang_up(reset=when == "reset")


def _chunks(parts: list[bytes], trailer: bytes = b"") -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n" + trailer + b"\r\n"


@behaviour(
    "/framing/{kind}",
    "Unusual framings: chunked, chunked-many, chunked-empty, chunked-trailer, chunked-bad, "
    "eof (no length, then close), short (length 20, 30 bytes sent, close), "
    "long (length 30, 20 sent, close), "
    "two-lengths, bad-length, http10, http09, no-reason, no-reason-space, long-reason, lf-lines, "
    "leading-crlf, garbage, colonless, huge-header.",
)
def _framing(x: Exchange, kind: str) -> None:
    plain: Header = ("Content-Type", "text/plain")
    if kind.startswith("chunked"):
        x.head(200, [plain, ("Transfer-Encoding", "chunked")])
        if kind == "chunked":
            x.send(_chunks([b"chunked body\n"]))
        elif kind == "chunked-many":
            x.send(_chunks([b"first ", b"line\nsec", b"ond line", b"\n"]))
        elif kind == "chunked-empty":
            x.send(_chunks([]))
        elif kind == "chunked-trailer":
            x.send(_chunks([b"with trailer\n"], b"X-Trailer: tail\r\n"))
        elif kind == "chunked-bad":
            x.send(b"zz\r\nnot a chunk\r\n")
            x.hang_up()
        else:
            raise KeyError(kind)
        return
    if kind == "eof":
        x.head(200, [plain, ("Connection", "close")])
        x.send(b"until the end\nof the connection\n")
    elif kind == "short":
        x.head(200, [plain, ("Content-Length", "20")])
        x.send(pattern(30))
    elif kind == "long":
        x.head(200, [plain, ("Content-Length", "30")])
        x.send(pattern(20))
    elif kind == "two-lengths":
        x.head(200, [plain, ("Content-Length", "5"), ("Content-Length", "10")])
        x.send(pattern(10))
    elif kind == "bad-length":
        x.head(200, [plain, ("Content-Length", "ten")])
        x.send(pattern(10))
    elif kind == "http10":
        x.head(200, [plain], version="HTTP/1.0")
        x.send(b"an HTTP/1.0 body\n")
    elif kind == "http09":
        x.send(b"a body without any head\n")
    elif kind == "no-reason":
        x.head(200, [plain, ("Content-Length", "10"), ("Connection", "close")], reason="")
        x.send(b"no reason\n")
    elif kind == "no-reason-space":
        x.send(b"HTTP/1.1 200\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nno reason\n")
    elif kind == "long-reason":
        x.head(200, [plain, ("Content-Length", "3"), ("Connection", "close")], reason="R" * 200)
        x.send(b"ok\n")
    elif kind == "lf-lines":
        x.head(200, [plain, ("Content-Length", "3")], end=b"\n")
        x.send(b"ok\n")
    elif kind == "leading-crlf":
        x.send(b"\r\n")
        x.head(200, [plain, ("Content-Length", "3")])
        x.send(b"ok\n")
    elif kind == "garbage":
        x.send(bytes(range(128, 192)) * 4)
    elif kind == "colonless":
        x.send(b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 3\r\n\r\nok\n")
    elif kind == "huge-header":
        x.head(200, [plain, ("X-Huge", "h" * 110_000), ("Content-Length", "3")])
        x.send(b"ok\n")
    else:
        raise KeyError(kind)
    x.hang_up()
