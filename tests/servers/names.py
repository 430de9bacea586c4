"""A name server that says what a test says, in a network that no other process sees.

The system's resolver asks it (`in_own_network`), so that all of a lookup is real: files, timeouts,
threads that hang in C. It speaks DNS over UDP, by dnspython.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, TypeAlias

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from servers.patience import PATIENCE_S
from stand_ins.processes import PREAMBLE

SO_RCVBUFFORCE: Final = 33
ADDRESS: Final = "127.0.0.2"
SILENT: Final = None
NXDOMAIN, SERVFAIL, EMPTY = dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL, dns.rcode.NOERROR
Reply: TypeAlias = "list[str] | dns.rcode.Rcode | None"


class NameServer:
    """Answers by ``zone``, and not at all for a name that is not in it.

    Attributes:
        zone: addresses of both kinds, a response code, or nothing, by name. A list of such in a
            list: one for each query, the last one for all that follow.
        queries: each name and type that was asked for, in order.
    """

    def __init__(self) -> None:
        self.zone: dict[str, Reply | list[list[str]]] = {}
        self.queries: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # A burst of queries must not be lost: they are repeated only after half a minute.
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 * 1024 * 1024)
        self._socket.bind((ADDRESS, 53))
        self._asked = threading.Condition()  # guards queries

    def __enter__(self) -> NameServer:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """The network ends with its process."""

    def wait_until_asked_for(self, *names: str) -> None:
        """Return when a query for each of these names has come."""

        def have_come() -> bool:
            return {name for name, _ in self.queries} >= set(names)

        with self._asked:
            assert self._asked.wait_for(have_come, PATIENCE_S), self.queries

    def count(self, name: str, kind: str = "A") -> int:
        """How often it was asked for."""
        return self.queries.count((name, kind))

    def _serve(self) -> None:
        while True:
            data, peer = self._socket.recvfrom(4096)
            query = dns.message.from_wire(data)
            question = query.question[0]
            name = question.name.to_text(omit_final_dot=True).lower()
            with self._asked:
                reply = self._reply(name)
                self.queries.append((name, dns.rdatatype.to_text(question.rdtype)))
                self._asked.notify_all()
            if reply is None:
                continue
            response = dns.message.make_response(query)
            response.flags |= dns.flags.RA
            if isinstance(reply, list):
                kind = question.rdtype
                ips = [ip for ip in reply if (":" in ip) is (kind == dns.rdatatype.AAAA)]
                if ips:
                    rrset = dns.rrset.from_text(question.name, 0, "IN", kind, *ips)
                    response.answer.append(rrset)
            else:
                response.set_rcode(reply)
            self._socket.sendto(response.to_wire(max_size=65535), peer)

    def _reply(self, name: str) -> Reply:
        found = self.zone.get(name)
        if isinstance(found, list) and found and isinstance(found[0], list):
            times = self.count(name, "A")
            return found[min(times, len(found) - 1)]
        return found  # type: ignore[return-value]


SETUP: Final = f"""
mount -t tmpfs none "$1" && cd "$1" &&
printf 'nameserver {ADDRESS}\\noptions timeout:30 attempts:5 edns0\\n' > resolv.conf &&
printf '127.0.0.1 localhost filed.example\\n' > hosts &&
printf 'hosts: files dns\\n' > nsswitch.conf &&
for file in resolv.conf hosts nsswitch.conf; do mount --bind $file /etc/$file || exit; done &&
shift && cd "$OLDPWD" && exec "$@"
"""
_LOOPBACK: Final = """
from servers.names import *
raise_loopback()
"""


def raise_loopback(*further: str) -> None:
    """Let a new network's loopback interface work, with further addresses on it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up = struct.pack("16sH14x", b"lo", 0x41)  # IFF_UP | IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, up)  # SIOCSIFFLAGS
        for number, address in enumerate(further, 1):
            if ":" in address:
                _raise_ipv6(address)
                continue
            packed = struct.pack("16sHH4s8x", b"lo:%d" % number, socket.AF_INET, 0,
                                 socket.inet_aton(address))  # fmt: skip
            fcntl.ioctl(any_socket, 0x8916, packed)  # SIOCSIFADDR


def _raise_ipv6(address: str) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as any_socket:
        packed = socket.inet_pton(socket.AF_INET6, address)
        request = struct.pack("=16sIi", packed, 64, socket.if_nametoindex("lo"))
        fcntl.ioctl(any_socket, 0x8916, request)  # SIOCSIFADDR


def in_own_network(script: str, folder: Path, timeout_s: float = 4 * PATIENCE_S) -> str:
    """What a script prints that runs where the only name server is its own.

    A lookup that nobody answers gives up after 150 s. Skips where that is not allowed.
    """
    unshare = ["unshare", "--mount", "--net"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("NOT TESTED: namespaces of its own need root (CAP_SYS_ADMIN)")
    code = PREAMBLE + _LOOPBACK + textwrap.dedent(script)
    python = [sys.executable, "-X", "faulthandler", "-c", code]
    done = subprocess.run(
        [*unshare, "sh", "-c", SETUP, "sh", folder, *python],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
