"""Lists within headers, their parameters and iterators: ``textopsx``, and the rest of ``hdr``."""

import KSR


def mod_init():
    return Values()


class Values:
    def ksr_request_route(self, msg):
        hdr, x = KSR.hdr, KSR.textopsx
        for name in (
            "Via",
            "From",
            "To",
            "Contact",
            "Supported",
            "Allow",
            "X-None",
            "v",
            "Call-ID",
        ):
            for index in (0, -1, 1):
                hdr.get_idx(name, index)
                hdr.gete_idx(name, index)
                hdr.getw_idx(name, index)
            hdr.is_present(name)
        for operator in ("eq", "ne", "sw", "in", "re"):
            for which in ("a", "f", "l"):
                hdr.match_content("From", operator, "alice", which)
                hdr.match_content("X-None", operator, "alice", which)
        for operator, text in (
            ("eq", "x"),
            ("ne", "x"),
            ("in", "SIP"),
            ("re", "^[a-z]"),
            ("zz", ""),
        ):
            KSR.textops.remove_hf_match("User-Agent", operator, text)
        KSR.textops.remove_hf_re("^X-")
        KSR.textops.remove_hf_idx("Supported", 0)
        KSR.textops.is_present_hf_re("^Con.*")
        KSR.textops.search("INVITE")
        KSR.textops.search_body("^m=audio")
        KSR.textops.has_body()
        x.hf_value_exists("Allow", "INVITE")
        x.append_hf_value("X-List", "one")
        x.insert_hf_value("X-List", "two")
        x.include_hf_value("Supported", "path")
        x.exclude_hf_value("Allow", "BYE")
        x.remove_hf_value("X-None")
        hdr.insert("X-First: 1\r\n")
        hdr.append("X-Last: 1\r\n")
        hdr.append_to_reply("X-Reply: 1\r\n")
        KSR.sl.send_reply(200, "OK")
        return 1
