"""Transactions of the real server, on a stand-in for its ``KSR``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import onehttp
from onehttp import Result
from onehttp_compat.kamailio.frames import Suspension
from onehttp_compat.kamailio.transactions import Transactions
from onehttp_compat.ksr import Ksr, take_over
from onehttp_compat.server import default_server
from onehttp_compat.tm import RESUME_ROUTE, KamailioTransactions
from servers.raw import RawServer, keep_answering
from stand_ins.legacy.ksr import StandIn

SLICE_S = 0.05
MAX_SLICES = 1200
HIGH_LABEL = 0xFFFF_FFFE


class Script:
    """A KEMI script whose queries suspend."""

    transactions: Transactions
    KSR: Ksr
    base = ""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def onehttp_resume(self, msg: object, event: str = "") -> int:
        return self.transactions.resumed()

    def answered(self, msg: object, event: str = "") -> int:
        get = self.KSR.pv.get
        self.seen.append((get("$http_ok"), get("$http_rs"), get("$http_rb"), event))
        return 1

    def chained(self, msg: object, event: str = "") -> int:
        self.seen.append(("chained", self.KSR.pv.get("$http_rs")))
        return int(self.KSR.http_async_client.query(f"{self.base}/second", "answered"))

    def exiting(self, msg: object, event: str = "") -> int:
        raise SystemExit(2)

    def asking(self, msg: object, event: str = "") -> int:
        self.seen.append(("asked", self.KSR.http_client.query(f"{self.base}/second", "$var(x)")))
        return 1

    def broken(self, msg: object, event: str = "") -> int:
        self.seen.append(("broken",))
        raise ZeroDivisionError("a bug in the user's route")


@pytest.fixture
def real() -> StandIn:
    return StandIn()


@pytest.fixture
def script(real: StandIn) -> Iterator[Script]:
    onehttp.init()  # the double cannot be driven by another loop
    made = real.script = Script()
    made.transactions = KamailioTransactions(real, made)
    made.KSR = take_over(real, made.transactions)
    yield made
    onehttp.shutdown()


def driven(script: Script, until: Callable[[], bool]) -> None:
    """Lend the driving process's time, slice by slice."""
    for _ in range(MAX_SLICES):
        if until():
            return
        script.transactions.drive(SLICE_S)
    raise AssertionError("nothing came of it")


def test_without_its_transactions_the_servers_own_module_stays(real: StandIn) -> None:
    taken = take_over(real)
    assert taken.http_async_client.query("http://127.0.0.1:1/", "answered") == 77
    assert taken.pv.get("$http_ok") is None  # the real module has it
    variables = default_server().pv
    variables.set("$http_req(body)", "a result")
    assert real.values["$http_req(body)"] == variables.get("$http_req(body)") == "a result"


def test_the_server_is_asked_once_for_each_of_its_own_names() -> None:
    asked: list[str] = []

    class Asked(StandIn):
        def __getattr__(self, name: str) -> Any:
            if not name.startswith("is_"):
                raise AttributeError(name)
            asked.append(name)
            return lambda: name

    taken = take_over(Asked())
    names = [one() for _ in range(3) for one in (taken.is_INVITE, taken.is_CANCEL)]
    assert names == ["is_INVITE", "is_CANCEL"] * 3
    assert not hasattr(taken, "no_such_name")
    assert asked == ["is_INVITE", "is_CANCEL"]


def test_a_suspended_query_is_answered_in_the_resumed_transaction(
    real: StandIn, script: Script
) -> None:
    real.begin_transaction(17, HIGH_LABEL)
    with RawServer(keep_answering) as server:
        assert script.KSR.http_async_client.query(f"{server.url}/x", "answered") == 0
        assert real.suspended == {(17, -2)}
        assert script.seen == []
        driven(script, lambda: bool(script.seen))
        assert server.targets == ["GET /x"]
    assert script.seen == [(1, 200, "ok", "")]
    assert real.suspended == set()


def test_settings_made_in_the_worker_go_along(real: StandIn, script: Script) -> None:
    real.begin_transaction(1, 2)
    with RawServer(keep_answering) as server:
        assert script.KSR.pv.sets("$http_req(method)", "PUT")
        assert script.KSR.pv.sets("$http_req(body)", "a=1")
        assert script.KSR.http_async_client.query(f"{server.url}/x", "answered") == 0
        driven(script, lambda: bool(script.seen))
        assert server.targets == ["PUT /x"]
        assert server.requests[0].endswith(b"a=1")


def test_without_a_transaction_the_callback_is_told_the_event(
    real: StandIn, script: Script
) -> None:
    with RawServer(keep_answering) as server:
        assert script.KSR.http_async_client.query(f"{server.url}/x", "answered") == 1
        driven(script, lambda: bool(script.seen))
    assert script.seen == [(1, 200, "ok", "http_async_client:callback")]


def test_a_transaction_that_was_cancelled_runs_no_route(real: StandIn, script: Script) -> None:
    real.begin_transaction(1, 2)
    with RawServer(keep_answering) as server:
        assert script.KSR.http_async_client.query(f"{server.url}/x", "answered") == 0
        real.is_cancelled = True
        driven(script, lambda: not real.suspended)
        driven(script, lambda: script.transactions.counts.open == 0)
    assert script.seen == []
    assert script.transactions.counts.gone == 1


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        pytest.param("can_suspend", False, id="the server cannot"),
        pytest.param("is_cancelled", True, id="cancelled before"),
    ],
)
def test_a_transaction_that_is_not_suspended_refuses_the_query(
    real: StandIn, script: Script, attribute: str, value: bool
) -> None:
    real.begin_transaction(1, 2)
    setattr(real, attribute, value)
    with RawServer(keep_answering) as server:
        assert script.KSR.http_async_client.query(f"{server.url}/x", "answered") == -1
        assert server.requests == []
    assert real.leaked == 0


def test_a_query_that_finds_no_room_goes_on_at_once_with_an_error(
    real: StandIn, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    real.begin_transaction(1, 2)
    asked = 0
    while not script.seen:  # nobody drives: the lanes fill up
        real.begin_transaction(asked, 2)
        url = "http://127.0.0.1:1/" + "x" * 20000
        assert script.KSR.http_async_client.query(url, "answered") == 0
        asked += 1
    assert [seen[:2] for seen in script.seen] == [(0, None)]
    assert len(real.suspended) == asked - 1
    counts = script.transactions.counts
    assert (counts.handed_over, counts.refused) == (asked - 1, 1)
    assert "too few" in caplog.text


def test_a_route_that_raises_leaves_the_transaction_resumed(
    real: StandIn, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    real.begin_transaction(1, 2)
    with RawServer(keep_answering) as server:
        assert script.KSR.http_async_client.query(f"{server.url}/x", "broken") == 0
        driven(script, lambda: bool(script.seen))
        driven(script, lambda: script.transactions.counts.open == 0)
    counts = script.transactions.counts
    assert (counts.answered, counts.routes_failed) == (1, 1)
    assert "route broken failed" in caplog.text


def test_a_callback_may_suspend_its_transaction_again(real: StandIn, script: Script) -> None:
    real.begin_transaction(1, 2)
    with RawServer(keep_answering) as server:
        script.base = server.url
        assert script.KSR.http_async_client.query(f"{server.url}/first", "chained") == 0
        driven(script, lambda: len(script.seen) == 2)
        driven(script, lambda: script.transactions.counts.open == 0)
        assert server.targets == ["GET /first", "GET /second"]
    assert script.seen == [("chained", 200), (1, 200, "ok", "")]
    assert script.transactions.counts.answered == 2


def test_the_second_answer_of_one_suspension_continues_nothing(
    real: StandIn, script: Script
) -> None:
    real.begin_transaction(1, 2)
    with RawServer(keep_answering) as server:
        for _ in range(2):
            assert script.KSR.http_async_client.query(f"{server.url}/x", "answered") == 0
        driven(script, lambda: script.transactions.counts.answered == 2)
    assert len(script.seen) == 1
    assert real.leaked == 0
    assert script.transactions.counts.gone == 1


def test_an_answer_after_the_timer_continues_nothing(
    real: StandIn, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    real.begin_transaction(1, 2)
    token = script.transactions.suspend()
    assert isinstance(token, Suspension)
    real.suspended.clear()  # by its timer
    late = Suspension(token.index, token.label, end=0.0)
    result = Result(query_id=0, error=None)
    assert not script.transactions.resume(late, lambda _: 1, result)
    assert real.leaked == 0
    assert "fr_timer of tm has ended" in caplog.text


def test_only_the_driving_thread_goes_on_with_transactions(real: StandIn, script: Script) -> None:
    with RawServer(keep_answering) as server:
        for index in range(20):
            real.begin_transaction(index, 2)
            assert script.KSR.http_async_client.query(f"{server.url}/x", "answered") == 0
        driven(script, lambda: len(script.seen) == 20)
    assert set(real.continued_by) == {threading.get_ident()}


def test_a_missing_callback_is_logged_and_the_server_answers(
    real: StandIn, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    real.begin_transaction(1, 2)
    with RawServer(keep_answering) as server:
        assert script.KSR.http_async_client.query(f"{server.url}/x", "nobody") == 0
        driven(script, lambda: not real.suspended)
        driven(script, lambda: script.transactions.counts.open == 0)
    assert script.seen == []
    assert "no route 'nobody'" in caplog.text


def test_a_suspension_taken_back_leaves_nothing_suspended(real: StandIn, script: Script) -> None:
    real.begin_transaction(5, 6)
    script.transactions.cancel_suspend(script.transactions.suspend())
    assert real.suspended == set()
    assert script.seen == []


def test_the_resume_route_called_by_somebody_else_says_so(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    assert script.onehttp_resume(None) == -1
    assert RESUME_ROUTE in caplog.text


def test_a_body_larger_than_a_packet_goes_along(real: StandIn, script: Script) -> None:
    real.begin_transaction(1, 2)
    body = "b" * 3_000_000
    with RawServer(keep_answering) as server:
        assert script.KSR.pv.sets("$http_req(body)", body)
        assert script.KSR.http_async_client.query(f"{server.url}/x", "answered") == 0
        driven(script, lambda: bool(script.seen))
        assert server.requests[0].endswith(b"\r\n\r\n" + body.encode())
    assert script.seen == [(1, 200, "ok", "")]


def test_a_callback_that_exits_ends_nobody_elses_query(
    real: StandIn, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    with RawServer(keep_answering) as server:
        for index, route in enumerate(("exiting", "answered")):
            real.begin_transaction(index, 2)
            assert script.KSR.http_async_client.query(f"{server.url}/{route}", route) == 0
        driven(script, lambda: script.transactions.counts.answered == 2)
    assert script.seen == [(1, 200, "ok", "")]
    assert "route exiting failed" in caplog.text


def test_the_driving_process_has_one_thread(real: StandIn, script: Script) -> None:
    before, others = threading.active_count(), threading.enumerate()
    with RawServer(keep_answering) as server:
        of_server = threading.active_count() - before
        for index in range(5):
            real.begin_transaction(index, 2)
            assert script.KSR.http_async_client.query(f"{server.url}/x", "answered") == 0
        most = 0
        while len(script.seen) < 5:
            script.transactions.drive(SLICE_S)
            most = max(most, threading.active_count())
        of_connections = len(server.targets)
    assert most <= before + of_server + of_connections
    begun = [one.name for one in threading.enumerate() if one not in others]
    assert not [name for name in begun if name.startswith("onehttp")]


def test_a_callback_may_make_a_synchronous_call(real: StandIn, script: Script) -> None:
    real.begin_transaction(1, 2)
    with RawServer(keep_answering) as server:
        script.base = server.url
        assert script.KSR.http_async_client.query(f"{server.url}/first", "asking") == 0
        driven(script, lambda: script.transactions.counts.answered == 1)
        assert server.targets == ["GET /first", "GET /second"]
    assert script.seen == [("asked", 200)]
