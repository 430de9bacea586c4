"""What the server takes for itself: by name, by address, with and without a port."""

import KSR

ASKED = (
    "127.0.0.1", "127.0.0.1:{port}", "127.0.0.1:9", "sip.example.org", "sip.example.org:5060",
    "SIP.example.ORG", "sip:127.0.0.1", "sip:127.0.0.1:{port}", "sip:127.0.0.1:9",
    "sip:a@sip.example.org", "<sip:a@sip.example.org>", "", "[::1]", "other.example",
    "sips:a@sip.example.org", "sips:127.0.0.1", "tel:+49", "sip:a@sip.example.org;transport=tcp",
    "sip:a@127.0.0.1;transport=udp", "sip.example.org;x=y", "bob@sip.example.org", "sip:",
)  # fmt: skip


class Selves:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        for text in ASKED:
            uri = text.replace("{port}", str(KSR.pv.get("$Rp")))
            KSR.is_myself(uri)
            if uri.startswith(("sip:a@", "sip:1", "sips:")):
                KSR.pv.sets("$ru", uri)
                KSR.is_myself_ruri()
                KSR.pv.sets("$du", uri)
                KSR.is_myself_duri()
                KSR.is_myself_nhuri()
        KSR.is_myself_furi()
        KSR.is_myself_turi()
        KSR.is_myself_srcip()
        return 1


def mod_init():
    return Selves()
