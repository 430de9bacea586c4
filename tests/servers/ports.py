"""Ports that nobody listens at, for programs that are told theirs, and for calls that are refused.

The kernel gives any port of its own range to the next socket that asks for one, such as a server of
another test. A program that starts slowly would then find its port taken, and a call that is to be
refused would be answered. So these ports are taken from below that range.
"""

from __future__ import annotations

import random
import socket
from pathlib import Path
from typing import Final

_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST: Final = 10_000
_LEAST_ROOM: Final = 1_000
_TRIES: Final = 100
_dice: Final = random.SystemRandom()  # others seed the usual one, alike in each worker


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of the loopback address at which no socket listens or receives."""
    end = int(_RANGE.read_text().split()[0])
    for _ in range(_TRIES):
        wanted = _dice.randrange(_FIRST, end) if end >= _FIRST + _LEAST_ROOM else 0
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:  # another program has it
                continue
            port: int = probe.getsockname()[1]
            return port
    raise AssertionError("no port is free")


def free_udp_port() -> int:
    """Return a port of the loopback address at which no socket receives datagrams."""
    return free_port(socket.SOCK_DGRAM)
