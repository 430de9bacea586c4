"""Bad input and faults of calls in the real server: each call ends once, and others go on."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from pathlib import Path

import pytest

from servers.kamailio import calls as kamailio_calls
from servers.kamailio import suspending
from servers.kamailio.suspending import Calls
from servers.raw import OK, Peer, RawServer

SCRIPT = Path(__file__).with_name("calls_script.py")
MANY = 1000


pytestmark = pytest.mark.usefixtures("same_python")


def goes_on(calls: Calls, name: str = "later", version: str = "first") -> None:
    """A call as any other is answered, and each worker is there."""
    call = calls.caller.invite(f"ask-{name}")
    calls.backend.arrival(f"/{name}").answer()
    assert calls.caller.final(call) == f"480 {version} 1 200 2"


ANSWERS = {
    "nothing": (b"", "0 Empty reply from server"),
    "garbage": (b"\x00\x01 what\r\n\r\n", "0 Received HTTP/0.9 when not allowed"),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-", "1 200 0"),  # libcurl makes do with it
    "a body cut short": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "0 "),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nok", "0 "),
    "a broken chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "0 "),
    "a head without end": (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 400_000, "0 "),
    "a status of its own": (b"HTTP/1.1 999 \xff\r\nContent-Length: 0\r\n\r\n", "1 999 0"),
    "bytes for text": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\xff\x00\xfe", "1 200 3"),
}


def test_a_lying_backend_is_an_error_for_its_own_call_alone(tmp_path: Path) -> None:
    def lie(peer: Peer) -> None:
        while request := peer.request():
            name = request.split(b" ")[1].decode()[1:]
            if not name.isdecimal():
                peer.send(OK)
                continue
            with contextlib.suppress(OSError):
                peer.send(list(ANSWERS.values())[int(name)][0])
            return

    with (
        RawServer(lie) as backend,
        kamailio_calls.running(tmp_path, SCRIPT, {"TEST_BACKEND": backend.url}) as (inside, caller),
    ):
        begun = [caller.invite(f"ask-{number}") for number in range(len(ANSWERS))]
        for (name, (_, told)), call in zip(ANSWERS.items(), begun, strict=True):
            assert caller.final(call).startswith(f"480 first {told}"), name
        assert caller.final(caller.invite("ask-well")) == "480 first 1 200 2"
        assert inside.ask("sync-well") == "200 2"
        caller.receive(0.2)
        assert all(len(answers) == 1 for answers in caller.finals.values())


def test_a_slow_backend_is_told_by_the_time_limit_and_its_late_answer_is_nobodys(
    tmp_path: Path,
) -> None:
    with suspending.running(tmp_path, SCRIPT) as calls:
        begun = [calls.caller.invite(f"hurry-{number}") for number in range(20)]
        held = [calls.backend.arrival(f"/{number}") for number in range(20)]
        for call in begun:
            assert calls.caller.final(call) == "480 first 0 TIMEOUT"
        for one in held:
            one.answer()
        goes_on(calls)
        calls.are_answered_once()


def test_dead_names_end_at_their_limits_and_hold_up_nobody(tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT) as calls:
        begun = [calls.caller.invite(f"dead-name{number}") for number in range(50)]
        known = calls.caller.invite("good-known")
        calls.backend.arrival("/known").answer()
        assert calls.caller.final(known) == "480 first 1 200 2"
        assert {calls.caller.final(call) for call in begun} == {"480 first 0 TIMEOUT"}
        goes_on(calls)
        calls.are_answered_once()


def test_mistakes_of_a_script_end_its_own_call_alone(tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT, children=1) as calls:
        for number in range(3):
            for what in ("raising", "exiting"):
                calls.caller.invite(f"{what}-now")
                assert calls.inside.ask("alive") == "first"
            for route in ("mistaken", "gone", "nowhere"):
                call = calls.caller.invite(f"route-{route}.{number}")
                calls.backend.arrival(f"/{route}.{number}").answer()
                assert calls.caller.final(call).startswith("500 ")
        goes_on(calls)
        for said in ("a mistake of the script", "a mistake of the callback", "no route 'nowhere'"):
            calls.inside.has_said(said, 3)


def test_a_thousand_suspended_calls_end_by_their_timer_once_each(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=4096) as silent,
        kamailio_calls.running(
            tmp_path,
            SCRIPT,
            {"TEST_BACKEND": f"http://127.0.0.1:{silent.getsockname()[1]}"},
            timer_ms=2000,
        ) as (inside, caller),
    ):
        begun = []
        for number in range(MANY):
            begun.append(caller.invite(f"ask-{number}"))
            if number % 50 == 0:  # before more come than the server's buffer has room for
                assert inside.ask("alive") == "first"
        caller.until(lambda: all(caller.finals[call] for call in begun))
        assert {caller.final(call) for call in begun} == {"504 too slow"}
        silent.close()  # now they fail, and are nobody's any more
        assert caller.final(caller.invite("hurry-later"))
        assert inside.ask("alive") == "first"
        caller.receive(0.2)
        assert all(len(caller.finals[call]) == 1 for call in begun)


def test_a_full_queue_answers_at_once_with_an_error_and_is_told_of_rarely(tmp_path: Path) -> None:
    with suspending.running(
        tmp_path,
        SCRIPT,
        children=1,
        timer_ms=300_000,
        environment={"TEST_LANE_BYTES": "1"},
    ) as calls:
        process = calls.pid("RTIMER")
        waiting: dict[str, str] = {}
        try:
            version = _stopped_outside_python(calls, process)
            refused = 0
            while refused < 40:
                name = f"x{len(waiting) + refused}"
                call = calls.caller.invite(f"ask-{name}")
                assert calls.inside.ask("alive") == version  # by the one worker, after that call
                calls.caller.receive()
                if calls.caller.finals[call]:
                    assert (
                        calls.caller.final(call)
                        == f"480 {version} 0 the query cannot be handed over (all 8 lanes are full)"
                    )
                    refused += 1
                else:
                    waiting[name] = call
            calls.reload(f'VERSION = "{version}"', 'VERSION = "last"')
            assert calls.inside.ask_until("alive", "last") == "last"
            call = calls.caller.invite("ask-refused-by-the-new-script")
            assert calls.caller.final(call).startswith(
                "480 last 0 the query cannot be handed over ("
            )
        finally:
            os.kill(process, signal.SIGCONT)
        for name, call in waiting.items():
            calls.backend.arrival(f"/{name}").answer()
            assert calls.caller.final(call).endswith(" 1 200 2")
        calls.are_answered_once()
        assert calls.inside.log().count("before it: the processes of rtimer") == 6


def _stopped_outside_python(calls: Calls, process: int) -> str:
    """Stop the process while others can read a new script; the script's version then.

    Where it is stopped in Python it has the server's one lock for that, and nobody reads anything.
    """
    version = "first"
    while True:
        os.kill(process, signal.SIGSTOP)
        before, version = version, f"{version}x"
        calls.reload(f'VERSION = "{before}"', f'VERSION = "{version}"')
        if calls.inside.ask("alive") == version:
            return version
        os.kill(process, signal.SIGCONT)
        assert calls.inside.ask_until("alive", version) == version  # from now on it steps aside


@pytest.mark.parametrize("variable", ["ua", "unheard", "hdr(X)"])
def test_nothing_is_sent_for_a_variable_that_takes_no_result(tmp_path: Path, variable: str) -> None:
    with suspending.running(tmp_path, SCRIPT) as calls:
        assert calls.inside.ask(f"written-{variable}") == "-1"
        assert calls.backend.requests == []
        goes_on(calls)
