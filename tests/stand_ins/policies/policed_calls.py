"""Calls under all policies, for programs that fork in the midst of them."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import onehttp
from onehttp.calls import together
from onehttp.calls.named_call import NamedCall
from servers.patience import until
from servers.raw import Peer, RawServer

MANY: Final = 8
WIDTH: Final = 4
PLACES: Final = 2


def behave(peer: Peer) -> None:
    asked = 0
    while peer.request():
        asked += 1
        status = b"503 No" if asked % 2 else b"200 OK"
        peer.send(b"HTTP/1.1 %b\r\nContent-Length: 2\r\n\r\nok" % status)


@contextmanager
def policed(engine: str) -> Iterator[None]:
    """A connection with all policies, to a server of which every other answer is a 503."""
    together.LOOK_AGAIN_S = 0.01  # type: ignore[misc]  # a child looks whether it is one after that
    with RawServer(behave) as server:
        onehttp.init({"version": 1, "connections": {"x": {
            "url": server.url, "limits": PLACES, "circuit_breaker": 50,
            "timeout": {"total": 3600, "connect": 3600, "idle": 3600},
            "retry": {"attempts": 9, "statuses": [503], "backoff": {"base": 0.001, "max": 0.002}},
        }}}, backend=engine)  # fmt: skip
        for _ in range(
            2
        ):  # what is imported at the first use is: Python's own locks outlive a fork
            onehttp.connection("x").get("a")
            onehttp.connection("x").submit("GET", "a").result()
        gc.freeze()  # so much less to copy for each child that has its garbage collected
        yield
        assert onehttp.connection("x").counters.in_flight == 0
        onehttp.shutdown()


def perform_all(parent: int) -> None:
    """Make all calls; in a child of ``parent`` the end of them is its end, too. Each is told of
    once, and none keeps a place."""
    told: Counter[int] = Counter()
    calls = ((number, NamedCall("GET", "a")) for number in range(MANY))
    try:
        onehttp.connection("x").perform_all(calls, WIDTH, lambda key, _: told.update([key]))
    finally:
        if os.getpid() != parent:
            gc.collect()
            # What was being started as it forked is the child's own, and may end a little later.
            until(lambda: onehttp.connection("x").counters.in_flight == 0)
            os._exit(told != Counter(range(MANY)))
    assert told == Counter(range(MANY))
