"""Faults of the real server and of what is around it, with calls under way."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest

from servers.holding import HoldingServer
from servers.kamailio import calls as kamailio_calls
from servers.kamailio import suspending
from servers.kamailio.suspending import Calls
from servers.patience import PATIENCE_S

SCRIPT = Path(__file__).with_name("calls_script.py")
LARGE, TOO_LARGE = 15 << 20, 17 << 20
FILE = "version: 1\nconnections: {{api: {{url: '{}'}}}}\n"


pytestmark = pytest.mark.usefixtures("same_python")


def answered(calls: Calls, what: str, told: str = "1 200 2") -> None:
    """A call that is asked for once is answered so, by a script of any version."""
    call = calls.caller.invite(f"ask-{what}")
    calls.backend.arrival(f"/{what}").answer()
    assert calls.caller.final(call).endswith(told)


def test_one_of_two_sending_processes_is_killed_and_the_server_ends_as_a_whole(
    tmp_path: Path,
) -> None:
    with suspending.running(tmp_path, SCRIPT, processes=2) as calls:
        for number in range(20):
            calls.caller.invite(f"ask-{number}")
            calls.backend.arrival(f"/{number}")
        os.kill(calls.pid("RTIMER"), signal.SIGKILL)
        assert calls.inside.process.wait(PATIENCE_S) is not None


@pytest.mark.parametrize("text", [None, "version: 1\nconnections: {api: [", "", "version: 9\n"])
def test_a_connections_file_that_is_gone_or_broken_changes_nothing_at_a_reload(
    tmp_path: Path, text: str | None
) -> None:
    file = tmp_path / "connections.yaml"
    with HoldingServer() as named:
        file.write_text(FILE.format(named.url))
        with suspending.running(
            tmp_path, SCRIPT, children=1, environment={"TEST_CONNECTIONS": str(file)}
        ) as calls:
            waiting = calls.caller.invite("ask-waiting")
            held = calls.backend.arrival("/waiting")
            if text is None:
                file.unlink()
            else:
                file.write_text(text)
            calls.reload('VERSION = "first"', 'VERSION = "second"')
            assert calls.inside.ask_until("alive", "second") == "second"
            held.answer()
            assert calls.caller.final(waiting).endswith("1 200 2")
            named.release.set()  # its connections are closed without an answer
            assert calls.inside.ask("named-api") == "52"
            calls.inside.has_said("the connections stay as they were")
            calls.are_answered_once()
            assert calls.inside.log().count("the connections stay as they were") == 1


def test_a_broken_connections_file_stops_a_server_at_its_start_with_its_place(
    tmp_path: Path,
) -> None:
    file = tmp_path / "connections.yaml"
    file.write_text("version: 1\nconnections: {api: {urll: 'http://127.0.0.1'}}\n")
    with (
        pytest.raises(AssertionError, match=r"connections.yaml:2.*\n?.*did you mean 'url'"),
        suspending.running(tmp_path, SCRIPT, environment={"TEST_CONNECTIONS": str(file)}),
    ):
        pass


def test_a_worker_out_of_descriptors_fails_its_calls_and_recovers(tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT, children=1) as calls:
        calls.backend.release.set()  # connections are closed without an answer: none is kept
        assert calls.inside.ask("sync-one").startswith("52 ")
        pid = kamailio_calls.pid(tmp_path, "udp receiver")
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
        try:
            for number in range(30):
                code = calls.inside.ask(f"sync-none{number}").split()[0]
                assert code == "7", code
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        assert calls.inside.ask("sync-two").startswith("52 ")


def test_a_large_query_waits_for_a_free_descriptor_of_the_process_that_sends_it(
    tmp_path: Path,
) -> None:
    with suspending.running(tmp_path, SCRIPT) as calls:
        answered(calls, "before")
        pid = calls.pid("RTIMER")
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            large = calls.caller.invite("whole-100000")
            small = calls.caller.invite("hurry-small")  # it ends, so the large one has been met
            assert calls.caller.final(small).startswith("480 first 0 ")
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        calls.backend.arrival("/whole").answer()
        assert calls.caller.final(large) == "480 first 1 200 2"
        calls.are_answered_once()


def test_a_worker_out_of_descriptors_ends_a_large_query_at_once(tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT, children=1) as calls:
        answered(calls, "before")
        pid = kamailio_calls.pid(tmp_path, "udp receiver")
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            large = calls.caller.invite("whole-100000")
            assert calls.caller.final(large).startswith("480 first 0 the query cannot be handed")
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        answered(calls, "after")
        calls.are_answered_once()


def test_a_cancel_that_crosses_the_answer_leaves_one_final_answer(tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT, processes=2) as calls:
        for number in range(100):
            call = calls.caller.invite(f"ask-{number}")
            held = calls.backend.arrival(f"/{number}")
            if number % 2:
                held.answer()
                calls.caller.cancel(f"ask-{number}", call)
            else:
                calls.caller.cancel(f"ask-{number}", call)
                held.answer()
            assert calls.caller.final(call) in ("480 first 1 200 2", "487 Request canceled")
        answered(calls, "later")
        calls.are_answered_once()


def test_bodies_of_many_megabytes_come_and_go(tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT) as calls:
        for size, told in (
            (LARGE, f"1 200 {LARGE}"),
            (TOO_LARGE, "0 the body is larger than max_body, 16777216 bytes"),
            (LARGE + 1, f"1 200 {LARGE + 1}"),
        ):
            call = calls.caller.invite(f"ask-{size}")
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
            calls.backend.arrival(f"/{size}").answer(head + bytes(size))
            assert calls.caller.final(call) == f"480 first {told}"
        call = calls.caller.invite(f"whole-{1 << 20}")
        calls.backend.arrival("/whole").answer()
        assert calls.caller.final(call) == "480 first 1 200 2"
        assert calls.backend.requests[-1].endswith(b"b" * (1 << 20))
        answered(calls, "later")
        calls.are_answered_once()


def test_a_route_that_a_reload_took_away_is_an_error_until_another_brings_it_back(
    tmp_path: Path,
) -> None:
    with suspending.running(tmp_path, SCRIPT) as calls:
        call = calls.caller.invite("ask-lost")
        held = calls.backend.arrival("/lost")
        waiting = calls.caller.invite("ask-kept")
        kept = calls.backend.arrival("/kept")
        calls.reload("def answered(", "def renamed(")
        calls.inside.has_said("Reloading script")
        held.answer()
        assert calls.caller.final(call).startswith("500 ")
        calls.change("def renamed(", "def answered(")
        calls.reload('VERSION = "first"', 'VERSION = "third"')
        answered_by = ""
        number = 0
        while not answered_by.startswith("480 third "):
            later = calls.caller.invite(f"ask-again{number}")
            calls.backend.arrival(f"/again{number}").answer()
            answered_by = calls.caller.final(later)
            number += 1
            assert number < 1000
        kept.answer()
        assert calls.caller.final(waiting) == "480 third 1 200 2"
        calls.are_answered_once()


def test_reloads_while_the_sending_process_is_frozen_lose_no_call(tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT) as calls:
        begun = [calls.caller.invite(f"ask-{number}") for number in range(10)]
        held = [calls.backend.arrival(f"/{number}") for number in range(10)]
        process = calls.pid("RTIMER")
        os.kill(process, signal.SIGSTOP)
        try:
            for one in held:
                one.answer()
            for number in range(5):
                calls.reload(
                    f'VERSION = "{_version(number)}"', f'VERSION = "{_version(number + 1)}"'
                )
                begun.append(calls.caller.invite(f"ask-frozen{number}"))
                calls.caller.receive(0.2)
        finally:
            os.kill(process, signal.SIGCONT)
        for number in range(5):
            calls.backend.arrival(f"/frozen{number}").answer()
        for call in begun:
            assert calls.caller.final(call).endswith(" 1 200 2")
        calls.are_answered_once()


def test_a_chain_of_queries_outlives_reloads_in_between(tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT) as calls:
        call = calls.caller.invite("twice-x")
        first = calls.backend.arrival("/x1")
        calls.reload('VERSION = "first"', 'VERSION = "second"')
        first.answer()
        second = calls.backend.arrival("/again")
        calls.reload('VERSION = "second"', 'VERSION = "third"')
        second.answer()
        assert calls.caller.final(call).endswith(" 1 200 2")
        calls.are_answered_once()


def _version(number: int) -> str:
    return f"version{number}" if number else "first"


def test_a_server_out_of_shared_memory_refuses_calls_and_takes_them_again(tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT, children=1, shared_mib=8, timer_ms=300_000) as calls:
        waiting: dict[str, str] = {}
        refused = 0
        while refused < 10:
            name = f"x{len(waiting) + refused}"
            call = calls.caller.invite(f"ask-{name}")
            assert calls.inside.ask("alive") == "first"  # by the one worker, after that call
            calls.caller.receive()
            if calls.caller.finals[call]:
                assert calls.caller.final(call).split()[0] in ("500", "503")
                refused += 1
            else:
                waiting[name] = call
                assert len(waiting) < 5000
        for name, call in waiting.items():
            calls.backend.arrival(f"/{name}").answer()
            assert calls.caller.final(call) == "480 first 1 200 2", name
        answered_by, number = "", 0
        while not answered_by.startswith("480 "):  # tm keeps what has ended for some seconds
            call = calls.caller.invite(f"ask-later{number}")
            assert calls.inside.ask("alive") == "first"
            calls.caller.receive()
            if not calls.caller.finals[call]:
                calls.backend.arrival(f"/later{number}").answer()
            answered_by = calls.caller.final(call)
            number += 1
