"""A thread forks while another stands at any line of the policies: the child goes on.

Calls that the parent began leave no place in the child, and take none; no lock that the other
thread held there is waited for.
"""

from __future__ import annotations

from typing import Final

import pytest

from stand_ins.processes import output

SCRIPT: Final = """
import gc, os, queue, signal, threading
from collections import Counter
import onehttp
from onehttp.calls import together
from onehttp.calls.named_call import NamedCall
from servers.patience import end_if_it_hangs, until
from servers.raw import RawServer

together.LOOK_AGAIN_S = 0.01  # a child looks whether it is one when that is over
ROOM = os.path.dirname(onehttp.__file__)
ROOMS = (f"{ROOM}/policies", f"{ROOM}/timers.py",
         *(f"{ROOM}/calls/{name}.py" for name in ("callback_driver", "course", "policy_state")))
MANY, WIDTH, PLACES = 8, 4, 2

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

def behave(peer):
    asked = 0
    while peer.request():
        asked += 1
        status = b"503 No" if asked % 2 else b"200 OK"
        peer.send(b"HTTP/1.1 %b\\r\\nContent-Length: 2\\r\\n\\r\\nok" % status)

signal.signal(signal.SIGUSR1, fork)
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
    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    gc.freeze()  # so much less to copy for each child that has its garbage collected
    threading.settrace(trace)
    calls = ((number, NamedCall("GET", "a")) for number in range(MANY))
    try:
        onehttp.connection("x").perform_all(calls, WIDTH, lambda key, _: told.update([key]))
    finally:
        if os.getpid() != parent:
            gc.collect()
            # What was being started as it forked is the child's own, and may end a little later.
            until(lambda: onehttp.connection("x").counters.in_flight == 0)
            os._exit(told != Counter(range(MANY)))
    threading.settrace(None)
    assert told == Counter(range(MANY))
    stopped.put(None)
    interrupting.join()
    assert onehttp.connection("x").counters.in_flight == 0
    onehttp.shutdown()
print(len(seen))
"""


@pytest.mark.parametrize("engine", ["pycurl", "httpx"])
def test_the_child_goes_on(engine: str) -> None:
    assert int(output(SCRIPT.replace("ENGINE", repr(engine)))) > 100
