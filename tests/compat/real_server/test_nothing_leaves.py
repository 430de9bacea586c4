"""A script in the real server: whatever it calls, nothing is sent to where it says."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from onehttp.cli.group import onehttp as command
from onehttp_compat.real_server.process import MODULES
from onehttp_compat.script.catalogue import catalogue
from servers.kamailio import real_server

pytestmark = [pytest.mark.debian, pytest.mark.usefixtures("left_as_found")]

MESSAGES = Path(__file__).parents[1] / "script/scripts/messages"
# They wait, end the server, or crash it where there is no TCP.
NOT_CALLED = frozenset((
    "cfgutils.abort", "cfgutils.lock", "cfgutils.sleep", "cfgutils.unlock", "cfgutils.usleep",
    "kx.get_conid",
))  # fmt: skip
EVERY_FUNCTION = """
import KSR
def ksr_request_route():
    for module, name, kinds in ROWS:
        owner = getattr(KSR, module) if module else KSR
        for text in ("sip:bob@127.0.0.1:TRAP", "127.0.0.1:TRAP", "udp:127.0.0.1:TRAP"):
            try:
                getattr(owner, name)(*[text if kind == "str" else 1 for kind in kinds])
            except Exception:
                pass
    KSR.pv.sets("$du", "sip:127.0.0.1:TRAP")
    KSR.tm.t_relay()
    return 1
"""
# Those that send by themselves, each where it does so; ``done`` says that it did.
SENDERS = """
import KSR
TRAP = "sip:bob@127.0.0.1:TRAP_PORT"
def done(code):
    KSR.hdr.append("X: %d" % code)
def mod_init():
    return Senders()
class Senders:
    def ksr_request_route(self, msg):
        getattr(self, KSR.pv.get("$rm").lower(), self.relay)(msg)
        return 1
    def relay(self, msg):
        KSR.rr.loose_route()
        KSR.tm.t_relay()
    def invite(self, msg):
        if KSR.siputils.has_totag() < 0:
            KSR.dialog.dlg_manage()
            KSR.tm.t_on_failure("failed")
        KSR.corex.append_branch_uri(TRAP)
        self.relay(msg)
    def failed(self, msg):
        KSR.seturi(TRAP)
        done(KSR.tm.t_relay())
        return 1
    def ack(self, msg):
        KSR.rr.loose_route()
        KSR.dialog.dlg_manage()
        if KSR.pv.get("$dlg(state)") == 4:
            done(msg.call_function("dlg_refer", "caller", TRAP))
            done(KSR.dialog.dlg_bye("all"))
            done(KSR.dialog.dlg_bridge(TRAP, TRAP, TRAP))
        KSR.tm.t_relay()
    def options(self, msg):
        for name, value in ("method", "OPTIONS"), ("ruri", TRAP), ("furi", TRAP), ("turi", TRAP):
            KSR.pv.sets("$uac_req(%s)" % name, value)
        done(KSR.uac.uac_req_send())
        done(msg.call_function("uac_req_send"))
        headers = "From: <sip:a@b>;tag=1\\r\\nTo: <sip:a@b>\\r\\n"
        done(KSR.tm.t_uac_send("OPTIONS", TRAP, TRAP, "", headers, ""))
        done(KSR.corex.send_data(TRAP, "x"))
        done(KSR.corex.sendx(TRAP, "", "x"))
        for name in "send_data", "sendx":
            done(msg.call_function(name, TRAP, "x"))
        KSR.pv.sets("$du", TRAP)
        done(KSR.forward_uri(TRAP))
        done(KSR.forward())
        done(KSR.tm.t_replicate(TRAP))
    def message(self, msg):
        KSR.seturi(TRAP)
        done(msg.call_function("t_relay_to_udp", "127.0.0.1", "TRAP_PORT"))
    def register(self, msg):
        KSR.registrar.save("location", 0)
        KSR.registrar.lookup("location")
        self.relay(msg)
    def notify(self, msg):
        KSR.corex.set_source_address("udp:127.0.0.1:TRAP_PORT")
        done(KSR.sl.send_reply(200, "OK"))
    def info(self, msg):
        KSR.corex.set_source_address("udp:127.0.0.1:TRAP_PORT")
        done(KSR.tm.t_send_reply(200, "OK"))
    def ksr_onsend_route(self, msg):
        return 1
"""


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.setblocking(False)
        yield listening


def caught(trap: socket.socket) -> list[bytes]:
    """What came. Nothing is on its way any more: loopback delivers while it is sent."""
    found = []
    while True:
        try:
            found.append(trap.recv(65535))
        except BlockingIOError:
            return found


def run(script: str, trap: socket.socket, folder: Path, *more: str) -> dict[str, Any]:
    """Every address in the messages that requests may go to is that of the trap."""
    real_server.skip_unless_installed()
    port = str(trap.getsockname()[1])
    messages = folder / "messages"
    messages.mkdir()
    for file in MESSAGES.glob("*.sip"):
        text = re.sub(rb"(Contact: *<sip:\w+@)[^>;]+", rb"\g<1>127.0.0.1:" + port.encode(),
                      file.read_bytes())  # fmt: skip
        (messages / file.name).write_bytes(text)
    path = folder / "script.py"
    path.write_text(script.replace("TRAP_PORT", port).replace(":TRAP", f":{port}"))
    done = CliRunner().invoke(
        command, ["run", str(path), "--message", str(messages), "--myself", "sip.example.org",
                  "--kamailio", "--json", *more],
    )  # fmt: skip
    assert done.stdout.startswith("{"), done.output
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_what_sends_by_itself_says_that_it_has_and_sends_nothing(
    trap: socket.socket, tmp_path: Path
) -> None:
    report = run(SENDERS, trap, tmp_path)
    assert caught(trap) == []
    assert [one["error"] for one in report["messages"] if one["error"]] == []
    said = [line for one in report["messages"] for line in one["headers"]]
    assert [line for line in said if line != "X: 1"] == []
    assert len(said) > 20
    told = {one["text"].partition(" was made")[0] for one in report["mistakes"]}
    port = trap.getsockname()[1]
    for what in "REFER for sip:bob", "BYE for sip:alice", "BYE for sip:bob":
        assert f"{what}@127.0.0.1:{port}" in told


def test_no_function_of_all_that_are_loaded_sends_anything(
    trap: socket.socket, tmp_path: Path
) -> None:
    rows = [
        (module, name, function.parameters)
        for module, functions in catalogue().functions.items()
        if module in ("", "hdr", "pvx", "kx", *MODULES)
        for name, function in functions.items()
        if f"{module}.{name}" not in NOT_CALLED
    ]
    assert len(rows) > 500
    report = run(f"ROWS = {rows!r}" + EVERY_FUNCTION, trap, tmp_path)
    assert caught(trap) == []
    assert any(one["actions"] for one in report["messages"])
