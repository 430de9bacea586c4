"""Scripts that ask `onehttp.submit` for a query: their server carries it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from onehttp_compat.script.captures import DEFAULT_MESSAGE
from servers.raw import RawServer, keep_answering
from stand_ins.legacy.loading import Load

KEMI = """
import KSR
def mod_init():
    return Routing()
class Routing:
    def child_init(self, rank):
        return 0
"""


@pytest.fixture
def ok() -> Iterator[RawServer]:
    with RawServer(keep_answering) as server:
        yield server


def test_a_query_of_onehttp_is_suspended_and_resumed_likewise(load: Load, ok: RawServer) -> None:
    server = load(
        KEMI
        + f"""
    def ksr_request_route(self, msg):
        import onehttp
        KSR.tm.t_newtran()
        KSR.pv.sets("$avp(a)", "kept")
        try:
            onehttp.submit("GET", "nowhere", route="found")
        except onehttp.RequestError:
            KSR.hdr.append("X-Refused: yes")
        pairs = (("X-A", one) for one in "1")
        query = onehttp.submit("PUT", "{ok.url}/x", body="b", headers=pairs, route="found", xdata=2)
        KSR.hdr.append("X-Error: %s" % type(query.error).__name__)
    def found(self, result):
        assert KSR.is_INVITE() and KSR.pv.get("$http_rs") is None
        KSR.hdr.append("X: %s %s" % (KSR.pv.get("$avp(a)"), result.xdata))
        KSR.tm.t_reply(302, result.response.text)
"""
    )
    outcome = server.run_one(DEFAULT_MESSAGE)
    assert outcome.error is None
    assert sorted(outcome.headers) == ["X-Error: CancelledError", "X-Refused: yes", "X: kept 2"]
    assert outcome.replies == ["100", "302 ok"]
    assert outcome.resumed == 1  # the refused one was put aside for a moment
    (query,) = outcome.queries
    assert (query.route, query.result, query.has_run) == ("found", "200", True)
    assert ok.targets == ["PUT /x"]
    assert b"X-A: 1" in ok.requests[0]


def test_what_it_is_asked_without_a_transaction_suspends_nothing(load: Load, ok: RawServer) -> None:
    server = load(
        KEMI
        + f"""
    def ksr_request_route(self, msg):
        import onehttp
        KSR.tm.t_newtran()
        with onehttp.transaction(None):
            onehttp.submit("GET", "{ok.url}", route="found")
        KSR.tm.t_reply(200, "not suspended")
    def found(self, result):
        KSR.hdr.append("X-Status: %d" % result.response.status)
        KSR.sl.send_reply(500, "Oops")
"""
    )
    outcome = server.run_one(DEFAULT_MESSAGE)
    assert outcome.error is None
    assert outcome.replies == ["200 not suspended"]
    assert outcome.actions == ["reply 500 Oops to nobody"]
    assert outcome.headers == ["X-Status: 200"]
