"""A list of banned addresses, filled by each process when it starts and renewed by hand."""

import json
import os

import KSR

URL = os.environ["HTTP_URL"]
LIST = URL + "/banned"
TABLE = "banned"
NETWORKS = "networks"
ATTEMPTS = "attempts"
MAX_ATTEMPTS = 2


def mod_init():
    return BanList()


class BanList:
    def __init__(self):
        self.known = 0
        self.http = KSR.http_client

    def child_init(self, rank):
        # processes that answer no request need no list
        if rank < 0:
            return 0
        self.fill()
        return 0

    def fill(self):
        code = KSR.http_client.query(LIST, "$var(list)")
        if code != 200:
            KSR.err("no list: %d\n" % code)
            return False
        for user in KSR.pv.gete("$var(list)").split(","):
            if user:
                KSR.htable.sht_seti(TABLE, user, 1)
                self.known += 1
        return True

    # who comes from a bad network is asked for once, and remembered
    def is_bad_network(self, address):
        known = KSR.htable.sht_get(NETWORKS, address)
        if known is not None:
            return known == 1
        rc = self.http.query(URL + "/network?address=" + address, "$var(network)")
        bad = 1 if rc == 200 and KSR.pv.gete("$var(network)") == "bad" else 0
        KSR.htable.sht_seti(NETWORKS, address, bad)
        return bad == 1

    def count(self, user):
        KSR.htable.sht_inc(ATTEMPTS, user)
        attempts = KSR.htable.sht_get(ATTEMPTS, user)
        if attempts is None or attempts < MAX_ATTEMPTS:
            return
        # that many: it is not a person
        reason = "attempts: %d" % attempts
        banned = self.http.query_request(
            "POST",
            LIST + "/" + user,
            reason,
            "Content-Type: text/plain\r\nX-Reason: attempts",
            "$var(banned)",
        )
        if banned == 200:
            KSR.htable.sht_seti(TABLE, user, 1)
            KSR.htable.sht_rm(ATTEMPTS, user)

    def ksr_request_route(self, msg):
        if KSR.pv.gete("$ua").find("scanner") >= 0:
            self.report("scanner", KSR.pv.get("$si"))
            return 1
        if KSR.maxfwd.process_maxfwd(10) < 0:
            KSR.sl.sl_send_reply(483, "Too Many Hops")
            return 1
        user = KSR.pv.gete("$fU")
        if KSR.is_method("INFO"):
            return self.renew()
        if KSR.is_REGISTER():
            return self.register(user)
        if self.is_bad_network(KSR.pv.get("$si")):
            self.report("network", KSR.pv.get("$si"))
            KSR.sl.send_reply(403, "Bad network")
            return 1
        if KSR.htable.sht_get(TABLE, user) is not None:
            # told to those who keep the list
            body = "user=%s&method=%s" % (user, KSR.pv.get("$rm"))
            told = KSR.http_client.query_post(URL + "/seen", body, "$var(told)")
            KSR.info("told: %d\n" % told)
            KSR.sl.send_reply(403, "Banned")
            return 1
        if not KSR.is_ACK():
            KSR.sl.send_reply(200, "Welcome")
        return 1

    def register(self, user):
        self.count(user)
        # accounts that were stolen are told of by another list
        stolen = self.http.query_post_hdrs(
            URL + "/stolen", "user=" + user, "X-List: accounts", "$var(stolen)"
        )
        if stolen == 200 and KSR.pv.get("$var(stolen)") == "yes":
            KSR.sl.send_reply(403, "Change your password")
            return 1
        if KSR.registrar.save("location", 0) < 0:
            KSR.sl.sl_reply_error()
        return 1

    # those who keep the list want to hear of it, but no call waits for them
    def report(self, kind, what):
        KSR.pv.sets("$http_req(method)", "POST")
        KSR.pv.sets("$http_req(hdr)", "Content-Type: application/json")
        KSR.pv.sets("$http_req(hdr)", "X-Kind: " + kind)
        KSR.pv.sets("$http_req(body)", json.dumps({"kind": kind, "what": what}))
        KSR.pv.seti("$http_req(timeout)", 60000)
        KSR.http_async_client.send_xdata(URL + "/reports", "reported", kind)

    def reported(self, msg, evname=""):
        """Nobody is there to be answered."""
        if KSR.pv.get("$http_ok") != 1:
            KSR.err("report of a %s: %s\n" % (KSR.pv.get("$http_xdata"), KSR.pv.get("$http_err")))
            return 1
        status = KSR.pv.get("$http_rs")
        if status >= 300:
            KSR.err("report refused: %d %s\n" % (status, KSR.pv.get("$http_rr")))
        elif KSR.pv.get("$http_hdr(X-Thanks)") is not None:
            KSR.info("thanked\n")
        return 1

    # what was counted here is counted anew when an operator says so
    def forget(self, user):
        KSR.htable.sht_rm(ATTEMPTS, user)
        rc = self.http.query_request("DELETE", LIST + "/" + user, "", "", "$var(forgotten)")
        if rc == 404:
            KSR.info("%s was not banned\n" % user)
        elif rc != 200:
            KSR.err("%s stays banned: %d\n" % (user, rc))
        return rc

    def renew(self):
        if not self.fill():
            KSR.sl.send_reply(500, "No list")
            return 1
        rc = KSR.http_client.query_request(
            "DELETE", URL + "/changes", "", "X-Known: %d" % self.known, "$var(r)"
        )
        if rc == 200:
            self.forget(KSR.pv.gete("$tU"))
        KSR.sl.send_reply(200, "Renewed, %d" % rc)
        return 1

    def ksr_reply_route(self, msg):
        return 1
