"""Transactions: retransmissions, CANCEL, stateless and stateful replies after each other."""

import KSR


def mod_init():
    return Flows()


class Flows:
    def ksr_request_route(self, msg):
        if KSR.is_CANCEL():
            if KSR.tm.t_check_trans() > 0:
                KSR.tm.t_relay()
            return 1
        if KSR.is_ACK():
            KSR.tm.t_check_trans()
            return 1
        if KSR.tmx.t_precheck_trans() > 0:
            KSR.tm.t_check_trans()
            return 1
        if KSR.tm.t_check_trans() == 0:
            return 1
        KSR.tm.t_reply(500, "no transaction yet")
        if KSR.is_method("MESSAGE|OPTIONS"):
            KSR.tm.t_newtran()
            KSR.tm.t_newtran()
            KSR.tm.t_reply(180, "first")
            KSR.tm.t_reply(200, "then")
            KSR.tm.t_reply(404, "too late")
            KSR.sl.send_reply(403, "too late, too")
            KSR.tm.t_send_reply(486, "and this")
            return 1
        if KSR.is_INVITE():
            KSR.tm.t_on_failure("failed")
            KSR.tm.t_relay()
            KSR.sl.send_reply(404, "after relaying")
            return 1
        KSR.tm.t_send_reply(202, "made one")
        return 1

    def failed(self, msg):
        KSR.tm.t_is_canceled()
        KSR.tm.t_check_status("487")
        return 1
