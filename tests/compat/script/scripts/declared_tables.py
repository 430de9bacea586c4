"""Tables as a configuration declares them: initial values, items that end, tables that are not."""

import KSR

TABLES = ("plain", "counted", "below", "bans", "once", "undeclared")
MATCHING = (
    "k", "k.*", "^k", "~~^k", "~%k", "%~k", "==k", "", "kv", "~~v", "~%v", "%~a", "=k", "%k",
)  # fmt: skip


def minutes(name):
    """How long an item has left, as far as that is the same on two machines."""
    left = KSR.pv.get(name)
    return left if left is None else (left + 30) // 60


class Tables:
    def child_init(self, rank):
        return 0

    def read(self, table, key):
        sht = KSR.htable
        sht.sht_get(table, key)
        sht.sht_gete(table, key)
        sht.sht_getw(table, key)
        sht.sht_is_null(table, key)
        for read in (KSR.pv.get, KSR.pv.gete, KSR.pv.getw, KSR.pv.is_null):
            read("$sht(%s=>%s)" % (table, key))

    def ksr_request_route(self, msg):
        sht = KSR.htable
        for table in TABLES:
            self.read(table, "missing")
            KSR.hdr.append("X-Missing: %s\r\n" % minutes("$shtex(%s=>missing)" % table))
            sht.sht_inc(table, "up")
            sht.sht_dec(table, "down")
            KSR.pv.get("$shtinc(%s=>more)" % table)
            KSR.pv.get("$shtdec(%s=>less)" % table)
            self.read(table, "up")
            sht.sht_sets(table, "up", "text")
            sht.sht_inc(table, "up")
            sht.sht_rm(table, "up")
            self.read(table, "up")
            sht.sht_setxi(table, "timed", 1, 600)
            first = minutes("$shtex(%s=>timed)" % table)
            sht.sht_seti(table, "timed", 2)
            again = minutes("$shtex(%s=>timed)" % table)
            KSR.hdr.append("X-Left: %s %s\r\n" % (first, again))
            KSR.pv.seti("$shtex(%s=>timed)" % table, 120)
            KSR.hdr.append("X-Left: %s\r\n" % minutes("$shtex(%s=>timed)" % table))
            for name in ("timed", "down", "more", "less"):
                sht.sht_rm(table, name)
            for name in ("k", "kk", "xk", "abc", "3"):
                sht.sht_sets(table, name, name + "v")
            for pattern in MATCHING:
                KSR.pv.get("$shtcn(%s=>%s)" % (table, pattern))
                KSR.pv.get("$shtcv(%s=>%s)" % (table, pattern))
            for name in ("k", "kk", "xk", "abc", "3"):
                sht.sht_rm(table, name)
        KSR.sl.send_reply(200, "OK")
        return 1


def mod_init():
    return Tables()
