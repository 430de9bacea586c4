"""What functions and variables of transactions say in each kind of route."""

import KSR


def mod_init():
    return Statuses()


class Statuses:
    def show(self):
        for pattern in ("^0$", "100", "180", "200", "404", "486", "487"):
            KSR.tm.t_check_status(pattern)
        KSR.tm.t_get_status_code()
        KSR.tm.t_get_branch_index()
        KSR.tm.t_any_replied()
        KSR.tm.t_any_timeout()
        KSR.tm.t_is_expired()
        for status in (100, 180, 486):
            KSR.tm.t_grep_status(status)
        for kind in ("onreply_route", "failure_route", "branch_route"):
            KSR.tm.t_is_set(kind)
        for name in ("$T_reply_code", "$T_reply_reason", "$T_reply_last", "$T_branch_idx"):
            KSR.pv.get(name)
        for name in ("branch_index", "reply_code", "reply_reason", "reply_type"):
            KSR.pv.get("$T(%s)" % name)
        return 1

    def ksr_request_route(self, msg):
        if KSR.is_ACK() or KSR.is_CANCEL():
            KSR.tm.t_check_trans()
            KSR.tm.t_relay()
            return 1
        self.show()
        if KSR.is_INVITE():
            KSR.tm.t_on_reply("replied")
            KSR.tm.t_on_failure("failed")
            KSR.tm.t_on_branch("on_branch")
            KSR.tm.t_relay()
        elif KSR.is_OPTIONS():
            KSR.tm.t_newtran()
            self.show()
            KSR.tm.t_reply(180, "Wait")
            self.show()
            KSR.tm.t_reply(404, "Not Found")
        elif KSR.is_REGISTER():
            KSR.tm.t_newtran()
            KSR.sl.send_reply(200, "OK")
        return self.show()

    def on_branch(self, msg):
        return self.show()

    def replied(self, msg):
        return self.show()

    def failed(self, msg):
        self.show()
        if KSR.pv.get("$ci").startswith("call1"):
            KSR.tm.t_reply(404, "Not Found")
        return self.show()

    def ksr_reply_route(self, msg):
        return self.show()
