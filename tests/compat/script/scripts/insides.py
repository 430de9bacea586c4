"""The message as bytes, transactions that a variable makes, colours, flags of the script."""

import KSR

MESSAGE = """body body_len buf fline fpart hdrc hdrs hdrs_len len lpart""".split()
REPLY = "cntrr cntvia dhost dport dproto dprotoid duri".split()
TRANSACTION = """branch_index flags id_index id_label reply_code reply_reason reply_type ruid
    uri""".split()
OTHERS = """$T_reply_ruid $T_reply_code $T_reply_reason $T_branch_idx $nh(i) $nh(u) $nh(P) $nh(p)
    $via0(protoid) $via1(protoid) $viaZ(proto) $uac_req(flags) $stat(nosuch) $ltt(s) $ltt(t) $ltt(x)
    $Sf(1) $Sf(31) $Sf(40) $sf $Mf(40) $C(xx) $C(rg) $C(Rg) $C(rG) $C(x) $C(zz)""".split()
BYTES = ("0", "10", "99999", "-1", "x")


def mod_init():
    return Insides()


class Insides:
    def show(self):
        for kind, names in (("msg", MESSAGE), ("rpl", REPLY), ("msgbuf", BYTES)):
            for name in names:
                KSR.pv.get("$%s(%s)" % (kind, name))
        for name in TRANSACTION:
            KSR.pv.get("$T(%s)" % name)
            KSR.pv.get("$T_branch(%s)" % name)
        for name in OTHERS:
            KSR.pv.get(name)
            KSR.pv.is_null(name)
        return 1

    def ksr_request_route(self, msg):
        KSR.pv.seti("$Sf(2)", 1)
        self.show()
        KSR.pv.seti("$Sf(2)", 0)
        for uri in (
            "sip:192.0.2.1",
            "sip:[2001:db8::1]:5070",
            "sip:h.example;transport=tcp",
            "tel:1",
        ):
            KSR.pv.sets("$du", uri)
            for name in ("$nh(i)", "$nh(u)", "$nh(d)", "$nh(p)", "$nh(P)"):
                KSR.pv.get(name)
        KSR.pv.unset("$du")
        if KSR.is_REGISTER():
            KSR.pv.get("$T(id_label_n)")
            KSR.tm.t_newtran()
            KSR.tm.t_reply(200, "OK")
        elif KSR.is_method("NOTIFY|INFO"):
            KSR.pv.sets("$msgbuf(4)", "X")
            KSR.pv.sets("$msgbuf(99999)", "X")
            KSR.pv.get("$ru")
        elif KSR.is_OPTIONS():
            KSR.tm.t_newtran()
        return self.show()

    def ksr_reply_route(self, msg):
        return self.show()
