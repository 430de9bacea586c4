"""Routes to strict routers (RFC 2543), alone and among others."""

import KSR

ROUTES = (
    "<sip:192.0.2.7>", "<sip:192.0.2.7>, <sip:192.0.2.8;lr>", "<sip:192.0.2.7;lr>",
    "<sip:bob@192.0.2.7:5070;transport=tcp>", "<sip:192.0.2.7;lr=on>, <sip:192.0.2.8>",
)  # fmt: skip


def mod_init():
    return StrictRoutes()


class StrictRoutes:
    def ksr_request_route(self, msg):
        for route in ROUTES:
            KSR.hdr.remove("Route")
            KSR.hdr.append("Route: " + route + "\r\n")
            KSR.seturi("sip:bob@example.org;x=y")
            KSR.resetdsturi()
            KSR.textopsx.msg_apply_changes()
            KSR.rr.loose_route()
            KSR.pv.get("$ru")
            KSR.pv.get("$du")
            KSR.textopsx.msg_apply_changes()
            KSR.pv.get("$(hdr(Route)[0])")
            KSR.pv.get("$(hdr(Route)[1])")
        return 1
