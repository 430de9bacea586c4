"""Reload while calls are under way: each of them ends on the set it began with."""

from __future__ import annotations

import gc
import os
import random
import re
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

import onehttp
from servers.raw import Peer, RawServer

CALLERS = 32
RELOADS = 400
WARM_UP = 150
"""Reloads after which every thread has its socket, and nothing may grow any more."""

_request = re.compile(
    rb"GET /(?P<set>\d+)/(?P<name>[ab]) .*?\r\nX-Set: (?P<header>\d+)\r\nX-Call: (?P<call>\S+)\r\n",
    re.DOTALL,
)


class Ledger:
    """A server that fails over from ``a`` to ``b``, and notes the set of each request of a call."""

    def __init__(self) -> None:
        self.sets: defaultdict[bytes, list[bytes]] = defaultdict(list)
        self.mixed: list[bytes] = []

    def serve(self, peer: Peer) -> None:
        while request := peer.request():
            found = _request.match(request)
            if found is None or found["set"] != found["header"]:
                self.mixed.append(request)
                return
            self.sets[found["call"]].append(found["set"])
            status = b"503 Busy" if found["name"] == b"a" else b"200 OK"
            peer.send(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % status)


def configuration(url: str, number: int) -> str:
    return (
        f"version: 1\ndefaults: {{headers: {{X-Set: {number}}}, timeout: 60}}\n"
        f"connections:\n  a: {{url: {url}/{number}/a, failover: b}}\n"
        f"  b: {{url: {url}/{number}/b}}\n"
    )


@pytest.mark.slow
def test_every_call_is_on_one_set_through_hundreds_of_reloads_half_of_them_broken(
    tmp_path: Path,
) -> None:
    path = tmp_path / "connections.yaml"
    chance = random.Random(6)
    ledger = Ledger()
    with RawServer(ledger.serve) as server:
        path.write_text(configuration(server.url, 0))
        onehttp.init(path)
        at_start, _ = resources()
        with Callers() as callers:
            valid = 0
            for number in range(RELOADS):
                if number == WARM_UP:
                    callers.have_all_called()
                    before = resources()
                is_valid = chance.random() < 0.5
                text = configuration(server.url, number if is_valid else valid)
                cut = len(text) if is_valid else chance.randrange(len(text) - 1)
                path.write_text(text[:cut] if is_valid else f"{text[:cut]}\n{{")
                try:
                    onehttp.reload()
                except onehttp.ConfigurationError:
                    assert not is_valid
                else:
                    assert is_valid
                    valid = number
            callers.have_all_called()
            after = resources()
        assert callers.failures == []
        assert ledger.mixed == []
        assert {len(set(sets)) for sets in ledger.sets.values()} == {1}
        assert {len(sets) for sets in ledger.sets.values()} == {2}
        assert len({sets[0] for sets in ledger.sets.values()}) > 10
    assert max(before[0], after[0]) <= at_start + 2 * CALLERS + 10
    assert after[1] <= before[1] + 20


def resources() -> tuple[int, int]:
    """Open descriptors (both ends of each connection are here), and objects of sets alive."""
    gc.collect()
    kinds = (onehttp.ConnectionSpec, onehttp.TransferOptions, onehttp.ConnectionSet)
    alive = sum(isinstance(each, kinds) for each in gc.get_objects())
    return len(os.listdir("/proc/self/fd")), alive


class Callers:
    """Threads that call until told to stop."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self._counts = [0] * CALLERS
        self._has_ended = threading.Event()
        self._threads = [self._thread(number) for number in range(CALLERS)]

    def _thread(self, number: int) -> threading.Thread:
        return threading.Thread(target=self._call, args=(number, onehttp.connection("a").get))

    def _call(self, number: int, get: Callable[..., onehttp.Response]) -> None:
        try:
            while not self._has_ended.is_set():
                count = self._counts[number]
                assert get(headers=(("X-Call", f"{number}-{count}"),)).status == 200
                self._counts[number] = count + 1
        except (onehttp.OnehttpError, AssertionError) as failure:
            self.failures.append(failure)

    def have_all_called(self) -> None:
        """Wait until each thread has made a whole call from now on."""
        seen = list(self._counts)
        while not self.failures and any(map(int.__le__, self._counts, seen)):
            self._has_ended.wait(0.001)

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._has_ended.set()
        for thread in self._threads:
            thread.join()
