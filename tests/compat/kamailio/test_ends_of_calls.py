"""The ends that suspended transactions of the real server may come to, and their kinds."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest

from servers.kamailio import calls as kamailio_calls
from servers.kamailio import suspending
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer

SCRIPT = Path(__file__).with_name("suspending_script.py")
DESCRIPTORS, MANY = 256, 400


pytestmark = pytest.mark.usefixtures("same_python")


def test_several_processes_share_the_queries_and_each_is_answered_once(tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT, processes=3) as calls:
        begun = [calls.caller.invite(f"user{number}") for number in range(60)]
        for number in range(60):
            calls.backend.arrival(f"/user{number}").answer()
        for number, call in enumerate(begun):
            assert calls.caller.final(call) == f"480 first user{number} 200"
        calls.caller.receive(0.2)
        assert all(len(answers) == 1 for answers in calls.caller.finals.values())


def test_a_transaction_that_ends_by_its_timer_runs_no_route_later(tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT, timer_ms=1000) as calls:
        late = calls.caller.invite("late")
        held = calls.backend.arrival("/late")
        assert calls.caller.final(late) == "504 too slow"
        held.answer()
        quick = calls.caller.invite("quick")
        calls.backend.arrival("/quick").answer()
        assert calls.caller.final(quick) == "480 first quick 200"
        calls.caller.receive(0.2)
        assert calls.caller.finals[late] == ["504 too slow"]


def test_a_call_cancelled_before_its_query_asks_nobody(tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT) as calls:
        begun = []
        for _ in range(4):
            begun.append(calls.caller.invite("hasty"))
            calls.caller.cancel_until_it_ends("hasty", begun[-1])
            assert calls.caller.final(begun[-1]) == "487 Request canceled"
        later = calls.caller.invite("later")
        calls.backend.arrival("/later").answer()
        assert calls.caller.final(later) == "480 first later 200"
        calls.are_answered_once()
        assert len(calls.backend.requests) == 1


def test_a_registration_waits_as_a_call_does(tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT) as calls:
        registration = calls.caller.register("alice")
        calls.backend.arrival("/alice").answer()
        assert calls.caller.final(registration) == "480 first alice 200"


def test_a_script_that_cannot_be_read_leaves_the_old_one_at_work(tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT) as calls:
        call = calls.caller.invite("alice")
        held = calls.backend.arrival("/alice")
        calls.reload("class Script(", "class Script((")
        calls.caller.invite("bob")  # has a worker try to read it
        held.answer()
        assert calls.caller.final(call) == "480 first alice 200"


def test_a_process_out_of_descriptors_answers_each_call_once_and_recovers(tmp_path: Path) -> None:
    def hold(peer: Peer) -> None:
        while peer.request():
            peer.server.release.wait(PATIENCE_S)
            peer.send(OK)

    with (
        RawServer(hold) as backend,
        kamailio_calls.running(tmp_path, SCRIPT, {"TEST_BACKEND": backend.url}) as (_, caller),
    ):
        limit = (DESCRIPTORS, DESCRIPTORS)
        resource.prlimit(kamailio_calls.pid(tmp_path, "RTIMER"), resource.RLIMIT_NOFILE, limit)
        begun = [caller.invite(f"user{number}") for number in range(MANY)]
        caller.until(lambda: sum(map(bool, caller.finals.values())) >= MANY - DESCRIPTORS)
        backend.release.set()
        answers = [caller.final(call) for call in begun]
        assert {answer.split()[0] for answer in answers} == {"480"}
        answered = sum(answer.endswith(" 200") for answer in answers)
        assert 0 < answered <= DESCRIPTORS
        for number in range(10):
            call = caller.invite(f"later{number}")
            assert caller.final(call) == f"480 first later{number} 200"
        caller.receive(0.2)
        assert all(len(answers) == 1 for answers in caller.finals.values())


def test_the_server_ends_with_its_process_and_with_calls_under_way(tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT) as calls:
        for number in range(10):
            calls.caller.invite(f"user{number}")
            calls.backend.arrival(f"/user{number}")
        os.kill(calls.pid("RTIMER"), signal.SIGKILL)
        assert calls.inside.process.wait(PATIENCE_S) is not None


def test_the_server_stops_with_calls_under_way(tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT) as calls:
        calls.pid("RTIMER")
        for number in range(10):
            calls.caller.invite(f"user{number}")
            calls.backend.arrival(f"/user{number}")
        calls.inside.process.terminate()
        assert calls.inside.process.wait(PATIENCE_S) == 0
