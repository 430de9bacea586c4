"""The time limit of a message leaves nothing behind in the interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

from servers.patience import PATIENCE_S

ENDED_AND_TRACED = """
import sys, threading
from pathlib import Path
from types import SimpleNamespace
from onehttp_compat.script.limits import Watchdog

said = []
scene = SimpleNamespace(progress=SimpleNamespace(fail=said.append, abandon=said.append))

def busy():
    while True:
        pass

def catching():
    for _ in range(3):
        try:
            busy()
        except BaseException:
            pass

def work():
    with Watchdog(0.01, Path("script.py")) as watchdog, watchdog.watching(scene):
        {what}()

thread = threading.Thread(target=work)
thread.start()
thread.join()

def traced():
    return "goes on"

sys.settrace(lambda *_: None)
came = traced()
sys.settrace(None)
print(came, len(said))
"""


@pytest.mark.parametrize("what", ["busy", "catching"])
def test_what_a_limit_has_ended_in_a_thread_leaves_no_exception_on_its_way(what: str) -> None:
    """CPython 3.11 hangs at the next function it traces while one is, for whomever."""
    done = subprocess.run(
        [sys.executable, "-c", ENDED_AND_TRACED.replace("{what}", what)],
        check=False, capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("goes on 1\n", "")
