"""Addresses of a message from behind a translator, in its description and its Contact; letters of
methods, numbers of flags."""

import string

import KSR

BODIES = (
    "v=0\r\no=- 1 1 IN IP4 192.168.1.5\r\ns=-\r\nc=IN IP4 192.168.1.5\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0\r\na=sendrecv\r\nm=video 0 RTP/AVP 9\r\nc=IN IP4 192.168.1.6\r\n",
    "v=0\r\no=- 1 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0\r\n",
)


def mod_init():
    return BehindNat()


class BehindNat:
    def ksr_request_route(self, msg):
        for letter in string.ascii_letters:
            KSR.is_method_in(letter)
        for number in -1, 0, 31, 32, 63, 64, 100:
            KSR.corex.setxflag(number)
            KSR.corex.isxflagset(number)
            KSR.corex.resetxflag(number)
        KSR.nathelper.add_rcv_param(0)
        KSR.nathelper.add_contact_alias_addr("192.0.2.1", "5060", "udp")
        KSR.nathelper.fix_nated_contact()
        for test in 1, 2, 4, 8, 16, 32, 64, 128, 256:
            KSR.nathelper.nat_uac_test(test)
        KSR.nathelper.set_alias_to_pv("$var(alias)")
        KSR.nathelper.fix_nated_sdp(10)
        KSR.textopsx.msg_apply_changes()
        if KSR.textops.has_body() < 0:
            return 1
        for body in BODIES:
            for mode in 0, 1, 2, 3, 4, 8, 10, 11, 15, 32:
                for address in "", "192.0.2.1", "2001:db8::9":
                    KSR.textops.set_body(body, "application/sdp")
                    KSR.textopsx.msg_apply_changes()
                    if address:
                        KSR.nathelper.fix_nated_sdp_ip(mode, address)
                    else:
                        KSR.nathelper.fix_nated_sdp(mode)
                    KSR.textopsx.msg_apply_changes()
                    KSR.pv.get("$rb")
        KSR.textopsx.keep_hf_re("^X-")
        KSR.textopsx.msg_apply_changes()
        KSR.hdr.get("User-Agent")
        return 1
