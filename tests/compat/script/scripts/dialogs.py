"""In-dialog requests: Route headers followed, aliases resolved, directions told."""

import KSR


def mod_init():
    return Dialogs()


class Dialogs:
    def ksr_request_route(self, msg):
        if KSR.is_CANCEL() or KSR.is_REGISTER():
            return 1
        if KSR.siputils.has_totag() < 0:
            KSR.rr.record_route()
            KSR.rr.add_rr_param(";who=%s" % KSR.pv.gete("$fU"))
            KSR.rr.record_route()
            if KSR.is_ACK():
                return 1
            KSR.sl.send_reply(404, "No dialog")
            return 1
        if KSR.rr.loose_route() > 0:
            KSR.pv.get("$du")
            KSR.pv.get("$ru")
            KSR.rr.check_route_param("nat=yes")
            KSR.rr.check_route_param("who=[a-z]+")
            KSR.rr.is_direction("downstream")
            KSR.rr.is_direction("upstream")
            KSR.pv.get("$hdr(Route)")
            if not KSR.isdsturiset():
                KSR.nathelper.handle_ruri_alias()
                KSR.pv.get("$ru")
                KSR.pv.get("$du")
            KSR.tm.t_relay()
            return 1
        KSR.nathelper.handle_ruri_alias()
        KSR.pv.get("$du")
        KSR.pv.get("$ru")
        if not KSR.is_ACK():
            KSR.sl.sl_send_reply(481, "Call/Transaction Does Not Exist")
        return 1
