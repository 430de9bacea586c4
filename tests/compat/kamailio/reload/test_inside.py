"""``app_python.reload`` in the real server: who reads the new script, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.kamailio import calls as kamailio_calls
from servers.kamailio import suspending
from servers.kamailio.inside import Inside
from servers.kamailio.suspending import Calls

SCRIPT = Path(__file__).parents[1] / "suspending_script.py"
TAKEN_OVER = Path(__file__).parents[1] / "neighbours" / "taken_over_script.py"
WORKERS = 6
IN_A_ROW = 40
"""Of calls that find the new script: each worker has had some."""
AT_MOST = 400
APART_S = 0.01
"""Single calls: under load a worker that has just answered may still be in Python, and its lock."""
TIMER = """
modparam("rtimer", "timer", "name=own;interval=500000u;mode=1;")
modparam("rtimer", "exec", "timer=own;route=seldom")
"""
BROKEN = (
    ("def mod_init() -> Script:", "def mod_init( -> Script:"),
    ("def mod_init() -> Script:", "import no_such_module_anywhere\ndef mod_init() -> Script:"),
    ("return Script()", 'raise ValueError("no object")'),
    ("super().child_init(rank) or tell_ready(rank)", "1 // 0"),
    ("def ksr_request_route(", "def request_route("),
)


@pytest.fixture
def calls(same_python: None, tmp_path: Path) -> Iterator[Calls]:
    with suspending.running(tmp_path, SCRIPT, children=WORKERS) as running:
        yield running


def test_each_idle_worker_reads_the_new_script_at_its_next_call(calls: Calls) -> None:
    for old, new in (("first", "second"), ("second", "third"), ("third", "fourth")):
        calls.reload(f'VERSION = "{old}"', f'VERSION = "{new}"')
        all_say(calls.inside, "version", new)


def test_a_broken_script_is_told_of_once_and_the_server_goes_on(calls: Calls) -> None:
    last = "first"
    for number, (right, wrong) in enumerate(BROKEN):
        calls.reload(right, wrong)
        call = calls.caller.invite(f"alice{number}")
        calls.backend.arrival(f"/alice{number}").answer()
        # Of which version: the process that answers may not have read the last one yet.
        assert calls.caller.final(call).endswith(f" alice{number} 200")
        calls.inside.has_said("the script stays as it was", number + 1)
        for _ in range(3 * WORKERS):
            assert calls.inside.ask("version") == last
        calls.change(wrong, right)
        before, last = last, f"mended{number}"
        calls.reload(f'VERSION = "{before}"', f'VERSION = "{last}"')
        all_say(calls.inside, "version", last)
        log = calls.inside.log()
        assert log.count("the script stays as it was") == number + 1, log


def test_a_script_that_only_took_over_stays_when_a_new_one_is_broken(
    same_python: None, tmp_path: Path
) -> None:
    script = tmp_path / "taken_over.py"
    text = TAKEN_OVER.read_text()
    script.write_text(text)
    with kamailio_calls.running(tmp_path, script, {}, rtimer="") as (inside, _):
        script.write_text("def (:")
        kamailio_calls.rpc(tmp_path, "app_python.reload")
        for _ in range(IN_A_ROW):  # without us the server dies of the third or so
            assert inside.ask("x") == "-1 0"
        assert inside.log().count("sr_kemi_core_err(): SyntaxError") == 1
        script.write_text(text.replace("X-Answer: {code}", "X-Answer: new {code}"))
        kamailio_calls.rpc(tmp_path, "app_python.reload")
        all_say(inside, "x", "new -1 0")


def test_a_route_that_was_renamed_is_told_of_with_the_reload(calls: Calls) -> None:
    call = calls.caller.invite("alice")
    held = calls.backend.arrival("/alice")
    calls.reload("def answered(", "def renamed(")
    calls.inside.has_said("Reloading script")  # of rtimer, which nobody has to call for that
    held.answer()
    assert calls.caller.final(call).startswith("500 ")
    assert "no route 'answered' since app_python.reload" in calls.inside.log()


def test_a_timer_of_the_scripts_own_reads_the_new_script(same_python: None, tmp_path: Path) -> None:
    with suspending.running(tmp_path, SCRIPT, more=TIMER) as calls:
        calls.inside.has_said("a timer has the first script")
        calls.reload('VERSION = "first"', 'VERSION = "second"')
        calls.inside.has_said("a timer has the second script")


def all_say(inside: Inside, what: str, answer: str) -> None:
    """Ask until each worker has the script that says so, and soon."""
    assert inside.ask_until(what, answer) == answer
    asked = in_a_row = 0
    while in_a_row < IN_A_ROW:
        time.sleep(APART_S)
        in_a_row = in_a_row + 1 if inside.ask(what) == answer else 0
        asked += 1
        assert asked < AT_MOST, inside.log()
