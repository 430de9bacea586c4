"""A thread of the parent held a lock as another one forked: nobody in the child waits for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from stand_ins.processes import output

ROOT: Final = Path(__file__).parents[1]

SCRIPT: Final = """
import os, signal, sys, threading
from onehttp_backends.forks import reentrant_lock
from servers.patience import end_if_it_hangs, until

lock, held, go = reentrant_lock(), threading.Event(), threading.Event()
parent, main = os.getpid(), threading.main_thread()

def hold():
    with lock, lock:
        held.set()
        go.wait()

def fork(*_):
    pid = os.fork()
    if not pid:
        end_if_it_hangs()
        return  # to where its parent was
    print("the child ended with", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    go.set()

def waits():
    frame = sys._current_frames()[main.ident]
    while frame and frame.f_code.co_name != "take":
        frame = frame.f_back
    return frame is not None and "S" in open(f"/proc/self/task/{main.native_id}/stat").read()

def interrupt():
    until(waits)
    os.kill(parent, signal.SIGUSR1)

def take():
    with lock:
        pass

signal.signal(signal.SIGUSR1, fork)
holder = threading.Thread(target=hold)
WAY
if os.getpid() != parent:
    def other():
        with lock:
            os._exit(0)  # free for all, and whole
    threading.Thread(target=other).start()
    threading.Event().wait()
"""

WAYS: Final = {
    "waits for it": """
holder.start()
held.wait()
threading.Thread(target=interrupt).start()
take()
""",
    "has not come for it": """
holder.start()
held.wait()
signal.raise_signal(signal.SIGUSR1)
take()
""",
    "holds it": "with lock, lock: signal.raise_signal(signal.SIGUSR1); assert lock._is_owned()",
    "finds it free": "signal.raise_signal(signal.SIGUSR1); take()",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_handler_forks_while_its_thread(way: str) -> None:
    assert output(SCRIPT.replace("WAY", WAYS[way])) == "the child ended with 0\n"


def test_all_reentrant_locks_are_such() -> None:
    files = [path for room in ("backends", "shim") for path in (ROOT / room).rglob("*.py")]
    made = {path.name for path in files if re.search(r"\bRLock\(\)", path.read_text())}
    assert made == {"forks.py"}
