"""Branch, reply and failure routes, with replies of the next hop: another target after a failure."""

import KSR


def mod_init():
    return Routes()


class Routes:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        if KSR.is_method("ACK|CANCEL"):
            if KSR.tm.t_check_trans() > 0 or KSR.is_ACK():
                KSR.tm.t_relay()
            return 1
        if KSR.tm.t_check_trans() == 0:
            return 1
        if not KSR.is_method_in("IM"):
            KSR.sl.send_reply(405, "Method Not Allowed")
            return 1
        KSR.pv.sets("$avp(caller)", KSR.pv.get("$fU"))
        KSR.pv.seti("$avp(tries)", 1)
        KSR.setflag(7)
        KSR.tm.t_on_branch("branch")
        KSR.tm.t_on_reply("answered")
        KSR.tm.t_on_failure("failed")
        if KSR.tm.t_is_set("failure_route") > 0 and KSR.tm.t_is_set("branch_failure_route") < 0:
            KSR.tm.t_set_fr(30000, 10000)
        if KSR.tm.t_relay() < 0:
            KSR.sl.sl_reply_error()
        return 1

    def branch(self, msg):
        KSR.hdr.append("X-Caller: %s\r\n" % KSR.pv.get("$avp(caller)"))
        KSR.info("%s %s\n" % (KSR.tmx.t_is_branch_route(), KSR.tmx.t_is_request_route()))
        return 1

    def answered(self, msg):
        KSR.info("%s %s\n" % (KSR.pv.get("$rs"), KSR.pv.get("$rr")))
        if KSR.pv.get("$avp(caller)") is None:
            KSR.err("the caller is lost\n")
        if KSR.tm.t_check_status("18[0-9]") > 0:
            KSR.info("ringing, %s\n" % KSR.tmx.t_is_reply_route())
        return 1

    def failed(self, msg):
        if KSR.tm.t_is_canceled() > 0:
            return 1
        if not KSR.isflagset(7) or KSR.tmx.t_is_failure_route() < 0:
            KSR.err("not as it was\n")
        if KSR.pv.get("$T_reply_code") == 486 and KSR.pv.get("$avp(tries)") == 1:
            KSR.pv.seti("$avp(tries)", 2)
            KSR.seturi("sip:voicemail@127.0.0.1:5097")
            KSR.tm.t_on_failure("given_up")
            KSR.tm.t_relay()
            return 1
        return 1

    def given_up(self, msg):
        KSR.tm.t_reply(480, "Nobody there")
        return 1

    def ksr_reply_route(self, msg):
        if KSR.pv.get("$rs") == 183:
            KSR.set_drop()
        return 1
