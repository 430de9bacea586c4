"""Several targets of one request: branches with flags, destinations, a branch that is dropped."""

import KSR


def mod_init():
    return Branches()


class Branches:
    def ksr_request_route(self, msg):
        if not KSR.is_INVITE():
            if not KSR.is_ACK():
                KSR.sl.send_reply(200, "OK")
            return 1
        if KSR.tm.t_check_trans() == 0:
            return 1
        KSR.setbflag(3)
        KSR.corex.append_branch()
        KSR.corex.append_branch_uri("sip:second@127.0.0.1:5095")
        KSR.corex.append_branch_uri_q("sip:third@127.0.0.1:5094", "0.5")
        KSR.pv.get("$branch(count)")
        for index in range(4):
            KSR.pv.get("$(branch(uri)[%d])" % index)
            KSR.isbiflagset(3, index)
        KSR.setbiflag(4, 1)
        KSR.isbiflagset(4, 1)
        KSR.isbiflagset(4, 2)
        KSR.tm.t_on_branch("each")
        KSR.tm.t_relay()
        return 1

    def each(self, msg):
        KSR.pv.get("$ru")
        KSR.pv.get("$T_branch_idx")
        KSR.hdr.append("X-Index: %s\r\n" % KSR.pv.get("$T_branch_idx"))
        if KSR.pv.get("$rU") == "third":
            KSR.set_drop()
        return 1
