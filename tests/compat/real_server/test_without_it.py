"""What random calls beside the real server have shown, without one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

import onehttp
from onehttp_compat.script.catalogue import catalogue
from onehttp_compat.script.serving import serving
from onehttp_compat.script.sip_server import SipServer
from onehttp_compat.server import LegacyServer, use_server
from onehttp_compat.sip.message import parse_or_refuse

SCRIPT = """
import KSR
def ksr_request_route():
    for label, arguments in KSR.calls:
        module, _, name = label.partition(".")
        KSR.results.append(getattr(getattr(KSR, module), name)(*arguments))
    return 1
ksr_reply_route = ksr_request_route
"""
REQUEST = (
    "{first}\r\nVia: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK1\r\nMax-Forwards: 9\r\n"
    'From: "A" <sip:alice:pw@h>;tag=1\r\nTo: <sip:bob@h>{tag}\r\nCall-ID: 1\r\nCSeq: 1 {method}\r\n'
    "Subject: old\r\nX-A: one\r\nX-A: two, three\r\n{more}Content-Length: 0\r\n\r\n"
)
INVITE = REQUEST.format(
    first="INVITE sip:bob@sip.example.org SIP/2.0", tag="", method="INVITE", more=""
)
OK = REQUEST.format(first="SIP/2.0 200 OK", tag=";tag=2", method="INVITE", more="")
OWN = "sip:sip.example.org;lr"


def routed(uri: str, *routes: str, tag: str = ";tag=2") -> str:
    more = "".join(f"Route: <{one}>\r\n" for one in routes)
    return REQUEST.format(first=f"BYE {uri} SIP/2.0", tag=tag, method="BYE", more=more)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SipServer]:
    path = tmp_path_factory.mktemp("calls") / "script.py"
    path.write_text(SCRIPT)
    onehttp.init()
    legacy = LegacyServer()
    use_server(legacy)
    with serving(path, legacy) as running:
        running.world.myself = frozenset(("sip.example.org",))
        yield running
    use_server(None)
    onehttp.shutdown()


CASES: list[tuple[str, list[Any]]] = [
    (INVITE, ["textops.subst_uri", "/(b)ob/$fU-\\1\\2$avp(none)/", 1, "$rU", "alice-b"]),
    (INVITE, ["textops.subst_hf", "Subject", "/old/$$ $rU/", "a", 1, "+Subject", "$ bob"]),
    (INVITE, ["textops.subst", "/sip.example.org/x/", -1, "$ru", "sip:bob@sip.example.org"]),
    (INVITE, ["pv.get", "$(fU{re.subst,/a/\\9x/})", "xlice"]),
    (INVITE, ["pv.get", "$(ru[0])", None]),
    (INVITE, ["pv.get", "$rU(x)", None]),
    (INVITE, ["pv.get", "$(hdr(X-A)[x])", None]),
    (INVITE, ["pv.sets", "$(var(a){s.len})", "kept", True, "$var(a)", "kept"]),
    (INVITE, ["pv.get", "$(avp(a)[$var(i)])", None]),
    (INVITE, ["pv.unset", "$fU", True, "+From", '"A" <sip::pw@h>;tag=1']),
    (INVITE, ["pv.unset", "$fn", True, "+From", "<sip:alice:pw@h>;tag=1"]),
    (INVITE, ["pv.sets", "$tU", "", True, "+To", "<sip:@h>"]),
    (INVITE, ["hdr.append", "X-New: 1", 1, "+X-New", "1"]),
    (INVITE, ["hdr.insert", "X-New: 1", 1, "+$(hdr(X-New){s.substr,0,5})", "1Via:"]),
    (INVITE, ["hdr.insert", "^no name\r\n", 1, "textopsx.msg_apply_changes", 0]),
    (INVITE, ["hdr.remove", "no name", -1, "hdr.append_to_reply", "", -1]),
    (INVITE, ["hdr.get", "From: x", '"A" <sip:alice:pw@h>;tag=1', "hdr.get", "L_ERR", None]),
    (INVITE, ["hdr.is_present", "m=audio", -1, "hdr.is_present", "From:", 1]),
    (INVITE, ["textopsx.include_hf_value", "X-A", "q", 1, "+X-A", "one,q"]),
    (INVITE, ["textopsx.remove_hf_value", "X-A[-1]", 1, "+$(hdr(X-A)[*])", "one,two"]),
    (INVITE, ["textopsx.remove_hf_value", "X-A[x]", -1]),
    (INVITE, ["maxfwd.process_maxfwd", 256, -1, "maxfwd.is_maxfwd_lt", 256, -1]),
    (INVITE, ["rr.is_direction", "x", -6, "rr.next_hop_route", -1]),
    (INVITE, ["xlog.xerr", "$nosuch", -1, "textops.search_str", "a", "(", -2]),
    (INVITE, ["textops.set_body", "a", "", -1]),
    (INVITE, ["diversion.add_diversion", "busy", 1, "+$(mb{s.select,-2,:})", " <sip"]),
    (OK, ["sl.send_reply", 200, "OK", -1, "diversion.add_diversion", "busy", -1]),
    (OK, ["textopsx.change_reply_status", 404, "x", -1]),
    (OK, ["textopsx.change_reply_status", 202, "x", 1]),
    (routed(OWN, "sip:a;lr", "sip:z"), ["rr.loose_route", 1, "$ru", "sip:z", "$du", "sip:a;lr"]),
    (routed(OWN, "sip:z"), ["rr.loose_route", 1, "$ru", "sip:z", "$du", None]),
    (routed("sip:x@o", OWN, tag=""), ["rr.loose_route", -3]),
    (routed("sip:x@o", OWN, tag=""), ["rr.loose_route_preloaded", 1]),
    (routed("sip:x@o", OWN), ["rr.loose_route", 1]),
    (routed(OWN, "sip:a;lr", "sip:z"), ["rr.loose_route_mode", 1, 1, "$ru", OWN]),
    (INVITE, ["cfgutils.core_hash", "INVITE", "x", 200, 131, "htable.sht_iterator_end", "j", -1]),
    (OK, ["tm.t_newtran", -400, "tmx.t_suspend", -1, "tmx.t_precheck_trans", -2]),
    (INVITE, ["tm.t_newtran", 1, "tm.t_retransmit_reply", -1, "tm.t_set_retr", -1, 0, -1]),
    (routed("tel:+1;x=y", tag=""), ["pv.sets", "$rd", "h", True, "$ru", "sip:+1;x=y@h;user=phone"]),
    (routed("tel:+1", tag=""), ["pv.sets", "$rp", "5070", False, "$ru", "tel:+1"]),
    (routed("sip:a:pw@h", tag=""), ["pv.unset", "$rU", True, "$ru", "sip:h"]),
    (routed("sip:+1;ext=2@h;user=phone", tag=""), ["pv.get", "$rU", "+1"]),
]  # fmt: skip


@pytest.mark.parametrize(("message", "steps"), CASES)
def test_calls_do_what_the_server_does(server: SipServer, message: str, steps: list[Any]) -> None:
    """Each case is a message and calls with their results; ``$x`` is a variable to read, and
    ``+`` asks for the same after ``msg_apply_changes``."""
    calls, expected = _calls(steps)
    results: list[object] = []
    vars(sys.modules["KSR"]).update(calls=calls, results=results)
    outcome = server.run_one(parse_or_refuse(message.encode(), "calls", None, None, ""))
    assert outcome.error is None
    assert results == expected


def _calls(steps: list[Any]) -> tuple[list[tuple[str, list[Any]]], list[Any]]:
    calls: list[tuple[str, list[Any]]] = []
    expected: list[Any] = []
    rest = list(steps)
    while rest:
        label = rest.pop(0)
        if label.startswith("+"):
            calls.append(("textopsx.msg_apply_changes", []))
            expected.append(1)
            label = label[1:]
            name = label if label.startswith("$") else f"$hdr({label})"
            calls.append(("pv.get", [name]))
        elif label.startswith("$"):
            calls.append(("pv.get", [label]))
        else:
            module, _, name = label.partition(".")
            signature = catalogue().find(module, name)
            assert signature is not None
            count = len(signature.parameters)
            calls.append((label, [rest.pop(0) for _ in range(count)]))
        expected.append(rest.pop(0))
    return calls, expected
