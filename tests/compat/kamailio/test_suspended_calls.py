"""Calls that the real server suspends while a query is under way."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from onehttp.control.merged import merged
from servers.kamailio import suspending
from servers.kamailio.suspending import Calls
from servers.patience import PATIENCE_S

SCRIPT = Path(__file__).with_name("suspending_script.py")


@pytest.fixture
def calls(same_python: None, tmp_path: Path) -> Iterator[Calls]:
    with suspending.running(tmp_path, SCRIPT) as running:
        yield running


def test_a_suspended_call_goes_on_in_the_script_that_was_read_meanwhile(calls: Calls) -> None:
    call = calls.caller.invite("alice")
    held = calls.backend.arrival("/alice")
    calls.reload('VERSION = "first"', 'VERSION = "second"')
    assert calls.inside.ask_until("version", "second") == "second"
    held.answer()
    assert calls.caller.final(call).startswith("480 ")
    answer, number = "", 0
    while not answer.startswith("480 second "):  # each process reads it when its slice is over
        later = calls.caller.invite(f"bob{number}")
        calls.backend.arrival(f"/bob{number}").answer()
        answer = calls.caller.final(later)
        assert answer.endswith(f" bob{number} 200")
        number += 1


def test_calls_under_repeated_reloads_are_each_answered_once(calls: Calls) -> None:
    begun = []
    for number in range(8):
        users = [f"user{number}x{one}" for one in range(10)]
        begun += [(calls.caller.invite(user), user) for user in users]
        held = [calls.backend.arrival(f"/{user}") for user in users]
        calls.reload(f'VERSION = "{_version(number)}"', f'VERSION = "{_version(number + 1)}"')
        for one in held:
            one.answer()
        calls.caller.receive()
    for call, user in begun:
        assert user in calls.caller.final(call)
    calls.caller.receive(0.2)
    assert all(len(answers) == 1 for answers in calls.caller.finals.values())


def test_a_legacy_call_is_warned_of_once_in_the_servers_log(calls: Calls) -> None:
    for number in range(12):
        calls.caller.invite(f"user{number}")
        calls.backend.arrival(f"/user{number}").answer()
    calls.reload('VERSION = "first"', 'VERSION = "second"')
    assert calls.inside.ask_until("version", "second") == "second"
    call = calls.caller.invite("late")
    calls.backend.arrival("/late").answer()
    calls.caller.final(call)
    told = [line for line in calls.inside.log().splitlines() if "is a legacy call" in line]
    assert len(told) == 1
    assert "WARNING" in told[0]
    assert "routing.py" in told[0]


def test_what_goes_wrong_is_in_the_servers_log(calls: Calls) -> None:
    exiting, other = calls.caller.invite("exiting"), calls.caller.invite("other")
    for who in ("exiting", "other"):
        calls.backend.arrival(f"/{who}").answer()
    assert calls.caller.final(other) == "480 first other 200"
    assert calls.caller.final(exiting).startswith("500 ")
    assert calls.caller.final(calls.caller.invite("nowhere")).startswith("500 ")
    log = calls.inside.log()
    assert "ERROR" in log
    assert "route exiting failed" in log
    assert "the script has no route 'nowhere'" in log


def test_a_stopped_process_is_told_of_and_its_calls_go_on_when_it_does(calls: Calls) -> None:
    process = calls.pid("RTIMER")
    os.kill(process, signal.SIGSTOP)
    begun: list[str] = []
    try:
        end = time.monotonic() + PATIENCE_S
        while "no process has worked on queries" not in calls.inside.log():
            assert time.monotonic() < end
            begun.append(calls.caller.invite(f"user{len(begun)}"))
            for _ in range(2):  # what is said at once, and then nothing: some calls, not thousands
                calls.caller.receive(0.2)
    finally:
        os.kill(process, signal.SIGCONT)
    for number, call in enumerate(begun):
        calls.backend.arrival(f"/user{number}").answer()
        assert calls.caller.final(call) == f"480 first user{number} 200"


def test_a_cancelled_call_runs_no_route_when_its_answer_comes(calls: Calls) -> None:
    begun = []
    for number in range(20):
        begun.append(calls.caller.invite(f"user{number}"))
        held = calls.backend.arrival(f"/user{number}")
        calls.caller.cancel(f"user{number}", begun[-1])
        assert calls.caller.final(begun[-1]) == "487 Request canceled"
        held.answer()
    later = calls.caller.invite("later")
    calls.backend.arrival("/later").answer()
    assert calls.caller.final(later) == "480 first later 200"
    calls.caller.receive(0.2)
    assert all(len(calls.caller.finals[call]) == 1 for call in begun)


def _version(number: int) -> str:
    return f"version{number}" if number else "first"


def test_every_module_of_a_script_has_the_same_server(calls: Calls) -> None:
    assert calls.inside.ask("same") == "first True True True"


def test_a_query_of_onehttp_suspends_the_call_too(calls: Calls) -> None:
    call = calls.caller.invite("newalice")
    held = calls.backend.arrival("/newalice")
    held.answer()
    assert calls.caller.final(call) == "480 first newalice ['newalice'] 200"
    unreachable = calls.caller.invite("newnowhere")
    answer = calls.caller.final(unreachable)
    assert answer == "480 first newnowhere ['newnowhere'] ConnectError"
    assert calls.caller.final(calls.caller.invite("newbound")) == "500 refused"
    assert "inside Kamailio another process runs the route" in calls.inside.log()


def test_an_idle_worker_has_left_what_it_handed_over(
    same_python: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = tmp_path / "control"
    monkeypatch.setenv("ONEHTTP_CONTROL", str(control))
    with suspending.running(tmp_path, SCRIPT) as calls:
        call = calls.caller.invite("alice")
        calls.backend.arrival("/alice").answer()
        assert calls.caller.final(call) == "480 first alice 200"
        left = [json.loads(path.read_text())["answer"] for path in control.glob("*.json")]
    assert merged(left).legacy_calls == 1
