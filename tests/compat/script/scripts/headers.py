"""Headers: read, added, removed, and read again before and after the changes are applied."""

import KSR


def mod_init():
    return Headers()


class Headers:
    def ksr_request_route(self, msg):
        KSR.hdr.append("X-Late: 1\r\n")
        KSR.hdr.insert("X-Early: 1\r\n")
        KSR.hdr.append_after("X-After: 1\r\n", "To")
        KSR.hdr.insert_before("X-Before: 1\r\n", "CSeq")
        KSR.hdr.remove("User-Agent")
        KSR.hdr.rmappend("Subject", "Subject: new\r\n")
        for name in ("X-Late", "X-Early", "User-Agent", "Subject", "m", "From", "X-None"):
            KSR.hdr.get(name)
            KSR.hdr.gete(name)
            KSR.hdr.getw(name)
            KSR.hdr.is_present(name)
            KSR.pv.get("$hdr(%s)" % name)
        KSR.hdr.get_idx("Via", 0)
        KSR.hdr.get_idx("Via", -1)
        KSR.hdr.match_content("From", "in", "alice", "a")
        KSR.textops.is_present_hf("Contact")
        KSR.textops.search_hf("Contact", "sip:", "a")
        KSR.textops.subst_hf("Contact", "/alice/carol/", "f")
        KSR.textopsx.append_hf_value("Supported", "path")
        KSR.textopsx.hf_value_exists("Supported", "replaces")
        KSR.textopsx.msg_apply_changes()
        for name in ("X-Late", "X-Early", "User-Agent", "Subject", "Contact", "Supported"):
            KSR.hdr.get(name)
            KSR.pv.get("$(hdr(%s)[0])" % name)
        KSR.pv.get("$hdrc(Via)")
        KSR.textopsx.hf_iterator_start("i")
        while KSR.textopsx.hf_iterator_next("i") > 0:
            KSR.textopsx.hf_iterator_hname("i")
            KSR.textopsx.hf_iterator_hbody("i")
        KSR.textopsx.hf_iterator_end("i")
        KSR.sl.send_reply(200, "OK")
        return 1
