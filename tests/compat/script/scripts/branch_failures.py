"""A route for each branch that fails, then the failure route, which sends to a further target."""

import KSR


class Script:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        if not KSR.is_INVITE():
            if KSR.is_method_in("AC"):
                KSR.tm.t_relay()
            else:
                KSR.sl.send_reply(200, "OK")
            return 1
        KSR.tm.t_on_branch_failure("branch_failed")
        KSR.tm.t_on_failure("failed")
        KSR.setflag(3)
        KSR.tm.t_relay()
        return 1

    def branch_failed(self, msg):
        for one in ("$T_reply_code", "$T_reply_reason", "$T_branch_idx", "$rs", "$rm", "$ru"):
            KSR.pv.get(one)
        KSR.tm.t_check_status("486")
        KSR.tm.t_branch_replied()
        KSR.tmx.t_is_failure_route()
        KSR.setflag(4)
        return 1

    def failed(self, msg):
        for one in ("$T_reply_code", "$ru", "$du", "$mF", "$avp(tries)"):
            KSR.pv.get(one)
        if KSR.tm.t_is_canceled() < 0 and KSR.pv.get("$avp(tries)") is None:
            KSR.pv.seti("$avp(tries)", 1)
            KSR.seturi("sip:voicemail@127.0.0.1:5097")
            KSR.tm.t_on_failure("failed")
            KSR.tm.t_relay()
        return 1


def mod_init():
    return Script()
