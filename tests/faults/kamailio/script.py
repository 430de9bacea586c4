"""Routing logic for the real server: calls over TLS, and callbacks of a worker that was idle."""

from __future__ import annotations

import os
from typing import Any

import KSR  # the server's own

import onehttp
from servers.kamailio.readiness import tell_ready

URL = os.environ["TEST_URL"]
answers: list[object] = []


def mod_init() -> Script:
    tls = {"ca_file": os.environ["TEST_CA"]} if URL.startswith("https") else {}
    onehttp.init({"version": 1, "connections": {"api": {"url": URL, "tls": tls}}})
    return Script()


class Script:
    def child_init(self, rank: int) -> int:
        return tell_ready(rank)

    def ksr_request_route(self, message: Any) -> int:
        answer = getattr(self, KSR.pv.get("$rU"))()
        KSR.hdr.append_to_reply(f"X-Answer: {answer}\r\n")
        KSR.sl.send_reply(200, "OK")
        return 1

    def often(self, message: Any, event: str = "") -> int:
        return 1

    def call(self) -> str:
        return str(onehttp.connection("api").get().status)

    def many(self) -> str:
        return str(sum(onehttp.connection("api").get().status == 200 for _ in range(100)))

    def submit(self) -> str:
        onehttp.connection("api").submit("GET", route=lambda result: answers.append(result.ok))
        return "submitted"

    def seen(self) -> str:
        """A call that waits lets the threads of this worker run."""
        onehttp.connection("api").get()
        return str(answers)
