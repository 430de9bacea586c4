"""Routing logic for the real server: the user of a request, ``WHAT-NAME``, is what it does."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

import KSR  # the server's own

from onehttp_compat import kamailio
from onehttp_compat.kamailio import lanes
from servers.kamailio.readiness import tell_ready
from stand_ins.resolver import Resolver

if "TEST_LANE_BYTES" in os.environ:
    vars(lanes)["SEND_BUFFER_BYTES"] = int(os.environ["TEST_LANE_BYTES"])
KSR = kamailio.setup(KSR, connections=os.environ.get("TEST_CONNECTIONS"))
BACKEND = os.environ["TEST_BACKEND"]
LATE_MS, NEVER_MS, HASTE_MS = 2000, 600_000, 500
VERSION = "first"


def mod_init() -> Script:
    return Script()


class Script(kamailio.Script):
    def child_init(self, rank: int) -> int:
        resolver = Resolver()  # any other name under .example is dead
        resolver.knows("good.example", "127.0.0.1")
        socket.getaddrinfo = resolver
        return super().child_init(rank) or tell_ready(rank)

    def ksr_request_route(self, message: Any) -> int:
        if KSR.is_CANCEL():
            if KSR.tm.t_check_trans() > 0:
                KSR.tm.t_relay()
            return 1
        if KSR.tm.t_check_trans() == 0 or KSR.is_ACK():
            return 1
        what, _, name = KSR.pv.get("$rU").partition("-")
        if KSR.is_OPTIONS():
            KSR.hdr.append_to_reply(f"X-Answer: {getattr(self, what)(name)}\r\n")
            KSR.sl.send_reply(200, "OK")
            return 1
        if KSR.tm.t_newtran() < 0:
            KSR.sl.send_reply(503, "no memory")
            return 1
        KSR.tm.t_on_failure("failed")
        getattr(self, what)(name)
        return 1

    # ---- what a call may do

    def ask(self, name: str, route: str = "answered", limit_ms: int = NEVER_MS) -> None:
        self.query(f"{BACKEND}/{name}", route, limit_ms)

    def query(self, url: str, route: str, limit_ms: int = NEVER_MS) -> None:
        KSR.pv.seti("$http_req(timeout)", limit_ms)
        if KSR.http_async_client.query(url, route) < 0:
            KSR.tm.t_reply(500, "not suspended")

    def hurry(self, name: str) -> None:
        self.ask(name, limit_ms=LATE_MS)

    def dead(self, name: str) -> None:
        self.query(f"http://{name}.example:1/", "answered", LATE_MS)

    def good(self, name: str) -> None:
        self.query(f"http://good.example:{BACKEND.rpartition(':')[2]}/{name}", "answered")

    def route(self, name: str) -> None:
        """With the first part of ``name`` for a callback."""
        self.ask(name, name.partition(".")[0])

    def twice(self, name: str) -> None:
        self.ask(f"{name}1", "asked_again")

    def both(self, name: str) -> None:
        """Two queries for one transaction, at once."""
        self.ask(f"{name}a")
        self.ask(f"{name}b")

    def hasty(self, name: str) -> None:
        """With a timer of its own, before which no answer comes."""
        KSR.tm.t_set_fr(0, HASTE_MS)
        self.ask(name)

    def patient(self, name: str) -> None:
        """With a timer of its own, longer than that of others."""
        KSR.tm.t_set_fr(0, NEVER_MS)
        self.ask(name)

    def relayed(self, name: str) -> None:
        """If no answer comes, the call goes on elsewhere."""
        KSR.tm.t_on_failure("elsewhere")
        self.ask(name)

    def whole(self, name: str) -> None:
        """With a body of so many bytes."""
        KSR.pv.sets("$http_req(body)", "b" * int(name))
        self.ask("whole")

    def raising(self, name: str) -> None:
        raise ValueError("a mistake of the script")

    def exiting(self, name: str) -> None:
        sys.exit(3)

    # ---- what a call may come to

    def answered(self, message: Any, event: str = "") -> int:
        ok, status = KSR.pv.get("$http_ok"), KSR.pv.get("$http_rs")
        told = f"{status} {KSR.pv.get('$http_bs')}" if ok else KSR.pv.get("$http_err")
        KSR.tm.t_reply(480, f"{VERSION} {ok} {told}")
        return 1

    def asked_again(self, message: Any, event: str = "") -> int:
        self.ask("again")
        return 1

    def mistaken(self, message: Any, event: str = "") -> int:
        raise ValueError("a mistake of the callback")

    def gone(self, message: Any, event: str = "") -> int:
        sys.exit(4)

    def failed(self, message: Any) -> int:
        if KSR.tm.t_is_canceled() < 0:
            KSR.tm.t_reply(504, "too slow")
        return 1

    def elsewhere(self, message: Any) -> int:
        KSR.pv.sets("$ru", os.environ["TEST_ELSEWHERE"])
        KSR.tm.t_on_failure("failed")
        KSR.tm.t_relay()
        return 1

    # ---- what is asked by OPTIONS

    def alive(self, name: str) -> str:
        return VERSION

    def written(self, name: str) -> str:
        """A result in a variable that takes none; what was sent is the backend's to know."""
        return str(KSR.http_client.query(f"{BACKEND}/{name}", f"${name}"))

    def sync(self, name: str) -> str:
        code = KSR.http_client.query(f"{BACKEND}/{name}", "$var(answer)")
        return f"{code} {len(KSR.pv.get('$var(answer)') or '')}"

    def named(self, name: str) -> str:
        return str(KSR.http_client.curl_connect(name, "/named", "$var(answer)"))
