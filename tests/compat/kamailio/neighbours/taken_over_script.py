"""Routing logic for the real server: its HTTP modules taken over, and nothing else said."""

from __future__ import annotations

from typing import Any

import KSR  # the server's own

from onehttp_compat.ksr import take_over
from servers.kamailio.readiness import tell_ready

KSR = take_over(KSR)


def mod_init() -> Script:
    return Script()


class Script:
    def child_init(self, rank: int) -> int:
        return tell_ready(rank)

    def ksr_request_route(self, message: Any) -> int:
        code = KSR.http_client.curl_connect("ofcfg", "/x", "$var(r)")
        KSR.hdr.append_to_reply(f"X-Answer: {code} {len(KSR.pv.get('$var(r)'))}\r\n")
        KSR.sl.send_reply(200, "OK")
        return 1
