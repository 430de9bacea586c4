"""Calls to a list of gateways: one after the other, each asked for credentials, names replaced."""

import KSR

TRUNKS = 7


def mod_init():
    return Gateways()


class Gateways:
    def ksr_request_route(self, msg):
        if KSR.is_CANCEL():
            if KSR.tm.t_check_trans() > 0:
                KSR.tm.t_relay()
            return 1
        if KSR.siputils.has_totag() > 0:
            if KSR.rr.loose_route() > 0:
                KSR.uac.uac_restore_from()
                KSR.tm.t_relay()
            elif not KSR.is_ACK():
                KSR.sl.send_reply(404, "Not here")
            return 1
        if not KSR.is_INVITE():
            KSR.sl.send_reply(200, "OK")
            return 1
        KSR.rr.record_route()
        KSR.uac.uac_replace_from("", "sip:trunk@example.org")
        if KSR.dispatcher.ds_select_dst(TRUNKS, 4) < 0:
            KSR.sl.send_reply(404, "No Destination")
            return 1
        KSR.info("to %s\n" % KSR.pv.getw("$du"))
        KSR.tm.t_on_failure("ksr_failure_gateway")
        KSR.tm.t_on_branch("ksr_branch_gateway")
        KSR.tm.t_relay()
        return 1

    def ksr_branch_gateway(self, msg):
        KSR.dialog.dlg_manage()
        return 1

    def ksr_failure_gateway(self, msg):
        if KSR.tm.t_is_canceled() > 0:
            return 1
        status = KSR.pv.get("$T_reply_code")
        if status in (401, 407):
            if KSR.uac.uac_auth() > 0:
                KSR.tm.t_relay()
            return 1
        if status == 486:
            KSR.dispatcher.ds_mark_dst_state("ip")
            if KSR.dispatcher.ds_next_dst() > 0:
                KSR.tm.t_on_failure("ksr_failure_gateway")
                KSR.tm.t_relay()
        return 1
