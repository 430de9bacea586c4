"""Answers that become parts of the message, and queries of failure routes."""

import os

import KSR

URL = os.environ["HTTP_URL"]
TARGETS = "$rU", "$rd", "$ru", "$du", "$var(x)", "$avp(x)", "$xavp(x=>y)", "$shv(x)", "$br", "$fn"


def mod_init():
    return Results()


class Results:
    def ksr_request_route(self, msg):
        if KSR.is_method("ACK|CANCEL"):
            return 1
        for target in TARGETS:
            KSR.http_client.query(URL, target)
            KSR.pv.get(target)
            KSR.pv.get("$ru")
        KSR.pv.sets("$ru", "sip:bob@192.0.2.30")
        KSR.pv.unset("$du")
        KSR.tm.t_on_failure("refused")
        KSR.tm.t_relay()
        return 1

    def refused(self, msg):
        if KSR.tm.t_is_canceled() > 0:
            return 1
        KSR.pv.sets("$http_req(method)", "PUT")
        if KSR.http_async_client.query(URL + "/next", "next_one") < 0:
            KSR.tm.t_reply(500, "No query")
        return 1

    def next_one(self, msg):
        KSR.pv.get("$http_rs")
        KSR.pv.get("$ru")
        KSR.seturi("sip:carol@192.0.2.31")
        KSR.tm.t_relay()
        return 1
