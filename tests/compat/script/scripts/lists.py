"""Headers that hold lists, hop by hop; what counts for how long; where a reply goes back."""

import KSR

LISTS = ("Via", "Contact", "m", "Route", "Record-Route", "P-Asserted-Identity", "Supported", "No")
OTHERS = """$expires(max) $expires(min) $rr_count $rr_top_count $via0(port) $via1(port) $viaZ(port)
    $nh(u) $nh(d) $nh(p) $nh(P) $rpl(duri) $rpl(dport)""".split()


def mod_init():
    return Lists()


class Lists:
    def show(self):
        for name in LISTS:
            KSR.pv.get("$hflc(%s)" % name)
            KSR.pv.get("$hfl(%s)" % name)
            for index in ("0", "1", "2", "-1", "-2", "-3", "*"):
                KSR.pv.get("$(hfl(%s)[%s])" % (name, index))
        for name in OTHERS:
            KSR.pv.get(name)
        return 1

    def ksr_request_route(self, msg):
        return self.show()

    def ksr_reply_route(self, msg):
        return self.show()
