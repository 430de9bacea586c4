"""Routing logic for the real server: synchronous calls by the parameters of its configuration."""

from __future__ import annotations

import os
from typing import Any

import KSR  # the server's own

import onehttp_compat
from onehttp_compat import kamailio
from onehttp_compat.kamailio.proxy import KemiPv
from onehttp_compat.ksr import take_over
from onehttp_compat.server import default_server
from servers.kamailio.readiness import tell_ready

NATIVE = KSR
OCTETS = bytes(range(256)) * 80
"""What the backend has at ``/large``."""
BACKEND = os.environ["TEST_BACKEND"]


def mod_init() -> Script:
    global KSR
    if os.environ.get("TEST_TAKEN_OVER"):
        KSR = take_over(KSR)
    KSR = kamailio.setup(
        KSR,
        cfg=os.environ.get("TEST_CFG"),
        modparams=[("http_client", "httpcon", f"given=>{BACKEND}")],
        connections=os.environ["TEST_CONNECTIONS"],
        twins=True,
    )
    return Script()


class Script(kamailio.Script):
    def child_init(self, rank: int) -> int:
        return super().child_init(rank) or tell_ready(rank)

    def ksr_request_route(self, message: Any) -> int:
        answer = getattr(self, KSR.pv.get("$rU"))()
        KSR.hdr.append_to_reply(f"X-Answer: {answer}\r\n")
        KSR.sl.send_reply(200, "OK")
        return 1

    def whole(self) -> str:
        """The length of a result of three lines, and how often one of ours and theirs differ."""
        native = NATIVE.http_client.query(f"{BACKEND}/x", "$var(native)")
        ours = KSR.http_client.query(f"{BACKEND}/x", "$var(ours)")
        is_same = KSR.pv.get("$var(native)") == KSR.pv.get("$var(ours)")
        return f"{native} {ours} {is_same} {len(KSR.pv.get('$var(ours)'))}"

    def first_line(self) -> str:
        KSR.http_client.query(f"{BACKEND}/x", "$var(ours)")
        return str(len(KSR.pv.get("$var(ours)")))

    def connections(self) -> str:
        codes = [
            KSR.http_client.curl_connect(name, "/x", "$var(r)")
            for name in ("ofcfg", "given", "offile", "nobody")
        ]
        return " ".join(map(str, codes))

    def results(self) -> str:
        """What ours and theirs answer for each variable that is to take the result, and make it."""
        names = (
            "$var(x)", "$avp(x)", "$xavp(x=>y)", "$shv(x)", "$vn(x)", "$ru", "$rU", "$rd", "$du",
            "$fu", "$fU", "$fn", "$tu", "$tU", "$tn", "$rm", "$ci", "$T_reply_code", "$mi", "$Ri",
            "$nosuch", "$nosuch(x)", "$time(sec)", "$stat(x)", "$hfl(To)", "$def(X)", "$sel(to)",
            "$avp(i:5)", "$avp(s:x)", "$avp(i:x)", "$avp()", "$var()", "$xavp()", "$xavp(x[0]=>y)",
            "$sht(t=>k)", "$dbr(a=>[0,0])", "$br", "$branch(uri)", "$fs", "$fsn", "$bf", "$bF",
            "$mf", "$mF", "$sf", "$sF", "$rp", "$rP", "$dd", "$(hdr(To)[0])", "$(avp(x)[1])",
        )  # fmt: skip
        different = []
        for name in names:
            ends = [
                (ksr.http_client.query(f"{BACKEND}/{whose}", name), NATIVE.pv.get(name))
                for whose, ksr in (("theirs", NATIVE), ("ours", KSR))
            ]
            if ends[0] != ends[1]:
                different.append(f"{name} {ends}".replace("\n", " "))
        return "; ".join(different) or "alike"

    def variables(self) -> str:
        """Variables of ours through the proxy, and how complete it is."""
        KSR.http_client.curl_connect("nowhere", "/x", "$var(r)")
        error = KSR.pv.get("$curlerror(7)")
        missing = {name for name in dir(NATIVE) if not name.startswith("_")} - set(dir(KSR))
        functions = set(dir(NATIVE.http_client)) - set(dir(KSR.http_client))
        missing |= {name for name in functions if not name.startswith("_")}
        return f"{error} {sorted(missing)} {KSR.pv.getw('$nothing(x)')} {len(dir(KSR.pv)) > 8}"

    def readings(self) -> str:
        """Which functions of ``KSR.pv`` ours has not, and where it reads a number otherwise."""
        ours = KemiPv(default_server().pv)
        functions = {name for name in dir(NATIVE.pv) if not name.startswith("_")}
        odd = [name for name in functions if not hasattr(ours, name)]
        texts = [
            "12",
            "-12x",
            "+5",
            "0x10",
            "99999999999",
            "-99999999999",
            "010",
            "1.9",
            "--5",
            "-",
            "abc",
            "1_0",
            "9",
        ]
        for text in (*texts, "9" * 5000, "0" * 5000 + "7", " 12", "", "12\u0663", 7, -3):
            (NATIVE.pv.seti if isinstance(text, int) else NATIVE.pv.sets)("$var(q)", text)
            read = [one.geti("$var(q)") for one in (NATIVE.pv, ours)]
            if read[0] != read[1]:
                odd.append(f"{text!a} {read}")
        return f"{odd} {KSR.pv.geti('$curlerror(7)')} {KSR.pv.geti('$avp(nothing)')}"

    def twins(self) -> str:
        """What another module of the server sees of an error, and after an answer."""
        KSR.http_client.query("http://127.0.0.1:1/", "$var(r)")
        KSR.pvx.evalx("$var(seen)", "$var(curlerror)")
        failed = KSR.pv.get("$var(seen)")
        KSR.http_client.query(f"{BACKEND}/x", "$var(r)")
        KSR.pvx.evalx("$var(seen)", "$var(curlerror)")
        return f"{failed}, then {KSR.pv.get('$var(seen)') or 'nothing'}"

    def octets(self) -> str:
        """What modules of ours read of variables whose bytes are no text."""
        KSR.pv.sets("$var(hexa)", "ff41")
        read = []
        for name in ("$var(b)", "$avp(b)", "$(avp(b)[0])", "$avp(i:7)", "$xavp(b=>c)"):
            KSR.pvx.evalx(name.replace("$(avp(b)[0])", "$avp(b)"), "$(var(hexa){s.decode.hexa})")
            read.append(default_server().pv.get(name) == b"\xffA")
        return str(read)

    def large(self) -> str:
        """What there is of a long answer that is no text: the code, all of it, none of the old."""
        KSR.pv.sets("$var(r)", "of another request")
        code = KSR.http_client.curl_connect("given", "/large", "$var(r)")
        value = default_server().pv.get("$var(r)")
        return f"{code} {value == OCTETS} {value == ''}"

    def same(self) -> str:
        server = default_server()
        listed = server.rpc("httpclient.listcon")["result"]
        names = " ".join(sorted(str(one) for one in server.http_client.configuration.connections))
        code = onehttp_compat.call_function("http_connect", "given", "/x", "$var(r)")
        return f"{bool(listed)} {names} {code}"
