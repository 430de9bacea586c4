"""Routing logic for the real server: calls that are answered after a query."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import KSR  # the server's own

import onehttp
from onehttp_compat import kamailio, ksr
from onehttp_compat.ksr import take_over
from servers.kamailio.readiness import tell_ready
from servers.patience import PATIENCE_S

KSR = kamailio.setup(KSR, twins=True)
BACKEND = os.environ["TEST_BACKEND"]
VERSION = "first"


def await_cancel() -> None:
    """Until another worker has seen to the CANCEL of this call, and its caller was answered."""
    end = time.monotonic() + PATIENCE_S
    while not (KSR.tm.t_is_canceled() > 0 and KSR.pv.get("$T_reply_code") == 487):
        assert time.monotonic() < end
        time.sleep(0.01)


def mod_init() -> Script:
    return Script()


class Script(kamailio.Script):
    def child_init(self, rank: int) -> int:
        return super().child_init(rank) or tell_ready(rank)

    def ksr_request_route(self, message: Any) -> int:
        if KSR.is_CANCEL():
            if KSR.tm.t_check_trans() > 0:
                KSR.tm.t_relay()
            return 1
        if KSR.tm.t_check_trans() == 0 or KSR.is_ACK():
            return 1
        user = KSR.pv.get("$rU")
        if KSR.is_OPTIONS():
            answer = f"{VERSION}{self.same()}" if user == "same" else VERSION
            KSR.hdr.append_to_reply(f"X-Answer: {answer}\r\n")
            KSR.sl.send_reply(200, "OK")
            return 1
        KSR.tm.t_newtran()
        if user == "hasty":
            await_cancel()
        KSR.tm.t_on_failure("failed")
        KSR.pv.sets("$avp(who)", user)
        KSR.pv.seti("$http_req(timeout)", 60000)
        if user.startswith("new"):
            return self.asked_anew(user)
        route = user if user in ("exiting", "nowhere") else "answered"
        url = f"{BACKEND}/{user}" if user != "nowhere" else "http://127.0.0.1:1/"
        if KSR.http_async_client.query(url, route) < 0:
            KSR.tm.t_reply(500, "not suspended")
        return 1

    def same(self) -> str:
        """Whether it is one server, however a module asks for it."""
        import KSR as REAL

        again = kamailio.setup(REAL) is KSR and take_over(KSR) is KSR and take_over(REAL) is KSR
        return f" {again} {ksr.http_client is KSR.http_client} {ksr.pv.get('$rU') == 'same'}"

    def answered(self, message: Any, event: str = "") -> int:
        who, status = KSR.pv.get("$avp(who)"), KSR.pv.get("$http_rs")
        KSR.pvx.evalx("$var(seen)", "$var(http_ok) $var(http_rs) $var(http_rb)")
        if (seen := KSR.pv.get("$var(seen)")) != f"1 {status} {KSR.pv.get('$http_rb')}":
            status = f"but {seen}"
        KSR.tm.t_reply(480, f"{VERSION} {who} {status}")
        return 1

    def asked_anew(self, user: str) -> int:
        url = f"{BACKEND}/{user}" if user != "newnowhere" else "http://127.0.0.1:1/"
        limits = onehttp.Timeout(total_s=300, idle_s=60)
        try:
            route = self.told if user == "newbound" else "told"
            onehttp.submit("POST", url, json={"a": 1}, timeout=limits, route=route, xdata=[user])
        except onehttp.UnknownRouteError as error:
            KSR.err(f"{error}\n")
            KSR.tm.t_reply(500, "refused")
        return 1

    def told(self, result: onehttp.Result) -> int:
        status = result.response.status if result.response else type(result.error).__name__
        KSR.tm.t_reply(480, f"{VERSION} {KSR.pv.get('$avp(who)')} {result.xdata} {status}")
        return 1

    def exiting(self, message: Any, event: str = "") -> int:
        sys.exit(2)

    def seldom(self, message: Any, event: str = "") -> int:
        """A timer of the script's own."""
        KSR.warn(f"a timer has the {VERSION} script\n")
        return 1

    def failed(self, message: Any) -> int:
        if KSR.tm.t_is_canceled() < 0:
            KSR.tm.t_reply(504, "too slow")
        return 1
