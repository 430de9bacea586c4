"""Which side of a dialog sends, before and after its Route is taken; what its dialog is to be like."""

import KSR

CONTEXT = ("on", "timeout", "timeout_bye", "timeout_route", "timeout_route_id", "dir")


class Script:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        KSR.hdr.is_present("X-Nothing")  # the server has read all headers now, the Routes too
        for _ in ("before", "after"):
            for one in ("$rdir(id)", "$rdir(name)", "$fti", "$tti", "$ft", "$tt", "$bf", "$ad"):
                KSR.pv.get(one)
            KSR.rr.is_direction("downstream")
            KSR.rr.is_direction("upstream")
            KSR.rr.check_route_param("ftag=")
            KSR.rr.loose_route()
        for name in CONTEXT:
            KSR.pv.get("$dlg_ctx(%s)" % name)
            for value in (7, -5, 0):
                KSR.pv.seti("$dlg_ctx(%s)" % name, value)
                KSR.pv.get("$dlg_ctx(%s)" % name)
            KSR.pv.sets("$dlg_ctx(%s)" % name, "text")
            KSR.pv.get("$dlg_ctx(%s)" % name)
            KSR.pv.unset("$dlg_ctx(%s)" % name)
            KSR.pv.get("$dlg_ctx(%s)" % name)
        if not KSR.is_ACK():
            KSR.sl.send_reply(200, "OK")
        return 1


def mod_init():
    return Script()
