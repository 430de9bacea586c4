"""The legacy modules' bugs in calls, by their numbers: kept, fixed or dropped."""

from __future__ import annotations

import os
import threading

import pytest

from onehttp_compat import curl, http_client
from onehttp_compat.ksr import Ksr
from onehttp_compat.parameters import LegacyBugs
from onehttp_compat.pv import UnknownVariableError
from onehttp_compat.server import LegacyServer
from servers.raw import OK, Behaviour, Peer, RawServer, answering, echo, redirecting_to


def response(status: int, body: bytes = b"", *headers: str) -> bytes:
    head = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status} S\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


def connected(server: LegacyServer, *definitions: str) -> LegacyServer:
    for definition in definitions:
        server.modparam("http_client", "httpcon", definition)
    return server


def query(server: LegacyServer, *arguments: str) -> tuple[int, object]:
    code = server.call("http_client_query", (*arguments, "$var(x)"))
    return code, server.pv.get("$var(x)")


def connect(server: LegacyServer, *arguments: str) -> tuple[int, object]:
    code = server.call("http_connect", (*arguments, "$var(x)"))
    return code, server.pv.get("$var(x)")


def keep(body: bytes) -> Behaviour:
    """Answers every request with ``body``."""

    def behave(peer: Peer) -> None:
        while peer.request():
            peer.send(body)

    return behave


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


def test_b4_fixed_a_line_end_after_the_headers_is_dropped(
    legacy: LegacyServer, web: RawServer
) -> None:
    assert query(legacy, web.url, "body", "X-A: 1\r\n")[0] == 200
    assert b"X-A: 1\r\n" in web.requests[0]
    assert web.requests[0].endswith(b"\r\n\r\nbody")
    assert web.requests[0].count(b"\r\n\r\n") == 1


def test_b4_faithful_mode_sends_no_corrupt_request(faithful: LegacyServer, web: RawServer) -> None:
    query(faithful, web.url, "body", "X-A: 1\r\n")
    assert all(request.count(b"\r\n\r\n") == 1 for request in web.requests)


def test_b5_fixed_every_header_replaces_its_default(legacy: LegacyServer, web: RawServer) -> None:
    query(legacy, web.url, "body", "X-A: 1\r\nContent-Type: text/x")
    assert web.requests[0].lower().count(b"content-type") == 1


def test_b5_kept_in_faithful_mode(faithful: LegacyServer, web: RawServer) -> None:
    query(faithful, web.url, "body", "X-A: 1\r\nContent-Type: text/x")
    assert web.requests[0].lower().count(b"content-type") == 2


@pytest.mark.parametrize("blob", ["X: 1\r\n\r\nGET /evil", "X: 1\nY: 2", "X: 1\rY: 2"])
def test_b6_dropped_headers_cannot_carry_a_request(
    legacy: LegacyServer, web: RawServer, blob: str
) -> None:
    assert query(legacy, web.url, "body", blob)[0] == -1
    connected(legacy, f"api=>{web.url}")
    assert connect(legacy, "api", "/", f"text/x{blob[4:]}", "data")[0] == -1
    assert web.requests == []


def test_b7_kept_only_200_is_a_success(legacy: LegacyServer) -> None:
    for status, ok in ((200, 1), (201, 0), (204, 0), (302, 0), (404, 0)):
        before = legacy.counters["httpclient.connok"]
        with RawServer(answering(response(status))) as web:
            query(legacy, web.url)
        assert legacy.counters["httpclient.connok"] - before == ok, status
    assert legacy.counters["httpclient.connfail"] == 4


def test_b8_kept_connection_and_content_type_are_not_expanded(
    legacy: LegacyServer, web: RawServer
) -> None:
    connected(legacy, f"$var(a)=>{web.url}")
    assert connect(legacy, "$var(a)", "/", "$var(b)", "data")[0] == 200
    assert b"Content-Type: $var(b)\r\n" in web.requests[0]


@pytest.mark.parametrize("method", ["GE T", "GET /x HTTP/1.1\r\nX: 1\r\n", "", "é"])
def test_b12_dropped_a_method_is_a_token(legacy: LegacyServer, web: RawServer, method: str) -> None:
    arguments = (method, web.url, "", "", "$var(x)")
    assert legacy.call("http_client_request", arguments) == -1
    assert web.requests == []


def test_b12_its_case_is_kept(legacy: LegacyServer, web: RawServer) -> None:
    legacy.call("http_client_request", ("pRopFind", web.url, "", "", "$var(x)"))
    assert web.targets == ["pRopFind /"]


def test_b13_fixed_head_does_not_wait_for_a_body(legacy: LegacyServer) -> None:
    def head_only(peer: Peer) -> None:
        while peer.request():
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")

    with RawServer(head_only) as web:
        assert legacy.call("http_client_request", ("HEAD", web.url, "", "", "$var(x)")) == 200


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


def test_b28_kept_a_redirected_post_becomes_get_and_keeps_its_type(legacy: LegacyServer) -> None:
    legacy.modparam("http_client", "httpredirect", 1)
    with RawServer(echo) as target, RawServer(redirecting_to(target.url)) as web:
        query(legacy, web.url, "data", "Content-Type: text/x")
        assert target.targets == ["GET /"]
        assert b"Content-Type: text/x" in target.requests[0]
        arguments = ("PUT", web.url, "data", "", "$var(x)")
        legacy.call("http_client_request", arguments)
        assert target.targets == ["GET /", "PUT /"]
        assert not target.requests[1].endswith(b"data")


def closing_on_the_second(peer: Peer) -> None:
    """Answers the first request of a connection, reads the second, and closes."""
    peer.request()
    peer.send(OK)
    peer.request()


@pytest.mark.parametrize(("bugs", "sent"), [("fixed", 1), ("faithful", 2)])
def test_b29_fixed_a_post_is_not_repeated_on_a_dead_connection(
    engine: str, bugs: LegacyBugs, sent: int
) -> None:
    server = LegacyServer(bugs)
    server.modparam("http_client", "keep_connections", 1)
    with RawServer(closing_on_the_second) as web:
        connected(server, f"api=>{web.url}")
        assert connect(server, "api", "/")[0] == 200
        code, _ = connect(server, "api", "/", "text/x", "pay=1")
        assert (code in (52, 55, 56)) is (sent == 1)
        assert web.targets.count("POST /") == sent


def test_b32_dropped_a_reply_in_pieces_is_whole(legacy: LegacyServer) -> None:
    def in_pieces(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab")
        peer.send(b"cd")
        peer.send(b"ef")

    with RawServer(in_pieces) as web:
        assert legacy.call("http_query", (web.url, "$var(x)")) == 200
    assert legacy.pv.get("$var(x)") == b"abcdef"


def test_b33_dropped_an_empty_post_reads_no_standard_input(
    legacy: LegacyServer, web: RawServer
) -> None:
    assert legacy.call("http_query", (web.url, "", "$var(x)")) == 200
    assert legacy.call("http_query", (web.url, "", "X-A: 1", "$var(x)")) == 200
    assert web.targets == ["GET /", "GET /"]
    assert b"X-A: 1\r\n" in web.requests[1]


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1:1/", "gopher://h/"])
def test_b34_and_b35_only_http_is_fetched(legacy: LegacyServer, url: str) -> None:
    legacy.pv.set("$var(x)", "before")
    assert legacy.call("http_query", (url, "$var(x)")) == -1
    assert legacy.call("curl_http_query", (url, "$var(y)")) == -1
    assert query(legacy, url) == (1, b"")


@pytest.mark.parametrize(("bugs", "arrives"), [("fixed", b"a\0b"), ("faithful", b"a")])
def test_b37_fixed_a_body_goes_out_beyond_a_nul(
    engine: str, bugs: LegacyBugs, arrives: bytes, web: RawServer
) -> None:
    server = LegacyServer(bugs)
    server.pv.set("$avp(b)", b"a\0b")
    query(server, web.url, "$avp(b)")
    assert web.requests[0].partition(b"\r\n\r\n")[2] == arrives


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


@pytest.mark.parametrize(("bugs", "length"), [("fixed", 300), ("faithful", 241)])
def test_b45_fixed_a_long_content_type_goes_out_whole(
    engine: str, bugs: LegacyBugs, length: int, web: RawServer
) -> None:
    server = LegacyServer(bugs)
    connected(server, f"api=>{web.url}")
    connect(server, "api", "/", "t" * 300, "data")
    assert f"Content-Type: {'t' * length}\r\n".encode() in web.requests[0]


def test_b48_kept_and_b51_dropped_headers_after_a_redirect(legacy: LegacyServer) -> None:
    legacy.modparam("http_client", "httpredirect", 1)
    blob = "X-Custom: 1\r\nAuthorization: Bearer geheim\r\nCookie: a=b"
    with RawServer(echo) as target, RawServer(redirecting_to(target.url)) as web:
        legacy.call("http_client_get", (web.url, "", blob, "$var(x)"))
        assert b"geheim" in web.requests[0]
        assert b"X-Custom: 1\r\n" in target.requests[0]
        for secret in (b"geheim", b"a=b"):
            assert secret not in target.requests[0]


def test_b49_kept_a_null_variable_is_sent_as_its_text(
    legacy: LegacyServer, web: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        assert query(legacy, web.url, "$avp(nothing)")[0] == 200
    assert caplog.text.count("$avp(nothing) is null") == 1
    assert web.requests[0].startswith(b"POST / ")
    assert web.requests[0].endswith(b"\r\n\r\n<null>")
    assert query(legacy, "$avp(nothing)")[0] in (3, 6)


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
