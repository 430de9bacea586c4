"""Pseudo-variables and transformations as real scripts and configurations write them."""

import KSR

READ = [
    "",
    "$ru $rU $rd $rp $rP $rz $rm $ou $oU $od $du $dd $dp $nh(u) $nh(d) $fu $fU $fd $fn $ft $tu $tU $td",
    "$tn $tt $ct $ci $cs $csb $ua $cT $cl $rb $bs $hdr(Contact) $hdr(contact) $(hdr(Via)[0])",
    "$(hdr(Via)[-1]) $hdrc(Via) $si $pr $proto $sas $mt $ml $rs $rr $ai $di $dir $re $rt $pu $au $ar $ad",
    "$aU $via0(host) $via0(port) $via0(branch) $expires(max) $expires(min) $true $null $K(IPv4) $K(UDP)",
    "$T_branch_idx $T_reply_code $T(id_index) $branch(count) $version(num) $rmid $prid $mts $msg(fline)",
    "$(ct{param.value,expires}) $(ct{nameaddr.uri}{uri.host}) $(fu{uri.user}{s.toupper}) $(rU{s.len})",
    "$(ru{uri.host}{s.select,0,.}) $(ci{s.md5}) $(fU{s.encode.base64}) $(rU{s.substr,0,2}) $(tu{s.rm,sip:})",
    "$(hdr(Contact){tobody.user}) $(ru{re.subst,/^sip:/sips:/}) $(fU{s.escape.param}) $(rb{line.at,0})",
    "$AU $Au $fs $fsn $fsp $vz(none) $vn(none) $(fu{uri.domain}) $(ru{uri.scheme}) $(fu{sock.host})",
    "$(rb{line.count}) $(ua{s.select,0,/}) $(var(none){s.len}) $(avp(none){s.len}) $(fu{uri.transport})",
    "$_s(user $rU at $rd) $avp(none) $var(none) $shv(none) $xavp(none=>x) $def(NONE) $env(NONE_SUCH)",
    "$(ua{s.fmtlines,8,1}) $(ua{s.fmtlinet,3,2}) $(rU{s.fmtlines,2,0}) $(rU{s.substr,0,-1})",
    "",
]


def mod_init():
    return Variables()


class Variables:
    def ksr_request_route(self, msg):
        for line in READ:
            for name in split(line):
                KSR.pv.get(name)
                KSR.pv.is_null(name)
        KSR.pv.sets("$var(a)", "text")
        KSR.pv.seti("$var(n)", 5)
        KSR.pv.sets("$avp(s:one)", "first")
        KSR.pv.sets("$avp(one)", "second")
        KSR.pv.sets("$xavp(x=>y)", "1")
        KSR.pv.sets("$xavp(x[0]=>z)", "2")
        for name in (
            "$var(a)",
            "$var(n)",
            "$avp(one)",
            "$(avp(one)[1])",
            "$(avp(one)[*])",
            "$xavp(x=>y)",
            "$xavp(x=>z)",
            "$(var(a){s.len})",
        ):
            KSR.pv.get(name)
            KSR.pv.gete(name)
            KSR.pv.getw(name)
        KSR.pv.unset("$avp(one)")
        KSR.pv.get("$avp(one)")
        KSR.pv.getvs("$avp(none)", "default")
        KSR.pv.getvn("$avp(none)", 7)
        for name, value in (
            ("$ru", "sip:conference@127.0.0.1:5090"),
            ("$rU", "zed"),
            ("$rd", "h.example"),
            ("$rp", "5070"),
            ("$du", "sip:127.0.0.1:5999"),
            ("$si", "x"),
            ("$rU", ""),
            ("$fu", "sip:x@y"),
            ("$tn", "Name"),
        ):
            KSR.pv.sets(name, value)
            for other in ("$ru", "$rU", "$rd", "$rp", "$du", "$dd", "$ou", "$nh(u)"):
                KSR.pv.get(other)
        # The server looks at a URI when it reads it, not when it writes it.
        for name, value in (
            ("$rp", "0"),
            ("$rp", "65536"),
            ("$rp", "x"),
            ("$rp", ""),
            ("$rd", "a b"),
            ("$rd", ""),
            ("$rU", "a b"),
            ("$rU", "a@b"),
            ("$ru", "77"),
        ):
            KSR.seturi("sip:a@b:5;z=1")
            KSR.pv.sets(name, value)
            for other in ("$ru", "$rU", "$rd", "$rp"):
                KSR.pv.get(other)
        KSR.seturi("sip:zed@h.example")
        KSR.pv.seti("$rp", 5070)
        KSR.pv.get("$ru")
        for name in ("$fu", "$fd", "$fU", "$fn"):
            KSR.pv.sets(name, "77")
        KSR.pvx.evalx("$var(t)", "$rU@$rd costs 5$$ $(fU{s.tolower})")
        KSR.pv.get("$var(t)")
        KSR.xlog.xinfo("$rm from $fu: $avp(none)\n")
        KSR.sl.send_reply(200, "OK")
        return 1


def split(line):
    """Names at spaces, those inside parentheses apart."""
    name = ""
    for part in line.split(" "):
        name = name + " " + part if name else part
        if name.count("(") == name.count(")"):
            if name:
                yield name
            name = ""
