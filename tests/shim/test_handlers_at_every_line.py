"""A signal handler may use the library at every line of it: it is served or refused, never stuck.

At each line of the shim that a call runs through for the first time, the handler's part is called
from a trace function, in the same thread, as a handler is.
"""

from __future__ import annotations

from typing import Final

import pytest

from stand_ins.processes import output

WORLD: Final = """
import asyncio, faulthandler, os, pathlib, signal, sys, tempfile
import onehttp
from servers.patience import PATIENCE_S
from servers.raw import RawServer
from stand_ins.processes import child

ROOM = os.path.dirname(onehttp.__file__)

def behave(peer):
    asked = 0
    while request := peer.request():
        asked += 1
        status = b"503 No" if b"/flaky" in request and asked % 2 else b"200 OK"
        peer.send(b"HTTP/1.1 %b\\r\\nSet-Cookie: a=b\\r\\nContent-Length: 2\\r\\n\\r\\nok" % status)

def get(): onehttp.connection("x").get("flaky")
def task(): asyncio.run(onehttp.connection("x").aget("flaky"))
def stream():
    with onehttp.connection("x").stream("GET", "flaky") as response:
        response.read()
def submit(): queries.append(onehttp.connection("x").submit("GET", "a"))
def wait(): onehttp.connection("x").submit("GET", "a").result(PATIENCE_S)
def cookies(): onehttp.connection("jar").get("a")
def look(): list(onehttp.connection("jar").cookies)
def stats(): onehttp.stats(), onehttp.query_stats(), onehttp.connection("x").counters
def reload(): onehttp.reload(CONNECTIONS)
def store(): onehttp.connection("x").submit("POST", "a", body=b"1", queue="cdr")
def begin():
    onehttp.shutdown(0)
    onehttp.init(CONNECTIONS, backend=ENGINE)
def end(): onehttp.shutdown(0)

queries, seen, is_inside, refused = [], set(), False, set()

def at(frame, event, arg):
    global is_inside
    place = frame.f_code.co_filename, frame.f_lineno
    if event == "line" and place not in seen and not is_inside:
        seen.add(place)
        is_inside = True
        signal.alarm(PATIENCE_S)  # ends what hangs, and tells where
        try:
            HANDLER()
        except (onehttp.ReentrantCallError, onehttp.NotInitialisedError, onehttp.LimitReachedError,
                onehttp.EngineClosedError, onehttp.CancelledError) as error:
            refused.add(type(error).__name__)
        finally:
            signal.alarm(0)
            is_inside = False
    return at

def trace(frame, event, arg):
    return at if frame.f_code.co_filename.startswith(ROOM) and not is_inside else None

def run(call, handler):
    global HANDLER, CONNECTIONS
    HANDLER = globals()[handler]
    os.environ["ONEHTTP_QUEUE"] = f"sqlite:///{tempfile.mkdtemp()}/queue"
    with RawServer(behave) as server:
        patient = {"total": PATIENCE_S, "connect": PATIENCE_S, "idle": PATIENCE_S}
        CONNECTIONS = {"version": 1, "connections": {
            "x": {"url": server.url, "timeout": patient, "limits": {"concurrent": 1, "wait": 0.01},
                  "retry": {"attempts": 2, "budget": {"share": 0.5}, "statuses": [503],
                            "backoff": {"base": 0.001, "max": 0.002}},
                  "circuit_breaker": {"failures": 2, "open_for": 0.001}},
            "jar": {"url": server.url, "timeout": patient, "cookies": True}}}
        onehttp.init(CONNECTIONS, backend=ENGINE)
        sys.settrace(trace)
        try:
            globals()[call]()
        except (onehttp.TransferError, onehttp.NotInitialisedError,
                onehttp.EngineClosedError) as error:
            refused.add(type(error).__name__)
        finally:
            sys.settrace(None)
        for query in queries:
            query.result(PATIENCE_S)
        if HANDLER not in (begin, end):
            assert onehttp.connection("x").counters.in_flight == 0
            assert onehttp.connection("jar").get("a").status == 200
        onehttp.shutdown()
    assert len(seen) > 5

faulthandler.register(signal.SIGALRM, chain=True)
# What a process loads to begin is loaded once; what a call loads, each child loads for itself.
onehttp.init({"version": 1, "connections": {"x": {"url": "http://x.example"}}}, backend=ENGINE)
onehttp.shutdown()
for pair in PAIRS:
    status = child(lambda: run(*pair))
    assert status == 0, (*pair, status)
"""
PAIRS: Final = (
    (("get", "get"), ("get", "submit"), ("get", "stats"), ("get", "reload"), ("get", "task")),
    (("stream", "get"), ("submit", "submit"), ("submit", "wait"), ("wait", "wait")),
    (("cookies", "cookies"), ("cookies", "look"), ("reload", "reload"), ("reload", "get")),
    (("store", "store"), ("begin", "end"), ("begin", "get"), ("begin", "begin"), ("task", "get")),
)
DOUBLE: Final = (("get", "get"), ("submit", "wait"), ("cookies", "cookies"), ("begin", "end"))


@pytest.mark.parametrize(
    ("engine", "pairs"),
    [*(("pycurl", pairs) for pairs in PAIRS), ("httpx", DOUBLE)],
    ids=lambda each: each if isinstance(each, str) else "-".join(map("_".join, each)),
)
def test_a_handler_is_served_or_refused(engine: str, pairs: tuple[tuple[str, str], ...]) -> None:
    """Each call with its handler, in a child of a process that has loaded what all of them do."""
    output(WORLD.replace("ENGINE", repr(engine)).replace("PAIRS", repr(pairs)))
