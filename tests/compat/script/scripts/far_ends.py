"""NAT and malformed requests: every test of ``nathelper`` and ``sanity``, and what they lead to."""

import KSR


def mod_init():
    return FarEnds()


class FarEnds:
    def ksr_request_route(self, msg):
        for flags in (1, 2, 4, 8, 16, 19, 32, 64, 128, 256):
            KSR.nathelper.nat_uac_test(flags)
        for mask in (1, 2, 8, 32, 64, 128, 256, 512, 1024, 4096, 17895):
            KSR.sanity.sanity_check(mask, 0)
        KSR.sanity.sanity_check_defaults()
        KSR.nathelper.is_rfc1918("10.0.0.1")
        KSR.nathelper.is_rfc1918("192.0.2.1")
        KSR.force_rport()
        KSR.add_local_rport()
        if KSR.is_REGISTER():
            KSR.nathelper.fix_nated_register()
        elif KSR.siputils.is_first_hop() > 0:
            KSR.nathelper.set_contact_alias()
        if KSR.siputils.has_totag() > 0:
            KSR.nathelper.handle_ruri_alias()
            KSR.pv.get("$du")
        if KSR.textops.has_body_type("application/sdp") > 0:
            KSR.nathelper.fix_nated_sdp(8)
        KSR.siputils.is_request()
        KSR.siputils.is_reply()
        KSR.is_myself_furi()
        KSR.is_myself_srcip()
        KSR.is_method_in("IABCORSPM")
        for test in ("is_UDP", "is_TCP", "is_TLS", "is_WS", "is_WSS", "is_IPv4", "is_IPv6"):
            getattr(KSR, test)()
        if KSR.is_method_in("IORSNM"):
            KSR.sl.send_reply(200, "Seen")
        return 1
