"""What the arguments of a call become on the wire, on an ad-hoc URL and on a connection."""

from __future__ import annotations

import asyncio
import datetime as dt
import http
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, cast

import pytest

import onehttp
from onehttp.urls import encoded_pairs
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer, echo, keep_answering, silent


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(echo) as running:
        yield running


def sent(response: onehttp.Response) -> tuple[str, dict[str, str], bytes]:
    """Request line, headers (by lower-case name) and body of an echoed request."""
    head, _, body = response.body.partition(b"\r\n\r\n")
    line, *headers = head.decode("latin-1").split("\r\n")
    pairs = (header.partition(": ") for header in headers)
    return line, {name.lower(): value for name, _, value in pairs}, body


def connected(server: RawServer, engine: str, **connection: Any) -> onehttp.Connection:
    """A connection named ``api`` to the server, with these keys."""
    document = {"version": 1, "connections": {"api": {"url": server.url, **connection}}}
    onehttp.init(document, backend=engine)
    return onehttp.connection("api")


def test_a_get_sends_no_body(api: str, server: RawServer) -> None:
    line, headers, body = sent(onehttp.request("GET", f"{server.url}/x"))
    assert line == "GET /x HTTP/1.1"
    assert headers["user-agent"].startswith("onehttp/")
    assert body == b""


def test_parameters_are_encoded_and_added_before_a_fragment(api: str, server: RawServer) -> None:
    params = {"q": "a b&c", "n": [1, 2]}
    line, _, _ = sent(onehttp.request("GET", f"{server.url}/x?y=1#top", params=params))
    assert line == "GET /x?y=1&q=a+b%26c&n=1&n=2 HTTP/1.1"


@pytest.mark.parametrize(
    ("value", "query"),
    [
        (None, ""),
        (True, "a=true"),
        (False, "a=false"),
        (1, "a=1"),
        (1.5, "a=1.5"),
        (Decimal("1.50"), "a=1.50"),
        (http.HTTPStatus.OK, "a=200"),
        ("", "a="),
        ("ü", "a=%C3%BC"),
        (b"\xff", "a=%FF"),
        ([1, None, True], "a=1&a=true"),
        ((), ""),
        ({"x"}, "a=x"),
        (range(2), "a=0&a=1"),
    ],
)
@pytest.mark.parametrize("argument", ["params", "form"])
def test_values_that_have_one_spelling_in_a_query(value: object, query: str, argument: str) -> None:
    assert encoded_pairs([("a", value)], argument) == query


@pytest.mark.parametrize(
    "value", [object(), object, {"b": 1}, [[1]], [{}], "\ud800", dt.date(2026, 1, 1)]
)
@pytest.mark.parametrize("argument", ["params", "form"])
def test_values_that_have_none_are_refused_and_not_quoted(
    value: object, argument: str, api: str, server: RawServer
) -> None:
    given: dict[str, Any] = {argument: [("a", value)]}
    with pytest.raises(onehttp.RequestError, match=f"^{argument}: ") as raised:
        onehttp.request("POST", server.url, **given)
    assert "2026" not in str(raised.value)
    assert server.requests == []


def test_json_is_sent_with_its_content_type(api: str, server: RawServer) -> None:
    _, headers, body = sent(onehttp.request("POST", server.url, json={"ü": [1, None]}))
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {"ü": [1, None]}


def test_a_form_is_sent_urlencoded(api: str, server: RawServer) -> None:
    _, headers, body = sent(onehttp.request("POST", server.url, form={"a": "1 2", "b": "&"}))
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert body == b"a=1+2&b=%26"


def test_text_and_bytes_are_sent_unchanged(api: str, server: RawServer) -> None:
    _, headers, body = sent(onehttp.request("PUT", server.url, body="grün"))
    assert (headers["content-type"], body) == ("text/plain; charset=utf-8", "grün".encode())
    _, headers, body = sent(onehttp.request("PUT", server.url, body=b"\x00\xff"))
    assert "content-type" not in headers
    assert body == b"\x00\xff"


def test_a_post_without_body_sends_an_empty_one(api: str, server: RawServer) -> None:
    _, headers, _ = sent(onehttp.request("POST", server.url))
    assert headers["content-length"] == "0"


def test_a_callers_content_type_stays(api: str, server: RawServer) -> None:
    given = {"Content-Type": "application/sdp"}
    _, headers, _ = sent(onehttp.request("POST", server.url, json=1, headers=given))
    assert headers["content-type"] == "application/sdp"


def test_a_lower_case_method_is_meant_as_upper_case(api: str, server: RawServer) -> None:
    assert sent(onehttp.request("delete", server.url))[0] == "DELETE / HTTP/1.1"


def test_letters_beyond_ascii_are_encoded(api: str, server: RawServer) -> None:
    line, _, _ = sent(onehttp.request("GET", f"{server.url}/grün?q=ß"))
    assert line == "GET /gr%C3%BCn?q=%C3%9F HTTP/1.1"


@pytest.mark.parametrize(
    "call",
    [
        {"body": b"x", "json": {}},
        {"form": {"a": 1}, "body": b""},
        {"json": object()},
        {"json": float("nan")},
        {"body": 5},
        {"body": "\ud800"},
        {"headers": 7},
        {"headers": [("X",)]},
        {"params": 7},
        {"form": ["a"]},
        {"timeout": -1},
        {"timeout": float("nan")},
        {"timeout": "fast"},
        {"timeout": True},
        {"timeout": onehttp.Timeout(1.0, -1.0)},
        {"timeout": onehttp.Timeout(idle_s=-1.0)},
        {"timeout": onehttp.Timeout(idle_s=cast(Any, [1]))},
        {"timeout": onehttp.Timeout(idle_s=cast(Any, "1"))},
        {"headers": {"X": "a\r\nY: b"}},
        {"headers": {"X\n": "a"}},
        {"headers": {"X": 5}},
    ],
)
def test_an_argument_unfit_to_be_sent_is_refused(
    api: str, server: RawServer, call: dict[str, Any]
) -> None:
    with pytest.raises(onehttp.RequestError):
        onehttp.request("POST", server.url, **call)
    assert server.requests == []


def test_a_server_that_is_silent_for_too_long_is_late(engine: str) -> None:
    limits = onehttp.Timeout(total_s=60, idle_s=0.05)
    with RawServer(silent) as silence:
        named = {"version": 1, "connections": {"a": {"url": silence.url}}}
        onehttp.init(connections=named, backend=engine)
        asking: list[Callable[[], object]] = [
            lambda: onehttp.request("GET", silence.url, timeout=limits),
            lambda: onehttp.connection("a").get("/x", timeout=limits),
            lambda: asyncio.run(onehttp.arequest("GET", silence.url, timeout=limits)),
            lambda: asyncio.run(onehttp.connection("a").aget("/x", timeout=limits)),
        ]
        for ask in asking:
            with pytest.raises(onehttp.TimeoutError):
                ask()
        queries = [
            onehttp.submit("GET", silence.url, timeout=limits),
            onehttp.connection("a").submit("GET", "/x", timeout=limits),
        ]
        for query in queries:
            assert isinstance(query.result(PATIENCE_S).error, onehttp.TimeoutError)


@pytest.mark.parametrize(
    ("url", "code"),
    [("", 3), ("x", 3), ("http://", 3), ("file:///etc/passwd", 1), ("gopher://h/", 1), (5, 43)],
)
def test_a_bad_url_has_libcurls_code(api: str, url: Any, code: int) -> None:
    with pytest.raises(onehttp.RequestError) as caught:
        onehttp.request("GET", url)
    assert caught.value.code == code


def answers_once(peer: Peer) -> None:
    peer.request()
    peer.send(OK)
    peer.wait_for_close()


def test_a_calls_time_limit_replaces_the_default(engine: str) -> None:
    with RawServer(answers_once) as server:
        connection = connected(server, engine, timeout=600)
        connection.get("/")  # from here on there is a connection: sending takes no time
        with pytest.raises(onehttp.TimeoutError) as caught:
            connection.get("/", timeout=0.3)
    assert caught.value.code == onehttp.CurlCode.OPERATION_TIMEDOUT
    assert caught.value.sent is onehttp.Sent.MAYBE


def test_tasks_and_threads_give_the_same(api: str, server: RawServer) -> None:
    async def together() -> list[onehttp.Response]:
        calls = [onehttp.arequest("POST", server.url, json=number) for number in range(20)]
        return await asyncio.gather(*calls)

    assert [int(sent(each)[2]) for each in asyncio.run(together())] == list(range(20))


def test_a_coroutine_checks_its_arguments_when_made(api: str) -> None:
    with pytest.raises(onehttp.RequestError):
        _ = onehttp.arequest("GET", "http://127.0.0.1:9/", json=1, body=b"")


VERBS = ["get", "head", "post", "put", "patch", "delete"]


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_of_a_connection(engine: str, verb: str) -> None:
    with RawServer(keep_answering if verb != "head" else _head_only) as server:
        connection = connected(server, engine)
        assert getattr(connection, verb)("/v").status == 200

        async def awaited() -> int:
            response: onehttp.Response = await getattr(connection, f"a{verb}")("/v")
            return response.status

        assert asyncio.run(awaited()) == 200
        assert server.targets == [f"{verb.upper()} /v"] * 2


def _head_only(peer: Any) -> None:
    while peer.request():
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")


@pytest.mark.parametrize(
    ("prefix", "path", "target"),
    [
        ("", "", "/"),
        ("", "/x", "/x"),
        ("", "x", "/x"),
        ("/v1", "/x", "/v1/x"),
        ("/v1/", "x", "/v1/x"),
        ("/v1", "?q=1", "/v1?q=1"),
        ("/v1", "", "/v1"),
        ("/v1", "/grün", "/v1/gr%C3%BCn"),
    ],
)
def test_a_path_is_put_behind_the_connections_own(
    engine: str, server: RawServer, prefix: str, path: str, target: str
) -> None:
    connection = connected(server, engine, url=server.url + prefix)
    assert sent(connection.get(path))[0] == f"GET {target} HTTP/1.1"


def test_a_whole_url_is_not_a_path(engine: str, server: RawServer) -> None:
    with pytest.raises(onehttp.RequestError, match="the path is a whole URL"):
        connected(server, engine).get("http://elsewhere.example/")


def test_a_connections_settings_go_out(engine: str, server: RawServer) -> None:
    connection = connected(
        server,
        engine,
        headers={"X-Key": "k", "X-Other": "o"},
        params={"token": "t t"},
        user_agent="me/1",
        content_type="application/sdp",
        auth={"username": "u", "password": "p"},
    )
    line, headers, _ = sent(connection.post("/x", body=b"v=0", headers={"x-key": "mine"}))
    assert line == "POST /x?token=t+t HTTP/1.1"
    assert headers["x-key"] == "mine"
    assert headers["x-other"] == "o"
    assert headers["user-agent"] == "me/1"
    assert headers["content-type"] == "application/sdp"
    assert headers["authorization"] == "Basic dTpw"


def test_a_connections_time_limit(engine: str) -> None:
    with RawServer(silent) as server:
        document = {"url": server.url, "timeout": 0.05}
        onehttp.init(
            {"version": 1, "defaults": {"timeout": 600}, "connections": {"api": document}},
            backend=engine,
        )
        with pytest.raises(onehttp.TimeoutError):
            onehttp.connection("api").get("/")


def test_a_connections_body_limit(engine: str, server: RawServer) -> None:
    connection = connected(server, engine, max_body=20)
    with pytest.raises(onehttp.TooLargeError) as caught:
        connection.get("/")
    assert caught.value.code == 63


def test_a_body_may_be_cut_to_the_limit(engine: str, server: RawServer) -> None:
    response = connected(server, engine, max_body=20, body_policy="truncate").get("/")
    assert response.truncated
    assert response.body == b"GET / HTTP/1.1\r\nHost"[:20]


def test_an_unknown_connection_is_answered_with_the_nearest_name(engine: str) -> None:
    connections = {"billing": {"url": "http://a.example"}}
    onehttp.init({"version": 1, "connections": connections}, backend=engine)
    with pytest.raises(onehttp.UnknownConnectionError, match="did you mean 'billing'"):
        onehttp.connection("biling")


def test_a_response_decodes_by_its_charset(api: str) -> None:
    def latin(peer: Any) -> None:
        peer.request()
        peer.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
            b"Content-Length: 4\r\n\r\ngr\xfcn"
        )

    with RawServer(latin) as server:
        assert onehttp.request("GET", server.url).text == "grün"
