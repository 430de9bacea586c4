"""Through all headers, records of several fields, and the parameters of the request URI."""

import KSR

URIS = ("sip:a@b;user=phone;lr", "sip:a@b", "sip:a@b;x=;y=1?h=1", "sip:a@b:5060;USER=phone")


class Script:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        KSR.textopsx.hf_iterator_start("headers")
        KSR.pv.get("$hfitname(headers)")
        while KSR.textopsx.hf_iterator_next("headers") > 0:
            KSR.pv.get("$hfitname(headers)")
            KSR.pv.get("$hfitbody(headers)")
        KSR.textopsx.hf_iterator_end("headers")
        KSR.pv.get("$hfitname(headers)")
        for text in ("a=1;b=2", "a", 'a="x y";b=', ""):
            KSR.pv.sets("$var(text)", "before")
            KSR.pvx.xavp_params_explode(text, "record")
            KSR.pv.get("$xavp(record=>a)")
            KSR.pvx.xavp_params_implode("record", "$var(text)")
            KSR.pv.get("$var(text)")
            KSR.pvx.xavp_rm("record")
        for uri in URIS:
            KSR.seturi(uri)
            for name in ("user", "lr", "x", "none"):
                KSR.siputils.uri_param(name)
                KSR.siputils.uri_param_value(name, "phone")
                KSR.siputils.uri_param_any(name)
            KSR.siputils.uri_param_rm("user")
            KSR.pv.get("$ru")
            KSR.siputils.uri_param_rm("none")
            KSR.pv.get("$ru")
        if not KSR.is_ACK():
            KSR.sl.send_reply(200, "OK")
        return 1


def mod_init():
    return Script()
