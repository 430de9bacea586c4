"""Scripts that ask `onehttp.submit` for a query: their server carries it."""

from __future__ import annotations

import onehttp
from onehttp_compat.script.captures import DEFAULT_MESSAGE
from servers.raw import RawServer
from stand_ins.legacy.loading import KEMI, Load


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


def test_a_script_of_functions_has_its_routes_as_well(load: Load, ok: RawServer) -> None:
    server = load(
        f"""
    import KSR
    import onehttp
    def ksr_request_route():
        KSR.tm.t_newtran()
        onehttp.submit("GET", "{ok.url}", route="found", xdata={{"a": 1}})
        return 1
    def found(result):
        KSR.tm.t_reply(302, "%s %s" % (result.response.text, result.xdata["a"]))
        return 1
"""
    )
    outcome = server.run_one(DEFAULT_MESSAGE)
    assert outcome.error is None
    assert outcome.replies == ["100", "302 ok 1"]


def test_a_named_connection_is_carried_with_its_options(load: Load, ok: RawServer) -> None:
    server = load(
        KEMI
        + """
    def ksr_request_route(self, msg):
        import onehttp
        KSR.tm.t_newtran()
        try:
            onehttp.connection("api").submit("GET", "http://h/", route="found")
        except onehttp.RequestError:
            KSR.hdr.append("X-Refused: yes")
        onehttp.connection("api").submit("POST", "/x", json=[1], route="found")
        return 1
    def found(self, result):
        KSR.tm.t_reply(302, result.response.text)
        return 1
"""
    )
    text = {"a": "1"}
    specs = {"version": 1, "connections": {"api": {"url": ok.url + "/base", "headers": text}}}
    backend = onehttp.backend()
    onehttp.shutdown()
    onehttp.init(connections=specs, backend=backend.name)
    outcome = server.run_one(DEFAULT_MESSAGE)
    assert outcome.error is None
    assert outcome.headers == ["X-Refused: yes"]
    assert outcome.replies == ["100", "302 ok"]
    assert ok.targets == ["POST /base/x"]
    assert b"\r\na: 1\r\n" in ok.requests[0]


def test_a_route_that_no_script_has_is_looked_for_where_it_was_registered(
    load: Load, ok: RawServer
) -> None:
    server = load(
        KEMI
        + f"""
    def ksr_request_route(self, msg):
        import onehttp
        try:
            onehttp.submit("GET", "{ok.url}", route="nowhere")
        except onehttp.UnknownRouteError:
            KSR.sl.send_reply(500, "no such route")
        return 1
"""
    )
    assert server.run_one(DEFAULT_MESSAGE).replies == ["500 no such route"]
    assert ok.targets == []
