"""Least cost routing: the answer of the server is where the call goes, by result variables."""

import os

import KSR

URL = os.environ["HTTP_URL"]
MAX_TRIES = 2
QUOTA_LOW = 10
FLT_CALL = 1
HOME = "49"
CARRIERS = ("north", "south")


def mod_init():
    return LeastCost()


class LeastCost:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        if KSR.maxfwd.process_maxfwd(16) < 0:
            KSR.sl.sl_send_reply(483, "Too Many Hops")
            return 1
        if KSR.siputils.has_totag() > 0:
            return self.within_dialog()
        if KSR.is_ACK():
            return 1
        if KSR.is_OPTIONS():
            return self.carriers_alive()
        if KSR.is_CANCEL():
            if KSR.tm.t_check_trans() > 0:
                KSR.tm.t_relay()
            return 1
        if not KSR.is_method_in("I"):
            KSR.sl.send_reply(200, "OK")
            return 1
        if KSR.tm.t_newtran() < 0:
            KSR.sl.sl_reply_error()
            return 1
        KSR.rr.record_route()
        KSR.setflag(FLT_CALL)
        self.normalise()
        return self.first_carrier()

    def within_dialog(self):
        if KSR.rr.loose_route() < 0:
            if KSR.tm.t_check_trans() != 0 and not KSR.is_ACK():
                KSR.sl.send_reply(404, "Not here")
            return 1
        if KSR.is_BYE():
            # the carrier wants to know how it went
            self.rate_carrier("bye")
        KSR.tm.t_relay()
        return 1

    def carriers_alive(self):
        count = 0
        for name in CARRIERS:
            if KSR.http_client.query(URL + "/alive/" + name, "$var(alive)") == 200:
                count += 1
        if not count:
            KSR.sl.send_reply(503, "No carrier")
            return 1
        KSR.hdr.append_to_reply("X-Carriers: %d\r\n" % count)
        KSR.sl.send_reply(200, "OK")
        return 1

    # 0049..., +49... and 49... are one number
    def normalise(self):
        number = KSR.pv.gete("$rU")
        if number.startswith("00"):
            number = "+" + number[2:]
        country = number[1:3] if number.startswith("+") else HOME
        KSR.pv.sets("$avp(country)", country)
        rc = KSR.http_client.query(URL + "/prefix?of=" + country, "$avp(prefix)")
        if rc != 200 or KSR.pv.gete("$avp(prefix)") == "":
            KSR.pv.sets("$avp(prefix)", "none")
        return number

    def first_carrier(self):
        query = URL + "/route?to=" + KSR.pv.gete("$rU") + "&from=" + KSR.pv.gete("$fU")
        # the next hop is the answer itself
        code = KSR.http_client.query(query, "$du")
        if code != 200:
            KSR.tm.t_reply(503, "No carrier")
            return 1
        # and the number in the form that this carrier wants
        if KSR.http_client.query(URL + "/uri?to=" + KSR.pv.gete("$rU"), "$ru") == 200:
            KSR.dbg("now to %s\n" % KSR.pv.get("$ru"))
        self.price()
        KSR.pv.seti("$avp(tries)", 1)
        KSR.tm.t_on_failure("ksr_failure_next")
        if self.quota() is False:
            return 1
        KSR.tm.t_relay()
        return 1

    # how many calls there may be at once is decided by the server of the routes, which is told of
    # each; what it wants is POSTed as text
    def quota(self):
        number = KSR.pv.gete("$rU")
        KSR.hdr.append("X-Route: %s\r\n" % KSR.pv.gete("$du"))
        if KSR.http_client.query_post(URL + "/quota", "number=" + number, "$avp(quota)") >= 400:
            KSR.tm.t_reply(486, "Too many calls")
            return False
        left = KSR.pv.gete("$avp(quota)")
        if left.isdigit() and int(left) < QUOTA_LOW:
            KSR.warn("quota is low: %s\n" % left)
        return True

    def price(self):
        price = KSR.http_client.get_hdrs(
            URL + "/price", "", "Accept: text/plain\r\nX-To: " + KSR.pv.gete("$rU"), "$avp(price)"
        )
        if price == 200:
            KSR.hdr.append("X-Price: %s\r\n" % KSR.pv.get("$avp(price)"))
        return price

    # who is good and who is not is found out by those who route
    def rate_carrier(self, what):
        KSR.http_client.query_post_hdrs(
            URL + "/quality",
            "carrier=%s&what=%s" % (KSR.pv.gete("$avp(prefix)"), what),
            "X-Country: " + KSR.pv.gete("$avp(country)"),
            "$var(rated)",
        )

    def ksr_failure_next(self, msg):
        if KSR.tm.t_check_status("487") > 0:
            return 1
        tries = KSR.pv.get("$avp(tries)")
        if KSR.tm.t_is_canceled() > 0 or tries >= MAX_TRIES:
            return 1
        KSR.pv.seti("$avp(tries)", tries + 1)
        self.rate_carrier("failed")
        next_hop = KSR.http_client.query(URL + "/route?try=%d" % (tries + 1), "$du")
        if next_hop == 200:
            KSR.tm.t_on_failure("ksr_failure_next")
            KSR.tm.t_relay()
            return 1
        if next_hop in (301, 302):
            # the server has moved, and says where to
            KSR.err("the routes are elsewhere now\n")
        KSR.tm.t_reply(503, "No other carrier")
        return 1

    def ksr_reply_route(self, msg):
        return 1
