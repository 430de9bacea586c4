"""``http_async_client``: what a script may ask, and how its callback comes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import onehttp
from onehttp.testing import TransactionState
from onehttp_compat.ksr import Ksr
from onehttp_compat.server import LegacyServer
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S
from servers.raw import RawServer
from stand_ins.legacy.asking import Script, counters

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")


def test_a_query_suspends_the_transaction_and_its_callback_resumes_it(
    script: Script, web: RawServer
) -> None:
    assert script.ask(web.url) == 0
    assert script.seen == [(1, None, 200)]
    assert script.transaction.responses == ["200 resumed"]
    assert counters(script.server) == {"requests": 1, "replies": 1}


def test_without_transaction_the_callback_has_a_message_of_its_own(
    script: Script, web: RawServer
) -> None:
    script.names = ("$rm", "$ru", "$fu", "$ci", "$avp(kept)")
    script.new_message()
    script.server.pv.set("$avp(kept)", "from the request")
    assert script.go_on(web.url, is_suspended=False) == 1
    assert script.seen == [("OPTIONS", "sip:you@kamailio.org", "sip:you@kamailio.org", "123", None)]


def test_the_resumed_callback_works_on_the_message_of_the_request(
    script: Script, web: RawServer
) -> None:
    script.names = ("$avp(kept)",)
    script.new_message()
    script.server.pv.set("$avp(kept)", "from the request")
    script.go_on(web.url)
    assert script.seen == [("from the request",)]


@pytest.mark.parametrize(
    ("url", "route", "problem"),
    [
        ("", "CALLBACK", "empty URL"),
        ("http://a.example/", "", "empty route"),
        ("http://a.example/", "R" * 63, "62 bytes"),
        ("http://a.example/", "\u00fc" * 32, "62 bytes"),
    ],
)
def test_a_call_that_cannot_be_is_refused_and_says_why(
    script: Script, url: str, route: str, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert script.ask(url, route) == -1
    assert problem in caplog.text
    assert script.transaction.state is TransactionState.PROCEEDING
    assert counters(script.server) == {}


def test_a_query_after_the_final_reply_is_refused(
    script: Script, web: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    script.new_message()
    script.transaction.reply(200, "early")
    script.set("hdr", "X-Kept: 1")
    assert script.go_on(web.url) == -1
    assert "cannot be suspended" in caplog.text
    assert web.requests == []
    assert counters(script.server) == {}
    assert script.go_on(web.url, is_suspended=False) == 1
    assert b"X-Kept: 1" in web.requests[0]


def test_an_unknown_route_is_noticed_when_the_answer_is_there(
    script: Script, web: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    assert script.ask(web.url, "NOBODY") == 0
    assert "no route 'NOBODY'; its answer is lost" in caplog.text
    assert script.transaction.state is TransactionState.SUSPENDED  # its timer will end it
    assert counters(script.server) == {"requests": 1, "replies": 1}


def test_the_first_revision_knows_its_routes_when_it_is_called(
    engine: str, web: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    script = Script(LegacyServer(is_first_async=True))
    assert script.ask(web.url, "NOBODY") == -1
    assert "no route named 'NOBODY'" in caplog.text


def test_a_kemi_callback_that_is_missing_does_not_leave_the_transaction_alone(
    script: Script, web: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    script.new_message()
    with onehttp.transaction(script.transaction):
        assert Ksr(script.server).http_async_client.query(web.url, "nobody") == 0
    assert onehttp.drain(PATIENCE_S)
    assert script.transaction.responses == ["500"]
    assert "nobody" in caplog.text


def test_what_is_wrong_with_a_url_is_for_the_callback_to_know(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    for url in ("ftp://a.example/", "http://a.example/a b", "http://a\r\nX: 1/"):
        assert script.ask(url) == 0
    assert [ok for ok, *_ in script.seen] == [0, 0, 0]
    assert counters(script.server) == {"requests": 3, "errors": 3}
    assert [record.levelname for record in caplog.records].count("ERROR") == 3


@pytest.fixture(params=["pycurl", "httpx"])
def narrow(request: pytest.FixtureRequest) -> Iterator[Script]:
    """A script whose process takes one query at a time."""
    onehttp.init(backend=request.param, queries=onehttp.QueryLimits(queue_length=1))
    yield Script(LegacyServer())
    onehttp.shutdown()


def test_a_full_queue_refuses_and_counts(narrow: Script, caplog: pytest.LogCaptureFixture) -> None:
    ask = narrow.server.call
    with HoldingServer() as holding:
        narrow.new_message()
        with onehttp.transaction(narrow.transaction):
            assert ask("http_async_query", (f"{holding.url}/a", "CALLBACK")) == 0
        held = holding.arrival("/a")
        refused = narrow.layer.new()
        with onehttp.transaction(refused):
            assert ask("http_async_query", (f"{holding.url}/b", "CALLBACK")) == -1
        assert refused.state is TransactionState.PROCEEDING
        assert "queue_length" in caplog.text
        assert onehttp.query_stats().refused == 1
        held.answer()
        assert onehttp.drain(PATIENCE_S)
    assert counters(narrow.server) == {"requests": 1, "replies": 1}


def test_a_callback_may_ask_again(script: Script, web: RawServer) -> None:
    codes: list[int] = []

    def again() -> None:
        if len(script.seen) < 3:
            codes.append(script.server.call("http_async_query", (f"{web.url}/again", "CALLBACK")))
        else:
            script.transaction.reply(200, "done")

    script.reply = again
    assert script.ask(web.url) == 0
    assert codes == [0, 0]
    assert script.transaction.responses == ["200 done"]
    assert counters(script.server) == {"requests": 3, "replies": 3}


def test_send_never_suspends_and_takes_the_settings_along(script: Script, web: RawServer) -> None:
    script.names = ("$http_xdata",)
    script.new_message()
    script.set("hdr", "X-A: 1")
    assert script.call("http_async_send", web.url, "CALLBACK") == 1
    assert script.call("http_async_send_xdata", web.url, "CALLBACK", "carried") == 1
    assert script.call("http_async_send_xdata", web.url, "CALLBACK", "") == 1
    assert script.seen == [(None,), ("carried",), (None,)]
    assert [b"X-A" in one for one in web.requests] == [True, False, False]
    assert script.transaction.suspended == 0


def test_kemi_has_the_three_calls_and_takes_their_text_literally(
    script: Script, web: RawServer
) -> None:
    script.names = ("$http_xdata",)
    module = Ksr(script.server).http_async_client
    assert module.query(f"{web.url}/$rU", "CALLBACK") == 1
    assert module.send(web.url, "CALLBACK") == 1
    assert module.send_xdata(web.url, "CALLBACK", "$rU") == 1
    assert module.query("", "CALLBACK") == module.send(web.url, "") == -1
    assert onehttp.drain(PATIENCE_S)
    assert ("$rU",) in script.seen
    assert any(b"/$rU" in one for one in web.requests)
    with pytest.raises(AttributeError, match="no function"):
        module.no_such_function("")


def test_kemi_hears_of_a_value_that_is_refused(script: Script) -> None:
    pv = Ksr(script.server).pv
    assert pv.seti("$http_req(timeout)", 100)
    assert not pv.sets("$http_req(timeout)", "100")
    assert not pv.seti("$http_req(timeout)", -1)
    assert not pv.sets("$http_req(HDR)", "X: 1")
    assert pv.get("$http_req(hdr)") is None
