"""Calls through a Kamailio whose script suspends them, and what becomes of each."""

from __future__ import annotations

import json
import os
import re
import select
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from servers.kamailio import inside as kamailio_inside
from servers.kamailio.inside import Inside
from servers.patience import PATIENCE_S

CONFIG = """#!KAMAILIO
debug=2
log_stderror=yes
children={children}
disable_tcp=yes
dns=no
rev_dns=no
auto_aliases=no
listen=udp:127.0.0.1:{port}
mpath="{modules}/"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "maxfwd.so"
loadmodule "xlog.so"
loadmodule "jsonrpcs.so"
loadmodule "rtimer.so"
loadmodule "app_python3.so"
modparam("jsonrpcs", "transport", 4)
modparam("jsonrpcs", "dgram_socket", "{folder}/rpc.sock")
modparam("tm", "fr_timer", {timer_ms})
modparam("tm", "fr_inv_timer", {timer_ms})
{rtimer}
{more}
modparam("app_python3", "load", "{script}")
cfgengine "python"
"""
RTIMER = """modparam("rtimer", "timer", "name=onehttp;interval=1000u;mode={processes};")
modparam("rtimer", "exec", "timer=onehttp;route=onehttp_drive")"""
_STATUS = re.compile(rb"SIP/2\.0 (\d{3} [^\r]*)")
_CALL_ID = re.compile(rb"\r\nCall-ID: ([^\r]+)", re.IGNORECASE)
_TO = re.compile(rb"\r\nTo: ([^\r]+)", re.IGNORECASE)
_CSEQ = re.compile(rb"\r\nCSeq: \d+ (\w+)", re.IGNORECASE)


AGAIN_S = 10.0
"""Whoever has heard nothing by then sends again: the kernel of a busy machine drops datagrams."""


class Caller:
    """Sends INVITEs, acknowledges what ends them, and keeps every final answer."""

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self._own = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._number = 0
        self.finals: dict[str, list[str]] = {}
        """Different final answers of each call, by its Call-ID."""
        self.received: Counter[str] = Counter()
        """Final answers of each call, those that were sent again among them."""
        self.is_acknowledging = True
        self._tags: set[tuple[str, str, bytes]] = set()
        self._unheard: dict[str, tuple[str, str, float]] = {}
        """Method, user and when to send again, of each call that nothing has come for."""

    def close(self) -> None:
        self._socket.close()

    def invite(self, user: str) -> str:
        """Begin a call; its Call-ID."""
        return self._begin("INVITE", user)

    def register(self, user: str) -> str:
        """Ask to be registered; its Call-ID."""
        return self._begin("REGISTER", user)

    def _begin(self, method: str, user: str) -> str:
        self._number += 1
        call = f"{os.getpid()}x{time.monotonic_ns()}x{self._number}"
        self.finals[call] = []
        self._unheard[call] = method, user, time.monotonic() + AGAIN_S
        self._send(method, user, call)
        return call

    def cancel(self, user: str, call: str) -> None:
        """Take it back."""
        self._send("CANCEL", user, call)

    def cancel_until_it_ends(self, user: str, call: str) -> None:
        """Take it back again and again: a CANCEL may overtake what it takes back."""

        def has_ended() -> bool:
            if not self.finals[call]:
                self.cancel(user, call)
            return bool(self.finals[call])

        self.until(has_ended)

    def final(self, call: str) -> str:
        """What has ended a call."""
        self.until(lambda: bool(self.finals[call]))
        (answer,) = self.finals[call]
        return answer

    def until(self, is_enough: Any) -> None:
        """Receive until it is."""
        end = time.monotonic() + PATIENCE_S
        while not is_enough():
            assert time.monotonic() < end, self.finals
            self.receive(0.1)
            self._send_again()

    def _send_again(self) -> None:
        now = time.monotonic()
        for call, (method, user, due) in list(self._unheard.items()):
            if now >= due:
                self._unheard[call] = method, user, now + AGAIN_S
                self._send(method, user, call)

    def without_ack(self, user: str) -> str:
        """Begin a call whose answer is sent again for want of an ACK; back when it was.

        Whatever else has been answered before this, and has had no ACK, was sent again before it.
        """
        self.is_acknowledging = False
        call = self.invite(user)
        self.until(lambda: self.received[call] > 1)
        self.is_acknowledging = True
        return call

    def receive(self, wait_s: float = 0.0) -> None:
        """Take what is there."""
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        while poller.poll(wait_s * 1000):
            wait_s = 0.0
            packet = self._socket.recv(65535)
            status, call, method = (one.search(packet) for one in (_STATUS, _CALL_ID, _CSEQ))
            if call:
                self._unheard.pop(call[1].decode(), None)
            if status and call and method and method[1] != b"CANCEL" and status[1] >= b"2":
                self._note(packet, status[1].decode(), call[1].decode(), method[1] == b"INVITE")

    def _note(self, packet: bytes, status: str, call: str, is_invite: bool) -> None:
        to = _TO.search(packet)
        assert to is not None
        tag = to[1].partition(b";tag=")[2]
        self.received[call] += 1
        if (call, status, tag) not in self._tags:  # not a retransmission
            self._tags.add((call, status, tag))
            self.finals[call].append(status)
        if is_invite and self.is_acknowledging:
            self._send("ACK", "x", call, f";tag={tag.decode()}")

    def _send(self, method: str, user: str, call: str, to_tag: str = "") -> None:
        who = f"{user}@" if user else ""
        lines = [
            f"{method} sip:{who}127.0.0.1:{self._server[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP {self._own};branch=z9hG4bK{call}",
            f"From: <sip:caller@{self._own}>;tag=f{call}",
            f"To: <sip:{who}127.0.0.1>{to_tag}",
            f"Call-ID: {call}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:caller@{self._own}>",
            "Max-Forwards: 10",
            "Content-Length: 0",
        ]
        self._socket.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), self._server)


def rpc(folder: Path, method: str, *parameters: object) -> Any:
    """The result of a command of the server."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        own = folder / f"rpc-{time.monotonic_ns()}"
        client.bind(str(own))
        client.settimeout(PATIENCE_S)
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        client.sendto(json.dumps(asked).encode(), str(folder / "rpc.sock"))
        answer = json.loads(client.recv(1 << 20))
        own.unlink()
    assert "result" in answer, answer
    return answer["result"]


def pid(folder: Path, what: str) -> int:
    """Of the server's process with that in its description, once it has begun."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        for one in rpc(folder, "core.psx"):
            if what in one["DSC"]:
                return int(one["PID"])
    raise AssertionError(f"no process {what}")


@contextmanager
def running(
    folder: Path,
    script: Path,
    environment: Mapping[str, str],
    *,
    children: int = 2,
    processes: int = 1,
    timer_ms: int = 30000,
    rtimer: str = RTIMER,
    more: str = "",
    shared_mib: int = 64,
) -> Iterator[tuple[Inside, Caller]]:
    """A server whose script suspends calls, and somebody who calls.

    Args:
        processes: of ``rtimer``, that work on queries.
    """
    with kamailio_inside.running(
        folder,
        script,
        environment,
        CONFIG,
        shared_mib,
        children=children,
        rtimer=rtimer.format(processes=processes),
        timer_ms=timer_ms,
        more=more,
    ) as inside:
        caller = Caller(inside.port)
        try:
            yield inside, caller
        finally:
            caller.close()
