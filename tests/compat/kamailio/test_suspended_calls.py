"""Calls that the real server suspends while a query is under way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from servers.holding import HoldingServer
from servers.kamailio import calls as kamailio_calls
from servers.kamailio import inside as kamailio_inside
from servers.kamailio.calls import Caller
from servers.kamailio.inside import Inside

SCRIPT = Path(__file__).with_name("suspending_script.py")


class Calls(NamedTuple):
    """A server, its script, who calls, and the HTTP server that is asked."""

    inside: Inside
    caller: Caller
    backend: HoldingServer
    script: Path
    folder: Path

    def reload(self, old: str, new: str) -> None:
        """Have every process read the script anew, with some text of it changed."""
        self.script.write_text(self.script.read_text().replace(old, new))
        # A file of the same second would not be compiled again.
        status = self.script.stat()
        os.utime(self.script, (status.st_atime, status.st_mtime + 5))
        kamailio_calls.rpc(self.folder, "app_python.reload")


@pytest.fixture
def calls(debian: None, tmp_path: Path) -> Iterator[Calls]:
    if not kamailio_inside.same_python():
        pytest.skip("the server runs another Python, which finds nothing of this one")
    script = tmp_path / "routing.py"
    script.write_text(SCRIPT.read_text())
    with (
        HoldingServer() as backend,
        kamailio_calls.running(tmp_path, script, {"TEST_BACKEND": backend.url}) as (inside, caller),
    ):
        yield Calls(inside, caller, backend, script, tmp_path)


def test_a_suspended_call_goes_on_in_the_script_that_was_read_meanwhile(calls: Calls) -> None:
    call = calls.caller.invite("alice")
    held = calls.backend.arrival("/alice")
    calls.reload('VERSION = "first"', 'VERSION = "second"')
    assert calls.inside.ask_until("version", "second") == "second"
    held.answer()
    assert calls.caller.final(call).startswith("480 ")
    later = calls.caller.invite("bob")
    calls.backend.arrival("/bob").answer()
    assert calls.caller.final(later) == "480 second bob 200"


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


def _version(number: int) -> str:
    return f"version{number}" if number else "first"


def test_every_module_of_a_script_has_the_same_server(calls: Calls) -> None:
    assert calls.inside.ask("same") == "first True True True"
