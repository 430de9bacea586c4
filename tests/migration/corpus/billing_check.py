"""A call is let through when the account behind it has money; the end of it is billed."""

import json
import os

import KSR

URL = os.environ["HTTP_URL"]
MINIMUM = 5
DEFAULT_SECONDS = 3600
SCANNERS = ("friendly-scanner", "sipvicious", "sipcli")


def mod_init():
    return Billing()


class Billing:
    def __init__(self):
        self.http = KSR.http_client

    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        if not self.is_sane():
            return 1
        if KSR.is_OPTIONS():
            return self.alive()
        if KSR.is_method_in("RM"):
            return self.other_work()
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

    def is_sane(self):
        if KSR.maxfwd.process_maxfwd(10) < 0:
            KSR.sl.sl_send_reply(483, "Too Many Hops")
            return False
        if KSR.sanity.sanity_check(1511, 7) < 0:
            KSR.err("malformed request from %s\n" % KSR.pv.get("$si"))
            return False
        agent = KSR.pv.gete("$ua")
        for scanner in SCANNERS:
            if scanner in agent:
                # silence is what a scanner learns least from
                return False
        return True

    def alive(self):
        # both halves of billing have to be there
        if (
            self.http.query(URL + "/health/accounts", "$var(accounts)") == 200
            and KSR.pv.get("$var(accounts)") == "ok"
        ):
            KSR.sl.send_reply(200, "Alive")
        else:
            KSR.sl.send_reply(503, "Accounts are down")
        return 1

    def other_work(self):
        if KSR.is_REGISTER():
            KSR.registrar.save("location", 0)
            return 1
        # messages cost a flat price
        sender = KSR.pv.gete("$fU")
        price = self.http.curl_connect("billing", "/price/message", "$avp(price)")
        if price != 200:
            KSR.sl.send_reply(503, "No price")
            return 1
        charged = self.http.curl_connect_post(
            "billing",
            "/charge/" + sender,
            "text/plain",
            "message %s" % KSR.pv.get("$avp(price)"),
            "$var(charged)",
        )
        if charged == 402:
            KSR.sl.send_reply(402, "Payment Required")
        elif charged == 200:
            KSR.sl.send_reply(202, "Accepted")
        else:
            KSR.sl.send_reply(500, "Not charged: %d" % charged)
        return 1

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
        seconds = self.longest(money, KSR.pv.gete("$rU"))
        if seconds == 0:
            KSR.sl.send_reply(402, "Not even a second")
            return 1
        KSR.hdr.append_to_reply("X-Seconds: %d\r\n" % seconds)
        self.announce(caller, seconds)
        KSR.sl.send_reply(480, "Nobody is there, and it is paid for")
        return 1

    def longest(self, money, number):
        """How long the money lasts: the rate comes as text, with a comma where it is German."""
        rc = self.http.query(URL + "/rate?number=" + number + "&currency=EUR", "$var(rate)")
        if rc == 404:
            return 0
        if rc != 200:
            KSR.warn("no rate for %s: %d\n" % (number, rc))
            return DEFAULT_SECONDS
        try:
            rate = float(KSR.pv.gete("$var(rate)").replace(",", "."))
        except ValueError:
            return DEFAULT_SECONDS
        return int(money / rate * 60) if rate > 0 else DEFAULT_SECONDS

    def announce(self, caller, seconds):
        # those who watch the accounts get it as a form, and nobody waits for them
        form = "caller=%s&seconds=%d&at=%s" % (caller, seconds, KSR.pv.get("$ci"))
        code = KSR.http_async_client.send(URL + "/watch?" + form, "watched")
        if code < 0:
            KSR.info("nobody watches\n")

    def watched(self, msg, evname=None):
        if KSR.pv.get("$http_ok") == 0:
            KSR.info("the watch is asleep: %s\n" % KSR.pv.gete("$http_err"))
            return 1
        KSR.dbg("watched: %s %s\n" % (KSR.pv.get("$http_rs"), KSR.pv.gete("$http_rb")))
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
