"""Scripts that query without waiting: suspended, resumed, run alone, and what goes wrong."""

from __future__ import annotations

import pytest

from onehttp.testing import ManualClock
from onehttp_compat.script.captures import DEFAULT_MESSAGE
from onehttp_compat.script.outcome import MessageEnd
from onehttp_compat.script.sip_server import SipServer
from servers.raw import OK, Peer, RawServer, silent
from stand_ins.legacy.loading import KEMI, Load


def test_a_kemi_script_is_suspended_and_resumed(load: Load, ok: RawServer) -> None:
    server = load(
        KEMI
        + f"""
    def ksr_request_route(self, msg):
        KSR.tm.t_newtran()
        code = KSR.http_async_client.query("{ok.url}/$rU", "found")
        KSR.hdr.append("X-Code: %d" % code)
    def found(self, msg, evname="none"):
        assert KSR.is_method("INVITE") and KSR.is_INVITE() and evname == "none"
        KSR.hdr.append("X-Status: %s %s" % (KSR.pv.get("$http_rs"), KSR.pv.get("$rU")))
        KSR.tm.t_reply(302, KSR.pv.get("$http_rb"))
"""
    )
    outcome = server.run_one(DEFAULT_MESSAGE)
    assert outcome.error is None
    # Both processes go on at once.
    assert sorted(outcome.headers) == ["X-Code: 0", "X-Status: 200 +4930123456"]
    assert outcome.replies == ["100", "302 ok"]
    assert (outcome.suspended, outcome.resumed) == (1, 1)
    assert outcome.end is MessageEnd.ANSWERED
    (query,) = outcome.queries
    assert (query.route, query.result) == ("found", "200")
    assert query.is_suspending
    assert query.has_run
    assert ok.targets == ["GET /$rU"]  # KEMI takes its arguments literally


def test_an_app_python_script_is_suspended_and_resumed(load: Load, ok: RawServer) -> None:
    server = load(
        f"""
def mod_init():
    return Routing()
class Routing:
    def route(self, msg):
        msg.call_function("t_newtran")
        msg.call_function("http_set_timeout", "5000")
        return msg.call_function("http_async_query", "{ok.url}/$rU", "found")
    def found(self, msg):
        msg.call_function("append_hf", "X-Seen: " + msg.Method + " $http_rs")
        return msg.call_function("t_reply", "200", "$http_rb")
""",
        "route",
    )
    outcome = server.run_one(DEFAULT_MESSAGE)
    assert outcome.error is None
    assert outcome.headers == ["X-Seen: INVITE 200"]
    assert outcome.replies == ["100", "200 ok"]
    assert (outcome.suspended, outcome.resumed) == (1, 1)
    assert ok.targets == ["GET /+4930123456"]


def test_without_a_transaction_the_callback_has_a_message_of_its_own(
    load: Load, ok: RawServer
) -> None:
    server = load(
        KEMI
        + f"""
    def ksr_request_route(self, msg):
        code = KSR.http_async_client.query("{ok.url}", "found")
        KSR.sl.send_reply(200, "not suspended: %d" % code)
    def found(self, msg, evname):
        KSR.hdr.append("X-Event: %s %s" % (evname, KSR.is_method("OPTIONS")))
        KSR.sl.send_reply(500, "Oops")
"""
    )
    outcome = server.run_one(DEFAULT_MESSAGE)
    assert outcome.error is None
    assert outcome.replies == ["200 not suspended: 1"]
    assert outcome.headers == ["X-Event: http_async_client:callback True"]
    assert outcome.actions == ["reply 500 Oops to nobody"]
    assert (outcome.suspended, outcome.resumed) == (0, 0)
    assert [query.is_suspending for query in outcome.queries] == [False]


def test_a_transaction_ends_with_its_message(load: Load, ok: RawServer) -> None:
    server = load(
        KEMI
        + f"""
    def ksr_request_route(self, msg):
        if not seen:
            KSR.tm.t_newtran()
        seen.append(KSR.http_async_client.query("{ok.url}", "found"))
        KSR.hdr.append("X: %d" % seen[-1])
    def found(self, msg, evname=None):
        KSR.tm.t_reply(200, "OK")
"""
    )
    outcomes = list(server.run([DEFAULT_MESSAGE] * 2))
    assert [outcome.headers for outcome in outcomes] == [["X: 0"], ["X: 1"]]


def test_a_backend_that_does_not_answer(load: Load) -> None:
    with RawServer(silent) as server:
        outcome = load(
            KEMI
            + f"""
    def ksr_request_route(self, msg):
        KSR.tm.t_newtran()
        KSR.pv.seti("$http_req(timeout)", 50)
        KSR.http_async_client.query("{server.url}", "found")
    def found(self, msg, evname=None):
        KSR.tm.t_reply(504, KSR.pv.get("$http_err"))
"""
        ).run_one(DEFAULT_MESSAGE)
    assert outcome.replies == ["100", "504 TIMEOUT"]
    assert [query.result for query in outcome.queries] == ["TIMEOUT"]
    assert outcome.end is MessageEnd.ANSWERED


APP_PYTHON_WITHOUT_ROUTE = """
def mod_init():
    return Routing()
class Routing:
    def route(self, msg):
        msg.call_function("t_newtran")
        return msg.call_function("http_async_query", "%s", "nowhere")
"""


def test_a_missing_native_route_leaves_the_transaction_to_its_timer(
    load: Load, ok: RawServer
) -> None:
    server = load(APP_PYTHON_WITHOUT_ROUTE % ok.url, final_timer_s=0.02)
    outcome = server.run_one(DEFAULT_MESSAGE)
    assert outcome.replies == ["100", "408"]
    assert outcome.resumed == 0
    assert [query.has_run for query in outcome.queries] == [False]


def test_routes_that_query_again(load: Load, ok: RawServer) -> None:
    server = load(
        KEMI
        + f"""
    def ksr_request_route(self, msg):
        KSR.tm.t_newtran()
        KSR.http_async_client.query("{ok.url}/1", "second")
    def second(self, msg, evname=None):
        KSR.http_async_client.query("{ok.url}/2", "third")
    def third(self, msg, evname=None):
        KSR.http_client.query("{ok.url}/waited-for", "$var(x)")
        KSR.http_async_client.query("{ok.url}/3", "last")
    def last(self, msg, evname=None):
        KSR.tm.t_relay()
"""
    )
    outcome = server.run_one(DEFAULT_MESSAGE)
    assert outcome.error is None
    assert outcome.actions == ["relay"]
    assert outcome.end is MessageEnd.RELAYED
    assert (outcome.suspended, outcome.resumed) == (3, 3)
    assert sorted(str(query.route) for query in outcome.queries) == ["last", "second", "third"]
    assert ok.targets == ["GET /1", "GET /2", "GET /waited-for", "GET /3"]


def test_a_transaction_that_its_timer_has_ended_is_not_resumed(load: Load) -> None:
    clock = ManualClock()
    servers: list[SipServer] = []

    def too_late(peer: Peer) -> None:
        while peer.request():
            clock.advance(31.0)
            servers[0].layer.expire()
            peer.send(OK)

    with RawServer(too_late) as backend:
        server = load(
            KEMI
            + f"""
    def ksr_request_route(self, msg):
        KSR.tm.t_newtran()
        KSR.pv.seti("$http_req(timeout)", 10000)
        KSR.http_async_client.query("{backend.url}", "found")
    def found(self, msg, evname=None):
        KSR.tm.t_reply(200, "OK")
""",
            clock=clock,
        )
        servers.append(server)
        outcome = server.run_one(DEFAULT_MESSAGE)
    assert outcome.error is None
    assert outcome.replies == ["100", "408"]
    assert outcome.end is MessageEnd.TIMED_OUT
    assert [(query.result, query.has_run) for query in outcome.queries] == [("200", False)]


def test_what_the_transaction_does_not_allow(load: Load, ok: RawServer) -> None:
    server = load(
        KEMI
        + f"""
    def ksr_request_route(self, msg):
        codes = [KSR.tm.t_reply(200, "no transaction yet"), KSR.tm.t_newtran(),
                 KSR.tm.t_newtran(), KSR.tm.t_is_set("failure_route"),
                 KSR.tm.t_on_failure("again"), KSR.tm.t_is_set("failure_route"),
                 KSR.tm.t_reply(200, "OK"), KSR.sl.send_reply(500, "twice"), KSR.tm.t_relay(),
                 KSR.http_async_client.query("{ok.url}", "found")]
        KSR.hdr.append(str(codes))
"""
    )
    outcome = server.run_one(DEFAULT_MESSAGE)
    assert outcome.error is None
    assert outcome.headers == ["[-1, 1, -10, -1, 1, 1, 1, -1, -1, -1]"]
    assert outcome.replies == ["200 OK"]
    assert ok.requests == []


def test_a_callback_gets_what_was_sent_along(load: Load, ok: RawServer) -> None:
    server = load(
        KEMI
        + f"""
    def ksr_request_route(self, msg):
        KSR.http_async_client.send_xdata("{ok.url}", "stored", "record 7")
        KSR.http_async_client.send("{ok.url}", "stored")
        KSR.tm.t_relay()
    def stored(self, msg, evname):
        KSR.hdr.append("X: %s" % KSR.pv.get("$http_xdata"))
"""
    )
    outcome = server.run_one(DEFAULT_MESSAGE)
    assert sorted(outcome.headers) == ["X: None", "X: record 7"]
    assert outcome.actions == ["relay"]


ASKING = """
    def ksr_request_route(self, msg):
        KSR.tm.t_newtran()
        KSR.http_async_client.query("{url}", "{route}")
"""
FOUND = "    def found(self, msg, evname=None):\n        "
ENDS = {
    "no such route": (
        "nowhere", "", ["100", "500"], "script.py: no route 'nowhere' for the answer"
    ),
    "it raises": (
        "found", f"{FOUND}return {{}}['missing']", ["100", "500"],
        "script.py:15: KeyError: 'missing'",
    ),
    # tm's own reply, since the route has said nothing
    "it exits": ("found", f"{FOUND}raise SystemExit(3)", ["100", "500"], None),
    "it is registered with onehttp": (
        "HTTP_REPLY",  # of all scripts: no other has one of that name
        """
import onehttp
@onehttp.route("HTTP_REPLY")
def on_reply(result):
    KSR.tm.t_reply(result.response.status, "by the new way")
""",
        ["100", "200 by the new way"],
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("route", "found", "replies", "error"), ENDS.values(), ids=list(ENDS))
def test_however_a_route_ends_the_server_goes_on(
    load: Load, ok: RawServer, route: str, found: str, replies: list[str], error: str | None
) -> None:
    server = load(KEMI + ASKING.format(url=ok.url, route=route) + found)
    for outcome in server.run([DEFAULT_MESSAGE] * 2):
        assert outcome.error == error
        assert outcome.replies == replies
        assert (outcome.end is MessageEnd.FAILED) is (error is not None)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('sets("$http_req(timeout)", "500")', "$http_req(timeout): expected a number, got text"),
        ('seti("$http_req(body)", 5)', "$http_req(body): expected text, got a number"),
        ('seti("$http_req(timeout)", -1)', "$http_req(timeout): expected milliseconds, got -1"),
        ('sets("$http_req(hdr)", "A: b\\r\\n\\r\\nC")', "$http_req(hdr): an empty line"),
        ('unset("$rd")', "$rd cannot be set to null"),
        ('sets("$fs", "x")', "$fs takes protocol:address:port"),
        ('sets("$(avp(x)[$var(none)])", "x")', ""),
    ],
)
def test_a_value_that_a_variable_refuses_is_told_with_its_place(
    load: Load, line: str, said: str
) -> None:
    server = load(
        f"""{KEMI}
    def ksr_request_route(self, msg):
        is_set = KSR.pv.{line}
        KSR.hdr.append("X-Set: %s" % is_set)
        return 1
"""
    )
    outcome = server.run_one(DEFAULT_MESSAGE)
    assert outcome.error is None
    told = [one for one in server.world.mistakes.found.values() if said in one.text]
    assert outcome.headers == [f"X-Set: {not said}"]
    assert len(told) == bool(said)
    for mistake in told:
        assert not mistake.is_error
        assert mistake.place.startswith("script.py:")
        assert "the variable stays as it was" in mistake.text
