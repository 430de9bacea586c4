"""The UDP sockets around the server: the sender of messages, the watcher, and the next hop."""

from __future__ import annotations

import contextlib
import itertools
import re
import select
import socket
import time
from collections.abc import Callable
from typing import Final

from onehttp_compat.sip.message import MessageError, SipMessage, parse

LOOPBACK: Final = "127.0.0.1"
PROBE_S: Final = 0.2
"""Seconds that one check of the server waits. Checks are repeated until the time is over."""
MAX_DATAGRAM: Final = 65535
_LONGEST: Final = 65507
"""The payload of the largest datagram of IPv4."""
_probe_id = re.compile(rb"(?im)^Call-ID:[ \t]*onehttp-(\d+)")

_CONTROL: Final = (
    "OPTIONS sip:{user}@127.0.0.1 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK-onehttp-{number}\r\n"
    "From: <sip:you@kamailio.org>;tag=123\r\nTo: <sip:you@kamailio.org>\r\n"
    "Call-ID: onehttp-{number}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 5\r\n"
    "X-Onehttp: {payload}\r\nContent-Length: 0\r\n\r\n"
)


def unsendable(message: SipMessage) -> str:
    """Return why a message cannot be sent to the server; empty if it can."""
    if len(message.received) > _LONGEST:
        return f"of more than {_LONGEST:,} bytes, which no datagram to the server holds"
    return "" if message.received else message.refusal


def udp_socket() -> socket.socket:
    """Return a socket on a port of loopback."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((LOOPBACK, 0))
    return made


class ServerSockets:
    """Three sockets; ``port`` is the port of the server."""

    def __init__(self) -> None:
        self.port = 0
        self.client = udp_socket()
        self.control = udp_socket()
        self.sink = udp_socket()
        self.seen: list[SipMessage] = []
        """The messages of the server: replies to the client, requests to the next hop."""
        self._numbers = itertools.count(1)

    def close(self) -> None:
        for one in (self.client, self.control, self.sink):
            one.close()

    @property
    def source(self) -> tuple[str, int]:
        host, port = self.client.getsockname()
        return host, port

    @property
    def sink_address(self) -> str:
        return f"udp:{LOOPBACK}:{self.sink.getsockname()[1]}"

    @property
    def addresses(self) -> str:
        """Our own addresses, as URIs separated by blanks."""
        ports = [one.getsockname()[1] for one in (self.client, self.control, self.sink)]
        return " ".join(f"sip:{LOOPBACK}:{port}" for port in ports)

    def send(self, message: bytes, *, from_sink: bool = False) -> None:
        """Send a message to the server."""
        (self.sink if from_sink else self.client).sendto(message, (LOOPBACK, self.port))

    def wake(self, user: str, payload: object = "") -> int:
        """Send an order to our code in the server. Returns its number."""
        number = next(self._numbers)
        text = _CONTROL.format(
            user=user, port=self.control.getsockname()[1], number=number, payload=payload
        )
        self.control.sendto(text.encode(), (LOOPBACK, self.port))
        return number

    def is_answering(self, port: int) -> bool:
        """Whether the server on that port answers now."""
        self.port = port
        return self._wait_for(self.wake("onehttp-probe"), PROBE_S)

    def settle(self, limit_s: float, is_running: Callable[[], bool]) -> bool:
        """Wait until the server has handled all messages. False if that takes longer than the
        limit, or if it no longer runs.

        Its only worker handles datagrams in order, so when it answers a probe, all earlier ones are
        done.
        """
        number, end = self.wake("onehttp-probe"), time.monotonic() + limit_s
        while is_running() and (left := end - time.monotonic()) > 0:
            if self._wait_for(number, min(left, PROBE_S)):
                return True
        return False

    def collect(self, wait_s: float = 0.0) -> None:
        """Receive the messages that the server has sent."""
        while self._take(wait_s) is not None:
            wait_s = 0.0

    def _wait_for(self, number: int, limit_s: float) -> bool:
        end = time.monotonic() + limit_s
        while (left := end - time.monotonic()) > 0:
            if self._take(left) == number:
                return True
        return False

    def _take(self, wait_s: float) -> int | None:
        """Receive one datagram. Returns the number of the order that it answers, 0 for any other,
        None if there is none."""
        sockets = (self.control, self.client, self.sink)
        poller = select.poll()  # select(2) does not accept a descriptor above 1,023
        for one in sockets:
            poller.register(one, select.POLLIN)
        told = {number for number, _ in poller.poll(wait_s * 1000)}
        ready = next((one for one in sockets if one.fileno() in told), None)
        if ready is None:
            return None
        try:
            data, peer = ready.recvfrom(MAX_DATAGRAM)
        except ConnectionRefusedError:
            return 0  # no one was listening yet: the kernel reports that for an earlier datagram
        if ready is self.control:
            found = _probe_id.search(data)
            return int(found[1]) if found else 0
        with contextlib.suppress(MessageError):  # a keep-alive
            self.seen.append(parse(data, source=peer))
        return 0
