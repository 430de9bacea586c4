"""The legacy modules' bugs in what they make of answers, by their numbers; failover, threads."""

from __future__ import annotations

import os
import threading

import pytest

from onehttp_compat import curl, http_client
from onehttp_compat.ksr import Ksr
from onehttp_compat.parameters import LegacyBugs
from onehttp_compat.pv import UnknownVariableError
from onehttp_compat.server import LegacyServer
from servers.raw import OK, Peer, RawServer, answering
from stand_ins.legacy.legacy_calls import connect, connected, keep, query, response


def test_b2_kept_a_libcurl_error_is_a_positive_result(legacy: LegacyServer) -> None:
    assert query(legacy, "http://127.0.0.1:1/") == (7, b"")
    with RawServer(answering(response(404, b"none"))) as web:
        assert query(legacy, web.url) == (404, b"none")


@pytest.mark.slow
def test_b3_dropped_failover_leaks_no_descriptor(legacy: LegacyServer) -> None:
    with RawServer(keep(response(500))) as bad, RawServer(keep(OK)) as good:
        connected(legacy, f"a=>{bad.url};failover=b", f"b=>{good.url}")
        assert connect(legacy, "a", "/") == (200, b"ok")
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(30):
            connect(legacy, "a", "/")
        # The servers close in their own time: theirs may be among the open ones.
        assert len(os.listdir("/proc/self/fd")) - before < 30


def test_b7_kept_only_200_is_a_success(legacy: LegacyServer) -> None:
    for status, ok in ((200, 1), (201, 0), (204, 0), (302, 0), (404, 0)):
        before = legacy.counters["httpclient.connok"]
        with RawServer(answering(response(status))) as web:
            query(legacy, web.url)
        assert legacy.counters["httpclient.connok"] - before == ok, status
    assert legacy.counters["httpclient.connfail"] == 4


@pytest.mark.parametrize(("bugs", "kept"), [("fixed", b"long "), ("faithful", b"long line")])
def test_b14_fixed_the_limit_comes_before_the_line(
    engine: str, bugs: LegacyBugs, kept: bytes
) -> None:
    server = LegacyServer(bugs)
    server.modparam("http_client", "query_maxdatasize", 5)
    with RawServer(answering(response(200, b"long line\nmore"))) as web:
        assert query(server, web.url) == (200, kept)


def test_b15_kept_a_result_is_cut_to_its_limit(legacy: LegacyServer) -> None:
    with RawServer(answering(response(200, b"0123456789"))) as web:
        connected(legacy, f"api=>{web.url};maxdatasize=4")
        assert connect(legacy, "api", "/") == (200, b"0123")


def test_b23_kept_what_the_result_variable_holds_after_a_failure(legacy: LegacyServer) -> None:
    with RawServer(answering(response(503, b"busy"))) as web:
        for name, left in (("http_client_query", b""), ("curl_http_query", b"")):
            legacy.pv.set("$var(x)", "before")
            assert legacy.call(name, (web.url, "$var(x)")) == 503
            assert legacy.pv.get("$var(x)") == left
        legacy.pv.set("$var(x)", "before")
        assert legacy.call("http_query", (web.url, "$var(x)")) == 503
        assert legacy.pv.get("$var(x)") == "before"
        assert legacy.call("http_client_query", ("$nosuch(x)", "$var(x)")) == -1
        assert legacy.pv.get("$var(x)") == "before"


def test_b25_fixed_clearing_takes_no_argument_or_one(legacy: LegacyServer) -> None:
    assert legacy.call("http_client_response_headers_clear", ()) == 1
    assert legacy.call("http_client_response_headers_clear", (1,)) == 1


def test_b26_kept_curlerror_takes_a_literal(legacy: LegacyServer) -> None:
    query(legacy, "http://127.0.0.1:1/")
    assert legacy.pv.get("$curlerror(7)") == "Couldn't connect to server"
    assert legacy.pv.get("$curlerror($rc)") == "No error"
    assert http_client.curlerror(7) == "Couldn't connect to server"


def test_b27_kept_stored_headers_mix_the_hops_and_the_last_wins(legacy: LegacyServer) -> None:
    legacy.modparam("http_client", "httpredirect", 1)
    legacy.call("http_client_response_headers_set", (1,))
    final = response(200, b"", "X-Both: two")

    def two_hops(peer: Peer) -> None:
        peer.request()
        peer.send(response(302, b"", "Location: /b", "X-One: 1", "X-Both: one"))
        peer.request()
        peer.send(final)

    with RawServer(two_hops) as web:
        query(legacy, web.url)
    assert legacy.pv.get("$httprhdr(x-one)") == "1"
    assert legacy.pv.get("$httprhdr(X-Both)") == "two"
    assert legacy.pv.get("$httprhdr(X-None)") is None
    legacy.call("http_client_response_headers_set", (0,))
    assert legacy.pv.get("$httprhdr(X-Both)") is None


def test_b32_dropped_a_reply_in_pieces_is_whole(legacy: LegacyServer) -> None:
    def in_pieces(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab")
        peer.send(b"cd")
        peer.send(b"ef")

    with RawServer(in_pieces) as web:
        assert legacy.call("http_query", (web.url, "$var(x)")) == 200
    assert legacy.pv.get("$var(x)") == b"abcdef"


def test_b38_kept_a_reply_too_large_to_hold_is_23(legacy: LegacyServer) -> None:
    size = 17 * 1024 * 1024

    def huge(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(17):
            peer.send(b"x" * (size // 17))

    with RawServer(huge) as web:
        assert query(legacy, web.url) == (23, b"")


def test_b43_kept_the_last_url_is_told_without_a_redirect_too(
    legacy: LegacyServer, web: RawServer
) -> None:
    connected(legacy, f"api=>{web.url}")
    assert legacy.call("http_get_redirect", ("api", "$var(x)")) == 1
    assert legacy.pv.get("$var(x)") == b""
    connect(legacy, "api", "/p")
    assert legacy.call("http_get_redirect", ("api", "$var(x)")) == 1
    assert legacy.pv.get("$var(x)") == f"{web.url}/p".encode()
    assert legacy.call("http_get_redirect", ("nobody", "$var(x)")) == -1


def test_curlredirect_works_although_it_never_did(legacy: LegacyServer, web: RawServer) -> None:
    connected(legacy, f"api=>{web.url}")
    assert legacy.pv.get("$curlredirect(api)") is None
    connect(legacy, "api", "/p")
    assert legacy.pv.get("$curlredirect(api)") == f"{web.url}/p"
    with pytest.raises(UnknownVariableError):
        LegacyServer("faithful").pv.get("$curlredirect(api)")


@pytest.mark.parametrize(("bugs", "is_kept"), [("fixed", True), ("faithful", False)])
def test_b44_fixed_a_long_url_is_remembered(
    engine: str, bugs: LegacyBugs, is_kept: bool, web: RawServer
) -> None:
    server = LegacyServer(bugs)
    connected(server, f"api=>{web.url}")
    connect(server, "api", "/" + "p" * 600)
    server.call("http_get_redirect", ("api", "$var(x)"))
    assert (server.pv.get("$var(x)") != b"") is is_kept


def test_failover_goes_one_step(legacy: LegacyServer) -> None:
    with RawServer(keep(response(500))) as bad, RawServer(keep(OK)) as good:
        connected(
            legacy,
            "a=>http://127.0.0.1:1;failover=b",
            f"b=>{bad.url}/b;failover=c",
            f"c=>{good.url}",
            "self=>http://127.0.0.1:1;failover=self",
            "lost=>http://127.0.0.1:1;failover=nobody",
        )
        assert connect(legacy, "a", "/x") == (500, b"")
        assert bad.targets == ["GET /b/x"]
        assert good.requests == []
        assert connect(legacy, "b", "/x") == (200, b"ok")
        assert connect(legacy, "self", "/") == (7, b"")
        assert connect(legacy, "lost", "/") == (-1, b"")


@pytest.mark.slow
def test_threads_share_one_server(legacy: LegacyServer, web: RawServer) -> None:
    connected(legacy, f"api=>{web.url}")
    ksr = Ksr(legacy)
    codes: list[int] = []

    def work(number: int) -> None:
        codes.extend(
            ksr.http_client.curl_connect("api", f"/{number}", f"$var(x{number})") for _ in range(10)
        )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * 80
    assert legacy.counters["httpclient.connok"] == 80


def test_the_modules_own_functions(legacy: LegacyServer, web: RawServer) -> None:
    assert http_client.call("http_client_query", f"{web.url}/1", "$var(x)") == 200
    assert curl.curl_http_query(f"{web.url}/2", "$var(x)") == 200
    api = http_client.load_api()
    assert api.http_client_query(None, f"{web.url}/3").code == 200
    assert not api.http_connection_exists("api")
    connected(legacy, f"api=>{web.url}")
    legacy.start()
    assert api.http_connection_exists("api")
    assert api.http_connect(None, "api", "/4", "text/x", b"data").code == 200
    assert api.http_connect(None, "nobody", "/").code == -1
    assert web.targets == ["GET /1", "GET /2", "GET /3", "POST /4"]
