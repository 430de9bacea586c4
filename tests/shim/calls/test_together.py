"""Many calls of one thread on a connection, with and without policies, on both engines."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest

import onehttp
from onehttp.calls.named_call import NamedCall
from onehttp.lowlevel import Outcome, perform_together
from servers.patience import PATIENCE_S, end_if_it_hangs
from servers.raw import OK, Peer, RawServer

MANY: Final = 40
POLICIES: Final[dict[str, dict[str, Any]]] = {
    "plain": {},
    "retried": {
        "retry": {"attempts": 3, "backoff": {"base": 0.001, "max": 0.01}, "statuses": [503]}
    },
    "limited": {"limits": {"concurrent": 2}},
}


class Flaky:
    """Answers 503 to the first of each path that ends with 7."""

    def __init__(self) -> None:
        self.asked: Counter[bytes] = Counter()
        self._counting = threading.Lock()

    def __call__(self, peer: Peer) -> None:
        while request := peer.request():
            path = request.split(b" ", 2)[1]
            with self._counting:
                self.asked[path] += 1
                is_first = self.asked[path] == 1
            status = b"503 No" if path.endswith(b"7") and is_first else b"200 OK"
            head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n" % (status, len(path))
            peer.send(head + path)


@pytest.mark.parametrize("policy", POLICIES)
def test_each_call_ends_by_the_policies_of_its_connection(engine: str, policy: str) -> None:
    flaky = Flaky()
    found: dict[int, tuple[int, str]] = {}

    def on_done(key: int, outcome: Outcome) -> None:
        assert isinstance(outcome, onehttp.Response), outcome
        found[key] = (outcome.status, outcome.text)

    with RawServer(flaky) as server:
        spec = {"url": server.url, **POLICIES[policy]}
        onehttp.init(connections={"version": 1, "connections": {"x": spec}}, backend=engine)
        calls = ((number, NamedCall("GET", f"{number}")) for number in range(MANY))
        onehttp.connection("x").perform_all(calls, 6, on_done)
        onehttp.shutdown()
    is_retried = policy == "retried"
    assert found == {
        number: (503 if number % 10 == 7 and not is_retried else 200, f"/{number}")
        for number in range(MANY)
    }


@pytest.mark.parametrize("policy", POLICIES)
def test_a_path_that_cannot_be_asked_for_has_its_error(engine: str, policy: str) -> None:
    with RawServer(Flaky()) as server:
        spec = {"url": server.url, **POLICIES[policy]}
        onehttp.init(connections={"version": 1, "connections": {"x": spec}}, backend=engine)
        paths = ["1", "http://other.example/", "b c", "2"]
        found: dict[str, Outcome] = {}
        calls = ((path, NamedCall("GET", path)) for path in paths)
        onehttp.connection("x").perform_all(calls, 1, lambda *each: found.update([each]))
        onehttp.shutdown()
    refused = {path for path, each in found.items() if isinstance(each, onehttp.RequestError)}
    assert (set(found), refused) == (set(paths), {"http://other.example/", "b c"})


def test_an_exception_of_the_caller_is_its_own(api: str) -> None:
    with RawServer(Flaky()) as server:
        requests = ((n, onehttp.Request("GET", f"{server.url}/{n}")) for n in range(MANY))

        def on_done(key: int, _: Outcome) -> None:
            if key == 5:
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            perform_together(onehttp.backend(), requests, 3, on_done)
        assert onehttp.request("GET", f"{server.url}/after").text == "/after"
        onehttp.shutdown()


@pytest.mark.parametrize("policy", POLICIES)
def test_each_that_was_taken_is_told_of_though_the_engine_is_closed(
    engine: str, policy: str
) -> None:
    taken: list[int] = []
    told: list[int] = []
    is_closing = threading.Event()

    def behave(peer: Peer) -> None:
        while request := peer.request():
            if request.startswith(b"GET /0 "):
                is_closing.wait(PATIENCE_S)
            peer.send(OK)

    def calls() -> Iterator[tuple[int, NamedCall]]:
        for number in range(MANY):
            taken.append(number)
            yield number, NamedCall("GET", f"{number}")

    def on_done(key: int, outcome: Outcome) -> None:
        assert isinstance(outcome, (onehttp.Response, onehttp.CancelledError)), outcome
        told.append(key)
        if len(told) == MANY // 2:
            closing.start()
            with contextlib.suppress(onehttp.EngineClosedError):
                while True:
                    onehttp.request("GET", f"{server.url}/other")
            is_closing.set()

    with RawServer(behave) as server:
        spec = {"url": server.url, **POLICIES[policy]}
        onehttp.init(connections={"version": 1, "connections": {"x": spec}}, backend=engine)
        closing = threading.Thread(target=onehttp.backend().close, args=(PATIENCE_S,))
        with pytest.raises(onehttp.EngineClosedError):
            onehttp.connection("x").perform_all(calls(), 6, on_done)
        closing.join()
        onehttp.shutdown()
    assert sorted(told) == sorted(taken)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_child_forked_in_between_goes_on_with_the_rest(engine: str, policy: str) -> None:
    told: Counter[int] = Counter()
    parent = os.getpid()
    child = 0

    def on_done(key: int, outcome: Outcome) -> None:
        nonlocal child
        told[key] += 1
        is_own = os.getpid() == parent
        assert isinstance(outcome, onehttp.Response) or not is_own, outcome
        if is_own and told.total() == MANY // 2:
            child = os.fork()
            if not child:
                end_if_it_hangs()

    with RawServer(Flaky()) as server:
        spec = {"url": server.url, **POLICIES[policy]}
        onehttp.init(connections={"version": 1, "connections": {"x": spec}}, backend=engine)
        calls = ((number, NamedCall("GET", f"{number}")) for number in range(MANY))
        try:
            onehttp.connection("x").perform_all(calls, 6, on_done)
        finally:
            if os.getpid() != parent:
                os._exit(told != Counter(range(MANY)))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        onehttp.shutdown()
    assert told == Counter(range(MANY))
