"""Routing logic for the real server: calls to names, known and dead."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

import KSR  # the server's own

import onehttp
from servers.kamailio.readiness import tell_ready
from stand_ins.resolver import Resolver

PORT = os.environ["TEST_PORT"]


def mod_init() -> Script:
    onehttp.init()
    return Script()


class Script:
    def child_init(self, rank: int) -> int:
        if rank == 1:
            self.resolver = Resolver()
            self.resolver.knows("good.example", "127.0.0.1")
            socket.getaddrinfo = self.resolver
        return tell_ready(rank)

    def often(self, message: Any, event: str = "") -> int:
        return 1

    def ksr_request_route(self, message: Any) -> int:
        answer = getattr(self, KSR.pv.get("$rU"))()
        KSR.hdr.append_to_reply(f"X-Answer: {answer}\r\n")
        KSR.sl.send_reply(200, "OK")
        return 1

    def good(self) -> str:
        onehttp.reload({"version": 1})  # forget all addresses
        return self._get("good.example")

    def dead(self) -> str:
        return " ".join(self._dead(f"dead{number}.example") for number in range(25))

    def _dead(self, name: str) -> str:
        answer = self._get(name, 0.05)
        while name not in self.resolver.asked:  # its time was over before it came to that
            answer = self._get(name, 0.05)
        return answer

    def late(self) -> str:
        return self._get("dead0.example")

    def there_now(self) -> str:
        self.resolver.knows("dead0.example", "127.0.0.1")
        self.resolver.answer_late()
        return "let go"

    def in_flight(self) -> str:
        time.sleep(0.01)  # threads have their turn while a call of the worker waits, as this one
        return str(onehttp.stats().lookups_in_flight)

    def _get(self, host: str, timeout: float = 60) -> str:
        try:
            return str(onehttp.request("GET", f"http://{host}:{PORT}/", timeout=timeout).status)
        except onehttp.TransferError as error:
            return f"{error.code}"
