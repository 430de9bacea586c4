"""A whole proxy: what comes in is checked, dialogs are followed, registrations kept, calls looked
up over HTTP and relayed; replies, branches, failures and what is sent have routes of their own.
"""

import os
import sys

import KSR

LOOKUP = os.environ.get("ROUTING_API", "http://127.0.0.1:8088") + "/lookup/"
FLAG_NATED = 5
BRANCH_FLAG_NATED = 6
GO_ON = True


class Proxy:
    def child_init(self, rank):
        KSR.info("process %d\n" % rank)
        return 0

    def ksr_request_route(self, msg):
        for route in (self.ksr_route_checks, self.ksr_route_nat, self.ksr_route_cancel,
                      self.ksr_route_dialog, self.ksr_route_again):  # fmt: skip
            if route(msg) is not GO_ON:
                return 1
        KSR.hdr.remove("Route")
        if KSR.is_method_in("IS"):
            KSR.rr.record_route()
        if KSR.is_REGISTER():
            return self.ksr_route_register(msg)
        if not KSR.is_myself_ruri():
            return self.ksr_route_relay(msg)
        if KSR.corex.has_ruri_user() < 0:
            KSR.sl.send_reply(484, "Address Incomplete")
            return 1
        return self.ksr_route_lookup(msg)

    # ---- parts of the request route

    def ksr_route_checks(self, msg):
        if "scanner" in KSR.kx.gete_ua():
            sys.exit()  # ends the script for this message, and says nothing to the sender
        if KSR.maxfwd.process_maxfwd(10) < 0:
            KSR.sl.send_reply(483, "Too Many Hops")
            return None
        if KSR.sanity.sanity_check(17895, 7) < 0:
            KSR.err("malformed: %s from %s\n" % (KSR.kx.get_method(), KSR.kx.get_srcip()))
            return None
        if KSR.is_OPTIONS() and KSR.is_myself_ruri() and KSR.corex.has_ruri_user() < 0:
            KSR.sl.send_reply(200, "Keepalive")
            return None
        return GO_ON

    def ksr_route_nat(self, msg):
        KSR.force_rport()
        if KSR.nathelper.nat_uac_test(19) > 0:
            if KSR.is_REGISTER():
                KSR.nathelper.fix_nated_register()
            elif KSR.siputils.is_first_hop() > 0:
                KSR.nathelper.set_contact_alias()
            KSR.setflag(FLAG_NATED)
        return GO_ON

    def ksr_route_cancel(self, msg):
        if not KSR.is_CANCEL():
            return GO_ON
        if KSR.tm.t_check_trans() > 0:
            self.ksr_route_relay(msg)
        return None

    def ksr_route_dialog(self, msg):
        if KSR.siputils.has_totag() < 0:
            return GO_ON
        if KSR.rr.loose_route() > 0:
            if KSR.isdsturiset() < 0:
                KSR.nathelper.handle_ruri_alias()
            self.ksr_route_relay(msg)
        elif KSR.is_ACK():
            if KSR.tm.t_check_trans() > 0:
                self.ksr_route_relay(msg)
        else:
            KSR.sl.send_reply(404, "Not here")
        return None

    def ksr_route_again(self, msg):
        """The same request once more: its transaction repeats what it has answered."""
        if KSR.tmx.t_precheck_trans() > 0:
            KSR.tm.t_check_trans()
            return None
        return GO_ON if KSR.tm.t_check_trans() != 0 else None

    def ksr_route_register(self, msg):
        if KSR.isflagset(FLAG_NATED):
            KSR.setbflag(BRANCH_FLAG_NATED)
        if KSR.registrar.save("location", 0) < 0:
            KSR.sl.sl_reply_error()
        return 1

    def ksr_route_lookup(self, msg):
        KSR.tm.t_newtran()
        code = KSR.http_client.query(LOOKUP + KSR.pv.get("$rU"), "$var(where)")
        if code < 100:
            KSR.tm.t_send_reply(503, "Lookup Down")
        elif code != 200:
            KSR.tm.t_send_reply(404, "Not Found")
        else:
            KSR.hdr.append("X-Network: %s\r\n" % KSR.pv.getw("$var(where)"))
            self.ksr_route_relay(msg)
        return 1

    def ksr_route_relay(self, msg):
        if KSR.is_method_in("IBSU") and KSR.tm.t_is_set("branch_route") < 0:
            KSR.tm.t_on_branch("ksr_branch_manage")
        if KSR.is_method_in("ISU") and KSR.tm.t_is_set("onreply_route") < 0:
            KSR.tm.t_on_reply("ksr_onreply_manage")
        if KSR.is_INVITE() and KSR.tm.t_is_set("failure_route") < 0:
            KSR.tm.t_on_failure("ksr_failure_manage")
        if KSR.tm.t_relay() < 0:
            KSR.sl.sl_reply_error()
        return 1

    # ---- routes that the server calls

    def ksr_branch_manage(self, msg):
        KSR.dbg("branch %s to %s\n" % (KSR.pv.getw("$T_branch_idx"), KSR.pv.getw("$ru")))
        if KSR.isbflagset(BRANCH_FLAG_NATED):
            KSR.rr.add_rr_param(";nat=yes")
        return 1

    def ksr_onreply_manage(self, msg):
        status = KSR.pv.geti("$rs")
        if 100 < status < 300 and KSR.nathelper.nat_uac_test(1) > 0:
            KSR.nathelper.set_contact_alias()
        return 1

    def ksr_failure_manage(self, msg):
        if KSR.tm.t_is_canceled() > 0:
            return 1
        if KSR.tm.t_check_status("486|408") > 0:
            KSR.hdr.append_to_reply("X-Tried: 1\r\n")
        return 1

    def ksr_reply_route(self, msg):
        KSR.dbg("reply %s\n" % KSR.pv.getw("$rs"))
        return 1

    def ksr_onsend_route(self, msg):
        KSR.dbg("sent on: %s of %s\n" % (KSR.kx.get_method(), KSR.pv.getw("$ci")))
        return 1


def mod_init():
    return Proxy()
