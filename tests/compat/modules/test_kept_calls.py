"""Calls of ``http_client`` that are kept by their arguments: each is like the first."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from onehttp_compat.ksr import Ksr
from onehttp_compat.modules.ready_call import KeptCalls
from onehttp_compat.server import LegacyServer
from servers.raw import OK, Peer, RawServer
from stand_ins.legacy.legacy_calls import connected, keep, response


def with_variables(name: str, *arguments: str) -> Callable[[LegacyServer, str], int]:
    def call(legacy: LegacyServer, url: str) -> int:
        legacy.pv.set("$var(api)", "api")
        legacy.pv.set("$var(url)", url)
        return legacy.call(name, arguments)

    return call


WAYS: dict[str, Callable[[LegacyServer, str], int]] = {
    "query": lambda legacy, url: Ksr(legacy).http_client.query(f"{url}/p", "$var(x)"),
    "connect": lambda legacy, _: Ksr(legacy).http_client.curl_connect("api", "/p", "$var(x)"),
    "native query": lambda legacy, url: legacy.call(
        "http_client_query", (f"{url}/p", "$var(x)")
    ),
    "native connect": lambda legacy, _: legacy.call("http_connect", ("api", "/p", "$var(x)")),
    "query with variables": with_variables("http_client_query", "$var(url)/p", "$var(x)"),
    "connect with variables": with_variables("http_connect", "api", "/$(var(api){s.strip,2})p",
                                             "$var(x)"),
}  # fmt: skip
ways = pytest.mark.parametrize("way", WAYS)


def kept_of(legacy: LegacyServer) -> list[KeptCalls]:
    found = [
        legacy.http_client.kept_calls(method, is_kemi)
        for method in ("query", "connect")
        for is_kemi in (True, False)
    ]
    return [one for one in found if one is not None]


def count_kept(legacy: LegacyServer) -> int:
    return sum(len(one.by_arguments) for one in kept_of(legacy))


def numbered(others: int = 404, body: bytes = b"%d\nmore") -> Callable[[Peer], None]:
    """Answers with the number of the request; those with an even one with another status."""
    count = 0

    def behave(peer: Peer) -> None:
        nonlocal count
        while peer.request():
            count += 1
            peer.send(response(200 if count % 2 else others, body % count))

    return behave


@ways
def test_each_call_is_sent_counted_and_written(legacy: LegacyServer, way: str) -> None:
    with RawServer(numbered()) as web:
        ksr = Ksr(connected(legacy, f"api=>{web.url}"))
        found = [(WAYS[way](legacy, web.url), ksr.pv.get("$var(x)")) for _ in range(3)]
    rest = "\nmore" if "connect" in way else ""
    assert found == [(200, f"1{rest}"), (404, f"2{rest}"), (200, f"3{rest}")]
    assert count_kept(legacy) == 1
    assert legacy.counters["httpclient.connok"] == 2
    assert legacy.counters["httpclient.connfail"] == 1


@ways
def test_a_failed_call_empties_the_result(legacy: LegacyServer, way: str) -> None:
    with RawServer(keep(OK)) as web:
        ksr = Ksr(connected(legacy, f"api=>{web.url}"))
        assert WAYS[way](legacy, web.url) == 200
        assert ksr.pv.get("$var(x)") == "ok"
    assert WAYS[way](legacy, web.url) == 7
    assert ksr.pv.get("$var(x)") == ""
    assert legacy.counters["httpclient.connfail"] == 1


@ways
def test_parameters_that_change_are_those_of_the_next_call(legacy: LegacyServer, way: str) -> None:
    with RawServer(keep(response(200, b"first\nsecond"))) as web:
        ksr = Ksr(connected(legacy, f"api=>{web.url}"))
        assert WAYS[way](legacy, web.url) == 200
        legacy.modparam("http_client", "query_result", 0)
        legacy.modparam("http_client", "query_maxdatasize", 8)
        assert WAYS[way](legacy, web.url) == 200
    assert ksr.pv.get("$var(x)") == ("first\nse" if "query" in way else "first\nsecond")


@ways
def test_headers_are_stored_from_the_moment_they_are_wanted(legacy: LegacyServer, way: str) -> None:
    with RawServer(keep(response(200, b"", "X-A: b"))) as web:
        ksr = Ksr(connected(legacy, f"api=>{web.url}"))
        WAYS[way](legacy, web.url)
        assert ksr.pv.get("$httprhdr(X-A)") is None
        legacy.http_client.response_headers_set(mode=1)
        WAYS[way](legacy, web.url)
        assert ksr.pv.get("$httprhdr(x-a)") == "b"


@ways
def test_observers_and_places_see_each_call(legacy: LegacyServer, way: str) -> None:
    seen: list[int] = []
    with RawServer(keep(OK)) as web:
        connected(legacy, f"api=>{web.url}")
        for number in range(4):
            WAYS[way](legacy, web.url)
            if number == 1:
                legacy.observers.append(lambda call: seen.append(call.code))
    assert seen == [200, 200]
    assert [site.calls for site in legacy.warnings.seen.values()] == [4]


def test_the_last_url_of_a_connection_is_that_of_the_last_call(legacy: LegacyServer) -> None:
    with RawServer(keep(OK)) as web:
        ksr = Ksr(connected(legacy, f"api=>{web.url}"))
        for path in ("/a", "/b", "/a"):
            ksr.http_client.curl_connect("api", path, "$var(x)")
        assert ksr.pv.get("$curlredirect(api)") == f"{web.url}/a"


def test_a_call_that_fails_over_does_so_each_time(legacy: LegacyServer) -> None:
    with RawServer(numbered(503, b"%d")) as first, RawServer(keep(OK)) as second:
        lines = (f"api=>{first.url};failover=other", f"other=>{second.url}")
        ksr = Ksr(connected(legacy, *lines, f"lost=>{first.url};failover=none"))
        get, call = ksr.pv.get, ksr.http_client.curl_connect
        names = ("api", "api", "api", "api", "lost", "lost")
        told = [(call(name, "/p", "$var(x)"), get("$var(x)")) for name in names]
    assert told == [(200, "1"), (200, "ok"), (200, "3"), (200, "ok"), (200, "5"), (-1, "")]
    assert count_kept(legacy) == 2
    assert len(second.targets) == 2
    assert legacy.counters["httpclient.connfail"] == 3


def test_only_short_calls_without_a_body_are_kept_and_not_more_than_some(
    legacy: LegacyServer,
) -> None:
    ksr = Ksr(connected(legacy, "api=>http://127.0.0.1:1"))
    closed = "http://127.0.0.1:1"
    ksr.http_client.query_post(closed, "body", "$var(x)")
    ksr.http_client.query(f"{closed}/{'x' * 600}", "$var(x)")
    ksr.http_client.curl_connect_post("api", "/", "text/plain", "body", "$var(x)")
    ksr.http_client.curl_connect("none", "/", "$var(x)")
    ksr.http_client.query_post_hdrs(closed, "", "A: b\r\n\r\nC: d", "$var(x)")
    assert count_kept(legacy) == 0
    for number in range(600):
        ksr.http_client.curl_connect("none", str(number), "$var(x)")
        for kept in kept_of(legacy):
            kept.by_arguments[("x", str(number))] = lambda: 0
    ksr.http_client.query(closed, "$var(x)")
    ksr.http_client.curl_connect("api", "/", "$var(x)")
    legacy.call("http_client_query", (closed, "$var(x)"))
    legacy.call("http_connect", ("api", "/", "$var(x)"))
    assert count_kept(legacy) == 4


def test_a_variable_tells_calls_apart_by_its_value_and_not_by_its_name(
    legacy: LegacyServer,
) -> None:
    with RawServer(keep(OK)) as web:
        connected(legacy, f"api=>{web.url}")
        for value in ("a", "b", "$var(p)", "a", "c", "b"):
            legacy.pv.set("$var(p)", value)
            legacy.call("http_connect", ("api", "/$var(p)", "$var(x)"))
        legacy.call("http_connect", ("api", "/$$var(p)", "$var(x)"))
        Ksr(legacy).http_client.curl_connect("api", "/$var(p)", "$var(x)")
        legacy.pv.set("$var(p)", "e")
        legacy.call("http_connect", ("api", "/$var(p)", "$var(x)"))
    sent = [target.removeprefix("GET /") for target in web.targets]
    assert sent == ["a", "b", "$var(p)", "a", "c", "b", "$var(p)", "$var(p)", "e"]


@pytest.mark.parametrize("way", ["query", "connect"])
def test_bad_arguments_are_refused_beside_kept_calls(legacy: LegacyServer, way: str) -> None:
    with RawServer(keep(OK)) as web:
        ksr = Ksr(connected(legacy, f"api=>{web.url}"))
        WAYS[way](legacy, web.url)
        function = ksr.http_client.query if way == "query" else ksr.http_client.curl_connect
        more = () if way == "query" else ("/",)
        for bad in (["a"], None, 1, b"a"):
            with pytest.raises(TypeError):
                function(bad, *more, "$var(x)")
        with pytest.raises(TypeError):
            function("a")
        with pytest.raises(ValueError, match="NUL"):
            function("a\0", *more, "$var(x)")
        assert function("a", *more, "$ru") == -1
        assert len(web.targets) == 1


@pytest.mark.parametrize("way", ["native query", "native connect"])
def test_bad_arguments_of_native_scripts_are_refused_beside_kept_calls(
    legacy: LegacyServer, way: str
) -> None:
    with RawServer(keep(OK)) as web:
        connected(legacy, f"api=>{web.url}")
        WAYS[way](legacy, web.url)
        name = "http_client_query" if "query" in way else "http_connect"
        more = () if "query" in way else ("/",)
        for bad in (["a"], None, 1, b"a", "$nothing(x)"):
            assert legacy.call(name, (bad, *more, "$var(x)")) == -1
        assert legacy.call(name, ("a", *more, "$ru")) == -1
        assert legacy.return_code == -1
        assert len(web.targets) == 1
