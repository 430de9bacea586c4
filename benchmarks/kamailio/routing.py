"""The script of the measured server. What is asked for is the user of the request."""

from __future__ import annotations

import os
import sys
from typing import Any

import KSR  # the server's own

REAL = KSR
WAY, BACKEND = os.environ["BENCH_WAY"], os.environ["BENCH_BACKEND"]
"""``native``, ``default`` or ``kept``."""

if WAY == "native":
    BASE: Any = object
else:
    from onehttp_compat import kamailio

    KSR = kamailio.setup(
        KSR, reuse=WAY == "kept", modparams=[("http_client", "httpcon", f"api=>{BACKEND}")]
    )
    BASE = kamailio.Script


def mod_init() -> Script:
    return Script()


class Script(BASE):  # type: ignore[misc]
    def child_init(self, rank: int) -> int:
        if rank == 1:
            print("the worker is ready", file=sys.stderr, flush=True)
        return 0

    def ksr_request_route(self, message: Any) -> int:
        if REAL.is_ACK() or REAL.is_CANCEL():
            REAL.tm.t_check_trans()
            return 1
        user, code = REAL.pv.get("$rU"), 200
        if REAL.is_INVITE():
            if REAL.tm.t_check_trans() != 0:
                REAL.tm.t_newtran()
                KSR.pv.seti("$http_req(timeout)", 5000)
                if KSR.http_async_client.query(f"{BACKEND}/{user}", "answered") < 0:
                    REAL.tm.t_reply(500, "not suspended")
            return 1
        if user == "query":
            code = KSR.http_client.query(f"{BACKEND}/small", "$var(answer)")
        elif user == "connect":
            code = KSR.http_client.curl_connect("api", "/small", "$var(answer)")
        REAL.sl.send_reply(200 if code == 200 else 500, "OK")
        return 1

    def answered(self, message: Any, event: str = "") -> int:
        status = KSR.pv.get("$http_rs")
        REAL.tm.t_reply(480 if status == 200 else 500, str(status))
        return 1
