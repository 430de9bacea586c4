"""A signal handler forks as its thread stands at any line of policed calls: the child goes on."""

from __future__ import annotations

from typing import Final

import pytest

from stand_ins.processes import output

SCRIPT: Final = """
import gc, os, sys
from collections import Counter
import onehttp, onehttp_backends
from onehttp.calls import together
from onehttp.calls.named_call import NamedCall
from servers.patience import end_if_it_hangs, until
from servers.raw import RawServer

together.LOOK_AGAIN_S = 0.01  # a child looks whether it is one when that is over
ROOM = os.path.dirname(onehttp.__file__)
ROOMS = (f"{os.path.dirname(onehttp_backends.__file__)}/double", f"{ROOM}/policies",
         f"{ROOM}/timers.py", f"{ROOM}/calls")
MANY, WIDTH, PLACES = 8, 4, 2
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

def behave(peer):
    asked = 0
    while peer.request():
        asked += 1
        status = b"503 No" if asked % 2 else b"200 OK"
        peer.send(b"HTTP/1.1 %b\\r\\nContent-Length: 2\\r\\n\\r\\nok" % status)

told = Counter()
with RawServer(behave) as server:
    onehttp.init({"version": 1, "connections": {"x": {
        "url": server.url, "limits": PLACES, "circuit_breaker": 50,
        "timeout": {"total": 3600, "connect": 3600, "idle": 3600},
        "retry": {"attempts": 9, "statuses": [503], "backoff": {"base": 0.001, "max": 0.002}}}}},
        backend=ENGINE)
    for _ in range(2):  # what is imported at the first use is: Python's own locks outlive a fork
        onehttp.connection("x").get("a")
        onehttp.connection("x").submit("GET", "a").result()
    gc.freeze()  # so much less to copy for each child that has its garbage collected
    calls = ((number, NamedCall("GET", "a")) for number in range(MANY))
    sys.settrace(trace)
    try:
        onehttp.connection("x").perform_all(calls, WIDTH, lambda key, _: told.update([key]))
    finally:
        sys.settrace(None)
        if os.getpid() != parent:
            # What was being started as it forked is the child's own, and may end a little later.
            until(lambda: onehttp.connection("x").counters.in_flight == 0)
            os._exit(told != Counter(range(MANY)))
    assert told == Counter(range(MANY))
    onehttp.shutdown()
print(len(seen))
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["pycurl", "httpx"])
def test_the_child_goes_on(engine: str) -> None:
    assert int(output(SCRIPT.replace("ENGINE", repr(engine)))) > 100
