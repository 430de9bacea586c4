"""Messages in progress at once, and callbacks in processes of their own: what each sees."""

from __future__ import annotations

import threading

import pytest

import onehttp
from onehttp_compat.script.captures import DEFAULT_MESSAGE
from onehttp_compat.server import LegacyServer
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer
from stand_ins.legacy.loading import KEMI, Load


@pytest.mark.parametrize("method", ["query", "send"])
def test_callbacks_run_in_a_process_of_their_own(load: Load, ok: RawServer, method: str) -> None:
    server = load(
        KEMI
        + f"""
    def ksr_request_route(self, msg):
        seen.append("request")
        KSR.pv.sets("$var(x)", "request")
        KSR.pv.sets("$avp(x)", "request")
        KSR.tm.t_newtran()
        KSR.http_async_client.{method}("{ok.url}", "found")
    def found(self, msg, evname=None):
        import KSR as same
        assert same.pv is KSR.pv
        KSR.hdr.append("%s %s %s %d" % (seen, KSR.pv.get("$var(x)"), KSR.pv.get("$avp(x)"),
                                        self.rank))
"""
    )
    message = "request" if method == "query" else None
    assert server.run_one(DEFAULT_MESSAGE).headers == [f"[] 0 {message} -2"]


def together(count: int) -> RawServer:
    """Answers when ``count`` requests are there at once, and never before."""
    barrier = threading.Barrier(count)

    def answer(peer: Peer) -> None:
        while peer.request():
            barrier.wait(PATIENCE_S)
            peer.send(OK)

    return RawServer(answer)


def test_messages_in_progress_at_once_have_globals_and_variables_of_their_own(load: Load) -> None:
    with together(4) as backend:
        server = load(
            KEMI
            + f"""
    def ksr_request_route(self, msg):
        seen.append(1)
        KSR.pv.seti("$var(n)", KSR.pv.get("$var(n)") + 1)
        code = KSR.http_client.query("{backend.url}", "$var(x)")
        KSR.hdr.append("%d %d %d" % (code, len(seen), KSR.pv.get("$var(n)")))
        KSR.sl.send_reply(200, KSR.pv.get("$var(x)"))
"""
        )
        outcomes = list(server.run([DEFAULT_MESSAGE] * 4, concurrency=4))
    assert [outcome.headers for outcome in outcomes] == [["200 1 1"]] * 4
    assert [outcome.replies for outcome in outcomes] == [["200 ok"]] * 4
    assert sorted(outcome.number for outcome in outcomes) == [1, 2, 3, 4]


def test_suspended_messages_are_in_progress_too(load: Load) -> None:
    with together(16) as backend:
        server = load(
            KEMI
            + f"""
    def ksr_request_route(self, msg):
        KSR.tm.t_newtran()
        KSR.pv.seti("$http_req(timeout)", 60000)
        KSR.http_async_client.query("{backend.url}", "found")
    def found(self, msg, evname=None):
        KSR.tm.t_reply(200, "OK")
"""
        )
        outcomes = list(server.run([DEFAULT_MESSAGE] * 32, concurrency=16))
    assert [outcome.replies for outcome in outcomes] == [["100", "200 OK"]] * 32
    assert onehttp.query_stats().suspended == 32


def test_a_process_that_does_not_start_says_so_with_its_message(load: Load, ok: RawServer) -> None:
    server = load(
        f"""
import KSR
def mod_init():
    return Routing()
class Routing:
    def child_init(self, rank):
        return 0 if rank == 1 else -1
    def ksr_request_route(self, msg):
        KSR.tm.t_newtran()
        KSR.http_async_client.query("{ok.url}", "found")
    def found(self, msg, evname=None):
        KSR.tm.t_reply(200, "OK")
"""
    )
    outcome = server.run_one(DEFAULT_MESSAGE)
    assert "child_init(-2) must return an int >= 0" in str(outcome.error)
    assert outcome.replies == ["100", "500"]
    (outcome,) = server.run([DEFAULT_MESSAGE], concurrency=2)
    assert "child_init(2) must return an int >= 0" in str(outcome.error)


def test_the_counters_of_the_module(load: Load, ok: RawServer, legacy: LegacyServer) -> None:
    server = load(
        KEMI
        + f"""
    def ksr_request_route(self, msg):
        KSR.tm.t_newtran()
        KSR.http_async_client.query("{ok.url}", "found")
    def found(self, msg, evname=None):
        KSR.tm.t_reply(200, "OK")
"""
    )
    list(server.run([DEFAULT_MESSAGE] * 20, concurrency=5))
    assert legacy.counters["http_async_client.requests"] == 20
    assert legacy.counters["http_async_client.replies"] == 20
