"""SIP requests for the measured server: so many outstanding, or so many a second."""

from __future__ import annotations

import heapq
import re
import select
import socket
import statistics
import time
from typing import Final, NamedTuple

_CALL_ID: Final = re.compile(rb"\r\nCall-ID: ([^\r]+)", re.IGNORECASE)
_TO: Final = re.compile(rb"\r\nTo: ([^\r]+)", re.IGNORECASE)
PATIENCE_S: Final = 10.0
RESEND_S: Final = 0.5
"""The first wait for any answer to an INVITE, before it is sent again (RFC 3261, timer A)."""


class Answered(NamedTuple):
    """What became of the requests."""

    answers: int
    wrong: int
    """Of them: with another answer than was expected."""
    unanswered: int
    resent: int
    per_s: float
    p99_ms: float
    """From a request to its final answer."""


def outstanding(port: int, user: str, width: int, seconds: float) -> Answered:
    """Ask by OPTIONS for so long, ``width`` of them unanswered at any time."""
    return _Load(port, user, "OPTIONS", b"200").run(width, seconds, 1e9)


def paced(port: int, user: str, per_s: float, seconds: float, *, resends: bool = False) -> Answered:
    """Call by INVITE, so many a second, for so long.

    Args:
        resends: send a call again that nothing was heard of, as every client does over UDP. The
            kernel drops what finds a full buffer, which a server never sees.
    """
    return _Load(port, user, "INVITE", b"480").run(1 << 30, seconds, per_s, resends=resends)


class _Load:
    def __init__(self, port: int, user: str, method: str, expected: bytes) -> None:
        self._server = ("127.0.0.1", port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        own = f"127.0.0.1:{self._socket.getsockname()[1]}"
        run = f"{time.monotonic_ns():x}"
        self._text = (
            f"{{method}} sip:{user}@127.0.0.1:{port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {own};branch=z9hG4bK{run}x{{number}}\r\n"
            f"From: <sip:load@{own}>;tag=f{{number}}\r\nTo: {{to}}\r\n"
            f"Call-ID: {run}x{{number}}\r\nCSeq: 1 {{method}}\r\nContact: <sip:load@{own}>\r\n"
            "Max-Forwards: 10\r\nContent-Length: 0\r\n\r\n"
        )
        self._to = f"<sip:{user}@127.0.0.1>"
        self._method, self._expected = method, expected
        self._open: dict[int, float] = {}
        self._unheard: set[int] = set()
        """The calls without any answer."""
        self._resends: list[tuple[float, float, int]] = []
        """A heap: when a call is sent again if it is one of these, and the wait before that."""
        self._resent = 0
        self._times_s: list[float] = []
        self._wrong = 0
        self._last_at = 0.0

    def run(self, width: int, seconds: float, per_s: float, resends: bool = False) -> Answered:
        began = time.monotonic()
        number = 0
        with self._socket:
            while True:
                now = time.monotonic()
                is_over = now - began >= seconds
                due = min((now - began) * per_s, number + width - len(self._open))
                while not is_over and number < due:
                    self._send(self._method, number, self._to)
                    self._open[number] = sent_at = time.monotonic()
                    if resends:
                        self._unheard.add(number)
                        heapq.heappush(self._resends, (sent_at + RESEND_S, RESEND_S, number))
                    number += 1
                if is_over and (not self._open or now - began > seconds + PATIENCE_S):
                    break
                select.select([self._socket], [], [], 0.05 if per_s > 1e8 else 0.0005)
                self._receive()
                self._send_again()
        count, took_s = len(self._times_s), max(self._last_at - began, 1e-6)
        p99_s = statistics.quantiles(self._times_s, n=100)[98] if count > 1 else 0.0
        left = len(self._open)
        return Answered(count, self._wrong, left, self._resent, count / took_s, p99_s * 1000)

    def _send_again(self) -> None:
        now = time.monotonic()
        while self._resends and self._resends[0][0] <= now:
            _, wait_s, number = heapq.heappop(self._resends)
            if number in self._unheard:
                self._send(self._method, number, self._to)
                self._resent += 1
                heapq.heappush(self._resends, (now + 2 * wait_s, 2 * wait_s, number))

    def _send(self, method: str, number: int, to: str) -> None:
        text = self._text.format(method=method, number=number, to=to)
        self._socket.sendto(text.encode(), self._server)

    def _receive(self) -> None:
        while True:
            try:
                packet = self._socket.recv(65535)
            except BlockingIOError:
                return
            status, call = packet[8:11], _CALL_ID.search(packet)
            if call is None:
                continue
            number = int(call[1].rpartition(b"x")[2])
            self._unheard.discard(number)
            if status < b"200":
                continue
            if self._method == "INVITE" and (to := _TO.search(packet)):
                self._send("ACK", number, to[1].decode())
            began = self._open.pop(number, None)
            if began is not None:  # no retransmission
                self._last_at = time.monotonic()
                self._times_s.append(self._last_at - began)
                self._wrong += status != self._expected
