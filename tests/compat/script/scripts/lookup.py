"""Numbers looked up over HTTP before a call is passed on: named connections, a POST of JSON."""

import json
import os

import KSR

URL = os.environ["HTTP_URL"]


def mod_init():
    return Lookup()


class Lookup:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        if not KSR.is_method_in("IM"):
            KSR.sl.send_reply(200, "OK")
            return 1
        code = KSR.http_client.query(URL + "/number/%s" % KSR.pv.get("$rU"), "$var(number)")
        if code != 200:
            KSR.sl.send_reply(503, "No number")
            return 1
        KSR.http_client.query_post(URL + "/plain", "a=1", "$avp(plain)")
        code = KSR.http_client.query_post_hdrs(
            URL + "/rates",
            json.dumps({"to": KSR.pv.get("$var(number)")}),
            "Content-Type: application/json\r\nX-Call: %s" % KSR.pv.get("$ci"),
            "$var(carrier)",
        )
        KSR.http_client.query_request("PUT", URL + "/calls/1", "x", "", "$var(r)")
        KSR.http_client.get_hdrs(URL + "/get", "", "X-A: b", "$var(r)")
        KSR.http_client.curl_connect("nosuch", "/x", "$var(r)")
        KSR.http_client.query(URL + "/uri", "$du")
        if code == 200 and KSR.pv.get("$var(carrier)"):
            KSR.hdr.append("X-Carrier: %s\r\n" % KSR.pv.get("$var(carrier)"))
            KSR.seturi("sip:%s@127.0.0.1:5096" % KSR.pv.get("$rU"))
            KSR.resetdsturi()
            KSR.tm.t_relay()
        return 1
