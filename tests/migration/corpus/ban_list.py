"""A list of banned addresses, filled by each process when it starts and renewed by hand."""

import os

import KSR

URL = os.environ["HTTP_URL"]
LIST = URL + "/banned"
TABLE = "banned"


def mod_init():
    return BanList()


class BanList:
    def __init__(self):
        self.known = 0

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

    def ksr_request_route(self, msg):
        user = KSR.pv.gete("$fU")
        if KSR.is_method("INFO"):
            return self.renew()
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

    def renew(self):
        if not self.fill():
            KSR.sl.send_reply(500, "No list")
            return 1
        rc = KSR.http_client.query_request(
            "DELETE", URL + "/changes", "", "X-Known: %d" % self.known, "$var(r)"
        )
        KSR.sl.send_reply(200, "Renewed, %d" % rc)
        return 1

    def ksr_reply_route(self, msg):
        return 1
