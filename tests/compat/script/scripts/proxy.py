"""A proxy with registrar and NAT traversal: the shape of most KEMI scripts (after the server's own
basic example)."""

import sys

import KSR

FLT_NATS = 5
FLB_NATB = 6


def mod_init():
    KSR.info("proxy starts\n")
    return Proxy()


class Proxy:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        if self.reqinit(msg) == -255:
            return 1
        if self.natdetect(msg) == -255:
            return 1
        if KSR.is_CANCEL():
            if KSR.tm.t_check_trans() > 0:
                self.relay(msg)
            return 1
        if self.withindlg(msg) == -255:
            return 1
        if KSR.tmx.t_precheck_trans() > 0:
            KSR.tm.t_check_trans()
            return 1
        if KSR.tm.t_check_trans() == 0:
            return 1
        if self.auth(msg) == -255:
            return 1
        KSR.hdr.remove("Route")
        if KSR.is_method_in("IS"):
            KSR.rr.record_route()
        if not KSR.is_myself_ruri():
            KSR.hdr.append("P-Hint: outbound\r\n")
            self.relay(msg)
            return 1
        if KSR.is_REGISTER():
            self.registrar(msg)
            return 1
        if KSR.corex.has_ruri_user() < 0:
            KSR.sl.sl_send_reply(484, "Address Incomplete")
            return 1
        self.location(msg)
        return 1

    def reqinit(self, msg):
        if not KSR.is_myself_srcip() and KSR.pv.get("$sht(ipban=>$si)") is not None:
            KSR.dbg("blocked " + KSR.kx.get_srcip() + "\n")
            return -255
        if KSR.corex.has_user_agent() > 0:
            agent = KSR.pv.gete("$ua")
            if agent.find("friendly-scanner") != -1 or agent.find("sipcli") != -1:
                KSR.sl.sl_send_reply(200, "OK")
                return -255
        if KSR.maxfwd.process_maxfwd(10) < 0:
            KSR.sl.sl_send_reply(483, "Too Many Hops")
            return -255
        if KSR.is_OPTIONS() and KSR.is_myself_ruri() and KSR.corex.has_ruri_user() < 0:
            KSR.sl.sl_send_reply(200, "Keepalive")
            return -255
        if KSR.sanity.sanity_check(17895, 7) < 0:
            KSR.err("malformed message\n")
            return -255
        return 1

    def relay(self, msg):
        if KSR.is_method_in("IBSU") and KSR.tm.t_is_set("branch_route") < 0:
            KSR.tm.t_on_branch("ksr_branch_manage")
        if KSR.is_method_in("ISU") and KSR.tm.t_is_set("onreply_route") < 0:
            KSR.tm.t_on_reply("ksr_onreply_manage")
        if KSR.is_INVITE() and KSR.tm.t_is_set("failure_route") < 0:
            KSR.tm.t_on_failure("ksr_failure_manage")
        if KSR.tm.t_relay() < 0:
            KSR.sl.sl_reply_error()
        return -255

    def withindlg(self, msg):
        if KSR.siputils.has_totag() < 0:
            return 1
        if KSR.rr.loose_route() > 0:
            if self.dlguri(msg) == -255:
                return -255
            if KSR.is_ACK():
                self.natmanage(msg)
            elif KSR.is_NOTIFY():
                KSR.rr.record_route()
            self.relay(msg)
            return -255
        if KSR.is_ACK():
            if KSR.tm.t_check_trans() > 0:
                self.relay(msg)
            return -255
        KSR.sl.sl_send_reply(404, "Not here")
        return -255

    def auth(self, msg):
        if not KSR.is_REGISTER() and not KSR.is_myself_furi():
            return 1
        if KSR.auth_db.auth_check(KSR.pv.gete("$fd"), "subscriber", 1) < 0:
            KSR.auth.auth_challenge(KSR.pv.gete("$fd"), 0)
            return -255
        if not KSR.is_method_in("RP"):
            KSR.auth.consume_credentials()
        return 1

    def registrar(self, msg):
        if KSR.isflagset(FLT_NATS):
            KSR.setbflag(FLB_NATB)
        if KSR.registrar.save("location", 0) < 0:
            KSR.sl.sl_reply_error()

    def location(self, msg):
        code = KSR.registrar.lookup("location")
        if code < 0:
            KSR.tm.t_newtran()
            if code == -2:
                KSR.sl.send_reply(405, "Method Not Allowed")
            else:
                KSR.sl.send_reply(404, "Not Found")
            return -255
        self.relay(msg)
        return -255

    def natdetect(self, msg):
        KSR.force_rport()
        if KSR.nathelper.nat_uac_test(19) > 0:
            if KSR.is_REGISTER():
                KSR.nathelper.fix_nated_register()
            elif KSR.siputils.is_first_hop() > 0:
                KSR.nathelper.set_contact_alias()
            KSR.setflag(FLT_NATS)
        return 1

    def natmanage(self, msg):
        if KSR.siputils.is_request() > 0 and KSR.siputils.has_totag() > 0:
            if KSR.rr.check_route_param("nat=yes") > 0:
                KSR.setbflag(FLB_NATB)
        if not (KSR.isflagset(FLT_NATS) or KSR.isbflagset(FLB_NATB)):
            return 1
        if KSR.siputils.is_request() > 0 and KSR.siputils.has_totag() < 0:
            if KSR.tmx.t_is_branch_route() > 0:
                KSR.rr.add_rr_param(";nat=yes")
        if KSR.siputils.is_reply() > 0 and KSR.isbflagset(FLB_NATB):
            KSR.nathelper.set_contact_alias()
        return 1

    def dlguri(self, msg):
        if not KSR.isdsturiset():
            KSR.nathelper.handle_ruri_alias()
        return 1

    def ksr_branch_manage(self, msg):
        KSR.dbg("branch " + str(KSR.pv.get("$T_branch_idx")) + " to " + KSR.pv.gete("$ru") + "\n")
        self.natmanage(msg)
        return 1

    def ksr_onreply_manage(self, msg):
        code = KSR.pv.get("$rs")
        if 100 < code < 299:
            self.natmanage(msg)
        return 1

    def ksr_failure_manage(self, msg):
        self.natmanage(msg)
        if KSR.tm.t_is_canceled() > 0:
            return 1
        if KSR.tm.t_check_status("486|408") > 0:
            KSR.tm.t_reply(480, "Temporarily Unavailable")
        return 1

    def ksr_reply_route(self, msg):
        return 1

    def ksr_onsend_route(self, msg):
        return 1

    def ksr_exit(self):
        sys.exit()
