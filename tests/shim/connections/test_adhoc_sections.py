"""``requests:`` and ``queries:``: how calls without a connection are made, and how many queries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import onehttp
from onehttp import QueryLimits
from onehttp.connections.file.load import load_connections
from servers.raw import Peer, RawServer, keep_answering, silent


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(keep_answering) as running:
        yield running


def redirecting(peer: Peer) -> None:
    while request := peer.request():
        if request.startswith(b"GET /here"):
            peer.send(b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")
        else:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def read(**sections: Any) -> onehttp.ConnectionSet:
    return load_connections({"version": 1, **sections})


def user_agents(server: RawServer) -> list[str]:
    lines = [line for request in server.requests for line in request.decode().split("\r\n")]
    return [line.partition(": ")[2] for line in lines if line.startswith("User-Agent: ")]


def answered(query: onehttp.Query) -> onehttp.Response:
    response = query.result().response
    assert response is not None
    return response


@pytest.mark.usefixtures("default_limits")
def test_a_file_that_says_nothing_of_them_changes_nothing() -> None:
    adhoc = read(defaults={"user_agent": "x", "timeout": 9}, connections={}).adhoc
    assert adhoc.requests is adhoc.queries
    assert adhoc.requests.options.user_agent.startswith("onehttp/")  # type: ignore[union-attr]
    assert adhoc.requests.options.total_timeout_s == 4
    assert adhoc.limits is None


def test_requests_go_over_defaults_and_queries_over_requests() -> None:
    adhoc = read(
        defaults={"timeout": {"total": 9, "connect": 2}, "tls": {"verify_host": False}},
        requests={"timeout": {"total": 8}, "user_agent": "r"},
        queries={"user_agent": "q", "redirects": 3},
    ).adhoc
    requests, queries = adhoc.requests.options, adhoc.queries.options
    assert (requests.total_timeout_s, requests.connect_timeout_s) == (8, 2)
    assert (queries.total_timeout_s, queries.connect_timeout_s) == (8, 2)
    assert (requests.user_agent, queries.user_agent) == ("r", "q")
    assert (adhoc.requests.max_redirects, adhoc.queries.max_redirects) == (0, 3)
    assert requests.tls.verify_host is queries.tls.verify_host is False


def test_what_is_for_known_servers_alone_does_not_reach_them() -> None:
    adhoc = read(
        defaults={
            "auth": {"username": "u", "password": "${env:HOME}"},
            "headers": {"X-Key": "k"},
            "params": {"key": "k"},
            "retry": 3,
        },
        requests={},
    ).adhoc
    assert adhoc.requests.options.auth is None
    assert adhoc.requests is adhoc.queries


@pytest.mark.parametrize("key", ["auth", "headers", "params", "content_type", "retry", "url"])
@pytest.mark.parametrize("section", ["requests", "queries"])
def test_adhoc_sections_take_only_the_keys_of_sending(section: str, key: str) -> None:
    with pytest.raises(onehttp.ConfigurationError, match=f"{section}.{key}"):
        read(**{section: {key: {}}})


def test_limits_of_queries_come_from_the_file_unless_init_has_them(engine: str) -> None:
    limits = {"workers": 2, "queue_length": 1, "when_full": "refuse", "wait": 0.5}
    assert read(queries=limits).adhoc.limits == QueryLimits(
        workers=2, queue_length=1, when_full="refuse", wait_s=0.5
    )
    with RawServer(silent) as server:
        onehttp.init({"version": 1, "queries": limits}, backend=engine)
        onehttp.submit("GET", server.url)
        with pytest.raises(onehttp.QueueFullError):
            onehttp.submit("GET", server.url)
        onehttp.shutdown()
        own = QueryLimits(queue_length=2)
        onehttp.init({"version": 1, "queries": limits}, backend=engine, queries=own)
        onehttp.submit("GET", server.url)
        onehttp.submit("GET", server.url)
        onehttp.shutdown()


def test_a_section_for_limits_alone_leaves_the_sending_as_it_is() -> None:
    adhoc = read(queries={"workers": 2}).adhoc
    assert adhoc.queries is adhoc.requests
    assert adhoc.queries.options == load_connections({"version": 1}).adhoc.queries.options


def test_requests_and_queries_are_sent_as_the_file_says(engine: str, server: RawServer) -> None:
    onehttp.init(
        {"version": 1, "requests": {"user_agent": "r"}, "queries": {"user_agent": "q"}},
        backend=engine,
    )
    assert onehttp.request("GET", server.url).text == "ok"
    assert onehttp.request("POST", server.url, body=b"x").text == "ok"
    answered(onehttp.submit("GET", server.url))
    assert user_agents(server) == ["r", "r", "q"]


def test_redirects_are_followed_as_far_as_the_file_says(engine: str) -> None:
    with RawServer(redirecting) as server:
        sections = {"requests": {"redirects": 1}, "queries": {"redirects": 0}}
        onehttp.init({"version": 1, **sections}, backend=engine)
        assert onehttp.request("GET", f"{server.url}/here").status == 200
        assert onehttp.request("GET", f"{server.url}/here", follow_redirects=False).status == 302
        assert answered(onehttp.submit("GET", f"{server.url}/here")).status == 302
        following = onehttp.submit("GET", f"{server.url}/here", follow_redirects=True)
        assert answered(following).status == 200


def test_a_reload_puts_them_in_force_and_says_so(
    engine: str, server: RawServer, tmp_path: Path
) -> None:
    path = tmp_path / "connections.yaml"
    path.write_text("version: 1\nrequests: {user_agent: old}\n")
    onehttp.init(path, backend=engine)
    onehttp.request("GET", server.url)
    path.write_text("version: 1\nrequests: {user_agent: new}\n")
    diff = onehttp.reload()
    onehttp.request("GET", server.url)
    assert user_agents(server) == ["old", "new"]
    assert diff.sections == ("requests", "queries")
    assert str(diff) == "revision 2: changed requests and queries; 0 unchanged"
    assert onehttp.reload().is_change is False


def test_a_reload_cannot_change_how_many_queries_there_may_be(engine: str, tmp_path: Path) -> None:
    path = tmp_path / "connections.yaml"
    path.write_text("version: 1\nqueries: {workers: 2}\n")
    onehttp.init(path, backend=engine)
    path.write_text("version: 1\nqueries: {workers: 3}\n")
    diff = onehttp.reload()
    assert diff.sections == ("queries",)
    (warning,) = diff.warnings
    assert "until the process starts anew" in str(warning)


def test_an_adhoc_section_must_not_be_in_two_files(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("version: 1\nrequests: {}\nqueries: {}\n")
    path = tmp_path / "a.yaml"
    path.write_text("version: 1\ninclude: b.yaml\nrequests: {}\n")
    with pytest.raises(onehttp.ConfigurationError, match=r"b.yaml:2.*given in .*a.yaml:3 too"):
        load_connections(path)


def test_mistakes_in_them_stand_at_their_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "version: 1\n"
        "requests: {tls: {ca_file: none.pem}}\n"
        "queries:\n"
        "  workers: 0\n"
        "  tls: {cert: x.pem}\n"
    )
    with pytest.raises(onehttp.ConfigurationError) as caught:
        load_connections(path)
    lines = sorted({error.line for error in caught.value.errors if error.line})
    assert lines == [2, 4, 5]
