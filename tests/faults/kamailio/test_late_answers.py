"""Answers that come when nothing waits for them any more: the server frees each transaction as it
frees any other."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from servers.kamailio import suspending
from servers.kamailio.calls import rpc
from servers.kamailio.suspending import Calls
from servers.patience import PATIENCE_S

SCRIPT = Path(__file__).with_name("calls_script.py")
MANY = 50
LONG_MS = 60_000
FREED_SOON = 'modparam("tm", "wt_timer", 1000)'
SHORT_LIVES = """
modparam("tm", "max_inv_lifetime", 3000)
modparam("tm", "max_noninv_lifetime", 3000)"""


pytestmark = pytest.mark.usefixtures("same_python")


def are_freed(calls: Calls, name: str = "after") -> int:
    """Wait until the server has freed all that ended before this; the shared memory in use."""
    last = calls.caller.invite(f"patient-{name}")
    calls.backend.arrival(f"/{name}").answer()
    assert calls.caller.final(last) == "480 first 1 200 2"
    calls.caller.until(lambda: last not in str(rpc(calls.folder, "tm.list")))
    # It frees them a while after their ends, on a busy machine not all older ones before the last.
    calls.caller.until(lambda: rpc(calls.folder, "tm.stats")["current"] == 0)
    return int(rpc(calls.folder, "core.shmmem")["used"])


@pytest.mark.parametrize(
    ("what", "timer_ms", "suffixes", "ends"),
    [
        pytest.param("ask", 1500, ("",), "504 too slow", id="ended by the timer"),
        pytest.param("hasty", LONG_MS, ("",), "504 too slow", id="ended by a timer of its own"),
        pytest.param("relayed", 1500, ("",), "504 too slow", id="gone on elsewhere"),
        pytest.param("both", LONG_MS, ("a", "b"), "480 first 1 200 2", id="continued by another"),
        pytest.param("brief", LONG_MS, ("",), "504 too slow", id="ended by its lifetime"),
    ],
)
def test_late_answers_keep_no_memory(
    tmp_path: Path, what: str, timer_ms: int, suffixes: tuple[str, ...], ends: str
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.settimeout(PATIENCE_S)
        elsewhere = f"sip:x@127.0.0.1:{silent.getsockname()[1]}"
        with suspending.running(
            tmp_path,
            SCRIPT,
            timer_ms=timer_ms,
            more=FREED_SOON + (SHORT_LIVES if what == "brief" else ""),
            environment={"TEST_ELSEWHERE": elsewhere},
        ) as calls:
            before = are_freed(calls, "before")
            what = what.replace("brief", "ask")
            names = [f"x{number}" for number in range(MANY)]
            begun = [calls.caller.invite(f"{what}-{name}") for name in names]
            held = [calls.backend.arrival(f"/{name}{one}") for name in names for one in suffixes]
            if what == "relayed":
                forwarded: set[bytes] = set()
                while len(forwarded) < MANY:  # all have gone on: the answers are late
                    forwarded.add(silent.recv(65535).partition(b"Call-ID: ")[2].partition(b"\r")[0])
            elif what != "both":
                assert {calls.caller.final(call) for call in begun} == {ends}
            for one in held:
                one.answer()
            assert {calls.caller.final(call) for call in begun} == {ends}
            calls.are_answered_once()
            assert are_freed(calls) == before


def test_an_answer_within_a_timer_that_the_script_has_set_is_not_late(tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT, timer_ms=1000) as calls:
        patient = calls.caller.invite("patient-x")
        held = calls.backend.arrival("/x")
        assert calls.caller.final(calls.caller.invite("ask-y")) == "504 too slow"
        held.answer()
        assert calls.caller.final(patient) == "480 first 1 200 2"
        calls.are_answered_once()


def test_a_query_that_waits_until_its_transaction_has_ended_is_not_sent(tmp_path: Path) -> None:
    # Of one worker, whose last call begins after all others are suspended. Only that one may be
    # suspended so long after its timer has begun that its end is not yet known to have come.
    with suspending.running(tmp_path, SCRIPT, timer_ms=1000, children=1, more=FREED_SOON) as calls:
        process = calls.pid("RTIMER")
        os.kill(process, signal.SIGSTOP)
        try:
            begun = [calls.caller.invite(f"ask-{number}") for number in (*range(MANY), "last")]
            assert {calls.caller.final(call) for call in begun} == {"504 too slow"}
        finally:
            os.kill(process, signal.SIGCONT)
        are_freed(calls)
        paths = {request.split()[1] for request in calls.backend.requests}
        assert paths <= {b"/after", b"/last"}
        calls.inside.has_said("fr_timer of tm has ended a transaction", 1)
        calls.are_answered_once()
