"""A thread forks while another stands at any line of the policies: the child goes on.

Calls that the parent began leave no place in the child, and take none; no lock that the other
thread held there is waited for.
"""

from __future__ import annotations

from typing import Final

import pytest

from stand_ins.processes import output

SCRIPT: Final = """
import os, queue, signal, threading
import onehttp
from servers.patience import end_if_it_hangs
from stand_ins.policies.policed_calls import perform_all, policed

ROOM = os.path.dirname(onehttp.__file__)
ROOMS = (f"{ROOM}/policies", f"{ROOM}/timers.py",
         *(f"{ROOM}/calls/{name}.py" for name in ("callback_driver", "course", "policy_state")))

stopped = queue.SimpleQueue()
seen, seeing = set(), threading.Lock()

def stop_at(frame, event, arg):
    place = frame.f_code.co_filename, frame.f_lineno
    with seeing:
        is_new = event == "line" and place not in seen
        seen.add(place)
    if is_new:
        go = threading.Event()
        stopped.put((place, go))
        go.wait()
    return stop_at

def trace(frame, event, arg):
    return stop_at if frame.f_code.co_filename.startswith(ROOMS) else None

parent, main, standing = os.getpid(), threading.get_ident(), []

def fork(*_):
    if os.getpid() != parent:
        return
    place, go = standing.pop()
    pid = os.fork()
    if not pid:
        threading.settrace(None)
        end_if_it_hangs()
        return
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        print("a child ended with", status, "while a thread stood at", *place, flush=True)
        os._exit(1)
    go.set()

def interrupt():
    while (stop := stopped.get()) is not None:
        standing.append(stop)
        signal.pthread_kill(main, signal.SIGUSR1)
        stop[1].wait()

signal.signal(signal.SIGUSR1, fork)
with policed(ENGINE):
    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    threading.settrace(trace)
    perform_all(parent)
    threading.settrace(None)
    stopped.put(None)
    interrupting.join()
print(len(seen))
"""


@pytest.mark.parametrize("engine", ["pycurl", "httpx"])
def test_the_child_goes_on(engine: str) -> None:
    assert int(output(SCRIPT.replace("ENGINE", repr(engine)))) > 100
