"""Cookies of one call, and those that a connection keeps: on every engine, whatever calls."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

import onehttp
from onehttp.connections.file.schema import connections
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer, keep_answering, redirecting_to
from stand_ins.calling import WAYS_TO_CALL, call


def cookies_of(request: bytes) -> list[bytes]:
    return re.findall(rb"(?im)^cookie: *(.*?)\r$", request)


def setting(*cookies: str, status: str = "200 OK", more: str = "") -> Any:
    """A server that sets these with each answer."""
    lines = "".join(f"Set-Cookie: {each}\r\n" for each in cookies)

    def behave(peer: Peer) -> None:
        while peer.request():
            head = f"HTTP/1.1 {status}\r\n{lines}{more}Content-Length: 0\r\n\r\n"
            peer.send(head.encode())

    return behave


def begun(engine: str, **urls: Any) -> onehttp.Connection:
    named = {name: {"url": url} if isinstance(url, str) else url for name, url in urls.items()}
    onehttp.init({"version": 1, "connections": named}, backend=engine)
    return onehttp.connection("api")


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_a_call_has_its_own(way: str, engine: str) -> None:
    with RawServer(keep_answering) as server:
        begun(engine, api=server.url)
        call(way, server.url, cookies={"a": "b c", "n": 3, "t": True, "gone": None, "l": [1, 2]})
        call(way, server.url, cookies=[("a", '"x"')])
        call(way, server.url, cookies={})
    found = [cookies_of(each) for each in server.requests]
    assert found == [[b"a=b c; n=3; t=true; l=1; l=2"], [b'a="x"'], []]


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_cookies_of_a_call_stay_at_their_origin(way: str, engine: str) -> None:
    with RawServer(keep_answering) as other, RawServer(redirecting_to(other.url)) as server:
        begun(engine, api=server.url)
        call(way, server.url, cookies={"a": "b"}, follow_redirects=True)
    assert (cookies_of(server.requests[0]), cookies_of(other.requests[0])) == ([b"a=b"], [])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cookies": {"a": "b; c=d"}}, "the value of 'a' is not visible ASCII without ';'"),
        ({"cookies": {"a": "b\r\nX: y"}}, "the value of 'a'"),
        ({"cookies": {"a": " b"}}, "the value of 'a'"),
        ({"cookies": {"a": "ü"}}, "percent-encode it"),
        ({"cookies": {"a": b"\xff"}}, "percent-encode it"),
        ({"cookies": {"a=b": "c"}}, "a name is letters, digits"),
        ({"cookies": {"": "c"}}, "a name is letters, digits"),
        ({"cookies": {"a b": "c"}}, "a name is letters, digits"),
        ({"cookies": {"a": {"b": 1}}}, "expected text, a number"),
        ({"cookies": "a=b"}, "expected pairs of name and value"),
        ({"cookies": 3}, "expected pairs of name and value"),
        ({"cookies": {"a": "b"}, "headers": {"cookie": "c"}}, "a Cookie header, too; give one"),
    ],
)
def test_what_cannot_be_sent_is_refused(given: dict[str, Any], message: str, api: str) -> None:
    with pytest.raises(onehttp.RequestError, match=f"^cookies: .*{message}"):
        onehttp.request("GET", "http://127.0.0.1:9", **given)


@pytest.mark.parametrize("way", ["named", "named task", "named query"])
@pytest.mark.parametrize("policed", [{}, {"retry": 2, "redirects": 3}], ids=["plain", "policed"])
def test_a_connection_keeps_what_its_server_sets(
    way: str, policed: dict[str, Any], engine: str
) -> None:
    with RawServer(setting("a=1", "b=2; Path=/x", "c=3; Domain=evil.example")) as server:
        api = begun(engine, api={"url": server.url, "cookies": True, **policed})
        for _ in range(2):
            call(way, server.url)
        call(way, server.url, cookies={"b": "mine"})
        call(way, server.url, path="/y")
    assert [cookies_of(each) for each in server.requests] == [
        [],
        [b"b=2; a=1"],
        [b"b=mine; a=1"],
        [b"a=1"],
    ]
    assert api.cookies is not None
    assert sorted(cookie.name for cookie in api.cookies) == ["a", "b"]


def test_cookies_are_kept_only_if_enabled(engine: str) -> None:
    with RawServer(setting("a=1")) as server:
        api = begun(engine, api=server.url, other={"url": server.url, "cookies": True})
        for _ in range(2):
            api.get("/")
            onehttp.request("GET", server.url)
    assert api.cookies is None
    assert all(cookies_of(each) == [] for each in server.requests)


def test_those_of_redirects_and_errors_count_and_each_host_gets_its_own(engine: str) -> None:
    with RawServer(setting("other=1", status="404 No")) as other:
        on = setting("own=1", status="302 On", more=f"Location: {other.url}/\r\n")
        with RawServer(on) as server:
            url = server.url.replace("127.0.0.1", "localhost")
            api = begun(engine, api={"url": url, "cookies": True, "redirects": 3})
            for _ in range(2):
                assert api.get("/").status == 404
    assert [cookies_of(each) for each in server.requests] == [[], [b"own=1"]]
    assert [cookies_of(each) for each in other.requests] == [[], [b"other=1"]]


def test_a_connections_own_cookie_header_goes_first(engine: str) -> None:
    with RawServer(setting("a=1", "b=2")) as server:
        api = begun(
            engine, api={"url": server.url, "cookies": True, "headers": {"Cookie": "a=own"}}
        )
        for _ in range(2):
            api.get("/")
    assert [cookies_of(each) for each in server.requests] == [[b"a=own"], [b"a=own; b=2"]]


def test_each_connection_has_a_jar_and_so_has_one_that_stands_in(engine: str) -> None:
    with RawServer(setting("a=1", status="503 No")) as first, RawServer(setting("b=2")) as second:
        api = begun(
            engine,
            api={"url": first.url, "failover": "other", "cookies": True},
            other={"url": second.url, "cookies": True},
        )
        for _ in range(2):
            assert api.get("/").status == 200
    assert [cookies_of(each) for each in first.requests] == [[], [b"a=1"]]
    assert [cookies_of(each) for each in second.requests] == [[], [b"b=2"]]


def test_a_jar_outlives_a_reload_unless_the_server_is_another(engine: str) -> None:
    def file_of(url: str, **keys: Any) -> dict[str, Any]:
        return {"version": 1, "connections": {"api": {"url": url, "cookies": True, **keys}}}

    with RawServer(setting("a=1")) as server:
        onehttp.init(file_of(server.url), backend=engine)
        api = onehttp.connection("api")
        api.get("/")
        jar = api.cookies
        onehttp.reload(file_of(server.url, timeout=PATIENCE_S))
        assert api.cookies is jar
        api.get("/")
        assert cookies_of(server.requests[-1]) == [b"a=1"]
        onehttp.reload(file_of(f"{server.url}/v2"))
        assert api.cookies is not jar


def test_without_the_list_of_public_suffixes_the_file_is_refused(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "is_known", lambda: False)
    with pytest.raises(onehttp.ConfigurationError, match="the extra 'cookies' brings it"):
        begun(engine, api={"url": "http://a.example", "cookies": True})


def test_no_value_is_shown_by_an_error_or_a_log(
    engine: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "onehttp")
    secret = "s3cret-of-a-test"
    with RawServer(setting(f"a={secret}")) as server:
        api = begun(engine, api={"url": server.url, "cookies": True})
        api.get("/")
        api.get("/", cookies={"b": secret})
    with pytest.raises(onehttp.TransferError) as raised:
        api.get("/", cookies={"b": secret})
    assert secret not in f"{raised.value!s}{raised.value!r}{caplog.text}"
