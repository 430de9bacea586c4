"""What people get wrong, one kind for each method; the server goes on."""

import KSR


def mod_init():
    return Mistakes()


class Mistakes:
    def ksr_request_route(self, msg):
        method = KSR.pv.get("$rm")
        if method == "INVITE":
            KSR.tm.t_relay_to_uri("sip:x@y")  # no such function
        elif method == "MESSAGE":
            KSR.sl.send_reply("200", "text for a number")
        elif method == "OPTIONS":
            try:
                KSR.textopsx.append_hf("X: y\r\n")
            except AttributeError:
                KSR.sl.send_reply(200, "went on")
        elif method == "REGISTER":
            KSR.pv.get("$nosuch(x)")
            KSR.pv.get("$(ru{s.nosuch})")
            KSR.pv.get("$(ru{param.value,c,,})")
            KSR.pv.get("$T(id_idx)")
            KSR.pv.get("$sel(from.uri.usr)")
            KSR.pv.seti("$dlg_ctx(onn)", 1)
            KSR.pv.sets("$nosuch", "x")
            KSR.sl.send_reply(200, "nulls")
        elif method == "BYE":
            {}["missing"]
        elif method == "NOTIFY":
            KSR.pv.setw("$var(x)", 1)
        else:
            KSR.sl.send_reply(200)
        return 1
