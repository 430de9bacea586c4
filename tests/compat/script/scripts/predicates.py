"""What a message is: methods, addresses, flags, URIs, numbers; KSR.kx; comparisons."""

import KSR


def mod_init():
    return Predicates()


class Predicates:
    def ksr_request_route(self, msg):
        for method in (
            "INVITE",
            "ACK",
            "BYE",
            "CANCEL",
            "REGISTER",
            "OPTIONS",
            "MESSAGE",
            "NOTIFY",
            "SUBSCRIBE",
            "PUBLISH",
            "INFO",
            "REFER",
            "PRACK",
            "UPDATE",
            "GET",
            "KDMQ",
        ):
            getattr(KSR, "is_" + method)()
        for letters in ("IABCR", "O", "SPN", "MUF", "E", "KDGTV", ""):
            KSR.is_method_in(letters)
        KSR.is_method("INVITE|BYE|message")
        for check in (
            "is_myself_ruri",
            "is_myself_furi",
            "is_myself_turi",
            "is_myself_srcip",
            "is_myself_duri",
            "is_UDP",
            "is_TCP",
            "is_TLS",
            "is_WS",
            "is_WSS",
            "is_IPv4",
            "is_IPv6",
            "isdsturiset",
        ):
            getattr(KSR, check)()
        KSR.is_myself("sip:sip.example.org")
        KSR.is_myself("sip:elsewhere.example")
        for flag in (0, 3, 31, 32, -1):
            KSR.setflag(flag)
            KSR.isflagset(flag)
            KSR.resetflag(flag)
            KSR.setbflag(flag)
            KSR.isbflagset(flag)
            KSR.setsflag(flag)
            KSR.issflagset(flag)
            KSR.resetsflag(flag)
        for call in ("has_totag", "is_request", "is_reply", "is_first_hop", "is_gruu"):
            getattr(KSR.siputils, call)()
        for uri in ("sip:a@b", "sips:a@b:5061;x=y", "tel:+49", "bogus", ""):
            KSR.siputils.is_uri(uri)
            KSR.siputils.cmp_uri(uri, "sip:a@b")
            KSR.siputils.cmp_aor(uri, "sip:a@b;x=1")
        for text in ("+4930", "4930", "a1", "a-1", "", "9"):
            KSR.siputils.is_tel_number(text)
            KSR.siputils.is_numeric(text)
            KSR.siputils.is_alphanum(text)
        for name in ("transport", "user", "lr", "none"):
            KSR.siputils.uri_param(name)
            KSR.siputils.uri_param_any(name)
        for getter in (
            "get_ruri",
            "get_ruser",
            "gete_ruser",
            "getw_ruser",
            "get_rhost",
            "get_furi",
            "get_fuser",
            "get_fhost",
            "get_turi",
            "get_tuser",
            "get_method",
            "get_callid",
            "get_ua",
            "gete_ua",
            "getw_ua",
            "get_body",
            "get_bodylen",
            "get_srcip",
            "get_proto",
            "get_cturi",
            "get_duri",
            "get_ouri",
            "get_status",
            "get_msgtype",
            "get_au",
            "gete_au",
        ):
            getattr(KSR.kx, getter)()
        KSR.corex.has_ruri_user()
        KSR.corex.has_user_agent()
        KSR.textops.has_body()
        KSR.textops.has_body_type("application/sdp")
        KSR.textops.search_body("m=audio")
        KSR.textops.in_list("b", "a,b,c", ",")
        KSR.textops.starts_with("abc", "ab")
        for address in ("10.0.0.1", "8.8.8.8", "100.64.0.1", "[2001:db8::1]", "2001:db8::1", "x"):
            KSR.ipops.is_ip(address)
            KSR.ipops.is_ip4(address)
            KSR.ipops.is_ip6(address)
            KSR.ipops.is_pure_ip(address)
            KSR.ipops.ip_type(address)
            KSR.ipops.is_ip_rfc1918(address)
            KSR.ipops.is_in_subnet(address, "10.0.0.0/8")
            KSR.nathelper.is_rfc1918(address)
        for test in (1, 2, 4, 8, 16, 19, 32, 64, 128, 256):
            KSR.nathelper.nat_uac_test(test)
        KSR.maxfwd.is_maxfwd_lt(70)
        KSR.sl.send_reply(200, "OK")
        return 1
