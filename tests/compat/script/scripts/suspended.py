"""Asynchronous queries that suspend the transaction, and the routes of their answers."""

import json
import os

import KSR

URL = os.environ["HTTP_URL"]


def mod_init():
    return Suspended()


class Suspended:
    def ksr_request_route(self, msg):
        if KSR.is_method("ACK|CANCEL"):
            return 1
        if KSR.tm.t_check_trans() == 0:
            return 1
        if KSR.tm.t_newtran() < 0:
            KSR.sl.sl_reply_error()
            return 1
        KSR.pv.sets("$avp(caller)", KSR.pv.get("$fU"))
        KSR.pv.sets("$http_req(method)", "POST")
        KSR.pv.sets("$http_req(hdr)", "Content-Type: application/json")
        KSR.pv.sets("$http_req(body)", json.dumps({"call": KSR.pv.get("$ci")}))
        KSR.pv.seti("$http_req(timeout)", 5000)
        if KSR.http_async_client.query(URL + "/decide", "decided") < 0:
            KSR.tm.t_reply(500, "No query")
        return 1

    def decided(self, msg):
        if KSR.pv.get("$http_ok") != 1:
            KSR.tm.t_reply(503, "No answer")
            return 1
        KSR.pv.get("$http_rs")
        KSR.pv.get("$http_rr")
        KSR.pv.get("$http_hdr(Content-Length)")
        KSR.pv.get("$http_bs")
        if KSR.pv.get("$avp(caller)") is None:
            KSR.err("the caller is lost\n")
        if KSR.is_INVITE():
            KSR.hdr.append("X-Decided: %s\r\n" % KSR.pv.get("$http_rb"))
            KSR.tm.t_relay()
        else:
            KSR.tm.t_reply(302, "Moved")
        return 1
