"""A signal handler forks as its thread stands at any line of policed calls: the child goes on."""

from __future__ import annotations

from typing import Final

import pytest

from stand_ins.processes import output

SCRIPT: Final = """
import os, sys
import onehttp, onehttp_backends
from servers.patience import end_if_it_hangs
from stand_ins.policies.policed_calls import perform_all, policed

ROOM = os.path.dirname(onehttp.__file__)
ROOMS = (f"{os.path.dirname(onehttp_backends.__file__)}/double", f"{ROOM}/policies",
         f"{ROOM}/timers.py", f"{ROOM}/calls")
parent, seen = os.getpid(), set()

def fork_at(frame, event, arg):
    place = frame.f_code.co_filename, frame.f_lineno
    if event != "line" or place in seen or os.getpid() != parent:
        return fork_at
    seen.add(place)
    pid = os.fork()
    if not pid:
        sys.settrace(None)
        while frame is not None:
            frame.f_trace, frame = None, frame.f_back
        end_if_it_hangs()
        return None
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        print("a child ended with", status, "that was forked at", *place, flush=True)
        os._exit(1)
    return fork_at

def trace(frame, event, arg):
    return fork_at if frame.f_code.co_filename.startswith(ROOMS) else None

with policed(ENGINE):
    sys.settrace(trace)
    perform_all(parent)
    sys.settrace(None)
print(len(seen))
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["pycurl", "httpx"])
def test_the_child_goes_on(engine: str) -> None:
    assert int(output(SCRIPT.replace("ENGINE", repr(engine)))) > 100
