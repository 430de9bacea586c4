"""The legacy modules' bugs in what they send, by their numbers: kept, fixed or dropped."""

from __future__ import annotations

import pytest

from onehttp_compat.parameters import LegacyBugs
from onehttp_compat.server import LegacyServer
from servers.raw import OK, Peer, RawServer, echo, redirecting_to
from stand_ins.legacy.legacy_calls import connect, connected, query


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


@pytest.mark.parametrize(
    "blob",
    ["X: 1\r\n\r\nGET /evil", "X: 1\n\nGET /evil", "X: 1\r\n\nY: 2", "X: 1\rY: 2", "X: 1\r"],
)
def test_b6_dropped_headers_cannot_carry_a_request(
    legacy: LegacyServer, web: RawServer, blob: str
) -> None:
    assert query(legacy, web.url, "body", blob)[0] == -1
    connected(legacy, f"api=>{web.url}")
    assert connect(legacy, "api", "/", f"text/x{blob[4:]}", "data")[0] == -1
    assert web.requests == []


@pytest.mark.parametrize("blob", ["X: 1\nY: 2", "X: 1\nY: 2\n", "X: 1\nY: 2\r\n", "X: 1\r\nY: 2\n"])
def test_headers_are_separated_by_a_lone_line_feed_too(
    legacy: LegacyServer, web: RawServer, blob: str
) -> None:
    """The modules send it as it is, and servers take it for the end of a line."""
    assert query(legacy, web.url, "body", blob)[0] == 200
    assert b"\r\nX: 1\r\nY: 2\r\n" in web.requests[0]
    assert connected(legacy, f"api=>{web.url}")
    assert connect(legacy, "api", "/", "text/x\nY: 2", "data")[0] == -1


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
