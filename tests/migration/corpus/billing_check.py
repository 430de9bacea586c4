"""A call is let through when the account behind it has money; the end of it is billed."""

import json
import os

import KSR

URL = os.environ["HTTP_URL"]
MINIMUM = 5


def mod_init():
    return Billing()


class Billing:
    def __init__(self):
        self.http = KSR.http_client

    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        if KSR.is_OPTIONS():
            KSR.sl.send_reply(200, "Alive")
            return 1
        if KSR.is_ACK() or KSR.is_CANCEL():
            return 1
        if KSR.is_BYE():
            self.end_of_call()
            KSR.sl.send_reply(200, "Bye")
            return 1
        if not KSR.is_INVITE():
            KSR.sl.send_reply(405, "Method Not Allowed")
            return 1
        return self.call()

    def call(self):
        caller = KSR.pv.gete("$fU")
        money = self.balance(caller)
        if money is None:
            KSR.sl.send_reply(503, "Billing is down")
            return 1
        if money < MINIMUM:
            KSR.hdr.append_to_reply("X-Balance: %d\r\n" % money)
            KSR.sl.send_reply(402, "Payment Required")
            return 1
        if not self.reserve(caller):
            KSR.sl.send_reply(403, "Not reserved")
            return 1
        if self.is_fraud(caller):
            KSR.sl.send_reply(603, "Declined")
            return 1
        KSR.sl.send_reply(480, "Nobody is there, and it is paid for")
        return 1

    def balance(self, caller):
        # the connection and its password are in kamailio.cfg
        code = self.http.curl_connect("billing", "/balance/" + caller, "$var(balance)")
        if code != 200:
            return None
        try:
            return int(KSR.pv.get("$var(balance)"))
        except ValueError:
            KSR.err("balance of %s: %s\n" % (caller, KSR.pv.get("$var(balance)")))
            return None

    def reserve(self, caller):
        what = json.dumps({"caller": caller, "units": MINIMUM})
        code = self.http.curl_connect_post(
            "billing", "/reserve", "application/json", what, "$var(reserved)"
        )
        # both are fine: a call that is tried again has its reservation already
        return code in (200, 409)

    def is_fraud(self, caller):
        return self.http.query(URL + "/fraud/" + caller, "$var(fraud)") == 200 and (
            KSR.pv.get("$var(fraud)") == "yes"
        )

    def end_of_call(self):
        call = KSR.pv.get("$ci")
        record = "call=%s&from=%s&to=%s" % (call, KSR.pv.get("$fU"), KSR.pv.get("$tU"))
        if KSR.http_client.query_post(URL + "/cdr", record, "$var(cdr)") != 200:
            # the record is written again when billing is back
            KSR.warn("no record of %s\n" % call)
            KSR.http_client.query_request(
                "POST", URL + "/late", record, "Content-Type: text/plain", "$var(late)"
            )
        elif KSR.pv.gete("$var(cdr)"):
            KSR.info("record of %s: %s\n" % (call, KSR.pv.get("$var(cdr)")))

    def ksr_reply_route(self, msg):
        return 1
