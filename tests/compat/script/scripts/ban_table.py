"""A table of banned addresses in shared memory: counting, expiry, removal."""

import KSR

LIMIT = 2


def mod_init():
    return Ban()


class Ban:
    def child_init(self, rank):
        KSR.htable.sht_seti("counts", "start", 1)
        return 0

    def ksr_request_route(self, msg):
        user = KSR.pv.gete("$fU")
        key = user + "::" + KSR.pv.get("$rm")
        if KSR.htable.sht_is_null("bans", key) < 0:
            KSR.sl.send_reply(403, "Banned")
            return 1
        if KSR.htable.sht_get("counts", key) is None:
            KSR.htable.sht_seti("counts", key, 0)
        count = KSR.htable.sht_inc("counts", key)
        KSR.pv.sets("$sht(seen=>$ci)", KSR.pv.get("$ru"))
        if count >= LIMIT:
            KSR.htable.sht_sets("bans", key, "yes")
            KSR.htable.sht_setex("bans", key, 300)
        if KSR.htable.sht_match_name("bans", "sw", user) > 0:
            KSR.hdr.append_to_reply("X-Banned: %s\r\n" % KSR.htable.sht_gete("bans", key))
        if KSR.is_OPTIONS():
            KSR.htable.sht_rm("counts", key)
            KSR.htable.sht_rm_name_re("bans", "^%s::" % user)
        if KSR.htable.sht_get("none", key) is None and KSR.pv.get("$sht(counts=>nobody)") is None:
            KSR.htable.sht_lock("counts", "x")
            KSR.htable.sht_unlock("counts", "x")
        KSR.sl.send_reply(200, "Seen %d" % count)
        return 1

    def ksr_reply_route(self, msg):
        return 1
