"""Which values each variable takes, and what becomes of it: text, a number, none."""

import KSR

VARIABLES = """
$sf $sF $mf $mF $cnt($avp(a)) $cnt($xavp(a)) $fs $fsn
$uac_req(method) $uac_req(ruri) $uac_req(hdrs) $uac_req(body) $uac_req(ouri) $uac_req(auser)
$uac_req(evroute) $uac_req(evcode) $uac_req(evtype) $uac_req(sock) $uac_req(all)
$dlg_var(x) $rd $fu $tu $fU $tU $fd $td $fn $tn $xavp(none[0]=>b) $xavp(a=>b) $avp(a)
$var(x) $shv(x) $du
""".split()


def ksr_request_route(msg=None):
    if KSR.is_method_in("OM"):
        KSR.pv.sets("$avp(counted)", "one")
        KSR.pv.sets("$avp(counted)", "two")
        KSR.pv.get("$cnt($avp(counted))")
        for name in VARIABLES:
            tried(name, KSR.pv.sets, "sip:alice@h.example")
            tried(name, KSR.pv.seti, 7)
        KSR.setsflag(4)
        KSR.pv.get("$sf")
    KSR.sl.send_reply(200, "Tried")
    return 1


def tried(name, put, value):
    KSR.pv.is_null(name)
    put(name, value)
    KSR.pv.get(name)
    KSR.pv.gete(name)
    KSR.pv.unset(name)
    KSR.pv.get(name)
