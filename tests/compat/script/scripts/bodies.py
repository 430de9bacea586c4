"""Bodies: read, searched, replaced, set, removed; session descriptions."""

import KSR


def mod_init():
    return Bodies()


class Bodies:
    def ksr_request_route(self, msg):
        KSR.textops.has_body()
        KSR.textops.has_body_type("application/sdp")
        KSR.textops.has_body_type("text/plain")
        KSR.pv.get("$rb")
        KSR.pv.get("$bs")
        KSR.pv.get("$cT")
        KSR.pv.get("$(rb{s.len})")
        KSR.pv.get("$(rb{line.at,1})")
        KSR.textops.search_body("a=sendrecv")
        KSR.textops.search("^CSeq")
        KSR.textops.filter_body("application/sdp")
        KSR.textops.remove_body_part("application/sdp")
        for part in KSR.textops.get_body_part, KSR.textops.get_body_part_raw:
            part("text/plain", "$var(part)")
            KSR.pv.get("$var(part)")
        if KSR.textops.has_body() > 0:
            KSR.textops.replace_body("192.0.2.10", "203.0.113.9")
            KSR.textopsx.msg_apply_changes()
            KSR.pv.get("$rb")
            KSR.textops.set_body("hello", "text/plain")
            KSR.textopsx.msg_apply_changes()
            KSR.pv.get("$rb")
            KSR.pv.get("$cT")
            KSR.pv.get("$cl")
        for what in "/^/9/", "/$/9/", "/x*/y/", "/b*/y/g", "/o*b/z/g", "/(^)b/\\1q/", "/x/y/":
            KSR.textops.subst_user(what)
            KSR.textops.subst_uri(what)
            KSR.pv.get("$ru")
            KSR.textops.subst_hf("User-Agent", what, "a")
            KSR.pv.get("$(ru{re.subst,%s})" % what)
        KSR.textops.str_find("abc", "c")
        KSR.textops.cmp_istr("a", "A")
        KSR.regex.pcre_match("sip:alice", "^sip:[a-z]+$")
        KSR.sl.send_reply(200, "OK")
        return 1
