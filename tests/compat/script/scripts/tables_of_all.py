"""Shared tables in every way: counters, locks, expiry, iterators, matching, ``$shv``, statistics."""

import KSR


def mod_init():
    return Tables()


class Tables:
    def ksr_request_route(self, msg):
        sht, who = KSR.htable, KSR.pv.gete("$fU") or "nobody"
        sht.sht_seti("calls", who, KSR.pv.geti("$sht(calls=>%s)" % who) + 1)
        sht.sht_sets("last", who, KSR.pv.gete("$ci"))
        for name in ("calls", "last", "none"):
            sht.sht_get(name, who)
            sht.sht_gete(name, who)
            sht.sht_getw(name, who)
            sht.sht_get(name, "missing")
            sht.sht_gete(name, "missing")
            sht.sht_getw(name, "missing")
        sht.sht_inc("calls", who)
        sht.sht_dec("calls", who)
        sht.sht_inc("calls", "missing")
        sht.sht_match_name("calls", "eq", who)
        sht.sht_match_name("calls", "sw", "zz")
        sht.sht_match_str_value("last", "ne", "x")
        sht.sht_rm_name_re("last", "^zz")
        sht.sht_sets("single", "key", "value")
        if sht.sht_iterator_start("one", "single") > 0:
            for _ in range(5):
                if sht.sht_iterator_next("one") < 0:
                    break
                KSR.pv.get("$shtitkey(one)")
                KSR.pv.get("$shtitval(one)")
            sht.sht_iterator_end("one")
        sht.sht_setex("calls", who, 60)
        sht.sht_rm("last", who)
        sht.sht_get("last", who)
        KSR.pv.seti("$shv(all)", KSR.pv.geti("$shv(all)") + 1)
        KSR.hdr.append(
            "X-Calls: %s %s\r\n" % (KSR.pv.get("$sht(calls=>%s)" % who), KSR.pv.get("$shv(all)"))
        )
        KSR.sl.send_reply(200, "OK")
        return 1
