"""Routing logic for the real server, in processes that have control sockets."""

from __future__ import annotations

import os
from typing import Any

import KSR as SERVER  # the server's own

import onehttp
from onehttp.observe import metrics
from onehttp_compat import kamailio
from onehttp_compat.server import default_server
from servers.kamailio.readiness import tell_ready

KSR = kamailio.setup(SERVER, connections=os.environ["TEST_CONNECTIONS"], is_asynchronous=False)

if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
    metrics.expose()


def mod_init() -> Script:
    return Script()


class Script(kamailio.Script):
    def child_init(self, rank: int) -> int:
        return super().child_init(rank) or tell_ready(rank)

    def often(self, message: Any, event: str = "") -> int:
        return 1

    def ksr_request_route(self, message: Any) -> int:
        if KSR.pv.get("$rU") == "counted":
            counted = default_server().counters["httpclient.connok"]
            KSR.hdr.append_to_reply(f"X-Answer: {counted}\r\n")
            KSR.sl.send_reply(200, "OK")
            return 1
        if KSR.pv.get("$rU") == "legacy":
            status = KSR.http_client.curl_connect("api", "/x", "$var(answer)")
        else:
            status = onehttp.connection("api").get("/x").status
        revision = onehttp.connections().revision
        KSR.hdr.append_to_reply(f"X-Answer: {status} {revision} {os.getpid()}\r\n")
        KSR.sl.send_reply(200, "OK")
        return 1
