"""Suspended calls as a user agent that is not ours sees them: scenarios of sipp."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from servers.kamailio import calls as kamailio_calls
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer

SCRIPT: Final = Path(__file__).parents[1] / "suspending_script.py"
CALLS: Final = 60
CALLS_PER_S: Final = 100
LATE: Final = "a call whose answer does not come in time"
FINAL_TIMERS_MS: Final = {True: 4000, False: PATIENCE_S * 1000}
"""By whether it is to end a call."""

REQUEST: Final = """<send retrans="500"><![CDATA[
{method} sip:{user}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:{user}@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 {method}
Contact: <sip:sipp@[local_ip]:[local_port]>
Max-Forwards: 10
Content-Length: 0

]]></send>"""
OF_THE_SAME: Final = """<send><![CDATA[
{method} sip:{user}@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:{user}@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: 1 {method}
Max-Forwards: 10
Content-Length: 0

]]></send>"""


class Scenario(NamedTuple):
    """Requests, and the statuses that are expected in between, in brackets where they may lack."""

    user: str
    steps: tuple[str, ...]


SCENARIOS: Final = {
    "a call": Scenario("alice", ("INVITE", "(100)", "480", "ACK")),
    "a call that is taken back": Scenario("held", ("INVITE", "100", "CANCEL", "487", "ACK", "200")),
    LATE: Scenario("held", ("INVITE", "(100)", "504", "ACK")),
    "a registration": Scenario("alice", ("REGISTER", "(100)", "480")),
    "a call by another engine of the script": Scenario(
        "newalice", ("INVITE", "(100)", "480", "ACK")
    ),
    "no transaction": Scenario("alice", ("OPTIONS", "200")),
}


def xml(scenario: Scenario) -> str:
    """The scenario as sipp takes it."""
    steps = ['<?xml version="1.0"?>', '<scenario name="a suspended call">']
    for step in scenario.steps:
        status = step.strip("()")
        if status.isdigit():
            optional = ' optional="true"' if step.startswith("(") else ""
            steps.append(f'<recv response="{status}"{optional}/>')
        elif step in ("ACK", "CANCEL"):
            tag = "[peer_tag_param]" if step == "ACK" else ""
            steps.append(OF_THE_SAME.format(method=step, user=scenario.user, tag=tag))
        else:
            steps.append(REQUEST.format(method=step, user=scenario.user))
    return "\n".join([*steps, "</scenario>"])


def answers_all_but_those_held(peer: Peer) -> None:
    while request := peer.request():
        if b"/held" in request:
            peer.server.release.wait(PATIENCE_S)
        peer.send(OK)


@pytest.fixture(scope="module")
def ports(same_python: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, int]]:
    """Of two servers, by whether their timer is to end a call."""
    found: dict[bool, int] = {}
    with RawServer(answers_all_but_those_held) as web, contextlib.ExitStack() as servers:
        for is_to_end, timer_ms in FINAL_TIMERS_MS.items():
            folder = tmp_path_factory.mktemp("sipp")
            script = folder / "routing.py"
            script.write_text(SCRIPT.read_text())
            inside, _ = servers.enter_context(
                kamailio_calls.running(folder, script, {"TEST_BACKEND": web.url}, timer_ms=timer_ms)
            )
            found[is_to_end] = inside.port
        yield found
        web.release.set()


@pytest.mark.usefixtures("debian")
@pytest.mark.parametrize("name", SCENARIOS)
def test_each_call_of_sipp_ends_as_its_scenario_says(
    name: str, ports: dict[bool, int], tmp_path: Path
) -> None:
    sipp = shutil.which("sipp")
    assert sipp, "sipp is missing: make packages"
    scenario = tmp_path / "scenario.xml"
    scenario.write_text(xml(SCENARIOS[name]))
    run = subprocess.run(
        [
            *(
                sipp,
                f"127.0.0.1:{ports[name == LATE]}",
                "-sf",
                scenario,
                "-i",
                "127.0.0.1",
                "-nostdin",
            ),
            *("-m", str(CALLS), "-r", str(CALLS_PER_S), "-timeout", f"{PATIENCE_S:.0f}"),
            *("-timeout_error", "-trace_err", "-error_file", tmp_path / "errors"),
        ],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=2 * PATIENCE_S,
    )
    errors = tmp_path / "errors"
    said = errors.read_text(errors="replace")[-2000:] if errors.exists() else ""
    assert run.returncode == 0, (run.returncode, said)
