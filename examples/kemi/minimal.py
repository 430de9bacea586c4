"""The least that a KEMI script can be: an object with one route, which looks a number up."""

import os

import KSR

LOOKUP = os.environ.get("ROUTING_API", "http://127.0.0.1:8088") + "/lookup/"


class Routes:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        if KSR.is_method_in("IO") and KSR.pv.is_null("$tt"):
            code = KSR.http_client.query(LOOKUP + KSR.pv.gete("$rU"), "$var(where)")
            KSR.info("%s %s: %d\n" % (msg.Method, msg.RURI, code))
            if code == 200:
                KSR.sl.send_reply(302, "Moved")
                return 1
        KSR.sl.send_reply(404, "Not here")
        return 1


def mod_init():
    return Routes()
