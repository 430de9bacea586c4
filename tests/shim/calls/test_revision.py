"""What a path makes of a connection's URL, and that it does not leave it."""

from __future__ import annotations

from typing import Any

import pytest

import onehttp
from onehttp.connections.file.load import load_connections
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering

LEAVING = [
    "../admin",
    "/number/../../admin",
    "/number/%2e%2e/../../../admin",
    "/number/%2E%2e/%2e%2E/admin",
    "/number/.%2e/..",
    "/number/..%2f..%2fadmin",
    "/number/..%5C..%5cadmin",
    "/number/..\\..\\admin",
    "//../admin",
    "/a///../../admin",
    "/..;/admin",
    "/a/..;x=1/..;y/admin",
    "/..",
    "..",
    "/../../?ok=1",
    "/../#there",
    "/a/../../v1x",
]
STAYING = {
    "": "/v1/tenant",
    "/a": "/v1/tenant/a",
    "a": "/v1/tenant/a",
    "?q=1": "/v1/tenant?q=1",
    "/a/../b": "/v1/tenant/b",
    "/a/./b": "/v1/tenant/a/b",
    "/a/%2e%2e/b": "/v1/tenant/b",
    "/a..b/..c/d..": "/v1/tenant/a..b/..c/d..",
    "/a?next=/../../x": "/v1/tenant/a?next=/../../x",
    "/a%20b%2fc": "/v1/tenant/a%20b%2Fc",
    "//evil.example/x": "/v1/tenant//evil.example/x",
    "/...": "/v1/tenant/...",
}


@pytest.mark.parametrize("path", LEAVING)
def test_a_path_does_not_leave_the_url_of_its_connection(engine: str, path: str) -> None:
    with RawServer(keep_answering) as server:
        tenant = {"url": f"{server.url}/v1/tenant", "headers": {"X-Api-Key": "k"}}
        onehttp.init({"version": 1, "connections": {"api": tenant}}, backend=engine)
        with pytest.raises(onehttp.RequestError, match="leave_base"):
            onehttp.connection("api").get(path)
        with pytest.raises(onehttp.RequestError, match="leave_base"):
            onehttp.connection("api").submit("POST", path, body=b"x")
        assert server.connections == 0


@pytest.mark.parametrize("path", STAYING)
def test_what_is_asked_for_is_what_the_response_says(engine: str, path: str) -> None:
    with RawServer(keep_answering) as server:
        onehttp.init(file_of(f"{server.url}/v1/tenant"), backend=engine)
        response = onehttp.connection("api").get(path)
        assert server.targets == [f"GET {STAYING[path]}"]
        assert response.url == server.url + STAYING[path]


@pytest.mark.parametrize("path", ["/../x", "/a/../../x", "/%2e%2e/x"])
def test_a_path_may_leave_where_the_connection_allows_it(engine: str, path: str) -> None:
    with RawServer(keep_answering) as server:
        onehttp.init(file_of(f"{server.url}/v1", leave_base=True), backend=engine)
        response = onehttp.connection("api").get(path)
        assert server.targets == ["GET /x"]
        assert response.url == f"{server.url}/x"


def test_there_is_nothing_to_leave_where_the_url_has_no_path(engine: str) -> None:
    with RawServer(keep_answering) as server:
        onehttp.init(file_of(server.url), backend=engine)
        assert onehttp.connection("api").get("/../x").url == f"{server.url}/x"


def test_an_adhoc_url_is_named_as_it_was_asked_for(api: str) -> None:
    with RawServer(keep_answering) as server:
        response = onehttp.request("GET", f"{server.url}/a/%2e%2e/b/./c?d=/../e")
        assert server.targets == ["GET /b/c?d=/../e"]
        assert response.url == f"{server.url}/b/c?d=/../e"


def test_a_path_that_the_next_connection_does_not_allow_ends_the_failover(engine: str) -> None:
    busy = {"url": "http://127.0.0.1:1", "failover": "fenced"}
    fenced = {"url": "http://127.0.0.1:1/v1"}
    onehttp.init({"version": 1, "connections": {"busy": busy, "fenced": fenced}}, backend=engine)
    with pytest.raises(onehttp.RequestError, match="fenced") as caught:
        onehttp.connection("busy").get("/../x")
    assert isinstance(caught.value.__cause__, onehttp.ConnectError)
    result = onehttp.connection("busy").submit("GET", "/../x").result(PATIENCE_S)
    assert isinstance(result.error, onehttp.RequestError)


def test_a_url_with_a_query_is_a_mistake_of_the_file() -> None:
    with pytest.raises(onehttp.ConfigurationError, match=r"connections\.api\.url: .*params:"):
        load_connections(file_of("http://h/p?key=1"))


def test_an_international_host_is_taken_as_dns_has_it() -> None:
    assert load_connections(file_of("http://faß.example/ä"))["api"].url == (
        "http://xn--fa-hia.example/%C3%A4"
    )


def file_of(url: str, **keys: Any) -> dict[str, Any]:
    return {"version": 1, "connections": {"api": {"url": url, **keys}}}
