"""A routing script as it runs in Kamailio (app_python3): fraud check, number look-up, rating.

Nothing in it knows of onehttp. The connections it names are in connections.yaml here; in the
server they were ``httpcon`` lines.
"""

import json
import os

import KSR

RATES_URL = os.environ.get("ROUTING_API", "http://127.0.0.1:8088") + "/rates"


def mod_init():
    KSR.info("===== legacy routing starts\n")
    return Routing()


class Routing:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        if KSR.is_method("OPTIONS"):
            KSR.sl.send_reply(200, "Keepalive")
            return 1
        if KSR.is_method("INVITE"):
            return self.route_invite()
        if KSR.is_method("BYE"):
            return self.route_bye()
        KSR.sl.send_reply(405, "Method Not Allowed")
        return 1

    def route_invite(self):
        caller = KSR.pv.get("$fU")
        callee = KSR.pv.get("$rU")

        # 1. Is the caller known for fraud? Named connection, GET.
        code = KSR.http_client.curl_connect("fraud", "/check?caller=%s" % caller, "$var(fraud)")
        if code == 200 and KSR.pv.get("$var(fraud)") == "block":
            KSR.warn("fraud: %s is blocked\n" % caller)
            KSR.sl.send_reply(603, "Declined")
            return -1

        # 2. Where does the number live? Named connection with failover.
        code = KSR.http_client.curl_connect("lookup", "/%s" % callee, "$var(lookup)")
        if code < 100:
            KSR.err("number look-up is down: code %d\n" % code)
            KSR.sl.send_reply(503, "Service Unavailable")
            return -1
        if code == 404:
            KSR.sl.send_reply(404, "Not Found")
            return -1
        target = json.loads(KSR.pv.get("$var(lookup)"))

        # 3. The cheapest carrier: POST with a header of our own.
        KSR.http_client.query_post_hdrs(
            RATES_URL,
            json.dumps({"from": caller, "to": callee, "network": target["network"]}),
            "Content-Type: application/json\r\nX-Call-ID: %s" % KSR.pv.get("$ci"),
            "$var(carrier)",
        )
        carrier = KSR.pv.get("$var(carrier)")
        KSR.seturi("sip:%s@%s" % (target["number"], carrier))
        KSR.hdr.append("X-Network: %s\r\n" % target["network"])
        KSR.tm.t_relay()
        return 1

    def route_bye(self):
        # A call detail record, fire and forget.
        KSR.http_client.curl_connect_post(
            "cdr", "/cdr", "application/json", json.dumps({"call": KSR.pv.get("$ci")}), "$var(cdr)"
        )
        KSR.tm.t_relay()
        return 1
