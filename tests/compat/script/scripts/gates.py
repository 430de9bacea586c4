"""Who may call: credentials, permissions, floods, lists of destinations."""

import KSR


def mod_init():
    return Gates()


class Gates:
    def ksr_request_route(self, msg):
        if KSR.permissions.allow_source_address(1) < 0:
            KSR.sl.send_reply(403, "Not from there")
            return 1
        if KSR.permissions.allow_address_group("192.0.2.10", 5060) < 0:
            KSR.sl.send_reply(403, "Not in a group")
            return 1
        if KSR.is_REGISTER() and KSR.auth_db.auth_check("sip.example.org", "subscriber", 1) < 0:
            KSR.sl.send_reply(401, "Unauthorized")
            return 1
        if KSR.dispatcher.ds_is_from_list(1) > 0:
            KSR.hdr.append("X-From: gateway\r\n")
        if KSR.is_INVITE():
            if KSR.dispatcher.ds_select_dst(1, 4) < 0:
                KSR.sl.send_reply(503, "No gateway")
                return 1
            KSR.hdr.append("X-Gateway: %s\r\n" % KSR.pv.getw("$avp(gateway)"))
        KSR.sl.send_reply(200, "Allowed")
        return 1
