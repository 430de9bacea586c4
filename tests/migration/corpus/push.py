"""Sleeping phones are woken by a push service, while the call waits suspended."""

import json
import os

import KSR

URL = os.environ["HTTP_URL"]


def mod_init():
    return Push()


class Push:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        if KSR.is_method_in("AC"):
            return 1
        if KSR.is_REGISTER():
            return self.register()
        if not KSR.is_INVITE():
            KSR.sl.send_reply(200, "OK")
            return 1
        if KSR.tm.t_newtran() < 0:
            KSR.sl.sl_reply_error()
            return 1
        # does the phone want to be woken?
        if KSR.http_client.query(URL + "/token/" + KSR.pv.gete("$rU"), "$avp(token)") != 200:
            KSR.tm.t_reply(480, "No phone")
            return 1
        KSR.pv.sets("$http_req(method)", "POST")
        KSR.pv.sets("$http_req(hdr)", "Content-Type: application/json")
        KSR.pv.sets("$http_req(body)", json.dumps({"token": KSR.pv.get("$avp(token)")}))
        KSR.pv.seti("$http_req(timeout)", 60000)
        if KSR.http_async_client.query(URL + "/push", "ksr_pushed") < 0:
            KSR.tm.t_reply(500, "No push")
        return 1

    def ksr_pushed(self, msg, name=None):
        if KSR.pv.get("$http_ok") != 1 or KSR.pv.get("$http_rs") != 200:
            KSR.tm.t_reply(480, "Asleep")
            return 1
        KSR.tm.t_reply(182, "Woken")
        KSR.tm.t_reply(486, "Busy")
        return 1

    def register(self):
        # the token comes along with the registration
        token = KSR.pv.gete("$hdr(X-Token)") or "none"
        body = json.dumps({"user": KSR.pv.get("$fU"), "token": token})
        code = KSR.http_client.query_post_hdrs(
            URL + "/tokens", body, "Content-Type: application/json", "$var(r)"
        )
        KSR.sl.send_reply(200 if code == 200 else 500, "Registered")
        return 1

    def ksr_reply_route(self, msg):
        return 1
