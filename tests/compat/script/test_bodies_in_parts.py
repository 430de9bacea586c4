"""Bodies in parts: what ``textops`` and ``sdpops`` find in them and make of them, outside the
server and in it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from onehttp.cli.group import onehttp as command
from onehttp_compat.sip.message import SipMessage, parse
from servers.kamailio import real_server
from stand_ins.legacy.loading import Load

SDP = ("v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
       "m=audio 4000 RTP/AVP 0\r\n")  # fmt: skip
MIXED = "multipart/mixed;boundary=b1"


def part(head: str, content: str) -> str:
    return f"--b1\r\n{head}\r\n\r\n{content}\r\n"


END = "--b1--\r\n"
IS_SDP = part("Content-Type: application/sdp", SDP)
IS_XML = part("Content-Type: application/xml\r\nContent-ID: <1>", "<x>1</x>\r\n")
IS_TEXT = part("Content-Type: text/plain", "one")
HEADS = (
    "content-type: t/a", "Content-Type:t/a", "Content-Type:  t/a", "Content-Type: t/a;charset=x",
    "Content-Type: t/a ", "X-Content-Type: t/a", "X: y\r\nContent-Type: t/a", "c: t/a",
    "CONTENT-TYPE: T/A", "Content-Type: t/ab", "Content-Type:\tt/a", " Content-Type: t/a",
)  # fmt: skip
BODIES: dict[str, tuple[str, str]] = {
    "mixed": (MIXED, IS_SDP + IS_XML + END),
    "quoted": ('multipart/mixed; boundary="b 1"',
               (IS_SDP + IS_XML + END).replace("--b1", "--b 1")),
    "preamble": (MIXED, "preamble\r\n" + IS_SDP + IS_XML + END),
    "epilogue": (MIXED, IS_TEXT + IS_SDP + END + "epilogue"),
    "open": (MIXED, IS_SDP + IS_XML),
    "open-text": (MIXED, IS_TEXT + IS_SDP),
    "untyped": (MIXED, IS_SDP + part("X: y", "z") + END),
    "text": (MIXED, IS_TEXT + END),
    "twice": (MIXED, IS_TEXT + IS_TEXT + IS_SDP + END),
    "nested": (MIXED, part("Content-Type: multipart/alternative;boundary=b2",
                           "--b2\r\nContent-Type: text/plain\r\n\r\nin\r\n--b2--\r\n")
               + IS_SDP + END),
    "related": ("multipart/related;boundary=b1", IS_SDP + IS_XML + END),
    "no-boundary": ("multipart/mixed", IS_SDP + END),
    "other-boundary": ("multipart/mixed;boundary=zz", IS_SDP + END),
    "longer-boundary": (MIXED, (IS_TEXT + IS_XML).replace("--b1", "--b1x") + END),
    "empty-part": (MIXED, part("Content-Type: text/plain", "") + END),
    "no-line-end": (MIXED, "--b1\r\nContent-Type: text/plain\r\n\r\none--b1--\r\n"),
    "plain": ("text/plain", "hello\r\nworld"),
    "session": ("application/sdp", SDP),
    "empty": (MIXED, ""),
    **{f"head-{number}": (MIXED, part(head, "AAA") + IS_TEXT + END)
       for number, head in enumerate(HEADS)},
}  # fmt: skip
CHANGES = """
        if change == "filter": KSR.textops.filter_body(kind)
        elif change == "remove": KSR.textops.remove_body_part(kind)
        elif change == "append": KSR.textops.append_body_part("added", "text/x")
        elif change == "append twice":
            KSR.textops.append_body_part_cd("added", "text/x", "signal;handling=required")
            KSR.textops.append_body_part_hex("0a0b41", "application/x")
            KSR.textops.append_body_part_hex("no hex", "application/x")
        elif change == "set mode": KSR.textops.set_body_multipart_mode()
        elif change == "set boundary": KSR.textops.set_body_multipart_boundary("bb")
        elif change == "set": KSR.textops.set_body_multipart("set", "text/plain", "bb")
        elif change == "set content": KSR.textops.set_body_multipart_content("set", "text/plain")
"""
SCRIPT = f"""
import KSR
KINDS = ("application/sdp", "application/xml", "text/plain", "t/a", "Application/SDP", "text")
class Parts:
    def ask(self):
        KSR.textops.has_body()
        for kind in (*KINDS, "multipart/mixed"):
            KSR.textops.has_body_type(kind)
            for get in (KSR.textops.get_body_part, KSR.textops.get_body_part_raw):
                KSR.pv.unset("$avp(part)")
                get(kind, "$avp(part)")
                KSR.pv.get("$avp(part)")
        for name in ("$rb", "$bs", "$cT", "$cl", "$hdr(Mime-Version)", "$sdp(body)"):
            KSR.pv.get(name)
        KSR.sdpops.sdp_content()
        KSR.sdpops.sdp_with_media("audio")
        KSR.textops.search_body("^v=0")
    def ksr_request_route(self, msg):
        change, _, kind = KSR.hdr.get("X-Change").partition(" of ")
        self.ask()
        {CHANGES.strip()}
        KSR.textopsx.msg_apply_changes()
        self.ask()
        return 1
def mod_init():
    return Parts()
"""
KINDS = ("application/sdp", "application/xml", "text/plain", "t/a", "image/png")
WHAT = [f"{change} of {kind}" for change in ("filter", "remove") for kind in KINDS]
WHAT += ["append", "append twice", "set mode", "set boundary", "set", "set content"]


def message(kind: str, body: str, change: str, number: int = 1) -> bytes:
    raw = body.encode()
    head = (
        "MESSAGE sip:bob@sip.example.org SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-parts-{number};rport\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:a@h.example>;tag=1\r\nTo: <sip:b@h.example>\r\n"
        f"Call-ID: parts{number}\r\nCSeq: 1 MESSAGE\r\nX-Change: {change}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(raw)}\r\n\r\n"
    )
    return head.encode() + raw


@pytest.mark.debian
@pytest.mark.slow
@pytest.mark.usefixtures("left_as_found")
def test_parts_are_found_and_changed_as_in_the_server(tmp_path: Path) -> None:
    real_server.skip_unless_installed()
    messages = tmp_path / "messages"
    messages.mkdir()
    for number, (name, change) in enumerate(itertools.product(BODIES, WHAT)):
        file = messages / f"{name}-{change.replace('/', '_')}.sip"
        file.write_bytes(message(*BODIES[name], change, number))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = CliRunner().invoke(
        command, ["run", str(script), "--message", str(messages), "--compare", "--json"]
    )
    assert done.stdout.startswith("{"), done.output
    report = json.loads(done.stdout)
    assert report["differences"] == []
    assert len(report["messages"]) == len(BODIES) * len(WHAT)


@pytest.mark.parametrize(
    ("name", "call", "code", "left"),
    [
        ("mixed", "get_body_part('application/xml', '$var(x)')", 1,
         "Content-ID: <1>\r\n\r\n<x>1</x>\r\n\r\n"),
        ("mixed", "get_body_part_raw('application/xml', '$var(x)')", 1,
         "Content-Type: application/xml\r\nContent-ID: <1>\r\n\r\n<x>1</x>\r\n\r\n--b1--\r\n"),
        ("mixed", "filter_body('application/sdp')", 1, SDP),
        ("mixed", "filter_body('image/png')", -1, None),
        ("mixed", "remove_body_part('application/sdp')", 1, IS_XML + END),
        ("text", "append_body_part('two', 'text/x')", 1,
         IS_TEXT + part("Content-Type: text/x", "two") + END),
        ("plain", "set_body_multipart_boundary('b1')", 1,
         part("Content-Type: text/plain", "hello\r\nworld") + "--b1\r\n"),
        ("plain", "append_body_part('two', 'text/x')", -1, None),
        ("open", "get_body_part('application/xml', '$var(x)')", -1, None),
    ],
)  # fmt: skip
def test_what_is_found_and_left(
    load: Load, name: str, call: str, code: int, left: str | None
) -> None:
    server = load(
        "import KSR, json\ndef ksr_request_route():\n"
        f"    code = KSR.textops.{call}\n"
        "    KSR.textopsx.msg_apply_changes()\n"
        "    found = KSR.pv.get('$var(x)') or KSR.pv.get('$rb')\n"
        "    KSR.hdr.append('X: ' + json.dumps([code, found]))\n"
        "    return 1\n"
    )
    kind, body = BODIES[name]
    given: SipMessage = parse(message(kind, body, call))
    outcome = server.run_one(given)
    assert outcome.error is None
    assert json.loads(outcome.headers[-1].partition(": ")[2]) == [
        code,
        body if left is None else left,
    ]
    assert server.world.assumptions.calls == {}
