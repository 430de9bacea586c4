"""Queries that suspend nothing: records of calls, and a table filled at the start."""

import os

import KSR

URL = os.environ["HTTP_URL"]


def mod_init():
    return Records()


class Records:
    def child_init(self, rank):
        if rank == 1:
            KSR.pv.seti("$http_req(suspend)", 0)
            KSR.http_async_client.query(URL + "/bans", "filled")
        return 0

    def ksr_request_route(self, msg):
        KSR.pv.seti("$http_req(suspend)", 0)
        KSR.http_async_client.query(URL + "/record", "recorded")
        KSR.sl.send_reply(202, "Accepted")
        return 1

    def filled(self, msg, event):
        KSR.pv.sets("$sht(bans=>list)", KSR.pv.gete("$http_rb"))
        return 1

    def recorded(self, msg, event):
        KSR.htable.sht_sets("records", event, KSR.pv.gete("$http_rb"))
        return 1

    def noted(self, msg, event):
        KSR.info("%s: %s\n" % (KSR.pv.get("$http_xdata"), KSR.pv.get("$http_rs")))
        return 1
