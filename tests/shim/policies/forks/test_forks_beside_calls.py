"""A process forks while its threads make calls through the policies: each child makes one, too.

Nothing says at which instruction the threads are. Many forks hit the moments that
``test_forks_beside.py``, which stops a thread at each line, cannot: those inside of a line.
"""

from __future__ import annotations

from typing import Final

import pytest

from stand_ins.processes import output

SCRIPT: Final = """
import asyncio, os, sys, threading
from collections import Counter
import onehttp
from servers.patience import PATIENCE_S, until
from servers.raw import RawServer
from stand_ins.processes import child, nothing_untold

FORKS, THREADS, PLACES = 24, 4, 2
CONFIG = {
    "limits": PLACES, "circuit_breaker": 50,
    "timeout": {"total": 3600, "connect": 3600, "idle": 3600},
    "retry": {"attempts": 20, "statuses": [503],
              "backoff": {"base": 0.001, "max": 0.002}},
}

def behave(peer):
    asked = 0
    while request := peer.request():
        asked += 1
        path = request.split(b" ", 2)[1]
        status = b"503 No" if asked % 3 == 0 else b"200 OK"
        peer.send(b"HTTP/1.1 %b\\r\\nContent-Length: %d\\r\\n\\r\\n%b" % (status, len(path), path))

def blocking(path):
    return onehttp.connection("x").get(path).body

def callback(path):
    return onehttp.connection("x").submit("GET", path).result().response.body

def task(path):
    async def main():
        return (await onehttp.connection("x").arequest("GET", path)).body
    return asyncio.run(main())

WAYS = (blocking, callback, task)
may_call, stop, told = threading.Event(), threading.Event(), Counter()
# They call while it forks, and rest while the child, whose calls they would only slow down, runs.
os.register_at_fork(after_in_parent=may_call.clear)

def call(thread):
    number = 0
    while not stop.is_set():
        may_call.wait()
        number += 1
        path = f"/{thread}/{number}"
        body = blocking(path)
        told[body == path.encode()] += 1

def fork_many(leave):
    for number in range(FORKS):
        way = WAYS[number % len(WAYS)]
        path = f"/child/{number}"
        def work():
            sys.setswitchinterval(0.005)
            assert way(path) == path.encode()
            assert onehttp.connection("x").counters.in_flight == 0
        before = told[True]
        may_call.set()
        until(lambda: told[True] >= before + THREADS)
        status = child(work, leave)
        if status:
            print("child", number, "that makes a call by", way.__name__, "ended with", status)
            os._exit(1)

with nothing_untold(), RawServer(behave) as server:
    import warnings
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    onehttp.init({"version": 1, "connections": {"x": {"url": server.url, **CONFIG}}})
    for way in WAYS:  # what is imported at the first use is: Python's own locks outlive a fork
        way("/first")
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=call, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    FORKER
    stop.set()
    may_call.set()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "a thread of the parent hangs"
    assert list(told) == [True], told
    assert onehttp.connection("x").counters.in_flight == 0
    onehttp.shutdown()
"""

FORKERS: Final = {
    "main": "fork_many(sys.exit)",
    "another": (
        "forking = threading.Thread(target=fork_many, args=(os._exit,)); "
        "forking.start(); forking.join()"
    ),
}


@pytest.mark.parametrize("thread", FORKERS)
def test_each_child_makes_a_call_and_ends(thread: str) -> None:
    output(SCRIPT.replace("FORKER", FORKERS[thread]))
