"""A number look-up that does not keep a SIP worker waiting, as it runs in Kamailio (app_python3).

The transaction is suspended while the first service is asked. Does that one not answer, or answer
with 5xx, the second is asked, from the callback of the first. Nothing in here knows of onehttp.
"""

import json
import os

import KSR

SERVICES = os.environ.get("LOOKUP_APIS", "http://127.0.0.1:1 http://127.0.0.1:8088").split()
TIMEOUT_MS = 400


def mod_init():
    return Lookup()


class Lookup:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        if not KSR.is_method("INVITE"):
            KSR.sl.send_reply(405, "Method Not Allowed")
            return 1
        KSR.tm.t_newtran()  # without a transaction there is nothing to suspend
        self.ask(SERVICES[0], "from_first")
        return 1

    def from_first(self, msg, evname=""):
        if self.has_answer():
            return self.route()
        KSR.warn("%s: %s; asking the second\n" % (SERVICES[0], KSR.pv.get("$http_err")))
        self.ask(SERVICES[1], "from_second")
        return 1

    def from_second(self, msg, evname=""):
        if self.has_answer():
            return self.route()
        KSR.tm.t_reply(503, "Service Unavailable")
        return 1

    def ask(self, service, callback):
        KSR.pv.seti("$http_req(timeout)", TIMEOUT_MS)
        KSR.pv.sets("$http_req(hdr)", "X-Call-ID: %s" % KSR.pv.get("$ci"))
        url = "%s/lookup/%s" % (service, KSR.pv.get("$rU"))
        if KSR.http_async_client.query(url, callback) < 0:
            KSR.tm.t_reply(500, "Server Internal Error")

    def has_answer(self):
        return KSR.pv.get("$http_ok") == 1 and KSR.pv.get("$http_rs") < 500

    def route(self):
        if KSR.pv.get("$http_rs") == 404:
            KSR.tm.t_reply(404, "Not Found")
            return 1
        found = json.loads(KSR.pv.get("$http_rb"))
        KSR.seturi("sip:%s@%s.example" % (found["number"], found["network"]))
        KSR.tm.t_relay()
        return 1
