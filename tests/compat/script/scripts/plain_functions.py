"""Functions at the top level, no mod_init: how app_python3s runs scripts."""

import KSR


def ksr_request_route():
    if not ksr_route_reqinit():
        return 1
    if KSR.is_CANCEL():
        if KSR.tm.t_check_trans() > 0:
            ksr_route_relay()
        return 1
    if KSR.siputils.has_totag() > 0:
        ksr_route_withindlg()
        return 1
    if KSR.tm.t_check_trans() == 0:
        return 1
    if KSR.is_REGISTER():
        KSR.sl.send_reply(403, "No registrar here")
        return 1
    ksr_route_relay()
    return 1


def ksr_route_reqinit():
    if KSR.maxfwd.process_maxfwd(10) < 0:
        KSR.sl.sl_send_reply(483, "Too Many Hops")
        return False
    if KSR.sanity.sanity_check(1511, 7) < 0:
        return False
    return True


def ksr_route_relay():
    if KSR.is_INVITE():
        KSR.tm.t_on_failure("ksr_failure_route_one")
        KSR.tm.t_on_reply("ksr_onreply_route_one")
        KSR.tm.t_on_branch("ksr_branch_route_one")
    KSR.tm.t_relay()


def ksr_route_withindlg():
    if KSR.rr.loose_route() > 0 or KSR.is_ACK():
        ksr_route_relay()
        return
    KSR.sl.send_reply(404, "Not here")


def ksr_reply_route():
    KSR.info("reply %d\n" % KSR.kx.get_status())
    return 1


def ksr_onreply_route_one():
    KSR.info("onreply %s of %s\n" % (KSR.pv.get("$rs"), KSR.pv.get("$rm")))
    return 1


def ksr_branch_route_one():
    KSR.hdr.append("X-Branch: %s\r\n" % KSR.pv.get("$T_branch_idx"))
    return 1


def ksr_failure_route_one():
    if KSR.tm.t_check_status("[56][0-9][0-9]") > 0:
        KSR.tm.t_reply(503, "All busy")
    return 1
