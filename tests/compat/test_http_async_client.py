"""``http_async_client``: what a script may do, may do wrong, and reads in its callback."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator

import pytest

import onehttp
from onehttp import ConfigurationError
from onehttp.testing import TransactionState
from onehttp_compat.ksr import Ksr
from onehttp_compat.modules.http_async_client.settings import KEYS
from onehttp_compat.parameters import AsyncParameters
from onehttp_compat.pv import RefusedValueError, UnknownVariableError
from onehttp_compat.server import LegacyServer
from servers.holding import HoldingServer
from servers.raw import Peer, RawServer, answering
from stand_ins.asking import PATIENCE_S, Script

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")
HEADS = (
    b"HTTP/1.1 404 Not Here\r\nX-Kind: one\r\nx-kind: two\r\nVia: a\r\nVia: b\r\n"
    b"Content-Length: 4\r\n\r\nbody"
)


@pytest.fixture
def script(legacy: LegacyServer) -> Script:
    return Script(legacy)


def counters(server: LegacyServer) -> dict[str, int]:
    return {
        name.partition(".")[2]: value
        for name, value in server.counters.items()
        if name.startswith("http_async_client.") and value
    }


# ---- the call


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


# ---- settings


def test_settings_are_those_of_one_query(script: Script, web: RawServer) -> None:
    script.new_message()
    script.set("method", "PUT")
    script.set("hdr", "X-A: 1")
    script.set("body", "text")
    script.go_on(web.url, is_suspended=False)
    script.go_on(web.url, is_suspended=False)
    first, second = web.requests
    assert first.startswith(b"PUT / ")
    assert b"X-A: 1\r\n" in first
    assert first.endswith(b"\r\n\r\ntext")
    assert second.startswith(b"GET / ")
    assert b"X-A" not in second


def test_settings_do_not_leak_into_another_message(script: Script, web: RawServer) -> None:
    script.new_message()
    script.set("hdr", "Authorization: of this caller")
    assert script.go_on("") == -1
    script.ask(web.url)
    assert b"Authorization" not in web.requests[0]


def test_faithful_settings_wait_for_whatever_message_comes(
    faithful: LegacyServer, web: RawServer
) -> None:
    script = Script(faithful)
    script.new_message()
    script.set("hdr", "X-Kept: 1")
    assert script.go_on("") == -1
    script.ask(web.url)
    assert b"X-Kept: 1" in web.requests[0]


@pytest.mark.parametrize(
    ("text", "method"),
    [
        *(("get", "GET"), ("P", "POST"), ("PU", "PUT"), ("PA", "PATCH"), ("D", "DELETE")),
        *(("", "GET"), ("GETX", "POST"), ("HEAD", "POST"), ("POSTS", "POST")),
    ],
)
def test_a_method_is_known_by_what_it_begins_with_and_an_unknown_one_changes_nothing(
    script: Script, web: RawServer, text: str, method: str
) -> None:
    script.new_message()
    script.set("method", "POST")
    script.set("method", text)
    script.go_on(web.url)
    assert web.requests[0].startswith(f"{method} / ".encode())


@pytest.mark.parametrize("key", [key for key, one in KEYS.items() if one.kind is int])
def test_a_key_for_a_number_takes_no_text(
    script: Script, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RefusedValueError, match="expected a number, got text"):
        script.set(key, "100")
    assert f"$http_req({key})" in caplog.text


@pytest.mark.parametrize("key", [key for key, one in KEYS.items() if one.kind is str])
def test_a_key_for_text_takes_no_number(script: Script, key: str) -> None:
    with pytest.raises(RefusedValueError, match="expected text, got a number"):
        script.set(key, 100)


@pytest.mark.parametrize("key", ["HDR", "verify_peer", ""])
def test_an_unknown_key_names_those_there_are(script: Script, key: str) -> None:
    with pytest.raises(UnknownVariableError, match="no such key; there are: hdr, method"):
        script.set(key, 1)
    with pytest.raises(UnknownVariableError):
        script.server.pv.get(f"$http_req({key})")


@pytest.mark.parametrize(("key", "value"), [("timeout", -1), ("http_version", 3)])
def test_a_number_out_of_range_is_refused_and_the_one_before_stays(
    script: Script, key: str, value: int
) -> None:
    field = KEYS[key].field
    pending = script.server.http_async_client.pending
    before = getattr(pending.settings, field)
    with pytest.raises(RefusedValueError, match=f"got {value}"):
        script.set(key, value)
    assert getattr(pending.settings, field) == before


def test_null_brings_back_what_it_brings_back_in_the_module(script: Script) -> None:
    script.server.modparam("http_async_client", "authmethod", 1)
    script.server.start()
    script.new_message()
    given = {int: 2, str: "PUT"}
    for key, one in KEYS.items():
        script.set(key, given[one.kind] if key != "hdr" else "X: 1")
    pending = script.server.http_async_client.pending
    for key, one in KEYS.items():
        before = getattr(pending.settings, one.field)
        script.set(key, None)
        default = getattr(pending.defaults, one.field)
        assert getattr(pending.settings, one.field) == (default if one.null_resets else before)
    script.set("all", "ignored")
    assert pending.settings != pending.defaults
    script.set("all", None)
    assert pending.settings == pending.defaults


def test_empty_text_removes_and_hides_the_parameter(script: Script) -> None:
    script.server.modparam("http_async_client", "tls_ca_path", "/ca")
    script.server.start()
    settings = script.server.http_async_client.pending
    assert settings.settings.ca_path == "/ca"
    for key in ("body", "username", "password", "tls_ca_path", "tls_client_cert"):
        script.set(key, "")
        assert getattr(settings.settings, KEYS[key].field) is None


def test_keepalive_has_two_spellings_and_works(script: Script, web: RawServer) -> None:
    pending = script.server.http_async_client.pending
    for names in (("keepalive", "ka-idle", "ka-interval"),
                  ("tcp_keepalive", "tcp_ka_idle", "tcp_ka_interval")):  # fmt: skip
        script.new_message()
        for name, value in zip(names, (1, 20, 5), strict=True):
            script.set(name, value)
        options = pending.settings.options("idle", 300)
        assert options.keepalive == onehttp.Keepalive(idle_s=20, interval_s=5)
        assert script.go_on(web.url) == 0
    assert [ok for ok, *_ in script.seen] == [1, 1]


def test_the_documented_spelling_is_unknown_to_the_real_module(faithful: LegacyServer) -> None:
    with pytest.raises(UnknownVariableError):
        Script(faithful).set("tcp_keepalive", 1)


# ---- time limits


def test_a_timeout_is_told_by_its_name_and_counted_apart(script: Script) -> None:
    with HoldingServer() as holding:
        script.new_message()
        script.set("timeout", 50)
        assert script.go_on(holding.url) == 0
    assert script.seen == [(0, "TIMEOUT", None)]
    assert counters(script.server) == {"requests": 1, "timeouts": 1}


def test_a_timeout_of_0_is_over_at_once(script: Script, web: RawServer) -> None:
    script.new_message()
    script.set("timeout", 0)
    assert script.go_on(web.url) == 0
    assert script.seen == [(0, "TIMEOUT", None)]
    assert web.requests == []


def test_timeout_limits_each_wait_unless_told_that_it_limits_the_whole(engine: str) -> None:
    settings = LegacyServer().http_async_client.pending.defaults
    idle = settings.options("idle", 300)
    total = settings.options("total", 300)
    assert (idle.idle_timeout_s, idle.total_timeout_s) == (0.5, 300)
    assert (total.idle_timeout_s, total.total_timeout_s) == (0, 0.5)


def test_a_server_that_drips_for_ever_meets_the_cap(engine: str) -> None:
    script = Script(LegacyServer(async_cap_s=0.3))
    with RawServer(dripping) as server:
        script.new_message()
        script.set("timeout", 60_000)
        script.go_on(server.url)
    assert script.seen == [(0, "TIMEOUT", None)]


def test_total_ends_what_idle_lets_go_on(engine: str) -> None:
    script = Script(LegacyServer(async_timeout="total"))
    with RawServer(dripping) as server:
        script.new_message()
        script.set("timeout", 300)
        script.go_on(server.url)
    assert script.seen == [(0, "TIMEOUT", None)]


def dripping(peer: Peer) -> None:
    """A body that never ends, byte by byte, until the client goes."""
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not peer.server.release.wait(0.02):
        peer.send(b".")


# ---- variables


def test_headers_have_numbers(script: Script) -> None:
    script.names = (
        "$http_hdr(X-Kind)",
        "$(http_hdr(x-kind)[1])",
        "$(http_hdr(X-KIND)[-1])",
        "$(http_hdr(X-Kind)[-2])",
        "$(http_hdr(X-Kind)[2])",
        "$(http_hdr(X-Kind)[*])",
        "$(http_hdr(Via)[*])",
        "$http_hdr(l)",
        "$http_hdr(X-None)",
    )
    with RawServer(answering(HEADS)) as server:
        script.ask(server.url)
    assert script.seen == [(b"one", b"two", b"two", b"one", None, b"one,two", b"a,b", b"4", None)]


def test_the_parts_of_an_answer(script: Script) -> None:
    script.names = ("$http_ok", "$http_rs", "$http_rr", "$http_rb", "$http_bs", "$http_ml")
    with RawServer(answering(HEADS)) as server:
        script.ask(server.url)
    assert script.seen == [(1, 404, b"Not Here", b"body", 4, len(HEADS))]


def test_a_number_that_is_none_is_a_mistake_of_the_script(
    script: Script, web: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    script.names = ("$(http_hdr(Content-Length)[first])",)
    script.ask(web.url)
    assert "expected a number or *" in caplog.text
    assert script.transaction.responses == ["500"]


def test_without_response_there_is_nothing_of_one(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    response = ("rs", "rr", "hdr(A)", "mb", "ml", "rb", "bs")
    script.names = (*(f"$http_{one}" for one in response), "$http_time(total)", "$http_xdata")
    script.ask("http://127.0.0.1:1/")
    assert script.seen == [(*[None] * 7, 0, None)]
    assert caplog.text.count("there is no response") == 7


def test_outside_of_a_callback_there_is_nothing_to_read(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    pv = script.server.pv
    assert pv.get("$http_rs") is None
    assert "$http_rs is read outside of a callback" in caplog.text
    assert pv.get("$http_time(total)") == 0


def test_times_are_microseconds_and_have_names(script: Script, web: RawServer) -> None:
    order = ("lookup", "connect", "pretransfer", "starttransfer", "total")
    script.names = tuple(f"$http_time({name})" for name in (*order, "appconnect", "redirect"))
    script.ask(web.url)
    *steps, appconnect, redirect = (int(value or 0) for value in script.seen[0])
    assert steps == sorted(steps)
    assert steps[-1] > 0
    assert (appconnect, redirect) == (0, 0)
    with pytest.raises(UnknownVariableError, match="there are: total, lookup"):
        script.server.pv.get("$http_time(first)")


def test_a_query_has_an_id_that_its_callback_knows(script: Script, web: RawServer) -> None:
    script.names = ("$http_req_id",)
    pv = script.server.pv
    assert pv.get("$http_req_id") == ""
    script.ask(web.url)
    first = pv.get("$http_req_id")
    assert first == f"{os.getpid()}-1"
    script.ask(web.url)
    assert script.ask("") == -1
    assert pv.get("$http_req_id") == f"{os.getpid()}-2"
    assert script.seen == [(first,), (f"{os.getpid()}-2",)]


def test_redirects_and_challenges_end_with_the_last_response(script: Script) -> None:
    script.names = ("$http_rs", "$http_rb")
    final = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nfinal"

    def behave(peer: Peer) -> None:
        peer.request()
        moved = b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 5\r\n\r\nmoved"
        peer.send(moved)
        peer.request()
        peer.send(final)

    with RawServer(behave) as server:
        script.new_message()
        script.set("follow_redirect", 1)
        script.go_on(server.url)
    assert script.seen == [(200, b"final")]


# ---- parameters, statistics, secrets


@pytest.mark.parametrize(
    ("name", "value"),
    [("workers", 0), ("memory_manager", "other"), ("connection_timeout", -1)],
)
def test_a_parameter_with_which_the_server_does_not_start(
    legacy: LegacyServer, name: str, value: int | str
) -> None:
    legacy.modparam("http_async_client", name, value)
    with pytest.raises(ConfigurationError, match=name):
        legacy.start()


def test_a_parameter_is_of_its_type_and_known(legacy: LegacyServer) -> None:
    with pytest.raises(ConfigurationError, match="expected a number, got text"):
        legacy.modparam("http_async_client", "connection_timeout", "500")
    with pytest.raises(ConfigurationError, match="no such parameter"):
        legacy.modparam("http_async_client", "verify_peer", 1)
    with pytest.raises(ConfigurationError, match="no module 'async_http'"):
        legacy.modparam("async_http", "workers", 1)


def test_parameters_are_the_settings_of_a_query(legacy: LegacyServer) -> None:
    values = {"connection_timeout": 700, "tls_version": 7, "tls_verify_host": 0,
              "tls_verify_peer": 2, "tls_client_cert": "/c", "tls_client_key": "/k",
              "tls_ca_path": "/ca", "curl_follow_redirect": 3, "authmethod": 1,
              "tcp_keepalive": 1, "tcp_ka_idle": 9, "tcp_ka_interval": 3}  # fmt: skip
    for name, value in values.items():
        legacy.modparam("http_async_client", name, value)
    legacy.start()
    options = legacy.http_async_client.pending.defaults.options("idle", 300)
    assert options.idle_timeout_s == 0.7
    assert (options.tls.verify_host, options.tls.verify_peer) == (False, True)
    assert (options.tls.cert_file, options.tls.key_file) == ("/c", "/k")
    assert (options.tls.ca_path, options.tls.ca_file) == ("/ca", None)
    assert options.tls.min_version is onehttp.TlsVersion.TLS_1_3
    assert options.max_redirects > 0
    assert options.keepalive == onehttp.Keepalive(idle_s=9, interval_s=3)


def test_only_the_lowest_bit_of_curl_follow_redirect_counts(legacy: LegacyServer) -> None:
    legacy.modparam("http_async_client", "curl_follow_redirect", 2)
    legacy.start()
    assert not legacy.http_async_client.pending.defaults.follow_redirect


def test_a_table_size_that_is_no_power_of_two_is_worth_a_warning(
    legacy: LegacyServer, caplog: pytest.LogCaptureFixture
) -> None:
    legacy.modparam("http_async_client", "hash_size", 1000)
    legacy.start()
    assert "hash_size" in caplog.text
    assert AsyncParameters().hash_size == 2048


def test_the_statistics_are_a_group(script: Script, web: RawServer) -> None:
    script.ask(web.url)
    script.ask("http://127.0.0.1:1/")
    listed = script.server.rpc("stats.get_statistics", ["http_async_client:"])
    assert listed == {
        "result": [
            "http_async_client:errors = 1",
            "http_async_client:replies = 1",
            "http_async_client:requests = 2",
            "http_async_client:timeouts = 0",
        ]
    }


def test_a_reply_is_counted_after_its_callback_and_a_request_before(
    script: Script, web: RawServer
) -> None:
    during: list[dict[str, int]] = []
    script.reply = lambda: during.append(counters(script.server))
    script.ask(web.url)
    assert during == [{"requests": 1}]
    assert counters(script.server) == {"requests": 1, "replies": 1}


def test_a_callback_that_raises_is_logged_and_its_reply_counted(
    script: Script, web: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    script.reply = lambda: 1 // 0
    script.ask(web.url)
    assert "ZeroDivisionError" in caplog.text
    assert script.transaction.responses == ["500"]
    assert counters(script.server) == {"requests": 1, "replies": 1}


def test_secrets_are_neither_logged_nor_shown(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    script.new_message()
    script.set("username", "user")
    script.set("password", "s3cret-password")
    script.set("hdr", "Authorization: Bearer s3cret-token")
    script.set("body", "s3cret-body")
    with pytest.raises(RefusedValueError) as refused:
        script.set("hdr", "X: s3cret-line\n\nGET /")
    pending = script.server.http_async_client.pending
    shown = f"{pending.settings!r} {pending.settings.options('idle', 300)!r} {refused.value}"
    script.go_on("http://user:s3cret-url@127.0.0.1:1/?token=s3cret-query")
    assert script.seen
    assert not re.search("s3cret", f"{shown} {caplog.text} {script.seen}")
