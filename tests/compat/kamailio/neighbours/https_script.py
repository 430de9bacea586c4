"""Routing logic for a server that speaks TLS itself: calls of an https service, kept and not."""

from __future__ import annotations

import os
from typing import Any

import KSR  # the server's own

from onehttp_compat import kamailio
from servers.kamailio.readiness import tell_ready

KSR = kamailio.setup(KSR, connections=os.environ["TEST_CONNECTIONS"], is_asynchronous=False)


def mod_init() -> Script:
    return Script()


class Script(kamailio.Script):
    def child_init(self, rank: int) -> int:
        return super().child_init(rank) or tell_ready(rank)

    def ksr_request_route(self, message: Any) -> int:
        code = KSR.http_client.curl_connect(KSR.pv.get("$rU"), "/", "$var(answer)")
        KSR.hdr.append_to_reply(f"X-Answer: {code} {KSR.pv.get('$var(answer)')}\r\n")
        KSR.sl.send_reply(200, "OK")
        return 1
