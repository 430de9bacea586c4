"""Least cost routing: the answer of the server is where the call goes, by result variables."""

import os

import KSR

URL = os.environ["HTTP_URL"]
MAX_TRIES = 2


def mod_init():
    return LeastCost()


class LeastCost:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        if KSR.is_ACK():
            return 1
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
        return self.first_carrier()

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
        KSR.tm.t_relay()
        return 1

    def price(self):
        price = KSR.http_client.get_hdrs(
            URL + "/price", "", "Accept: text/plain\r\nX-To: " + KSR.pv.gete("$rU"), "$avp(price)"
        )
        if price == 200:
            KSR.hdr.append("X-Price: %s\r\n" % KSR.pv.get("$avp(price)"))
        return price

    def ksr_failure_next(self, msg):
        tries = KSR.pv.get("$avp(tries)")
        if KSR.tm.t_is_canceled() > 0 or tries >= MAX_TRIES:
            return 1
        KSR.pv.seti("$avp(tries)", tries + 1)
        next_hop = KSR.http_client.query(URL + "/route?try=%d" % (tries + 1), "$du")
        if next_hop == 200:
            KSR.tm.t_relay()
            return 1
        KSR.tm.t_reply(503, "No other carrier")
        return 1

    def ksr_reply_route(self, msg):
        return 1
